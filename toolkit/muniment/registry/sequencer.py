"""Publish: inbox → log → checkpoint, by the one job that holds the log key.

Order of writing: blobs, leaves, then the checkpoint that signs exactly what was written. Leaves beyond the checkpoint
are pending: readers ignore them and the next run signs them unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from muniment.core.digest import Digest
from muniment.core.errors import Missing, MunimentError, Refused, Untrusted, Usage
from muniment.core.instant import whole_seconds
from muniment.evidence.kinds import EVENTS, EVIDENCE, kind_of
from muniment.evidence.statement import format_statement
from muniment.log.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from muniment.log.lines import format_lines, leaf_file, parse_lines
from muniment.log.note import NoteSigner, parse_note, parse_vkey
from muniment.registry.anchor import anchor_statement, check_anchor
from muniment.registry.check import SKEW, check
from muniment.registry.documents import settle
from muniment.registry.fold import (
    Batch,
    Blob,
    History,
    batches,
    blob_reader,
    end_batch,
    fold,
    fold_batch,
    open_bundle,
    read_leaves,
    state_root,
    tree_of,
    verify_bundle,
)
from muniment.registry.inbox import Item, read_inbox
from muniment.registry.judges.common import config_of
from muniment.registry.leaf import StateLeaf, derive_leaf, format_state_leaf, parse_leaf
from muniment.registry.paths import ANCHOR, CHECKPOINT, CHECKPOINTS, anchor_path, blob_path, checkpoint_path
from muniment.registry.state import Entry, State
from muniment.registry.store import Store
from muniment.signing.bundle import Bundle
from muniment.signing.identity import Signed
from muniment.signing.keyless import Signer

PATIENCE = timedelta(days=30)
FILE = 256
RANK = {kind: rank for rank, kind in enumerate([*EVIDENCE, *EVENTS])}


@dataclass(frozen=True, slots=True)
class Turned:
    """A submission that was not admitted: `waits` if it stays in the inbox."""

    path: str
    kind: str
    statement: Digest | None
    error: MunimentError
    waits: bool


@dataclass(frozen=True, slots=True)
class Published:
    """What one publish did; `history` is the registry after it."""

    history: History
    admitted: tuple[Entry, ...]
    turned: tuple[Turned, ...]


@dataclass(slots=True)
class _Candidate:
    path: str
    bundle: Bundle
    signed: Signed
    error: MunimentError | None = None

    @property
    def order(self) -> tuple[datetime, int, str]:
        kind = kind_of(self.signed.statement.predicate_type) or ""
        return self.signed.signed_at, RANK.get(kind, len(RANK)), self.signed.statement_digest.hex


@dataclass(slots=True)
class _Work:
    """A batch in the making."""

    state: State
    leaves: list[bytes]
    blobs: dict[Digest, bytes] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    turned: list[Turned] = field(default_factory=list)


def publish(
    store: Store,
    signer: NoteSigner,
    now: datetime,
    anchor: Callable[[], Signer] | None = None,
    heartbeat: bool = False,
) -> Published:
    """Admits what the inbox holds and can be admitted, and signs the log.

    Where the configuration names a sequencer, its signer, which `anchor` gives, signs the checkpoint keyless as well.
    `now` is the batch's time, moved forward where records or earlier batches are later. With `heartbeat` a batch of
    nothing is ended too, so that readers see a date. Raises `Untrusted` when the registry is not what its checkpoint
    signs, `Usage` for a foreign log key or an anchor by another than the configured sequencer.
    """
    note, base = _signed_part(store)
    work = _Work(base, _all_leaves(store))
    size = base.size
    first = _resume(work, size, blob_reader(store), whole_seconds(now) + SKEW)
    _admit(work, [*first, *_candidates(work, read_inbox(store), first)], whole_seconds(now), heartbeat)
    if work.state.config is not None:
        _check_key(work.state, signer)
    if work.state.size == size:
        _clear(store, work)
        return Published(_history(work, note, store), (), tuple(work.turned))
    keyless = _anchor_signer(work.state, anchor)
    _check_signed(store, work, size, signer)
    _write(store, work, size)
    note = _sign(store, work, signer, keyless)
    _clear(store, work)
    entries = tuple(work.state.entries[i] for i in range(size, work.state.size))
    return Published(_history(work, note, store), entries, tuple(work.turned))


def _signed_part(store: Store) -> tuple[bytes, State]:
    """The newest checkpoint's note and what its entries add up to, signed by a key in force there."""
    if not store.exists(CHECKPOINT):
        if store.exists(checkpoint_path(2)):
            raise Missing(f"{store.place}/checkpoint is missing.", "Put back the newest of checkpoints/.")
        return b"", State()
    note = store.read(CHECKPOINT)
    checkpoint = parse_checkpoint(parse_note(note).text)
    leaves = read_leaves(store, checkpoint.size)
    if tree_of(leaves).root() != checkpoint.root:
        raise Untrusted(
            "The log is not what its checkpoint signs.", "Do not publish; restore the registry from a good copy."
        )
    state = fold(State(), leaves, blob_reader(store))
    config = config_of(state)
    open_checkpoint(note, config.origin, [parse_vkey(key) for key in config.log_keys])
    return note, state


def _all_leaves(store: Store) -> list[bytes]:
    leaves: list[bytes] = []
    while store.exists(path := leaf_file(len(leaves))):
        lines = parse_lines(store.read(path), path)
        leaves += lines
        if len(lines) < FILE:
            break
    return leaves


def _resume(work: _Work, size: int, blob: Blob, latest: datetime) -> list[_Candidate]:
    """Folds pending whole batches as they stand; the records of a pending broken one come first in the next.

    A batch dated after `latest` is broken too, and so is what follows it: nobody signed it, and it would date all
    later ones.
    """
    pending, work.leaves = work.leaves[size:], work.leaves[:size]
    broken: list[_Candidate] = []
    for batch in batches(pending, size):
        timely = batch.end is not None and batch.end.admitted_at <= max(latest, work.state.admitted_at or latest)
        if timely and not broken:
            work.state = fold_batch(work.state, batch, blob)
            work.leaves += [*batch.records, batch.end_data]
        else:
            broken += [_reread(work.state, data, blob) for data in _bundled(batch)]
    return broken


def _bundled(batch: Batch) -> list[Digest]:
    return [leaf.bundle for leaf in map(parse_leaf, batch.records) if not isinstance(leaf, StateLeaf)]


def _reread(state: State, digest: Digest, blob: Blob) -> _Candidate:
    bundle = open_bundle(blob(digest), digest)
    return _Candidate("", bundle, verify_bundle(state, bundle))


def _candidates(work: _Work, items: list[Item], resumed: list[_Candidate]) -> list[_Candidate]:
    """What the inbox holds and the log does not, in order; what cannot be verified is turned away."""
    found: list[_Candidate] = []
    present = {*work.leaves, *(derive_leaf(c.signed) for c in resumed)}
    for item in items:
        try:
            if item.bundle is None:
                raise item.error or Missing(f"{item.path} is empty.")
            signed = verify_bundle(work.state, item.bundle)
            if derive_leaf(signed) in present:
                work.done.append(item.path)
            else:
                found.append(_Candidate(item.path, item.bundle, signed))
        except MunimentError as error:
            work.turned.append(Turned(item.path, "", None, error, False))
            work.done.append(item.path)
    return sorted(found, key=lambda c: c.order)


def _admit(work: _Work, candidates: list[_Candidate], now: datetime, heartbeat: bool) -> None:
    """Tries what waits again and again until nothing more is admitted, then ends the batch."""
    start = work.state.size
    timely = [c for c in candidates if c.signed.signed_at <= now + SKEW]
    at = max([now, *(c.signed.signed_at for c in timely), *filter(None, [work.state.admitted_at])])
    rest = candidates
    while True:
        left = [c for c in rest if not _try(work, c, at)]
        if len(left) == len(rest):
            break
        rest = left
    for candidate in rest:
        _turn(work, candidate, now)
    if work.state.size > start or (heartbeat and start):
        work.state = settle(work.state)
        leaf = StateLeaf(at, state_root(work.state))
        data = format_state_leaf(leaf)
        work.state = end_batch(work.state, leaf, data)
        work.leaves.append(data)


def _try(work: _Work, candidate: _Candidate, at: datetime) -> bool:
    leaf = derive_leaf(candidate.signed)
    try:
        work.state = check(work.state, candidate.signed, at, leaf)
    except MunimentError as error:
        candidate.error = error
        return False
    work.leaves.append(leaf)
    work.blobs[candidate.bundle.digest] = candidate.bundle.data
    work.done.append(candidate.path)
    return True


def _turn(work: _Work, candidate: _Candidate, now: datetime) -> None:
    error = candidate.error
    assert error is not None
    waits = isinstance(error, Refused) and error.waits
    if waits and now - candidate.signed.signed_at > PATIENCE:
        error, waits = Refused(f"It waited more than {PATIENCE.days} days. {error.fact}", error.remedy), False
    kind = kind_of(candidate.signed.statement.predicate_type) or candidate.signed.statement.predicate_type
    work.turned.append(Turned(candidate.path, kind, candidate.signed.statement_digest, error, waits))
    if not waits:
        work.done.append(candidate.path)


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


def _check_signed(store: Store, work: _Work, size: int, signer: NoteSigner) -> None:
    """Raises `Untrusted` where a checkpoint that was signed already is not one of the log as it will be written.

    It happens when an older log and checkpoint were put back: signing again would convict the log of a fork.
    """
    tree = tree_of(work.leaves)
    verifiers = [parse_vkey(key) for key in {k for era in work.state.eras for k in era.log_keys}]
    for path in store.list(CHECKPOINTS):
        name = path.rpartition("/")[2]
        if not name.isdecimal() or int(name) <= size:
            continue
        try:
            known = open_checkpoint(store.read(path), signer.name, verifiers)
        except MunimentError:
            continue
        if known.size > len(work.leaves) or tree.root(known.size) != known.root:
            raise Untrusted(
                f"{path} was signed before, and is not a checkpoint of this log.",
                "The registry was put back to an older state: restore it to its newest.",
            )


def _write(store: Store, work: _Work, size: int) -> None:
    beyond = -(-len(work.leaves) // FILE) * FILE
    while store.exists(stale := leaf_file(beyond)):  # left by a batch that died and is judged otherwise now
        store.remove(stale)
        beyond += FILE
    for digest, data in work.blobs.items():
        store.write(blob_path(digest), data)
    for first in range(size - size % FILE, len(work.leaves), FILE):
        store.write(leaf_file(first), format_lines(work.leaves[first : first + FILE]))


def _sign(store: Store, work: _Work, signer: NoteSigner, anchor: Signer | None) -> bytes:
    note, size = sign_checkpoint(_checkpoint(work), signer), len(work.leaves)
    sequencer = config_of(work.state).sequencer
    if anchor is not None and sequencer is not None:
        bundle = anchor.sign(format_statement(anchor_statement(note)))
        check_anchor(bundle.data, note, work.state, sequencer)
        store.write(anchor_path(size), bundle.data)
        store.write(ANCHOR, bundle.data)
    store.write(checkpoint_path(size), note)
    store.write(CHECKPOINT, note)
    return note


def _checkpoint(work: _Work) -> Checkpoint:
    assert work.state.config is not None
    return Checkpoint(work.state.config.origin, len(work.leaves), tree_of(work.leaves).root())


def _clear(store: Store, work: _Work) -> None:
    for path in filter(None, work.done):
        store.remove(path)


def _history(work: _Work, note: bytes, store: Store) -> History:
    if work.state.config is None:
        reasons = " ".join(str(t.error) for t in work.turned)
        raise Refused(f"{store.place} holds no registry yet. {reasons}".strip(), "Make one with muniment init.")
    entries = tuple(work.state.entries[i] for i in range(work.state.size))
    return History(entries, work.state, _checkpoint(work), note, tuple(work.leaves))
