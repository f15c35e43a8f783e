"""Where a version stands: the one word a reader needs first, and the tenures behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from muniment.core.name import Name, VersionId
from muniment.insight.lineage import in_release_order
from muniment.registry.event import Rollback
from muniment.registry.state import Approval, State, Tenure


class Standing(StrEnum):
    """What is said of a version first, the gravest in front."""

    RETIRED = "retired"
    ROLLED_BACK = "rolled-back"
    IN_FORCE = "in-force"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Stay:
    """A version's time in an environment.

    `ended_by` is the index of the event that put another there, None while it stands.
    """

    environment: str
    tenure: Tenure
    until: datetime | None
    ended_by: int | None
    rolled_back: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """A version's standing with the stays that make it so: those rolled back, or those in force."""

    standing: Standing
    stays: tuple[Stay, ...]


def verdict(state: State, version: VersionId) -> Verdict:
    """The gravest thing that is true of a version: retired, rolled back, in force somewhere, only released."""
    last = last_stays(state, version)
    back = tuple(s for s in last if s.rolled_back)
    now = tuple(s for s in last if s.ended_by is None)
    if state.versions[version].retired is not None:
        return Verdict(Standing.RETIRED, now)
    if back:
        return Verdict(Standing.ROLLED_BACK, back)
    return Verdict(Standing.IN_FORCE, now) if now else Verdict(Standing.RELEASED, ())


def stays(state: State, version: VersionId) -> tuple[Stay, ...]:
    """Every time a version stood in an environment: environments in configured order, oldest stay first."""
    assert state.config is not None
    return tuple(
        stay
        for e in state.config.environments
        for stay in stays_in(state, version.name, e)
        if stay.tenure.version == version
    )


def stays_in(state: State, name: Name, environment: str) -> tuple[Stay, ...]:
    """What stood in an environment, oldest first."""
    tenures = state.stages.get((name, environment), ())
    following: tuple[Tenure | None, ...] = (*tenures[1:], None)
    return tuple(_stay(state, environment, t, after) for t, after in zip(tenures, following, strict=False))


def last_stays(state: State, version: VersionId) -> tuple[Stay, ...]:
    """The latest stay of a version in each environment where it ever stood."""
    return tuple({stay.environment: stay for stay in stays(state, version)}.values())


def names(state: State) -> list[Name]:
    """All names, in alphabetical order."""
    return sorted({version.name for version in state.versions})


def by_name(state: State) -> dict[Name, list[VersionId]]:
    """All versions by name, names in alphabetical order, of each name the version released last in front."""
    shelves: dict[Name, list[VersionId]] = {name: [] for name in names(state)}
    for version in reversed(in_release_order(state)):
        shelves[version.name].append(version)
    return shelves


def latest(state: State, versions: Iterable[VersionId]) -> VersionId | None:
    """The first of a name's versions, newest in front, that is not retired."""
    return next((v for v in versions if state.versions[v].retired is None), None)


def words_on(state: State, index: int) -> tuple[Approval, ...]:
    """What was said of the event at a log index: approvals and rejections, those taken back too, in log order."""
    record = state.entries[index].record
    return state.approvals.get(record.statement_digest, ()) if record else ()


def approvals_for(state: State, index: int) -> tuple[Approval, ...]:
    """The approvals of the event at a log index that nobody took back, in log order."""
    return tuple(a for a in words_on(state, index) if a.approves and a.revoked_by is None)


def _stay(state: State, environment: str, tenure: Tenure, after: Tenure | None) -> Stay:
    if after is None:
        return Stay(environment, tenure, None, None, False)
    event = state.entries[after.index].event
    back = isinstance(event, Rollback) and event.replaces == tenure.version
    return Stay(environment, tenure, after.since, after.index, back)
