"""Triggers: numbers observed at run time that call for an answer. Plain numbers in, readings out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from muniment.core.errors import Malformed

MAX_WINDOWS = 16
"""How many windows in a row a trigger may ask for, and so how many are kept."""


class Alarm(StrEnum):
    """What a trigger says: that it fired, that it did not, or that what it watches was not observed."""

    FIRED = "fired"
    QUIET = "quiet"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Trigger:
    """Fires when a number was above or below a bound in each of the last `windows` windows in an environment.

    `watched` is a metric, or with `drift` a feature whose drift is watched.
    """

    id: str
    environment: str
    title: str
    severity: str
    watched: str
    drift: bool
    above: float | None
    below: float | None
    windows: int

    @property
    def bounds(self) -> str:
        """The bounds in words: `above 0.08`, `below 0.5`, or both."""
        bounds = (("above", self.above), ("below", self.below))
        return " or ".join(f"{word} {bound!r}" for word, bound in bounds if bound is not None)

    def is_crossed(self, value: float) -> bool:
        """Whether a number is out of bounds."""
        over = self.above is not None and value > self.above
        return over or (self.below is not None and value < self.below)

    def value_in(self, window: Numbers) -> float | None:
        """The number that is watched, or None where a window has none."""
        return (window.drift if self.drift else window.metrics).get(self.watched)


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was observed in a window: metrics, and the drift of features."""

    metrics: Mapping[str, float]
    drift: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a trigger says of the newest window, and why."""

    trigger: str
    title: str
    severity: str
    alarm: Alarm
    reason: str


def parse_triggers(values: Iterable[Mapping[str, Any]]) -> tuple[Trigger, ...]:
    """The triggers that the list in policy.yaml holds, which fits its schema. Raises `Malformed`."""
    found = tuple(_trigger(value) for value in values)
    ids = [trigger.id for trigger in found]
    repeated = next((i for i in ids if ids.count(i) > 1), None)
    if repeated is not None:
        raise Malformed(f"policy.yaml uses the trigger id {repeated!r} twice.", "Give every trigger an id of its own.")
    return found


def read_triggers(triggers: Iterable[Trigger], environment: str, windows: Sequence[Numbers]) -> tuple[Reading, ...]:
    """What each trigger of an environment says of a version's windows, oldest first."""
    return tuple(_reading(trigger, windows) for trigger in triggers if trigger.environment == environment)


def firing_since(trigger: Trigger, windows: Sequence[Numbers]) -> int:
    """The place of the window at which a trigger began to fire as it fires at the newest one, without a break."""
    begun = len(windows) - 1
    while begun and _reading(trigger, windows[:begun]).alarm is Alarm.FIRED:
        begun -= 1
    return begun


def _trigger(value: Mapping[str, Any]) -> Trigger:
    return Trigger(
        id=value["id"],
        environment=value["environment"],
        title=value["title"],
        severity=value["severity"],
        watched=value["metric"] if "metric" in value else value["drift"],
        drift="drift" in value,
        above=value.get("above"),
        below=value.get("below"),
        windows=value.get("windows", 1),
    )


def _reading(trigger: Trigger, windows: Sequence[Numbers]) -> Reading:
    """A window without the number does not end a row: it leaves open whether the trigger fires."""
    values = [trigger.value_in(window) for window in windows[-trigger.windows :]]
    known = [value for value in values if value is not None]
    what = f"{'the drift of ' if trigger.drift else ''}{trigger.watched}"
    if len(values) < trigger.windows or not all(map(trigger.is_crossed, known)):
        alarm, reason = Alarm.QUIET, f"{what}: {_told(known)}, not {trigger.bounds} in {_many(trigger.windows)}"
    elif len(known) < len(values):
        alarm, reason = Alarm.UNKNOWN, f"{what} was not observed in {_many(len(values) - len(known))}"
    else:
        alarm, reason = Alarm.FIRED, f"{what}: {_told(known)}, {trigger.bounds} in {_many(trigger.windows)}"
    return Reading(trigger.id, trigger.title, trigger.severity, alarm, f"{reason}.")


def _told(values: Sequence[float]) -> str:
    return ", ".join(map(repr, values)) or "nothing yet"


def _many(count: int) -> str:
    return f"{count} window{'' if count == 1 else 's'}"
