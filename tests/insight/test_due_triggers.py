"""Triggers that fired: due while they fire, of what is there, until somebody answers them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from muniment.core.instant import format_instant
from muniment.core.name import VersionId
from muniment.insight.due import Due
from muniment.policy.triggers import MAX_WINDOWS
from muniment.registry import propose
from tests.insight.test_due import CPU, of_kind, seen
from tests.registry.paper import Paper
from tests.registry.test_observing import LOW, paper_with
from tests.registry.test_observing import seen as window

SOON = LOW | {"windows": 1}


def observed(*f1: float, trigger: dict[str, Any] = LOW) -> tuple[Paper, VersionId]:
    """A version that stands in production, and one window after another of what was observed of it there."""
    registry, version = paper_with(trigger)
    observe(registry, version, *f1)
    return registry, version


def observe(registry: Paper, version: VersionId, *f1: float) -> None:
    for value in f1:
        registry.put("operator", window(registry, version, value))


def fired(registry: Paper) -> list[Due]:
    """The triggers that are due now."""
    return of_kind("trigger", seen(registry), timedelta(0))


def incident(registry: Paper, action: str, number: str = "INC-1", **more: Any) -> None:
    statement = propose.incident(registry.state, CPU, number, action, "r", registry.at, **more)
    registry.put("operator", statement)


def test_what_fired_is_due_since_it_began_to_and_says_what_to_do() -> None:
    registry, version = observed(0.9, 0.7)
    assert not fired(registry)
    observe(registry, version, 0.6, 0.5)
    (found,) = fired(registry)
    begun = registry.state.observed[version, "production"].windows[2]
    assert (found.about, found.name, found.at, found.entry) == (str(version), CPU, begun.ends, begun.index)
    assert found.fact == (
        f"The trigger low (high) has fired in production since {format_instant(begun.ends)}: "
        "Too low: f1: 0.6, 0.5, below 0.8 in 2 windows."
    )
    assert (
        'muniment incident open aiops/cpu ID --env production --severity high --version 1.0.0 --reason "low"'
        in found.remedy
    )
    assert "muniment rollback aiops/cpu --env production --check" in found.remedy
    assert found.status(registry.at) == "overdue"


def test_a_newer_window_that_is_quiet_ends_it() -> None:
    registry, version = observed(0.7, 0.6)
    assert fired(registry)
    observe(registry, version, 0.9)
    assert not fired(registry)


def test_what_is_there_no_more_is_no_duty() -> None:
    registry, version = observed(0.7, 0.6)
    registry.put("operator", propose.deploy(registry.state, version, "production", "running", registry.at))
    registry.promote(registry.release("aiops/cpu@2.0.0", b"two"))
    assert [one.about for one in fired(registry)] == [str(version)]
    registry.put("operator", propose.deploy(registry.state, version, "production", "stopped", registry.at))
    assert not fired(registry)


@pytest.mark.parametrize(
    ("where", "left"),
    [
        ({}, 0),
        ({"environment": "production"}, 0),
        ({"environment": "staging"}, 1),
        ({"version": "1.0.0"}, 0),
        ({"version": "2.0.0"}, 1),
    ],
)
def test_an_incident_that_can_be_about_it_answers_it(where: dict[str, Any], left: int) -> None:
    registry, version = observed(0.7, 0.6)
    registry.release("aiops/cpu@2.0.0", b"two")
    if "version" in where:
        where = {"version": VersionId(CPU, where["version"])}
    incident(registry, "opened", severity="high", **where)
    assert len(fired(registry)) == left
    incident(registry, "resolved")
    assert len(fired(registry)) == left
    observe(registry, version, 0.5)
    assert len(fired(registry)) == 1


def test_an_incident_of_another_name_answers_nothing() -> None:
    registry, _ = observed(0.7, 0.6)
    registry.release("aiops/disk@1.0.0", b"disk")
    registry.open_incident("aiops/disk")
    assert len(fired(registry)) == 1


def test_windows_that_are_not_kept_may_have_fired_too() -> None:
    registry, version = observed(*[0.7] * MAX_WINDOWS, trigger=SOON)
    oldest = registry.state.observed[version, "production"].windows[0]
    (found,) = fired(registry)
    assert f"since {format_instant(oldest.ends)} or before:" in found.fact
    registry, _ = observed(0.9, *[0.7] * (MAX_WINDOWS - 1), trigger=SOON)
    assert "or before" not in fired(registry)[0].fact


def test_a_trigger_that_policy_has_no_more_is_due_since_the_newest_window() -> None:
    registry, version = observed(0.7, 0.6, 0.5)
    registry.put("administrator", registry.configuration(policy={"rules": []}))
    (found,) = fired(registry)
    assert found.at == registry.state.observed[version, "production"].windows[-1].ends
