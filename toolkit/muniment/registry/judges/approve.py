"""approve: one signer's word, in a role held, on a statement that is not in the log yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from muniment.core.errors import Refused
from muniment.policy.finding import Finding
from muniment.registry.event import Approve, Event
from muniment.registry.judges.common import Change, check_held, config_of
from muniment.registry.state import Approval, State
from muniment.signing.identity import Signed


def judge(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits an approval or a rejection; what it comes to is asked by the gate that its target passes."""
    assert isinstance(event, Approve)
    check_held(state, signed, event.role, "approve", None, at)
    if event.target in state.statements:
        raise Refused("What this approves is in the log already.", "An approval comes before what it approves.")
    if event.expires is not None and event.expires <= at:
        raise Refused("The approval has expired already.", "Sign one that lasts longer.")
    given = state.approvals.get(event.target, ())
    standing = next((a for a in given if a.signer == signed.identity.key and a.stands(at)), None)
    if standing is not None:
        raise Refused(
            f"The same signer {standing.event.decision} it already (entry {standing.index}).",
            f"Take that back first: muniment revoke {statement_of(state, standing.index)}.",
        )
    approval = Approval(state.size, event, signed.identity.key, config_of(state).person_of(signed.identity), at)
    return (lambda s: replace(s, approvals=s.approvals.set(event.target, (*given, approval)))), ()


def statement_of(state: State, index: int) -> str:
    """The digest by which an entry's statement is named."""
    record = state.entries[index].record
    assert record is not None
    return str(record.statement_digest)
