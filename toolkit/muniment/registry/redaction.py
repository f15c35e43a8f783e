"""What is left of a redacted record, and which decisions rested on it.

Of the record its leaf is left, which the log's root covers. A decision that looked at it cannot be judged again by who
lacks the bundle; so the redact event names every such decision, and its signer answers for them. Which these are
follows from leaves, events and the evidence still there: `looked_at` asks the same when a gate is judged and when a
redact event is, and so all readers agree, whatever bundles they have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from muniment.core.digest import Digest
from muniment.core.name import Name, VersionId
from muniment.evidence.kinds import EVIDENCE, THIRD_PARTY, kind_of
from muniment.evidence.statement import Statement, Subject
from muniment.policy.engine import is_asked
from muniment.policy.gates import OF_VERSIONS, SUBMIT
from muniment.registry.event import Event
from muniment.registry.facts import config_at, data_of
from muniment.registry.leaf import parse_line
from muniment.registry.runtime import STOPPED, Deploy
from muniment.registry.state import Entry, Redaction, State, VersionState


@dataclass(frozen=True, slots=True)
class Unproven:
    """What the redact event at `by` took away: records, and decisions that looked at them (log indexes)."""

    by: int
    records: tuple[int, ...]
    decisions: tuple[int, ...]


def is_gone(state: State, index: int) -> bool:
    """Whether a record is redacted by an event that is in the log already."""
    return state.absent.get(index, state.size) < state.size


def is_underivable(state: State, version: VersionState) -> bool:
    """Whether the gate of a version, asked now, looks at a record whose bundle is gone because of a later redaction."""
    return is_underivable_at(state, version, state.size)


def is_underivable_at(state: State, version: VersionState, index: int) -> bool:
    """The same of a gate that was asked at an index."""
    return bool(state.absent) and _misses(state, looked_at(state, version, index), index)


def is_record_underivable(state: State, statement: Statement) -> bool:
    """The same of the gate submit of evidence."""
    return bool(state.absent) and _misses(state, about_data(state, statement, state.size), state.size)


def looked_at(state: State, version: VersionState, index: int) -> frozenset[int]:
    """The records at which the gate of a version's event at an index may have looked.

    Evidence that the release names, all evidence about the artifacts and the data that it names, and the same of what
    stood in the environments then. What was redacted before does no harm: it is never redacted twice.
    """
    versions = (version, *_standing(state, version.id.name, index))
    return _evidence_before(state, (i for one in versions for i in _records(state, one, index)), index)


def about_data(state: State, statement: Statement, index: int) -> frozenset[int]:
    """The records at which the gate submit of evidence at an index may have looked: those about data that it names."""
    return _evidence_before(state, (i for digest in data_of(statement) for i in state.about.get(digest, ())), index)


def decisions_on(state: State, records: Collection[int], index: int) -> tuple[frozenset[int], frozenset[int]]:
    """The decisions that a redact event at an index must name for these records, and those that it also may.

    The latter looked at other records whose bundles are gone, or are such records: at what else they looked, who lacks
    the bundles cannot know.
    """
    must, may = set[int](), {i for i, by in state.absent.items() if by > index}
    for decision, looked in _decisions(state):
        if state.entries[decision].unproven is None:
            must |= {decision} if looked & set(records) else set()
            may |= {decision} if _misses(state, looked, index) else set()
    return frozenset(must), frozenset(may)


def subjects_about(state: State, indexes: Iterable[int]) -> tuple[Subject, ...]:
    """What some records speak of, sorted; a record whose leaf does not say is left out."""
    found = (parse_line(state.entries[i].leaf).subjects for i in indexes)
    return tuple(sorted({s for subjects in found if not isinstance(subjects, Digest) for s in subjects}))


def bundles_of(state: State, statements: Iterable[Digest]) -> dict[Digest, int]:
    """The entries of some statements by their bundles."""
    indexes = dict.fromkeys(i for s in statements for i in state.statements.get(s, ()))
    return {parse_line(state.entries[i].leaf).bundle: i for i in indexes}


def gone_bundles(state: State) -> tuple[Digest, ...]:
    """The bundles that are redacted, in log order."""
    return tuple(parse_line(state.entries[i].leaf).bundle for i in sorted(state.absent) if is_gone(state, i))


def redactable(state: State, digest: Digest) -> tuple[Digest, ...]:
    """The statements that a digest names and that can be redacted: itself, or all evidence about an artifact."""
    indexes = state.statements.get(digest) or state.about.get(digest, ())
    entries = (state.entries[i] for i in indexes)
    lines = (parse_line(e.leaf) for e in entries if e.is_evidence and not is_gone(state, e.index))
    return tuple(dict.fromkeys(line.statement for line in lines if not isinstance(line.subjects, Digest)))


def redacted(state: State, records: Iterable[int], decisions: Iterable[int], by: int) -> State:
    """The state in which the event at index `by` redacted records, and answers for decisions."""
    entries, absent, table = state.entries, state.absent, state.redacted
    for index in sorted(records):
        line = parse_line(entries[index].leaf)
        entries = entries.set(index, tombstone(entries[index], by))
        absent = absent.set(index, by)
        for digest in _digests(line.subjects):
            table = table.set(digest, (*table.get(digest, ()), Redaction(index, by)))
    for index in decisions:
        entries = entries.set(index, replace(entries[index], findings=(), unproven=by))
    return replace(state, entries=entries, absent=absent, redacted=table)


def tombstone(entry: Entry, by: int) -> Entry:
    """What an entry is without its bundle: what its leaf says. That of a third party's record hides its kind."""
    kind = kind_of(parse_line(entry.leaf).type)
    assert kind in EVIDENCE or kind == THIRD_PARTY
    return Entry(entry.index, entry.leaf, str(kind), None, None, entry.admitted_at, unproven=by)


def unproven(state: State) -> tuple[Unproven, ...]:
    """What every redact event took away, in log order."""
    entries = sorted((e for e in state.entries.values() if e.unproven is not None), key=lambda e: e.index)
    return tuple(
        Unproven(
            by,
            tuple(e.index for e in entries if e.unproven == by and e.record is None),
            tuple(e.index for e in entries if e.unproven == by and e.record is not None),
        )
        for by in sorted({e.unproven for e in entries if e.unproven is not None})
    )


def _misses(state: State, looked: Collection[int], index: int) -> bool:
    return any(state.absent.get(i, 0) > index for i in looked)


def _digests(subjects: tuple[Subject, ...] | Digest) -> tuple[Digest, ...]:
    return () if isinstance(subjects, Digest) else tuple(dict.fromkeys(s.digest for s in subjects))


def _decisions(state: State) -> Iterator[tuple[int, frozenset[int]]]:
    """Every entry that passed a gate, with the records at which that may have looked."""
    for version in state.versions.values():
        for index in version.events:
            event = state.entries[index].event
            if event is not None and _asked_of(event) == version.id:
                yield index, looked_at(state, version, index)
    for index, entry in state.entries.items():
        looked = about_data(state, entry.record.statement, index) if entry.is_evidence and entry.record else ()
        if looked and is_asked(config_at(state, index).policy, SUBMIT):
            yield index, frozenset(looked)


def _asked_of(event: Event) -> VersionId | None:
    """The version of which an event asks a gate; whoever says that it stopped asks none."""
    stopped = isinstance(event, Deploy) and event.status == STOPPED
    return getattr(event, "version", None) if event.kind in OF_VERSIONS and not stopped else None


def _standing(state: State, name: Name, index: int) -> Iterator[VersionState]:
    """The versions of a name that stood in any environment just before an entry."""
    for (of, _), tenures in state.stages.items():
        before = [t for t in tenures if t.index < index] if of == name else []
        if before:
            yield state.versions[before[-1].version]


def _records(state: State, version: VersionState, index: int) -> set[int]:
    named = {i for digest in version.evidence for i in state.statements.get(digest, ()) if i < index}
    data = {digest for i in named if (r := state.entries[i].record) for digest in data_of(r.statement)}
    artifacts = {artifact.digest for artifact in version.artifacts}
    return named | {i for digest in data | artifacts for i in state.about.get(digest, ())}


def _evidence_before(state: State, found: Iterable[int], index: int) -> frozenset[int]:
    return frozenset(i for i in found if i < index and state.entries[i].is_evidence)
