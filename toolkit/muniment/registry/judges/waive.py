"""waive: an exception for one rule and exactly some artifacts, by who holds the role and did not make them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from muniment.core.errors import Refused
from muniment.policy.finding import Finding
from muniment.registry import words
from muniment.registry.event import Event
from muniment.registry.judges.common import SKEW, Change, check_held, check_subjects, config_of
from muniment.registry.oversight import Waive
from muniment.registry.state import State, Waiver
from muniment.signing.identity import Signed


def judge(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits a waiver; whether it helps is asked by the gate."""
    assert isinstance(event, Waive)
    check_held(state, signed, event.role, "waive", event.version.name.namespace, at)
    known = state.versions.get(event.version)
    if known is not None:
        check_subjects(signed, known)
        if known.retired:
            raise Refused(f"{event.version} is retired.", "There is nothing to waive for it.")
    _check_rule(state, event)
    _check_time(state, signed, event, at)
    if words.authors(state, None, event.version) & words.names_of(state, signed.identity):
        raise Refused(
            f"{signed.identity.subject} released {event.version}, and nobody waives a rule for their own work.",
            "Somebody else who may waive signs it.",
        )
    subjects = frozenset(s.digest for s in signed.statement.subjects)
    granted = (*state.waivers.get(event.version, ()), Waiver(state.size, event, subjects))
    return (lambda s: replace(s, waivers=s.waivers.set(event.version, granted))), ()


def _check_rule(state: State, event: Waive) -> None:
    policy = config_of(state).policy
    use = next((use for use in policy.rules if use.id == event.rule), None)
    if use is None:
        raise Refused(
            f"The policy in force has no rule {event.rule!r}.",
            f"It has: {', '.join(u.id for u in policy.rules) or 'none'}.",
        )
    if not use.waivable:
        raise Refused(
            f"The policy in force does not let {event.rule} be waived.", "Meet the rule, or have policy.yaml changed."
        )


def _check_time(state: State, signed: Signed, event: Waive, at: datetime) -> None:
    days = config_of(state).limits.waiver_days
    if event.not_before < signed.signed_at - SKEW:
        raise Refused("The waiver begins before it was signed.", "Let it begin now: it excuses nothing that was.")
    if event.expires <= at:
        raise Refused("The waiver has expired already.", "Sign one that lasts longer.")
    if event.expires - event.not_before > timedelta(days=days):
        raise Refused(
            f"The waiver lasts more than {days} days.",
            "Let it end sooner and sign another one then; registry.yaml sets the limit (limits.waiverDays).",
        )
