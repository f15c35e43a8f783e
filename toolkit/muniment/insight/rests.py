"""What reviews rest on, and what became of it: bytes never change under a digest, but what is said of them does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from muniment.core.digest import Digest, parse_digest
from muniment.core.name import Name, VersionId
from muniment.evidence.review import REVIEWS, read_review
from muniment.insight.standing import by_name
from muniment.policy.facts import DataFact, EvidenceFact, Facts
from muniment.registry.dryrun import facts_at
from muniment.registry.event import Release, Retire
from muniment.registry.facts import data_fact
from muniment.registry.state import State

KINDS = (*REVIEWS, "evaluation")
"""The records that somebody judged a version by, and its data with it."""


@dataclass(frozen=True, slots=True)
class Shaken:
    """A review of a version, at log index `review`, whose data changed afterwards, at log index `change`.

    `data` names the dataset, `what` says what became of it, `since` when that was admitted.
    """

    version: VersionId
    kind: str
    review: int
    data: str
    what: str
    change: int
    since: datetime


@dataclass(frozen=True, slots=True)
class _Change:
    index: int
    data: str
    what: str


Shelves = Mapping[Name, Sequence[VersionId]]


def shaken(state: State) -> Iterator[Shaken]:
    """The newest review of each kind of each version, unless retired, where its data changed after it was admitted.

    Data is what provenance and ML-BOM name, what the review names itself, and what an evaluation was made on. Of
    several changes to one dataset the gravest is told: retired, then superseded, then described otherwise.
    """
    shelves = by_name(state)
    for version in sorted(state.versions):
        if state.versions[version].retired is None and _reviewed(state, version):
            yield from _of_version(state, version, shelves)


def _reviewed(state: State, version: VersionId) -> bool:
    digests = (a.digest for a in state.versions[version].artifacts)
    return any(state.entries[i].kind in KINDS for d in digests for i in state.about.get(d, ()))


def _of_version(state: State, version: VersionId, shelves: Shelves) -> Iterator[Shaken]:
    assert state.admitted_at is not None
    facts = facts_at(state, version, "release", None, state.admitted_at)
    for kind in KINDS:
        for review in facts.of_kind(kind)[-1:]:
            index = state.statements[review.statement][0]
            for digest, name in _data(facts, review).items():
                described = data_fact(state, name, digest, "", version.name.namespace)
                changes = (
                    *_retired(state, digest),
                    *_superseded(state, digest, shelves),
                    *_described(state, described),
                )
                change = next((c for c in changes if c.index > index), None)
                if change is not None:
                    since = state.entries[change.index].admitted_at
                    yield Shaken(version, kind, index, change.data, change.what, change.index, since)


def _data(facts: Facts, review: EvidenceFact) -> dict[Digest, str]:
    """The datasets that a review rests on, each with the first name it is known by."""
    named = [(d.digest, d.name) for d in facts.data]
    if review.kind == "evaluation":
        named.append((parse_digest(review.predicate["data"]["digest"]), review.predicate["data"]["name"]))
    else:
        named += [(d, str(d)) for d in sorted(read_review(review.predicate).data, key=str)]
    once: dict[Digest, str] = {}
    for digest, name in named:
        once.setdefault(digest, name)
    return once


def _holders(state: State, digest: Digest) -> list[VersionId]:
    """The versions that are these bytes, in the order of their release."""
    events = (state.entries[i].event for i in state.about.get(digest, ()))
    return [e.version for e in events if isinstance(e, Release)]


def _retired(state: State, digest: Digest) -> Iterator[_Change]:
    for version in _holders(state, digest):
        found = state.versions[version]
        if found.retired is not None:
            index = next(i for i in reversed(found.events) if isinstance(state.entries[i].event, Retire))
            yield _Change(index, str(version), f"was retired ({found.retired.category})")


def _superseded(state: State, digest: Digest, shelves: Shelves) -> Iterator[_Change]:
    """The first release of other bytes under the name, after the last one of these."""
    for name, version in {v.name: v for v in _holders(state, digest)}.items():
        for other in reversed(shelves[name]):
            released = state.versions[other].events[0]
            if released > state.versions[version].events[0] and state.versions[other].retired is None:
                yield _Change(released, str(version), f"was superseded by {other}")
                break


def _described(state: State, data: DataFact) -> Iterator[_Change]:
    """Records of a dataset after its first one that say something else."""
    for before, record in zip(data.records, data.records[1:], strict=False):
        if record.predicate != before.predicate:
            yield _Change(state.statements[record.statement][0], data.version or data.name, "was described otherwise")
