"""Which entries a version's story needs, so that the one `check` can be run on them alone."""

from __future__ import annotations

from collections.abc import Iterable

from muniment.core.digest import Digest
from muniment.core.name import VersionId
from muniment.registry.event import Release
from muniment.registry.fold import History


def needed(history: History, version: VersionId) -> tuple[int, ...]:
    """The indexes a pack carries: the story, the rest of each of its batches, and the last entry, in order."""
    story = story_of(history, version)
    return tuple(sorted(story | _batch_rests(history, story) | {len(history.entries) - 1}))


def story_of(history: History, version: VersionId) -> frozenset[int]:
    """The record entries behind a version's documents.

    Every configure entry; every event of the name's versions; their evidence; every record about the version's
    artifacts; every approval of one of these.
    """
    state = history.state
    wanted = {e.index for e in history.entries if e.kind == "configure"}
    for known in state.versions.values():
        if known.id.name == version.name:
            wanted |= set(known.events) | _evidence(history, known.events[0])
    for artifact in state.versions[version].artifacts:
        wanted |= set(state.about.get(artifact.digest, ()))
    return frozenset(wanted | _approvals(history, wanted))


def _evidence(history: History, release: int) -> set[int]:
    event = history.entries[release].event
    assert isinstance(event, Release)
    return {i for digest in event.evidence for i in history.state.statements[digest]}


def _approvals(history: History, wanted: Iterable[int]) -> set[int]:
    targets: set[Digest] = {r.statement_digest for i in wanted if (r := history.entries[i].record)}
    return {a.index for t in targets for a in history.state.approvals.get(t, ())}


def _batch_rests(history: History, wanted: Iterable[int]) -> set[int]:
    """The leaves between each wanted entry and the state entry that ends its batch, which dates it."""
    rests: set[int] = set()
    for index in wanted:
        while history.entries[index].record is not None:
            index += 1
            rests.add(index)
    return rests
