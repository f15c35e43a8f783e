"""A security review: present, by whom it should be, approving, in force."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from muniment.core.digest import digest_of
from muniment.core.instant import format_instant
from muniment.policy.facts import EvidenceFact
from muniment.policy.finding import Finding, Status
from tests.policy.make import AT, DAY, datum, evidence, facts, judge, signer

KIND = "security-review"
RITA = signer("rita", "reviewer")


def review(age: timedelta = DAY, who: Any = RITA, **other: Any) -> EvidenceFact:
    said = {
        "decision": "approved",
        "reviewedAt": format_instant(AT - age),
        "validUntil": format_instant(AT + 30 * DAY),
        **other,
    }
    return evidence(KIND, said, age, signer=who)


def ask(params: dict[str, Any], *reviews: EvidenceFact, **other: Any) -> Finding:
    return judge({"rule": KIND, "with": params}, facts("promote", *reviews, **other))


def test_a_review_in_force() -> None:
    found = ask({"role": "reviewer"}, review())
    assert found.status is Status.PASS
    assert found.reason == "The security review by rita approves until 2026-03-02T08:05:00Z."


@pytest.mark.parametrize(
    ("params", "given", "said"),
    [
        ({}, review(decision="rejected"), "rejects it"),
        ({"conditions": "fail"}, review(decision="approved-with-conditions"), "approves with conditions only"),
        ({}, review(validUntil=format_instant(AT)), "ended at 2026-01-31T08:05:00Z"),
        ({}, review(reviewedAt=format_instant(AT + DAY)), "is dated 2026-02-01T08:05:00Z, which is still to come"),
        ({"maxDays": 7}, review(8 * DAY), "is 8 days old, and 7 are allowed"),
        ({"maxOpen": "low"}, review(findings=[{"severity": "high", "status": "open"}]), "leaves findings open: high"),
        ({"data": True}, review(), "cannot be held to the data: neither provenance nor ML-BOM names any"),
    ],
)
def test_a_review_that_does_not_help(params: dict[str, Any], given: EvidenceFact, said: str) -> None:
    found = ask(params, given)
    assert (found.status, found.reason) == (Status.FAIL, f"The security review by rita {said}.")
    assert found.waits is False


@pytest.mark.parametrize(
    ("params", "given"),
    [
        ({}, review(decision="approved-with-conditions")),
        ({"maxDays": 8}, review(8 * DAY)),
        ({}, review(validUntil=format_instant(AT + timedelta(seconds=1)))),
        ({"maxOpen": "high"}, review(findings=[{"severity": "high", "status": "open"}])),
        ({"maxOpen": "none"}, review(findings=[{"severity": "high", "status": "mitigated"}])),
    ],
)
def test_a_review_that_just_holds(params: dict[str, Any], given: EvidenceFact) -> None:
    assert ask(params, given).status is Status.PASS


def test_the_newest_review_decides() -> None:
    """A rejection cannot be outdone by an older approval, and can by a newer one."""
    no, yes = review(2 * DAY, decision="rejected"), review(DAY)
    assert ask({}, no, yes).status is ask({}, yes, no).status is Status.PASS
    assert ask({}, review(3 * DAY), no).status is Status.FAIL


def test_who_may_review() -> None:
    other = review(who=signer("ted", "trainer"))
    found = ask({"role": "reviewer"}, other)
    assert (found.status, found.waits) == (Status.FAIL, True)
    assert found.reason == "There is no security review in the role reviewer."
    assert ask({"role": "reviewer"}, review(2 * DAY), other).status is Status.PASS
    own = review(who=signer("operator", "reviewer"))
    assert "a review by an author does not count" in ask({}, own).reason
    assert ask({"independent": False}, own).status is Status.PASS
    assert ask({}).reason == "There is no security review."


def test_the_data_it_covers() -> None:
    """A dataset changed: the review of the old one does not cover the new one."""
    covered = review(data=[{"name": "train", "digest": str(digest_of(b"train"))}])
    assert ask({"data": True}, covered, data=(datum("train"),)).status is Status.PASS
    found = ask({"data": True}, covered, data=(datum("train"), datum("train-2")))
    assert found.reason == "The security review by rita does not cover the data train-2."


def test_a_review_of_the_other_kind_is_none() -> None:
    other = "security-review" if KIND == "privacy-review" else "privacy-review"
    assert ask({}, evidence(other, review().predicate, signer=RITA)).status is Status.FAIL
