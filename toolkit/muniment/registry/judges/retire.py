"""retire: a version that stands nowhere is taken out of use for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from muniment.core.errors import Refused
from muniment.policy.finding import Finding
from muniment.registry.event import Event, Retire
from muniment.registry.judges.common import Change, check_subjects, version_of
from muniment.registry.state import State
from muniment.signing.identity import Signed


def judge(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits the retirement of a version that stands in no environment."""
    assert isinstance(event, Retire)
    version = version_of(state, event.version)
    check_subjects(signed, version)
    if version.retired:
        raise Refused(f"{event.version} is retired already.", "Nothing is left to do.")
    # Also where it is not configured any more: an environment may come back.
    places = ((e, t) for (name, e), t in state.stages.items() if name == event.version.name)
    standing = sorted(e for e, tenures in places if tenures[-1].version == event.version)
    if standing:
        raise Refused(
            f"{event.version} stands in {', '.join(standing)}.", "Promote another version there or roll back first."
        )
    if event.replacement is not None and (
        event.replacement == event.version or version_of(state, event.replacement).retired
    ):
        raise Refused(f"The replacement {event.replacement} is retired itself.", "Name one that is in use.")
    index = state.size
    retired = replace(version, retired=event, events=(*version.events, index))
    return (lambda s: replace(s, versions=s.versions.set(event.version, retired))), ()
