"""Policy: rules at gates. Plain facts in, findings out; a rule that cannot decide fails.

What comes out depends on the policy and the facts alone: no clock, no locale, no list of what is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from muniment.core.errors import MunimentError
from muniment.core.instant import format_instant
from muniment.core.letters import spelled_out
from muniment.policy.cel import Program, Undecided
from muniment.policy.document import Policy, RuleUse, parse_policy
from muniment.policy.facts import Facts, Verdict
from muniment.policy.finding import Finding, Status
from muniment.policy.gates import SUBMIT
from muniment.policy.rules import APART_FROM_EVIDENCE, OWN, RULES, approvals_required
from muniment.policy.variables import variables
from muniment.policy.waivers import how_to_waive, in_force, said_of, why_not

__all__ = ["DOUBTS", "Policy", "RuleUse", "apart_from_evidence", "evaluate", "failures", "is_asked", "parse_policy"]

# What tells nothing of evidence in the log; at the gate submit the record that is judged is not in it yet.
_APART = frozenset(
    {"gate", "version", "kinds", "environment", "now", "author", "artifacts", "approvals", "history", "incidents"}
    | {"retired"}
)
_APART_AT_SUBMIT = frozenset({"gate", "now", "author", "artifacts", "evidence", "metrics", "bom"})
DOUBTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a built-in rule raises where a record is not as it should be, besides errors of muniment's own."""


def evaluate(policy: Policy, facts: Facts) -> tuple[Finding, ...]:
    """What every rule of the facts' gate says of them, in policy order."""
    uses = [use for use in policy.rules if use.gate == facts.gate]
    programs = [program for use in uses for program in (use.when, use.require) if program]
    asked = variables(facts, sorted({name for program in programs for name in program.names}))
    return tuple(_judge(use, facts, asked, use.escalation or facts.escalation or policy.escalation) for use in uses)


def failures(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings that keep a subject out."""
    return tuple(f for f in findings if f.status is Status.FAIL)


def lacking_approvals(policy: Policy, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The failures that approvals still to come can mend: those of the rule approvals-required."""
    asking = {use.id for use in policy.rules if use.rule == approvals_required.NAME}
    return tuple(f for f in failures(findings) if f.rule in asking and f.waits)


def is_asked(policy: Policy, gate: str) -> bool:
    """Whether a policy has rules at a gate."""
    return any(use.gate == gate for use in policy.rules)


def without_evidence(policy: Policy) -> Policy:
    """The rules whose answer is the same whatever evidence there is."""
    kept = (use for use in policy.rules if _is_apart(use) and not approvals_required.looks_at_evidence(use.params))
    return replace(policy, rules=tuple(kept))


def apart_from_evidence(policy: Policy) -> Policy:
    """The rules that can be asked where evidence is gone: whoever has it all finds them met no less."""
    return replace(policy, rules=tuple(use for use in policy.rules if _is_apart(use)))


def _is_apart(use: RuleUse) -> bool:
    named = {name for program in (use.when, use.require) if program is not None for name in program.names}
    known = _APART_AT_SUBMIT if use.gate == SUBMIT else _APART
    return use.rule in APART_FROM_EVIDENCE | {OWN} and named <= known


def _judge(use: RuleUse, facts: Facts, asked: Mapping[str, Any], escalation: str) -> Finding:
    said = partial(Finding, use.id, use.title, subject=facts.subject, page=use.page, controls=use.controls)
    verdict = _verdict(use, facts, asked)
    if verdict is None:
        return said(status=Status.NOT_APPLICABLE, reason="The rule is not for this case.")
    if verdict.holds:
        return said(status=Status.PASS, reason=verdict.reason)
    waits = verdict.waits and facts.gate != SUBMIT  # a record is signed, and stays as it is
    failed = said(status=use.severity, reason=verdict.reason, fix=use.fix or verdict.fix, waits=waits)
    return _excused(replace(failed, waiver=how_to_waive(use, facts.subject, escalation)), use, facts)


def _excused(failed: Finding, use: RuleUse, facts: Facts) -> Finding:
    """The finding as it is where a waiver is in force, or the rule is not yet."""
    waiver = in_force(use, facts)
    if waiver is not None:
        reason = f"{failed.reason} {said_of(waiver, facts.at)}"
        mark = str(waiver.statement)
        return replace(failed, status=Status.WAIVED, reason=reason, waits=False, waived_by=mark, expires=waiver.expires)
    if use.effective_on is not None and facts.at < use.effective_on:
        reason = f"{failed.reason} It fails from {format_instant(use.effective_on)} on."
        return replace(failed, status=Status.WARN, reason=reason)
    return replace(failed, reason=" ".join(filter(None, [failed.reason, why_not(use, facts)])))


def _verdict(use: RuleUse, facts: Facts, asked: Mapping[str, Any]) -> Verdict | None:
    """What the rule says, or None where it does not apply."""
    if use.kinds and facts.kinds.isdisjoint(use.kinds):
        return None
    if use.environments and facts.environment not in use.environments:
        return None
    if (
        use.rule
        and facts.gate == SUBMIT
        and RULES[use.rule].reads(use.params).isdisjoint(e.kind for e in facts.evidence)
    ):
        return None
    if use.when is not None:
        applies = _ask(use.when, asked, "when")
        if isinstance(applies, Verdict):
            return applies
        if not applies:
            return None
    if use.require is None:
        return _built_in(use, facts)
    holds = _ask(use.require, asked, "require")
    return holds if isinstance(holds, Verdict) else Verdict(holds, f"{use.title}." if holds else use.message)


def _ask(program: Program, asked: Mapping[str, Any], part: str) -> bool | Verdict:
    """An expression's answer; one that has none is a failure of its rule."""
    try:
        return program.decide(asked)
    except Undecided as error:
        return Verdict(False, f"The rule cannot be decided: its `{part}`: {error}.", "Give the record that it asks of.")


def _built_in(use: RuleUse, facts: Facts) -> Verdict:
    try:
        return RULES[use.rule].judge(facts, use.params)
    except MunimentError as error:
        # A fact quotes what is wrong, and a log's decisions repeat it to the letter.
        return Verdict(False, spelled_out(f"The rule cannot be decided: {error.fact}"), error.remedy)
    except DOUBTS as error:
        what = f"a record has no {error}" if isinstance(error, KeyError) else "a record is not as it should be"
        return Verdict(
            False, spelled_out(f"The rule cannot be decided: {what}."), "Make the record again with muniment."
        )
