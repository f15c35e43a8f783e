"""Freezes: once, weekly, overnight, in one environment, with exceptions; times are UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from muniment.core.errors import Malformed
from muniment.policy.engine import parse_policy
from muniment.policy.finding import Finding, Status
from tests.policy.make import facts, judge

WINDOW = {"from": "2026-12-20T00:00:00Z", "until": "2027-01-02T00:00:00Z", "reason": "year's end"}
WEEKEND = {"days": ["fri"], "from": "18:00", "until": "06:00", "reason": "nobody is there"}


def ask(params: dict[str, Any], at: datetime, **other: Any) -> Finding:
    return judge({"rule": "freeze-window", "with": params}, facts(at=at, **other))


@pytest.mark.parametrize(
    ("at", "frozen"),
    [
        (datetime(2026, 12, 19, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 12, 20, tzinfo=UTC), True),
        (datetime(2027, 1, 1, 23, 59, 59, tzinfo=UTC), True),
        (datetime(2027, 1, 2, tzinfo=UTC), False),
        (datetime(2026, 12, 20, 2, tzinfo=timezone(timedelta(hours=5))), False),
    ],
)
def test_a_window(at: datetime, frozen: bool) -> None:
    found = ask({"windows": [WINDOW]}, at)
    assert found.status is (Status.FAIL if frozen else Status.PASS)
    if frozen:
        assert found.reason == "A freeze is in force until 2027-01-02T00:00:00Z: year's end."
        assert found.waits is False


@pytest.mark.parametrize(
    ("day", "hour", "minute", "frozen"),
    [
        (30, 17, 59, False),
        (30, 18, 0, True),
        (30, 23, 59, True),
        (31, 0, 0, True),
        (31, 5, 59, True),
        (31, 6, 0, False),
        (29, 20, 0, False),
        (29, 3, 0, False),
        (31, 20, 0, False),
    ],
)  # 30 January 2026 is a Friday
def test_a_weekly_window_overnight(day: int, hour: int, minute: int, frozen: bool) -> None:
    found = ask({"weekly": [WEEKEND]}, datetime(2026, 1, day, hour, minute, tzinfo=UTC))
    assert found.status is (Status.FAIL if frozen else Status.PASS)


@pytest.mark.parametrize(("hour", "frozen"), [(8, False), (9, True), (16, True), (17, False), (3, False)])
def test_a_weekly_window_within_a_day(hour: int, frozen: bool) -> None:
    window = WEEKEND | {"from": "09:00", "until": "17:00"}
    assert ask({"weekly": [window]}, datetime(2026, 1, 30, hour, tzinfo=UTC)).status is (
        Status.FAIL if frozen else Status.PASS
    )
    assert ask({"weekly": [window]}, datetime(2026, 1, 31, hour, tzinfo=UTC)).status is Status.PASS


def test_a_whole_day_is_from_midnight_to_midnight() -> None:
    sunday = WEEKEND | {"days": ["sun"], "from": "00:00", "until": "00:00"}
    days = [ask({"weekly": [sunday]}, datetime(2026, 2, day, 12, tzinfo=UTC)).status for day in (1, 2)]
    assert days == [Status.FAIL, Status.PASS]


@pytest.mark.parametrize("name", ["aiops", "aiops/cpu", "aiops/cpu@1.0.0", "aiops/*", "other"])
def test_exceptions_and_environments(name: str) -> None:
    at = datetime(2026, 12, 24, tzinfo=UTC)
    expected = Status.FAIL if name == "other" else Status.PASS
    assert ask({"windows": [WINDOW | {"except": [name]}]}, at).status is expected
    assert ask({"windows": [WINDOW | {"environments": ["staging"]}]}, at).status is Status.PASS
    assert ask({"windows": [WINDOW | {"environments": ["production"]}]}, at).status is Status.FAIL


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"windows": [WINDOW | {"until": "2026-12-20T00:00:00Z"}]}, "ends before it begins"),
        ({"windows": [WINDOW | {"until": "2026-13-20T00:00:00Z"}]}, "is not a time"),
        ({"windows": [WINDOW | {"until": "2027"}]}, "does not match"),
        ({"weekly": [WEEKEND | {"from": "24:00"}]}, "does not match"),
        ({"weekly": [WEEKEND | {"days": ["friday"]}]}, "friday"),
        ({}, "should be non-empty|does not have enough"),
    ],
)
def test_windows_that_are_written_wrongly(params: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        parse_policy({"rules": [{"rule": "freeze-window", "gate": "promote", "with": params}]})
