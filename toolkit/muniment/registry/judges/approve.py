"""approve: one signer's word, in a role held, on a statement that is not in the log yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from muniment.core.errors import Refused
from muniment.policy.finding import Finding
from muniment.registry.event import Approve, Event
from muniment.registry.judges.common import Change, config_of
from muniment.registry.state import Approval, State
from muniment.signing.identity import Signed


def judge(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits an approval; whether it counts is asked by the gate that its target passes."""
    assert isinstance(event, Approve)
    config = config_of(state)
    if event.role not in config.roles_of(signed.identity, "approve", None, signed.signed_at, at):
        raise Refused(
            f"{signed.identity.subject} does not hold the role {event.role}, or it may not approve.",
            "Approve in a role you hold.",
        )
    if event.target in state.statements:
        raise Refused("What this approves is in the log already.", "An approval comes before what it approves.")
    approval = Approval(state.size, event, signed.identity.key, config.person_of(signed.identity), at)
    return (
        lambda s: replace(s, approvals=s.approvals.set(event.target, (*s.approvals.get(event.target, ()), approval)))
    ), ()
