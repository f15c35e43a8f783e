"""Enough people other than the author approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from muniment.evidence.kinds import EVIDENCE
from muniment.policy.facts import GRADES, ApprovalFact, Facts, Verdict

NAME = "approvals-required"
TITLE = "Approved by others than the author"
_SLOT = {"role": {"type": "string", "minLength": 1}, "count": {"type": "integer", "minimum": 1, "maximum": 20}}
PARAMS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **_SLOT,
        "roles": {
            "type": "array",
            "minItems": 1,
            "maxItems": 20,
            "items": {
                "type": "object",
                "required": ["role", "count"],
                "additionalProperties": False,
                "properties": _SLOT,
            },
        },
        "grade": {"enum": list(GRADES)},
        "apartFrom": {"type": "array", "minItems": 1, "items": {"enum": sorted(EVIDENCE)}},
    },
}


def check(params: Mapping[str, Any]) -> str:
    """Both ways to say who, or neither."""
    one, several = {"count", "role"} & params.keys(), "roles" in params
    if bool(one) == several:
        return "`count` and `role`, or `roles`, say who approves"
    return "" if several or len(one) == 2 else f"{'role' if 'count' in one else 'count'!r} is a required property"


def looks_at_evidence(params: Mapping[str, Any]) -> bool:
    """Whether the answer depends on who signed evidence."""
    return "apartFrom" in params


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if distinct persons, none of them an author, fill every slot; one person fills one slot.

    An identity mapped to no person can fill a slot where nobody else counts, but never makes a second person.
    Approvals in roles that no slot asks for are nothing to it: one more never turns a yes into a no.
    `grade` is the least that counts; `apartFrom` shuts out whoever signed such evidence.
    """
    slots = _slots(params)
    counted = [a for a in facts.approvals if a.role in slots and _counts(a, facts, params)]
    filled = _filled(slots, counted)
    said = " and ".join(f"{filled.count(r)} of {slots.count(r)} in the role {r}" for r in dict.fromkeys(slots))
    if len(filled) == len(slots):
        return Verdict(True, f"Approved by {said}.")
    lacking = next(role for role in slots if filled.count(role) < slots.count(role))
    return Verdict(
        False,
        f"Approved by {said}{_left_out(facts, params)}.",
        f"Somebody else in the role {lacking} approves it (muniment approve STATEMENT --role {lacking}); "
        "publish again.",
        waits=True,
    )


def _slots(params: Mapping[str, Any]) -> list[str]:
    return [s["role"] for s in params.get("roles", [params]) for _ in range(s["count"])]


def _counts(approval: ApprovalFact, facts: Facts, params: Mapping[str, Any]) -> bool:
    who = {approval.signer, approval.person} - {None}
    kinds = params.get("apartFrom", ())
    shut_out = {x for e in facts.evidence if e.kind in kinds for x in (e.signer.key, e.signer.person)}
    return not who & (facts.authors | shut_out) and _grade(approval) >= GRADES.index(params.get("grade", GRADES[0]))


def _grade(approval: ApprovalFact) -> int:
    return GRADES.index(approval.grade)


def _filled(slots: Sequence[str], counted: Sequence[ApprovalFact]) -> list[str]:
    """The roles of the slots that distinct persons can fill at most (a matching by augmenting paths)."""
    roles: dict[str, set[str]] = {}
    for approval in counted:
        if approval.person is not None:
            roles.setdefault(approval.person, set()).add(approval.role)
    if not roles:
        return next(([a.role] for a in counted if a.role in slots), [])
    holder: dict[int, str] = {}

    def place(person: str, tried: set[int]) -> bool:
        for slot, role in enumerate(slots):
            if role in roles[person] and slot not in tried:
                tried.add(slot)
                if slot not in holder or place(holder[slot], tried):
                    holder[slot] = person
                    return True
        return False

    for person in roles:
        place(person, set())
    return [slots[slot] for slot in sorted(holder)]


def _left_out(facts: Facts, params: Mapping[str, Any]) -> str:
    """Why an approval that is there does not count."""
    if any({a.signer, a.person} & facts.authors for a in facts.approvals):
        return "; an author's own approval does not count"
    low = [a for a in facts.approvals if _grade(a) < GRADES.index(params.get("grade", GRADES[0]))]
    if low:
        return f"; {low[0].grade} is less than {params['grade']}"
    apart = [a for a in facts.approvals if not _counts(a, facts, params)]
    return f"; who signed {' or '.join(params['apartFrom'])} does not count" if apart else ""
