"""Waivers as policy sees them: an exception for one rule and one version's artifacts, for a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from muniment.core.instant import format_instant
from muniment.policy.document import RuleUse
from muniment.policy.facts import Facts, WaiverFact


def in_force(use: RuleUse, facts: Facts) -> WaiverFact | None:
    """The waiver that excuses a failure of the rule at the facts' time: of several the one that lasts longest."""
    granted = (w for w in _granted(use, facts) if use.waivable and not w.by_author)
    found = [w for w in granted if w.not_before <= facts.at < w.expires]
    return max(found, key=lambda w: (w.expires, w.statement.hex), default=None)


def said_of(waiver: WaiverFact, at: datetime) -> str:
    """Who waived, for how long, and why."""
    days = (waiver.expires - at).days
    left = f"{days} days left" if days > 1 else "1 day left" if days == 1 else "less than a day left"
    ticket = f" ({waiver.ticket})" if waiver.ticket else ""
    until = format_instant(waiver.expires)
    return f"Waived by {waiver.approver} as {waiver.role} until {until}, {left}: {waiver.reason}{ticket}"


def why_not(use: RuleUse, facts: Facts) -> str:
    """Why a waiver that was granted does not help, or nothing where none was."""
    granted = list(_granted(use, facts))
    if not granted:
        return ""
    last = max(granted, key=lambda w: (w.expires, w.statement.hex))
    if not use.waivable:
        return "A waiver was granted, and policy does not let this rule be waived."
    if last.by_author:
        return f"The waiver by {last.approver} does not count: nobody waives a rule for their own work."
    if facts.at < last.not_before:
        return f"A waiver by {last.approver} begins at {format_instant(last.not_before)} only."
    return f"The waiver by {last.approver} ended at {format_instant(last.expires)} ({last.statement})."


def how_to_waive(use: RuleUse, subject: str, escalation: str) -> str:
    """How to ask for an exception, and whom to turn to."""
    asked = f"Turn to {escalation}. " if escalation else ""
    if not use.waivable:
        return f"{asked}{use.id} cannot be waived."
    return f'{asked}Whoever may waive {use.id} runs: muniment waive {use.id} {subject} --reason "…" --until YYYY-MM-DD'


def _granted(use: RuleUse, facts: Facts) -> Iterator[WaiverFact]:
    """The waivers of exactly this rule that name every artifact it is for."""
    needed = {a.digest for a in facts.artifacts if not use.kinds or a.kind in use.kinds}
    return (w for w in facts.waivers if w.rule == use.id and needed and needed <= w.subjects)
