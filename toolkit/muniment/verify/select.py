"""Which entries a version's story needs, so that the one `check` can be run on them alone."""

from __future__ import annotations

from collections.abc import Iterable

from muniment.core.digest import Digest
from muniment.core.name import Name, VersionId
from muniment.registry import facts
from muniment.registry.deletion import Redact, RequestDeletion
from muniment.registry.event import Event, Release
from muniment.registry.fold import History
from muniment.registry.state import Approval, VersionState, Waiver


def needed(history: History, version: VersionId) -> tuple[int, ...]:
    """The indexes a pack carries: the story, the rest of each of its batches, and the last entry, in order."""
    story = story_of(history, version)
    return tuple(sorted(story | _batch_rests(history, story) | {len(history.entries) - 1}))


def story_of(history: History, version: VersionId) -> frozenset[int]:
    """The record entries behind a version's documents.

    Every configure and rotate-key entry; every event of the name's versions, their evidence and waivers, the name's
    incidents, every record about their artifacts, and about the data that any of these records names; the same of every
    other name that one of these events is of; every approval of one of these; what took approvals and waivers back; and
    of deletions the records that were asked for, and the decisions that looked at them, with their names.
    """
    state = history.state
    wanted = {e.index for e in history.entries if e.kind in ("configure", "rotate-key")}
    told: set[Name] = set()
    names = {version.name}
    while names:
        wanted |= {i for v in state.versions.values() if v.id.name in names for i in _life(history, v)}
        wanted |= {i for n in state.incidents.values() if n.name in names for i in n.events}
        wanted |= {w.index for (v, _), o in state.observed.items() if v.name in names for w in o.windows}
        wanted |= {i for v, ws in state.waivers.items() if v.name in names for w in ws for i in _said(w)}
        wanted = _with_what_was_seen(history, wanted)
        told |= names
        names = {name for i in wanted for name in _names(history, i)} - told
    return frozenset(wanted | _approvals(history, wanted))


def _life(history: History, version: VersionState) -> set[int]:
    """A version's events, its evidence, and all records about its artifacts."""
    state, release = history.state, history.entries[version.events[0]].event
    assert isinstance(release, Release)
    named = {i for digest in release.evidence for i in state.statements[digest]}
    about = {i for artifact in version.artifacts for i in state.about.get(artifact.digest, ())}
    return set(version.events) | named | about


def _with_what_was_seen(history: History, wanted: set[int]) -> set[int]:
    """Entries with all at which their gates look besides, and all that concerns the deletion of any of these."""
    size = -1
    while len(wanted) > size:
        size = len(wanted)
        wanted = _deletions(history, wanted | _about_data(history, wanted))
    return wanted


def _about_data(history: History, wanted: Iterable[int]) -> set[int]:
    """The records about data that wanted ones name, and so on: gates look at them."""
    found, todo = set[int](), set(wanted)
    while todo:
        records = (record for i in todo if (record := history.entries[i].record))
        data = {digest for record in records for digest in facts.data_of(record.statement)}
        todo = {i for digest in data for i in history.state.about.get(digest, ())} - found
        found |= todo
    return found


def names_of(event: Event | None) -> set[Name]:
    """The names that an event is of, or whose versions it acts on or refers to: `check` looks at all of them."""
    named = (getattr(event, field, None) for field in ("name", "version", "replaces", "replacement"))
    return {n if isinstance(n, Name) else n.name for n in named if n is not None}


def _names(history: History, index: int) -> set[Name]:
    """The names of an event, and of the decisions for which it answers."""
    event = history.entries[index].event
    rested = event.decisions if isinstance(event, Redact) else ()
    return {name for i in (index, *rested) for name in names_of(history.entries[i].event)}


def _deletions(history: History, wanted: Iterable[int]) -> set[int]:
    """What redacted these records, who asked for it, and all that was asked for with them."""
    state, found, todo = history.state, set[int](), set(wanted)
    while todo:
        found |= todo
        events = [history.entries[i].event for i in todo]
        statements = [s for e in events for s in _named(e)]
        new = {i for s in statements for i in state.statements.get(s, ())}
        new |= {i for e in events if isinstance(e, Redact) for i in e.decisions}
        todo = (new | {state.absent[i] for i in todo if i in state.absent}) - found
    return found


def _named(event: Event | None) -> tuple[Digest, ...]:
    match event:
        case Redact(request=request):
            return (request,)
        case RequestDeletion(statements=statements):
            return statements
    return ()


def _approvals(history: History, wanted: Iterable[int]) -> set[int]:
    targets: set[Digest] = {r.statement_digest for i in wanted if (r := history.entries[i].record)}
    return {i for t in targets for a in history.state.approvals.get(t, ()) for i in _said(a)}


def _said(word: Approval | Waiver) -> set[int]:
    """The entry of a word, and of what took it back."""
    return {word.index} | ({word.revoked_by} if word.revoked_by is not None else set())


def _batch_rests(history: History, wanted: Iterable[int]) -> set[int]:
    """The leaves between each wanted entry and the state entry that ends its batch, which dates it."""
    rests: set[int] = set()
    for index in wanted:
        while history.entries[index].kind != "state":
            index += 1
            rests.add(index)
    return rests
