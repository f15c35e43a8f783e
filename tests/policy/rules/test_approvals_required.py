"""Enough persons other than the author approved."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.core.errors import Malformed
from muniment.policy.facts import ApprovalFact
from muniment.policy.finding import Finding, Status
from tests.policy.make import evidence, facts, judge, signer

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
    one = approvals(("reviewer", None, "1"))
    assert judge(rule, facts(approvals=one)).status is Status.PASS
    assert judge(rule, facts(approvals=(*one, *approvals(("trainer", "bob", "2"))))).status is Status.PASS


TWO = {"roles": [{"role": "owner", "count": 1}, {"role": "reviewer", "count": 1}]}


def ask(params: dict[str, Any], *given: ApprovalFact, **other: Any) -> Finding:
    return judge({"rule": "approvals-required", "with": params}, facts(approvals=given, **other))


def by(person: str | None, role: str, grade: str = "declared", signer: str = "") -> ApprovalFact:
    return ApprovalFact(role, person, signer or f"key of {person}", grade)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ([by("ann", "owner"), by("bob", "reviewer")], Status.PASS),
        ([by("ann", "owner"), by("ann", "reviewer")], Status.FAIL),  # one person fills one slot
        ([by("ann", "owner"), by("ann", "reviewer"), by("bob", "owner")], Status.PASS),  # ann moves to the other slot
        ([by("ann", "reviewer"), by("bob", "reviewer")], Status.FAIL),
        ([by("ann", "owner"), by(None, "reviewer")], Status.FAIL),  # nobody makes no second person
        ([by(None, "owner"), by(None, "reviewer")], Status.FAIL),
        ([by("ann", "owner"), by("operator", "reviewer")], Status.FAIL),  # the author
    ],
)
def test_roles_with_counts(given: list[ApprovalFact], status: Status) -> None:
    for order in (given, given[::-1]):
        assert ask(TWO, *order).status is status


def test_roles_are_told_one_by_one() -> None:
    found = ask(TWO, by("ann", "owner"))
    assert found.reason == "Approved by 1 of 1 in the role owner and 0 of 1 in the role reviewer."
    assert "--role reviewer" in found.fix


def test_a_chain_of_persons_that_must_all_move() -> None:
    roles = ["a", "b", "c", "d"]
    params = {"roles": [{"role": r, "count": 1} for r in roles]}
    given = [by("1", "a"), by("1", "b"), by("2", "b"), by("2", "c"), by("3", "c"), by("3", "d"), by("4", "a")]
    assert ask(params, *given).status is Status.PASS
    assert ask(params, *given[:-1]).status is Status.FAIL


def test_grades() -> None:
    strong, gated, weak = (
        by("ann", "reviewer", "personal-signature"),
        by("bob", "reviewer", "environment-gated"),
        by("eve", "reviewer"),
    )
    rule = {"count": 2, "role": "reviewer", "grade": "environment-gated"}
    assert ask(rule, strong, gated).status is Status.PASS
    found = ask(rule, strong, weak)
    assert found.reason == "Approved by 1 of 2 in the role reviewer; declared is less than environment-gated."
    assert ask(rule | {"grade": "personal-signature"}, strong, gated).status is Status.FAIL
    assert ask(rule | {"grade": "declared"}, strong, weak).status is Status.PASS


def test_whoever_signed_evidence_may_be_shut_out() -> None:
    scored = evidence("evaluation", signer=signer("ann", "trainer"))
    rule = {"count": 1, "role": "reviewer", "apartFrom": ["evaluation"]}
    known = facts("promote", scored, approvals=(by("ann", "reviewer"),))
    found = judge({"rule": "approvals-required", "with": rule}, known)
    assert found.reason == "Approved by 0 of 1 in the role reviewer; who signed evaluation does not count."
    assert judge({"rule": "approvals-required", "with": rule | {"apartFrom": ["bom"]}}, known).status is Status.PASS
    by_key = facts("promote", evidence("evaluation"), approvals=(by(None, "reviewer", signer="trainer"),))
    assert judge({"rule": "approvals-required", "with": rule}, by_key).status is Status.FAIL


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"count": 1},
        {"role": "x"},
        {"count": 0, "role": "x"},
        {"count": 1, "role": "x", **TWO},
        {"count": 1, "role": "x", "grade": "sworn"},
        {"roles": []},
    ],
)
def test_parameters_that_do_not_say_who(params: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        ask(params)


@pytest.mark.parametrize(("given", "lacking"), [({"count": 1}, "role"), ({"role": "x"}, "count")])
def test_what_is_lacking_is_named(given: dict[str, Any], lacking: str) -> None:
    with pytest.raises(Malformed, match=f"'{lacking}' is a required property"):
        ask(given)


def test_nobody_in_another_role_fills_no_slot() -> None:
    assert ask({"count": 1, "role": "reviewer"}, by(None, "trainer")).status is Status.FAIL
    assert (
        ask({"count": 1, "role": "reviewer"}, by(None, "trainer"), by(None, "reviewer", signer="2")).status
        is Status.PASS
    )
