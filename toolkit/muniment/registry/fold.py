"""`state = fold(check, entries)`: reading a registry's log and re-deriving all that it adds up to."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from types import MappingProxyType

from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Malformed, Mismatch, Missing, MunimentError, Untrusted
from muniment.evidence.kinds import EVENTS
from muniment.evidence.statement import parse_statement
from muniment.log.checkpoint import Checkpoint
from muniment.log.lines import LEAVES, leaf_file, parse_lines
from muniment.log.merkle import MemoryTree, leaf_hash
from muniment.registry.check import check, check_absent
from muniment.registry.config import parse_config
from muniment.registry.deletion import Redact
from muniment.registry.documents import settle, state_tree
from muniment.registry.leaf import RecordLeaf, StateLeaf, derive_leaf, parse_leaf
from muniment.registry.paths import blob_path
from muniment.registry.predicate import parse_event
from muniment.registry.state import Entry, State
from muniment.registry.store import Reader
from muniment.signing.bulk import Verified, verify_many
from muniment.signing.bundle import Bundle, parse_bundle
from muniment.signing.identity import Signed
from muniment.signing.strict import verifier_for

MAX_BUNDLE = 16 * 1024 * 1024
Blob = Callable[[Digest], bytes]
# Bundles that are gone, with the index of the redact event that names each.
Gone = Mapping[Digest, int]
_NONE: Gone = MappingProxyType({})
_REDACT = EVENTS["redact"].encode()
# Gives a bundle by its name, verified by the root in force in a state.
Take = Callable[[State, Digest], Signed]


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive leaves that were admitted together; `end` is None for one that is not ended yet."""

    start: int
    records: tuple[bytes, ...]
    end: StateLeaf | None
    end_data: bytes = b""


@dataclass(frozen=True, slots=True)
class History:
    """A registry, replayed: `note` is the signed checkpoint it was replayed up to."""

    entries: tuple[Entry, ...]
    state: State
    checkpoint: Checkpoint
    note: bytes
    leaves: tuple[bytes, ...]


def read_leaves(store: Reader, size: int, start: int = 0) -> list[bytes]:
    """The leaves from `start`, at which a leaf file begins, up to `size`. Raises `Missing` when there are fewer."""
    leaves: list[bytes] = []
    while (at := start + len(leaves)) < size:
        path = leaf_file(at)
        lines = parse_lines(store.read(path), path)
        if len(lines) < min(LEAVES, size - at):
            raise Missing(
                f"{path} ends at entry {at + len(lines)}, and the checkpoint speaks of {size} entries.",
                "The log was cut short; fetch it again, whole.",
            )
        leaves += lines
    return leaves[: max(0, size - start)]


def tree_of(leaves: Iterable[bytes]) -> MemoryTree:
    """The Merkle tree over leaves."""
    tree = MemoryTree()
    for leaf in leaves:
        tree.append(leaf_hash(leaf))
    return tree


def blob_reader(store: Reader) -> Blob:
    """Reads blobs and holds each to its name."""

    def read(digest: Digest) -> bytes:
        data = store.read(blob_path(digest))
        if digest_of(data) != digest:
            raise Mismatch(
                f"{blob_path(digest)} has other bytes than its name says.", "It was altered; fetch it again."
            )
        return data

    return read


def batches(leaves: Sequence[bytes], start: int = 0) -> Iterator[Batch]:
    """The batches that leaves from index `start` on make up."""
    records: list[bytes] = []
    for index, data in enumerate(leaves, start):
        leaf = parse_leaf(data)
        if isinstance(leaf, StateLeaf):
            yield Batch(start, tuple(records), leaf, data)
            start, records = index + 1, []
        else:
            records.append(data)
    if records:
        yield Batch(start, tuple(records), None)


def fold(state: State, leaves: Sequence[bytes], blob: Blob, processes: int = 1) -> State:
    """The state after whole batches of leaves, which follow the state's own.

    Bundles are verified some way ahead, by several processes where there are many of them; whatever is wrong is told
    in the order of the log all the same. A bundle may be missing where a redact event among the leaves names it.
    Raises `Untrusted`, `Refused`, `Mismatch`, `Missing` or `Malformed`.
    """
    gone = gone_by(enumerate(leaves, state.size), blob)
    ahead = _Ahead(leaves, blob, processes, gone)
    with closing(ahead):
        for batch in batches(leaves, state.size):
            if batch.end is None:
                raise Untrusted("The log ends within a batch.", "A checkpoint is signed only after a state entry.")
            state = _fold_batch(state, batch, ahead.take, gone)
    return state


def gone_by(leaves: Iterable[tuple[int, bytes]], blob: Blob) -> dict[Digest, int]:
    """The bundles that redact events among leaves name and that are not there; each event is judged at its place."""
    gone: dict[Digest, int] = {}
    for index, data in leaves:
        for bundle in _redacted(data, blob) if _REDACT in data else ():
            if bundle not in gone and _is_missing(bundle, blob):
                gone[bundle] = index
    return gone


def _redacted(data: bytes, blob: Blob) -> tuple[Digest, ...]:
    try:
        leaf = parse_leaf(data)
        event = (
            parse_event(parse_statement(open_bundle(blob(leaf.bundle)).payload))
            if isinstance(leaf, RecordLeaf)
            else None
        )
    except MunimentError:
        return ()
    return event.bundles if isinstance(event, Redact) else ()


def _is_missing(bundle: Digest, blob: Blob) -> bool:
    try:
        blob(bundle)
    except Missing:
        return True
    return False


def fold_batch(state: State, batch: Batch, blob: Blob) -> State:
    """The state after one whole batch; its state root is recomputed."""
    return _fold_batch(state, batch, lambda state, name: verify_bundle(state, open_bundle(blob(name), name)), _NONE)


def admit_leaf(state: State, data: bytes, at: datetime, blob: Blob, gone: Gone = _NONE) -> State:
    """The state after one record's leaf: bundle verified unless it is gone, leaf re-derived, rules checked."""
    return _admit_leaf(state, data, at, lambda state, name: verify_bundle(state, open_bundle(blob(name), name)), gone)


class _Ahead:
    """The bundles of leaves in their order, each verified by the Sigstore root in force when it is taken."""

    def __init__(self, leaves: Sequence[bytes], blob: Blob, processes: int, gone: Gone) -> None:
        self._leaves, self._blob, self._processes, self._gone = leaves, blob, processes, gone
        self._root, self._taken = b"", 0
        self._answers: Generator[Verified] | None = None

    def take(self, state: State, name: Digest) -> Signed:
        """The next bundle, which must be `name`, verified; its canonical form must be what is kept."""
        if state.config is None:
            signed = verify_bundle(state, open_bundle(self._blob(name), name))
        else:
            signed = self._next(state.config.trusted_root)
        self._taken += 1
        if signed.bundle != name:
            raise _other(name)
        return signed

    def close(self) -> None:
        """Ends the processes."""
        if self._answers is not None:
            self._answers.close()

    def _next(self, root: bytes) -> Signed:
        if self._answers is None or root != self._root:
            self.close()
            there = (name for name in _named(self._leaves) if name not in self._gone)
            self._root, rest = root, islice(there, self._taken, None)
            self._answers = verify_many(root, (_small(self._blob(name)) for name in rest), self._processes)
        answer = next(self._answers)
        if isinstance(answer, MunimentError):
            raise answer
        return answer


def _named(leaves: Iterable[bytes]) -> Iterator[Digest]:
    return (leaf.bundle for leaf in map(parse_leaf, leaves) if isinstance(leaf, RecordLeaf))


def _fold_batch(state: State, batch: Batch, take: Take, gone: Gone) -> State:
    assert batch.end is not None
    for data in batch.records:
        state = _admit_leaf(state, data, batch.end.admitted_at, take, gone)
    return end_batch(state, batch.end, batch.end_data)


def _admit_leaf(state: State, data: bytes, at: datetime, take: Take, gone: Gone) -> State:
    leaf = parse_leaf(data)
    assert isinstance(leaf, RecordLeaf)
    if leaf.bundle in gone:
        return check_absent(state, data, at, gone[leaf.bundle])
    signed = take(state, leaf.bundle)
    if derive_leaf(signed) != data:
        raise Untrusted(
            f"Entry {state.size} says other things than its bundle.", "The log was altered by whoever holds its key."
        )
    return check(state, signed, at, data)


def end_batch(state: State, leaf: StateLeaf, data: bytes) -> State:
    """The state after a batch's state leaf. Raises `Untrusted` for a time that goes back and for another root."""
    settled = settle(state)
    if Digest(settled.tree.root.hex()) != leaf.root:
        raise Untrusted(
            f"The state root in entry {state.size} is not what the entries before it add up to.",
            "The log was altered by whoever holds its key.",
        )
    if state.admitted_at is not None and leaf.admitted_at < state.admitted_at:
        raise Untrusted(
            f"The batch that entry {state.size} ends is dated before the one it follows.",
            "The log was altered by whoever holds its key.",
        )
    entry = Entry(state.size, data, "state", None, None, leaf.admitted_at)
    return replace(settled.grown(entry), admitted_at=leaf.admitted_at)


def state_root(state: State) -> Digest:
    """The state tree's root after a state's entries."""
    return Digest(state_tree(state).root.hex())


def open_bundle(data: bytes, name: Digest | None = None) -> Bundle:
    """The bundle that bytes hold; bytes kept under a name must be its canonical form."""
    bundle = parse_bundle(_small(data))
    _small(bundle.data)  # what is kept may be longer than what was brought: readers would refuse it
    if name is not None and bundle.digest != name:
        raise _other(name)
    return bundle


def _small(data: bytes) -> bytes:
    if len(data) > MAX_BUNDLE:
        raise Malformed(f"The bundle is larger than {MAX_BUNDLE} bytes.", "Refer to large documents by digest.")
    return data


def _other(name: Digest) -> Mismatch:
    return Mismatch(f"What is kept as the bundle {name} is another one.", "It was altered; fetch it again.")


def verify_bundle(state: State, bundle: Bundle) -> Signed:
    """Who signed a bundle, by the Sigstore root in force; genesis brings its own, which readers pin."""
    if state.config is not None:
        return verifier_for(state.config.trusted_root).verify(bundle)
    event = parse_event(parse_statement(bundle.payload))
    configuration = getattr(event, "configuration", None)
    if configuration is None:
        raise Untrusted("The first entry is not a configure event.", "Make the registry with muniment init.")
    return verifier_for(parse_config(configuration).trusted_root).verify(bundle)
