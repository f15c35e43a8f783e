"""Triggers: what fires, what stays quiet, and what cannot be known."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.core.errors import Malformed
from muniment.policy.changes import changes
from muniment.policy.document import parse_policy
from muniment.policy.triggers import Alarm, Numbers, read_triggers

LOW = {"id": "low", "environment": "production", "metric": "f1", "below": 0.8, "severity": "high", "title": "Too low"}


def policy(*triggers: dict[str, Any]) -> Any:
    return parse_policy({"rules": [], "triggers": list(triggers)})


def read(trigger: dict[str, Any], *values: float | None, where: str = "production") -> Any:
    windows = [Numbers({} if v is None else {"f1": v}, {} if v is None else {"cpu": v}) for v in values]
    return [(r.alarm, r.reason) for r in read_triggers(policy(trigger).triggers, where, windows)]


@pytest.mark.parametrize(
    ("changed", "values", "alarm", "reason"),
    [
        ({}, [0.7], Alarm.FIRED, "f1: 0.7, below 0.8 in 1 window."),
        ({}, [0.7, 0.8], Alarm.QUIET, "f1: 0.8, not below 0.8 in 1 window."),
        ({"windows": 2}, [0.7], Alarm.QUIET, "f1: 0.7, not below 0.8 in 2 windows."),
        ({"windows": 2}, [0.9, 0.7, 0.6], Alarm.FIRED, "f1: 0.7, 0.6, below 0.8 in 2 windows."),
        ({"windows": 2}, [0.7, 0.9], Alarm.QUIET, "f1: 0.7, 0.9, not below 0.8 in 2 windows."),
        ({"below": None, "above": 0.5}, [0.6], Alarm.FIRED, "f1: 0.6, above 0.5 in 1 window."),
        ({"below": None, "above": 0.5}, [0.5], Alarm.QUIET, "f1: 0.5, not above 0.5 in 1 window."),
        ({"above": 0.9}, [0.95], Alarm.FIRED, "f1: 0.95, above 0.9 or below 0.8 in 1 window."),
        ({"metric": None, "drift": "cpu"}, [0.7], Alarm.FIRED, "the drift of cpu: 0.7, below 0.8 in 1 window."),
        ({"metric": "f2"}, [0.7], Alarm.UNKNOWN, "f2 was not observed in 1 window."),
    ],
)
def test_what_a_trigger_says(changed: dict[str, Any], values: list[float], alarm: Alarm, reason: str) -> None:
    trigger = {k: v for k, v in (LOW | changed).items() if v is not None}
    assert read(trigger, *values) == [(alarm, reason)]


def test_leaving_a_number_out_does_not_end_a_row() -> None:
    two = LOW | {"windows": 2}
    assert read(two, 0.7, None)[0][0] is Alarm.UNKNOWN
    assert read(two, None, 0.7)[0][0] is Alarm.UNKNOWN
    assert read(two, None, 0.9)[0][0] is Alarm.QUIET


def test_a_trigger_is_for_its_environment() -> None:
    assert read(LOW, 0.1, where="staging") == []


@pytest.mark.parametrize(
    ("changed", "fact"),
    [
        ({"windows": 0}, "schema policy"),
        ({"windows": 17}, "schema policy"),
        ({"below": None}, "schema policy"),
        ({"metric": None}, "schema policy"),
        ({"drift": "cpu"}, "schema policy"),
        ({"severity": "awful"}, "schema policy"),
        ({"title": None}, "schema policy"),
        ({"metric": "no spaces"}, "schema policy"),
        ({"below": "low"}, "schema policy"),
        ({"extra": 1}, "schema policy"),
    ],
)
def test_triggers_that_are_none(changed: dict[str, Any], fact: str) -> None:
    with pytest.raises(Malformed) as error:
        policy({k: v for k, v in (LOW | changed).items() if v is not None})
    assert fact in str(error.value) + error.value.remedy


def test_two_triggers_of_one_id() -> None:
    with pytest.raises(Malformed, match="uses the trigger id 'low' twice"):
        policy(LOW, LOW)


def test_what_another_policy_changes_of_triggers() -> None:
    slow = LOW | {"id": "slow"}
    before, after = policy(LOW, slow), policy(LOW | {"below": 0.9}, LOW | {"id": "new"})
    assert [(c.of, c.rule, c.kind, c.what) for c in changes(before, after)] == [
        ("trigger", "low", "changed", (("below", 0.8, 0.9),)),
        ("trigger", "slow", "removed", ()),
        ("trigger", "new", "added", ()),
    ]
