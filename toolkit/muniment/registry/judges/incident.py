"""incident: opened, located to a version, resolved."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from muniment.core.errors import Refused
from muniment.policy.finding import Finding
from muniment.registry.event import Event
from muniment.registry.judges.common import Change, check_environment, check_subjects, version_of
from muniment.registry.oversight import Incident
from muniment.registry.state import IncidentState, State, Trouble
from muniment.signing.identity import Signed


def judge(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits the next step of an incident's life."""
    assert isinstance(event, Incident)
    if event.version is not None:
        check_subjects(signed, version_of(state, event.version))
    known = state.incidents.get((event.name, event.incident))
    if event.action == "opened":
        return _put(state, _opened(state, event, known, at)), ()
    if known is None:
        raise Refused(f"There is no incident {event.incident} of {event.name}.", "Open it first.")
    if known.resolved:
        raise Refused(f"The incident {event.incident} of {event.name} is resolved.", "Open another one.")
    new = replace(known, events=(*known.events, state.size), version=event.version or known.version)
    return _put(state, replace(new, resolved=event.action == "resolved")), ()


def _opened(state: State, event: Incident, known: IncidentState | None, at: datetime) -> IncidentState:
    if known is not None:
        raise Refused(
            f"The incident {event.incident} of {event.name} was opened before (entry {known.events[0]}).",
            "Give another one another id.",
        )
    if all(version.name != event.name for version in state.versions):
        raise Refused(f"Nothing of {event.name} is released.", "Name what the incident is of.")
    if event.environment is not None:
        check_environment(state, event.environment)
    assert event.severity is not None
    return IncidentState(
        event.name, event.incident, event.severity, event.environment, at, (state.size,), event.version
    )


def _put(state: State, incident: IncidentState) -> Change:
    before = state.open.get(incident.name, Trouble())
    others = tuple(i for i in before.incidents if i != incident.id)
    still = others if incident.resolved else (*others, incident.id)
    trouble = replace(before, incidents=tuple(sorted(still)))
    key = (incident.name, incident.id)
    return lambda s: replace(s, incidents=s.incidents.set(key, incident), open=s.open.set(incident.name, trouble))
