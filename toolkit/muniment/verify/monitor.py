"""Watching a log on behalf of those whom it concerns: all that is new, every file still there, nothing left undecided.

The memory of a monitor is a folder: `seen.json` and its state (`verify.memory`), and `published.json`, the sizes of the
checkpoints that were there. A checkpoint at the end of a batch may never have been published, where a publish died and
the next one went on; one that was there and is gone is withheld.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from muniment.core.canonical import format_json, parse_json
from muniment.core.digest import Digest
from muniment.core.errors import Malformed, Missing, MunimentError, Refused, Untrusted
from muniment.core.name import Name
from muniment.evidence.kinds import DECISIONS
from muniment.evidence.statement import Statement
from muniment.log.checkpoint import open_checkpoint
from muniment.log.merkle import MemoryTree
from muniment.log.note import parse_vkey
from muniment.registry.anchor import check_anchor
from muniment.registry.check import check
from muniment.registry.config import Config, parse_config
from muniment.registry.decision import decided
from muniment.registry.draft import PATIENCE
from muniment.registry.event import Configure, RotateKey
from muniment.registry.fold import History, blob_reader, tree_of, verify_bundle
from muniment.registry.inbox import read_item
from muniment.registry.judges.common import SKEW
from muniment.registry.judges.rotate import rotated
from muniment.registry.leaf import derive_leaf
from muniment.registry.paths import CHECKPOINT, INBOX, SUFFIX, anchor_path, checkpoint_path
from muniment.registry.predicate import parse_event
from muniment.registry.redaction import unproven
from muniment.registry.state import Entry, State
from muniment.registry.store import Reader, Store, read_if
from muniment.registry.store.http import HttpReader
from muniment.registry.store.local import LocalStore
from muniment.signing.identity import Signed
from muniment.verify.memory import Departed, Memory
from muniment.verify.replay import Known, Replayed, claimed, verify_registry
from muniment.verify.select import names_of
from muniment.verify.trust import Trust

PUBLISHED = "published.json"


@dataclass(frozen=True, slots=True)
class Watch:
    """What a monitor looks for: entries about some names or by some subjects, all where none are given, and delay."""

    names: tuple[Name, ...]
    identities: tuple[str, ...]
    inbox_max_age: timedelta
    now: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A submission that is not in the log: signed at `since`, and `late` where it should have been decided on.

    `kind` is its predicate type; `name` is what it is of, as far as it says.
    """

    path: str
    kind: str
    statement: Digest
    subject: str
    since: datetime
    reason: str
    late: bool
    name: Name | None = None


@dataclass(frozen=True, slots=True)
class Monitored:
    """What a monitor found: entries from `before` on, of which `shown` are those that were asked for.

    `inbox` is None where it cannot be seen; `remarks` are what to know and no alarm.
    """

    history: History
    before: int
    shown: tuple[Entry, ...]
    inbox: tuple[Waiting, ...] | None
    published: tuple[int, ...]
    remarks: tuple[str, ...]

    @property
    def late(self) -> tuple[Waiting, ...]:
        """The submissions that should have been decided on."""
        return tuple(one for one in self.inbox or () if one.late)


def monitor(reader: Reader, trust: Trust, book: LocalStore, watch: Watch, processes: int = 1) -> Monitored:
    """What is new in a log since the monitor's last look, every file of it verified to be there.

    Raises `Departed` for a rewind or a fork, whose evidence it keeps, `Untrusted` for a checkpoint or anchor that is
    false or was promised and is not there, `Missing` for what is withheld. `remember_monitored` comes last.
    """
    memory = Memory(book, "seen.json")
    seen = memory.recall(trust)
    _check_anchored(reader, trust)
    try:
        replayed = verify_registry(reader, trust, known=Known(seen, memory.snapshot(seen)), processes=processes)
    except Departed as departed:
        if seen is not None:
            memory.keep(seen, departed)
        raise
    history, before = replayed.history, seen.checkpoint.size if seen is not None else 0
    published, remarks = _check_past(reader, history, trust, _published(book), before)
    _check_blobs(reader, replayed)
    store = inbox_of(reader)
    waiting = waiting_in(store, history.state, watch) if store is not None else None
    if waiting is None:
        remarks += ("inbox not visible here: what waits in it is not looked at",)
    remarks += _redactions(history, before)
    return Monitored(history, before, _shown(history, before, watch), waiting, published, remarks)


def remember_monitored(done: Monitored, trust: Trust, book: LocalStore) -> None:
    """Remembers what was found, for the next time."""
    book.write(PUBLISHED, _format_published(done.published))
    fresh = done.before < done.history.state.size
    Memory(book, "seen.json").remember(trust, done.history.note, done.history.state if fresh else None)


def _published(book: LocalStore) -> frozenset[int]:
    data = read_if(book, PUBLISHED)
    if data is None:
        return frozenset()
    sizes = parse_json(data, PUBLISHED)
    if not isinstance(sizes, list) or {type(size) for size in sizes} - {int} or _format_published(sizes) != data:
        raise Malformed(f"{book.place}/{PUBLISHED} is no list of sizes.", "Restore it, or begin in a new folder.")
    return frozenset(sizes)


def _format_published(sizes: Iterable[int]) -> bytes:
    return format_json(sorted(set(sizes))) + b"\n"


def _check_anchored(reader: Reader, trust: Trust) -> None:
    """Raises `Untrusted` where the newest checkpoint lacks the anchor that trust asks for."""
    if trust.anchor is not None:
        _anchor(reader, claimed(reader.read(CHECKPOINT), trust).size)


def _anchor(reader: Reader, size: int) -> bytes:
    data = read_if(reader, anchor_path(size))
    if data is None:
        raise Untrusted(
            f"The checkpoint of {size} entries has no anchor, and trust asks for one.",
            "Ask the registry's makers for it: whoever publishes anchors every checkpoint.",
        )
    return data


def _check_past(
    reader: Reader, history: History, trust: Trust, known: frozenset[int], before: int
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The sizes of all checkpoints that are there, each true, and remarks on those that never were.

    Anchors of those up to `before` were looked at before. Whom trust names is who anchors now: a past checkpoint was
    anchored by the sequencer of its own time.
    """
    tree, rules, found, gaps = tree_of(history.leaves), _rules(history), list[int](), list[int]()
    for end in (entry for entry in history.entries if entry.kind == "state"):
        size = end.index + 1
        note = read_if(reader, checkpoint_path(size))
        if note is None:
            if size in known or size == history.checkpoint.size:
                raise Missing(f"{reader.place}/{checkpoint_path(size)} is withheld: it was there.", "Ask who hosts it.")
            if history.entries[size].kind not in DECISIONS:  # which are signed with the batch that they are on
                gaps.append(size)
            continue
        found.append(size)
        _check_checkpoint(note, size, tree, history)
        config = _then(rules, size)
        if trust.anchor is not None and size > before and config.sequencer is not None:
            then = replace(State(), config=config, admitted_at=end.admitted_at)
            who = trust.anchor if size == history.checkpoint.size else config.sequencer
            check_anchor(_anchor(reader, size), note, then, who)
    gap = f"no checkpoint of {', '.join(map(str, gaps))} entries: never published, or withheld from the first"
    return tuple(found), ((gap,) if gaps else ())


def _check_checkpoint(note: bytes, size: int, tree: MemoryTree, history: History) -> None:
    """Raises `Untrusted` unless a key then in force signed a note of the log's own past."""
    keys = [era.log_keys for era in history.state.eras if era.index < size][-1]
    checkpoint = open_checkpoint(note, history.checkpoint.origin, [parse_vkey(key) for key in keys])
    if (checkpoint.size, checkpoint.root) != (size, tree.root(size)):
        raise Untrusted(
            f"{checkpoint_path(size)} is no checkpoint of this log's past, and its key signed it.",
            "One log shows two histories: keep the file, and tell its readers.",
        )


def _rules(history: History) -> list[tuple[int, Config]]:
    """Every configuration that was in force, by the entry that set it."""
    rules: list[tuple[int, Config]] = []
    for entry in history.entries:
        if isinstance(entry.event, Configure):
            rules.append((entry.index, parse_config(entry.event.configuration)))
        elif isinstance(entry.event, RotateKey):
            rules.append((entry.index, rotated(rules[-1][1], entry.event)))
    return rules


def _then(rules: list[tuple[int, Config]], size: int) -> Config:
    return [config for index, config in rules if index < size][-1]


def _check_blobs(reader: Reader, replayed: Replayed) -> None:
    """Raises `Missing` or `Mismatch` for a bundle of an earlier look that is gone or altered; newer ones were read."""
    blob = blob_reader(reader)
    for entry in replayed.history.entries[: replayed.resumed]:
        if entry.record is not None:
            blob(entry.record.bundle)


def _redactions(history: History, before: int) -> tuple[str, ...]:
    """What was redacted since the last look: files that are gone by rights."""
    return tuple(
        f"entry {one.by} redacted {', '.join(map(str, one.records))}: what they said is unproven since"
        for one in unproven(history.state)
        if one.by >= before
    )


def _shown(history: History, before: int, watch: Watch) -> tuple[Entry, ...]:
    """The new records that were asked for."""
    new = tuple(entry for entry in history.entries[before:] if entry.record is not None)
    if not watch.names and not watch.identities:
        return new
    wanted = _about(history, frozenset(watch.names))
    return tuple(e for e in new if e.index in wanted or not _signers(e).isdisjoint(watch.identities))


def _signers(entry: Entry) -> set[str]:
    """The subjects of who signed an entry: of a third party's record also of who brought it in."""
    return {signed.identity.subject for signed in (entry.record, entry.carrier) if signed is not None}


def _about(history: History, names: frozenset[Name]) -> set[int]:
    """The entries about some names: their events, records about their artifacts, approvals of one of these."""
    events = {e.index for e in history.entries if names & names_of(e.event)}
    artifacts = {a.digest for v in history.state.versions.values() if v.id.name in names for a in v.artifacts}
    records = {i for digest in artifacts for i in history.state.about.get(digest, ())}
    targets = set[Digest]()
    for index in events | records:
        record = history.entries[index].record
        targets |= {record.statement_digest} if record is not None else set()
    words = {e.index for e in history.entries if getattr(e.event, "target", None) in targets}
    return events | records | words | {e.index for e in history.entries if decided(e) in events}


def inbox_of(reader: Reader) -> Store | None:
    """Where submissions wait, as far as it can be seen: a site has no inbox, nor has a folder that was built as one."""
    if isinstance(reader, HttpReader) or read_if(reader, "registry.yaml") is None:
        return None
    return cast(Store, reader)  # whatever is no site is opened as a store


def waiting_in(store: Store, state: State, watch: Watch) -> tuple[Waiting, ...]:
    """What waits, oldest first."""
    return tuple(sorted(_waiting(store, state, watch), key=lambda one: (one.since, one.path)))


def _waiting(store: Store, state: State, watch: Watch) -> Iterable[Waiting]:
    """Submissions that verify and are not in the log; what is no bundle, publish throws out unread."""
    logged = {entry.leaf for entry in state.entries.values()}
    for path in store.list(INBOX):
        item = read_item(store, path) if path.endswith(SUFFIX) else None
        if item is None or item.bundle is None:
            continue
        try:
            signed = verify_bundle(state, item.bundle)
        except MunimentError:
            continue
        if derive_leaf(signed) not in logged:
            yield _judged(path, signed, state, watch)


def _judged(path: str, signed: Signed, state: State, watch: Watch) -> Waiting:
    """What would be decided on a submission now; what waits for others' words may do so as long as publish lets it."""
    at = max(watch.now, signed.signed_at, state.admitted_at or watch.now)
    reason, patience = "it would be admitted", watch.inbox_max_age
    try:
        check(state, signed, at, derive_leaf(signed))
    except Refused as error:
        reason, patience = error.fact, max(patience, PATIENCE) if error.waits else patience
    except MunimentError as error:
        reason = error.fact
    late = watch.now - signed.signed_at > patience + SKEW
    about, who = signed.statement, signed.identity.subject
    return Waiting(
        path, about.predicate_type, signed.statement_digest, who, signed.signed_at, reason, late, _name_of(about)
    )


def _name_of(statement: Statement) -> Name | None:
    """The name that an event is of; None for evidence, which speaks of bytes, and for what is no event."""
    try:
        return next(iter(sorted(names_of(parse_event(statement)))), None)
    except MunimentError:
        return None
