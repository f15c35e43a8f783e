"""An emergency rollback: let in before the approvals that policy asks for, which are owed from then on.

What is owed is a breach. It is settled once the approvals that the policy in force at the rollback asked for are all
there, and stays in the state for ever, settled in time, late or not at all.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from muniment.core.digest import Digest
from muniment.core.instant import format_instant
from muniment.policy.document import Policy, RuleUse
from muniment.policy.engine import evaluate, lacking_approvals, without_evidence
from muniment.policy.facts import Facts
from muniment.policy.finding import Finding, Status
from muniment.registry import facts
from muniment.registry.config_check import EMERGENCY
from muniment.registry.event import Rollback
from muniment.registry.judges.common import check_findings, check_held, config_of, consume
from muniment.registry.state import Breach, State, Trouble
from muniment.signing.identity import Signed


def judge_emergency(
    state: State, signed: Signed, event: Rollback, subject: Facts, findings: tuple[Finding, ...], at: datetime
) -> tuple[tuple[Finding, ...], Breach | None]:
    """The findings of an emergency rollback, and the breach where approvals are lacking. Raises `Refused`.

    Only the lack of approvals is excused, and a finding that is says so: it is waived by the rollback itself. Rules
    that look at evidence are not: who lacks it must find the same breach.
    """
    role, config = event.emergency_role, config_of(state)
    assert role is not None
    check_held(state, signed, role, EMERGENCY, event.version.name.namespace, at)
    asked = without_evidence(config.policy)
    lacking = lacking_approvals(asked, findings)
    check_findings(subject, findings, tuple(f for f in findings if f not in lacking))
    if not lacking:
        return findings, None
    deadline = at + timedelta(hours=config.limits.emergency_hours)
    excused = f"Let in as an emergency by {role}; the approvals are owed until {format_instant(deadline)}."
    told = tuple(_excused(f, signed, excused, deadline) if f in lacking else f for f in findings)
    rules, missing = tuple(f.rule for f in lacking), tuple(f.reason for f in lacking)
    return told, Breach(state.size, event.version, event.environment, role, rules, missing, deadline)


def _excused(failed: Finding, signed: Signed, why: str, deadline: datetime) -> Finding:
    reason, mark = f"{failed.reason} {why}", str(signed.statement_digest)
    return replace(failed, status=Status.WAIVED, reason=reason, waits=False, waived_by=mark, expires=deadline)


def with_breach(state: State, breach: Breach) -> State:
    """The state in which a breach is as it says, and listed as open until it is settled."""
    name = breach.version.name
    before = state.open.get(name, Trouble())
    others = tuple(i for i in before.breaches if i != breach.index)
    still = others if breach.settled_by is not None else (*others, breach.index)
    opened = state.open.set(name, replace(before, breaches=still))
    return replace(state, breaches=state.breaches.set((name, breach.index), breach), open=opened)


def open_breach(state: State, statement: Digest) -> Breach | None:
    """The breach of an emergency rollback, by its statement, while approvals are owed."""
    for index in state.statements.get(statement, ()):
        event = state.entries[index].event
        if isinstance(event, Rollback):
            found = state.breaches.get((event.version.name, index))
            if found is not None and found.settled_by is None:
                return found
    return None


def settled(state: State, breach: Breach, by: int, at: datetime) -> State:
    """The state in which a breach is settled by the approval in entry `by`, if none is owed any more."""
    entry, version = state.entries[breach.index], state.versions[breach.version]
    assert entry.record is not None
    rules = facts.config_at(state, breach.index).policy.rules
    owed = Policy(tuple(_bare(use) for use in rules if use.id in breach.rules))
    subject = facts.gather_version(state, "rollback", entry.record, version, at, breach.environment)
    if any(f.status is not Status.PASS for f in evaluate(owed, subject)):
        return state
    return with_breach(consume(state, entry.record, breach.index), replace(breach, settled_by=by, settled_at=at))


def _bare(use: RuleUse) -> RuleUse:
    """The rule as it was found to apply: nothing that changed since makes it apply no more, or excuses it."""
    return replace(use, when=None, kinds=(), environments=(), severity=Status.FAIL, effective_on=None, waivable=False)
