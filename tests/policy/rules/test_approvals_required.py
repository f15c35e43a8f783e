"""Enough persons other than the author approved."""

from __future__ import annotations

import pytest

from muniment.policy.facts import ApprovalFact
from muniment.policy.finding import Status
from tests.policy.make import facts, judge

APPROVALS = {"rule": "approvals-required", "with": {"count": 2, "role": "reviewer"}}


def approvals(*who: tuple[str, str | None, str]) -> tuple[ApprovalFact, ...]:
    return tuple(ApprovalFact(*a) for a in who)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (approvals(("reviewer", "ann", "1"), ("reviewer", "bob", "2")), Status.PASS),
        (approvals(("reviewer", "ann", "1"), ("reviewer", "ann", "2")), Status.FAIL),  # two identities of one person
        (
            approvals(("reviewer", "ann", "1"), ("reviewer", "operator", "2")),
            Status.FAIL,
        ),  # the author's other identity
        (approvals(("reviewer", "ann", "1"), ("reviewer", None, "op")), Status.FAIL),  # the author's own signature
        (approvals(("reviewer", "ann", "1"), ("trainer", "bob", "2")), Status.FAIL),  # another role
        (
            approvals(("reviewer", None, "1"), ("reviewer", None, "2")),
            Status.FAIL,
        ),  # mapped to nobody: one slot at most
        ((), Status.FAIL),
    ],
)
def test_approvals(given: tuple[ApprovalFact, ...], status: Status) -> None:
    found = judge(APPROVALS, facts(approvals=given))
    assert found.status is status
    assert found.waits is (status is Status.FAIL)


def test_somebody_and_nobody_are_not_two() -> None:
    """An identity mapped to nobody may be the same person's second one."""
    given = approvals(("reviewer", "ann", "1"), ("reviewer", None, "2"))
    assert judge(APPROVALS, facts(approvals=given)).reason == "Approved by 1 of 2 in the role reviewer."


def test_an_authors_own_approval_is_named_as_the_reason() -> None:
    own = judge(APPROVALS, facts(approvals=approvals(("reviewer", "operator", "2"))))
    assert "an author's own approval does not count" in own.reason
    assert "author" not in judge(APPROVALS, facts()).reason


def test_an_identity_mapped_to_nobody_fills_one_slot() -> None:
    rule = {"rule": "approvals-required", "with": {"count": 1, "role": "reviewer"}}
    assert judge(rule, facts(approvals=approvals(("reviewer", None, "1")))).status is Status.PASS
