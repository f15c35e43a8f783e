"""What may be returned to: a version that stood there, long and lately enough, without an open incident."""

from __future__ import annotations

from typing import Any

from muniment.policy.facts import IncidentFact, TenureFact
from muniment.policy.rules import recovery_point
from tests.policy.make import AT, DAY, facts

OLD, NEW = "aiops/cpu@1.0.0", "aiops/cpu@2.0.0"
HISTORY = (TenureFact(OLD, AT - 9 * DAY, AT - 2 * DAY), TenureFact(NEW, AT - 2 * DAY, None))


def ask(params: dict[str, Any], **other: Any) -> Any:
    return recovery_point.judge(facts("promote", **({"history": HISTORY} | other)), params)


def test_a_version_that_stood_there() -> None:
    found = ask({"maxDays": 2, "minHours": 168})
    assert (found.holds, found.reason) == (True, "aiops/cpu@1.0.0 stood in production until 2 days ago.")


def test_a_version_that_never_did_or_does_now() -> None:
    for history in ((), HISTORY[1:], (TenureFact(OLD, AT - DAY, None),)):
        assert ask({}, history=history).reason == "aiops/cpu@1.0.0 never stood in production before."


def test_a_version_that_was_there_too_short_or_too_long_ago() -> None:
    assert ask({"minHours": 169}).reason == "It stood there for 168 hours at most, 169 are asked for."
    assert ask({"maxDays": 1}).reason == "It left 2 days ago, and 1 are allowed."
    twice = (TenureFact(OLD, AT - 90 * DAY, AT - 30 * DAY), *HISTORY)
    assert ask({"minHours": 1000, "maxDays": 2}, history=twice).holds


def test_a_retired_version() -> None:
    assert ask({}, retired=True).reason == "aiops/cpu@1.0.0 is retired."


def test_an_open_incident() -> None:
    here, there = IncidentFact("INC-1", OLD, AT), IncidentFact("INC-2", NEW, AT)
    assert ask({}, incidents=(there,)).holds
    assert ask({}, incidents=(there, here)).reason == "The incident INC-1 is located to aiops/cpu@1.0.0 and open."
    assert ask({"incidents": "accept"}, incidents=(here,)).holds


def test_what_others_stood_for_does_not_count() -> None:
    other = TenureFact("aiops/cpu@0.9.0", AT - 90 * DAY, AT - 9 * DAY)
    assert not ask({"minHours": 169}, history=(other, *HISTORY)).holds
    assert not ask({}, history=(other, TenureFact(NEW, AT - 9 * DAY, None))).holds
