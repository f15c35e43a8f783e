"""Triggers that fired of what stands or runs, and that nobody answered."""

from __future__ import annotations

from collections.abc import Iterator

from muniment.core.instant import format_instant
from muniment.core.name import VersionId
from muniment.insight.due.common import Due, Glance
from muniment.policy.triggers import MAX_WINDOWS, Reading, firing_since
from muniment.registry.observing import answers
from muniment.registry.state import Observed


def triggers(glance: Glance) -> Iterator[Due]:
    """Those that fired at the newest window, from the window on at which they began to."""
    for (version, environment), observed in glance.state.observed.items():
        if glance.state.is_there(version, environment) and not _is_answered(glance, version, environment, observed):
            for reading in observed.fired:
                yield _fired(glance, version, environment, observed, reading)


def _fired(glance: Glance, version: VersionId, environment: str, observed: Observed, reading: Reading) -> Due:
    known = [t for t in glance.config.policy.triggers if (t.id, t.environment) == (reading.trigger, environment)]
    numbers = [window.numbers for window in observed.windows]
    begun = firing_since(known[0], numbers) if known else len(numbers) - 1
    window, cut = observed.windows[begun], len(numbers) == MAX_WINDOWS and known and begun < known[0].windows
    since = f"{format_instant(window.ends)}{' or before' if cut else ''}"
    what = f"The trigger {reading.trigger} ({reading.severity}) has fired in {environment} since {since}"
    opening, asking = answers(version, environment, reading.severity, reading.trigger)
    remedy = (
        f"Open an incident ({opening}) and ask what may return ({asking}); or observe a window in which it is over."
    )
    fact = f"{what}: {reading.title}: {reading.reason}"
    return Due("trigger", window.ends, str(version), fact, remedy, version.name, window.index)


def _is_answered(glance: Glance, version: VersionId, environment: str, observed: Observed) -> bool:
    """Whether an incident that can be about it is open, or something was said of one after the newest window."""
    return any(
        incident.name == version.name
        and incident.environment in (None, environment)
        and incident.version in (None, version)
        and (not incident.resolved or incident.events[-1] > observed.windows[-1].index)
        for incident in glance.state.incidents.values()
    )
