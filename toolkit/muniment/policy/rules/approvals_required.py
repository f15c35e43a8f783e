"""Enough people other than the author approved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.policy.facts import Facts, Verdict

NAME = "approvals-required"
TITLE = "Approved by others than the author"
PARAMS: dict[str, Any] = {
    "type": "object",
    "required": ["count", "role"],
    "additionalProperties": False,
    "properties": {"count": {"type": "integer", "minimum": 1}, "role": {"type": "string", "minLength": 1}},
}


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if `count` distinct persons in `role` approved, none of them an author.

    An identity mapped to no person can fill one slot, but never makes a second person.
    """
    role, count = params["role"], params["count"]
    counted = [a for a in facts.approvals if a.role == role and not {a.signer, a.person} & facts.authors]
    persons = {a.person for a in counted if a.person is not None}
    have = len(persons) or min(1, len(counted))
    if have >= count:
        return Verdict(True, f"Approved by {have} of {count} in the role {role}.")
    own = len(facts.approvals) > len(counted)
    return Verdict(
        False,
        f"Approved by {have} of {count} in the role {role}"
        + ("; an author's own approval does not count." if own else "."),
        f"Somebody else in the role {role} approves it (muniment approve STATEMENT --role {role}); publish again.",
        waits=True,
    )
