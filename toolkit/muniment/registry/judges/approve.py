"""approve: one signer's word, in a role held, on a statement that is not in the log yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from muniment.core.errors import Refused
from muniment.policy.finding import Finding
from muniment.registry.event import Approve, Event
from muniment.registry.judges.common import Change, check_held, config_of
from muniment.registry.judges.emergency import open_breach, settled
from muniment.registry.state import Approval, State
from muniment.signing.identity import Signed


def judge(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits an approval or a rejection; what it comes to is asked by the gate that its target passes.

    An approval comes before what it approves, or is owed to an emergency rollback that went without it.
    """
    assert isinstance(event, Approve)
    check_held(state, signed, event.role, "approve", None, at)
    breach = open_breach(state, event.target) if event.decision == "approved" else None
    if event.target in state.statements and breach is None:
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

    def change(new: State) -> State:
        new = replace(new, approvals=new.approvals.set(event.target, (*given, approval)))
        return new if breach is None else settled(new, breach, approval.index, at)

    return change, ()


def statement_of(state: State, index: int) -> str:
    """The digest by which an entry's statement is named."""
    record = state.entries[index].record
    assert record is not None
    return str(record.statement_digest)
