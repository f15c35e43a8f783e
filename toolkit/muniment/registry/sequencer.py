"""Publish: inbox → log → checkpoint, by the one job that holds the log key.

Order of writing: blobs, the leaf file (the compare-and-swap that commits a batch), then the same of the decisions that
the log owes after it, and only then a checkpoint that signs exactly what was committed, its anchor, the newest
checkpoint, and last the inbox and the blobs that a signed entry redacts: every run removes what an earlier one left.
Leaves beyond the newest checkpoint are pending: readers ignore them and the next run signs them unchanged, whoever
committed them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from muniment.core.digest import Digest
from muniment.core.errors import Missing, MunimentError, Refused, Unreachable, Untrusted, Usage
from muniment.core.instant import whole_seconds
from muniment.evidence.statement import format_statement
from muniment.log.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from muniment.log.lines import LEAVES, format_lines, leaf_file, parse_lines
from muniment.log.merkle import MemoryTree, leaf_hash
from muniment.log.note import NoteSigner, NoteVerifier, parse_note, parse_vkey
from muniment.registry import decision, redaction
from muniment.registry.anchor import APART, anchor_statement, check_anchor
from muniment.registry.cache import Cache
from muniment.registry.draft import Draft, Turned
from muniment.registry.fold import History, blob_reader, fold, read_leaves, tree_of
from muniment.registry.inbox import Limits, choose, read_item
from muniment.registry.judges.common import SKEW, config_of
from muniment.registry.paths import ANCHOR, CHECKPOINT, CHECKPOINTS, anchor_path, blob_path, checkpoint_path
from muniment.registry.pattern import Pattern
from muniment.registry.snapshot import resume
from muniment.registry.state import Entry, State
from muniment.registry.store import Store, read_if
from muniment.signing.keyless import Signer


@dataclass(frozen=True, slots=True)
class Published:
    """What one publish did: `history` is the registry after it, `left` counts submissions not looked at yet.

    `admitted` are the entries it brought under a checkpoint, which may be those of a batch that another one committed.
    """

    history: History
    admitted: tuple[Entry, ...]
    turned: tuple[Turned, ...]
    left: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    """The registry as it was found: its newest checkpoint and what that signs, and pending leaves beyond."""

    note: bytes | None
    state: State
    leaves: list[bytes]
    pending: list[bytes]
    later: dict[str, bytes]  # notes of checkpoints beyond the newest one, by path
    kept: Checkpoint | None  # what the cache says was signed, where the newest one does not go on from it


def publish(
    store: Store,
    signer: NoteSigner,
    now: datetime,
    anchor: Callable[[], Signer] | None = None,
    heartbeat: bool = False,
    limits: Limits | None = None,
    cache: Cache | None = None,
) -> Published:
    """Admits what the inbox holds and can be admitted, and signs the log.

    Where the configuration names a sequencer, its signer, which `anchor` gives, signs the checkpoint keyless as well.
    `now` is the batch's time, moved forward where records or earlier batches are later. With `heartbeat` a batch of
    nothing is ended too, so that readers see a date. What a state in the `cache` stands for is not derived again, and
    the new one is kept there. Raises `Untrusted` when the registry is not what its checkpoint
    signs, `Usage` for a foreign log key or an anchor by another than the configured sequencer, and `Conflict` when
    another writer came between, whereupon nothing was signed that is not in the log, unless it is a decision which that
    one made too.
    """
    with store.turn():
        return _publish(store, signer, whole_seconds(now), anchor, heartbeat, limits or Limits(), cache)


def _publish(
    store: Store,
    signer: NoteSigner,
    now: datetime,
    anchor: Callable[[], Signer] | None,
    heartbeat: bool,
    limits: Limits,
    cache: Cache | None,
) -> Published:
    found = _find(store, cache)
    draft, size = Draft(found.state, found.leaves), found.state.size
    draft.resume(found.pending, _signed_size(found), blob_reader(store), now, store.alone)
    chosen, left = choose(store, limits.files)
    draft.take((read_item(store, path) for path in chosen), limits)
    left += len(chosen) - draft.taken
    draft.admit(now, heartbeat or _is_stale(found, draft, now))
    _check_signed(found, draft, signer)
    note = found.note
    if draft.state.config is not None:
        _check_key(draft.state, signer)
    due = draft.state.config is not None and any(decision.owed(draft.state))
    if draft.state.size > size or due:
        keyless = _anchor_signer(draft.state, anchor)
        found = _commit(store, found, draft)
        if keyless is not None and due:
            draft.decide(keyless, now)
            found = _commit(store, found, draft)
        note = _sign(store, found, draft, signer, keyless)
    _clear(store, draft)
    if cache is not None and draft.state.config is not None:
        cache.save(draft.state)
    entries = tuple(draft.state.entries[i] for i in range(size, draft.state.size))
    return Published(_history(store, draft, note), entries, tuple(draft.turned), left)


def _find(store: Store, cache: Cache | None) -> _Found:
    note = read_if(store, CHECKPOINT)
    if note is None and read_if(store, checkpoint_path(2)) is not None:
        raise Missing(f"{store.place}/checkpoint is missing.", "Put back the newest of checkpoints/.")
    leaves, state, kept = ([], State(), None) if note is None else _signed_part(store, note, cache)
    later = {path: store.read(path) for path in _later(store, state.size)}
    return _Found(note, state, leaves, _beyond(store, state.size), later, kept)


def _signed_part(store: Store, note: bytes, cache: Cache | None) -> tuple[list[bytes], State, Checkpoint | None]:
    """The leaves that the newest checkpoint signs and what they add up to; a key in force there signed it.

    And what the cache says was signed, where these leaves do not go on from that.
    """
    checkpoint = parse_checkpoint(parse_note(note).text)
    known, first = _known(store, checkpoint.origin, cache)
    kept: Checkpoint | None = None
    leaves = _continued(store, known, first, checkpoint) if known is not None else None
    if leaves is None and known is not None:
        kept = Checkpoint(checkpoint.origin, known.size, tree_of(_leaves(known, 0, known.size)).root())
        known = None
    if leaves is None:
        # A state whose edge is not the log's might have a false root signed: all is read.
        leaves = read_leaves(store, checkpoint.size)
        if tree_of(leaves).root() != checkpoint.root:
            raise Untrusted(
                "The log is not what its checkpoint signs.", "Do not publish; restore the registry from a good copy."
            )
    start = resume(known, leaves)
    state = fold(start, leaves[start.size :], blob_reader(store))
    open_checkpoint(note, config_of(state).origin, _keys(state))
    return leaves, state, kept


def _known(store: Store, origin: str, cache: Cache | None) -> tuple[State | None, list[bytes]]:
    """The state that is kept of the log with this first leaf, and the leaves of the first file."""
    if cache is None:
        return None, []
    first = parse_lines(store.read(leaf_file(0)), leaf_file(0))
    return cache.load(origin, Digest(leaf_hash(first[0]).hex())), first


def _leaves(state: State, start: int, end: int) -> list[bytes]:
    return [state.entries[index].leaf for index in range(start, min(end, state.size))]


def _continued(store: Store, known: State, first: list[bytes], checkpoint: Checkpoint) -> list[bytes] | None:
    """The leaves that a checkpoint signs, where those of a known state begin them.

    Only the files from the end of the known leaves on are read: its edge stands for those before, which `verify`
    reads. None where the leaves read, or the root, are others: then the whole log is looked at.
    """
    size, edge = known.size, known.edge
    start = size - size % LEAVES
    if size > checkpoint.size or _leaves(known, 0, LEAVES) != first[:size]:
        return None
    read = read_leaves(store, checkpoint.size, start)
    for leaf in read[size - start :]:
        edge = edge.append(leaf_hash(leaf))
    same = read[: size - start] == _leaves(known, start, size) and edge.root() == checkpoint.root
    return _leaves(known, 0, start) + read if same else None


def _beyond(store: Store, size: int) -> list[bytes]:
    """The leaves after the first `size`, as far as they stand without a gap."""
    start, leaves = size - size % LEAVES, list[bytes]()
    while (data := read_if(store, path := leaf_file(start + len(leaves)))) is not None:
        leaves += parse_lines(data, path)
        if len(leaves) % LEAVES:
            break
    return leaves[size % LEAVES :]


def _later(store: Store, size: int) -> list[str]:
    names = ((path.rpartition("/")[2], path) for path in store.list(CHECKPOINTS))
    return [path for name, path in names if name.isascii() and name.isdecimal() and int(name) > size]


def _keys(state: State) -> list[NoteVerifier]:
    """Every key that the log ever had."""
    return [parse_vkey(key) for key in sorted({key for era in state.eras for key in era.log_keys})]


def _is_stale(found: _Found, draft: Draft, now: datetime) -> bool:
    """Whether batches that were taken over are dated too long ago for an anchor that is made now."""
    config, at = draft.state.config, draft.state.admitted_at
    if config is None or config.sequencer is None or at is None or draft.state.size == found.state.size:
        return False
    return now - at > APART - SKEW


def _signed_size(found: _Found) -> int:
    """How far a checkpoint was signed that never became the newest, if it is one of the log as it stands."""
    if found.state.config is None or not (found.later or found.kept):
        return 0
    tree, config = tree_of([*found.leaves, *found.pending]), found.state.config
    known = (c for _, c in _signed_before(found, config.origin, _keys(found.state)))
    return max((c.size for c in known if _agrees(tree, c)), default=0)


def _signed_before(found: _Found, origin: str, keys: list[NoteVerifier]) -> list[tuple[str, Checkpoint]]:
    """What was signed beyond the newest checkpoint, with where that is known from."""
    notes = ((path, _opened(note, origin, keys)) for path, note in found.later.items())
    kept = [(f"A checkpoint of {found.kept.size} entries, by the cache,", found.kept)] if found.kept else []
    return [*((path, known) for path, known in notes if known is not None), *kept]


def _agrees(tree: MemoryTree, checkpoint: Checkpoint) -> bool:
    return checkpoint.size <= tree.size and tree.root(checkpoint.size) == checkpoint.root


def _opened(note: bytes, origin: str, keys: list[NoteVerifier]) -> Checkpoint | None:
    try:
        return open_checkpoint(note, origin, keys)
    except MunimentError:
        return None


def _check_key(state: State, signer: NoteSigner) -> None:
    """Raises `Usage` for a log key that is not in force after the batch."""
    config = config_of(state)
    if signer.vkey not in config.log_keys:
        raise Usage(
            f"The log key {signer.vkey} is not one of the registry's.",
            f"Give the key of {', '.join(config.log_keys)}; a batch that rotates keys is signed with the new one.",
        )


def _anchor_signer(state: State, anchor: Callable[[], Signer] | None) -> Signer | None:
    """Who anchors the checkpoint, if the configuration promises it. Raises `Usage` where nobody can."""
    config = config_of(state)
    if config.sequencer is None:
        return None
    if anchor is None:
        raise Usage(
            f"registry.yaml names a sequencer, {config.sequencer.subject}, who anchors every checkpoint.",
            "Publish as that identity: with its CI token, or with --sandbox DIR --as NAME.",
        )
    return anchor()


def _check_signed(found: _Found, draft: Draft, signer: NoteSigner) -> None:
    """Raises `Untrusted` where a checkpoint that was signed already is not one of the log as it will be written.

    It happens when an older log and checkpoint were put back: signing again would convict the log of a fork.
    """
    if not (found.later or found.kept):
        return
    tree = tree_of(draft.leaves)
    for where, known in _signed_before(found, signer.name, _keys(draft.state)):
        if not _agrees(tree, known):
            raise Untrusted(
                f"{where} was signed before, and is not a checkpoint of this log.",
                "The registry was put back to an older state: restore it to its newest.",
            )


def _commit(store: Store, found: _Found, draft: Draft) -> _Found:
    """Writes the new records, a leaf file at a time; each holds whole batches. Gives the registry as it is then."""
    if store.alone:
        _drop_stale(store, len(draft.leaves))
    for digest, data in draft.blobs.items():
        store.put_new(blob_path(digest), data)
    before, size = [*found.leaves, *found.pending], found.state.size
    for first in range(size - size % LEAVES, len(draft.leaves), LEAVES):
        old, new = (leaves[first : first + LEAVES] for leaves in (before, draft.leaves))
        if old != new:
            store.swap(leaf_file(first), format_lines(old) if old else None, format_lines(new))
    store.commit(f"Entries up to {len(draft.leaves)}")
    return replace(found, pending=draft.leaves[size:])


def _drop_stale(store: Store, size: int) -> None:
    """Removes leaf files beyond the last one, left by a batch that died and is judged otherwise now."""
    first = -(-size // LEAVES) * LEAVES
    while read_if(store, stale := leaf_file(first)) is not None:
        store.remove(stale)
        first += LEAVES


def _sign(store: Store, found: _Found, draft: Draft, signer: NoteSigner, anchor: Signer | None) -> bytes:
    """Signs what was committed.

    The note is kept before the anchor is asked for, which cannot be taken back: so no later run takes leaves for
    unsigned that are not.
    """
    checkpoint, keys = _checkpoint(draft), _keys(draft.state)
    note = sign_checkpoint(checkpoint, signer)
    _keep(store, checkpoint_path(checkpoint.size), lambda k: _opened(k, signer.name, keys) == checkpoint, note)
    sequencer = config_of(draft.state).sequencer
    if anchor is not None and sequencer is not None:
        _anchor(store, draft, note, anchor, sequencer)
        _forget(store, found, checkpoint.size)
    store.swap(CHECKPOINT, found.note, note)
    return note


def _forget(store: Store, found: _Found, size: int) -> None:
    """Takes away checkpoints that were kept, never anchored and never the newest: a monitor would miss their anchors.

    The one of `size`, which goes on from them, stands by now.
    """
    for path in found.later:
        kept = int(path.rpartition("/")[2])
        if kept < size and read_if(store, anchor_path(kept)) is None:
            store.remove(path)


def _anchor(store: Store, draft: Draft, note: bytes, anchor: Signer, sequencer: Pattern) -> None:
    """Signs the checkpoint's text keyless, unless that was done by a run that died since, or by a racer."""

    def holds(data: bytes) -> bool:
        try:
            return bool(check_anchor(data, note, draft.state, sequencer))
        except MunimentError:
            return False

    newest, path = read_if(store, ANCHOR), anchor_path(len(draft.leaves))
    data = read_if(store, path)
    if data is None or not holds(data):
        data = anchor.sign(format_statement(anchor_statement(note))).data
        check_anchor(data, note, draft.state, sequencer)
        data = _keep(store, path, holds, data)
    store.swap(ANCHOR, newest, data)


def _keep(store: Store, path: str, holds: Callable[[bytes], bool], data: bytes) -> bytes:
    """Puts a file there for good unless one that `holds` is there; gives what is there then."""
    known = read_if(store, path)
    if known is not None and holds(known):
        return known
    store.swap(path, known, data)
    return data


def _checkpoint(draft: Draft) -> Checkpoint:
    return Checkpoint(config_of(draft.state).origin, draft.state.size, draft.state.edge.root())


def _clear(store: Store, draft: Draft) -> None:
    """Empties the inbox of what was decided and takes away what is redacted.

    Raises `Unreachable` last, for the first file that cannot be removed.
    """
    failed = None
    redacted = map(blob_path, redaction.gone_bundles(draft.state))
    left = (path for path in redacted if read_if(store, path) is not None)
    for path in (*filter(None, draft.done), *left):
        try:
            store.remove(path)
        except Unreachable as error:
            failed = failed or error
    store.commit(f"Checkpoint of {len(draft.leaves)} entries")
    if failed is not None:
        raise failed


def _history(store: Store, draft: Draft, note: bytes | None) -> History:
    if draft.state.config is None or note is None:
        reasons = " ".join(str(t.error) for t in draft.turned)
        raise Refused(f"{store.place} holds no registry yet. {reasons}".strip(), "Make one with muniment init.")
    entries = tuple(draft.state.entries[i] for i in range(draft.state.size))
    return History(entries, draft.state, _checkpoint(draft), note, tuple(draft.leaves))
