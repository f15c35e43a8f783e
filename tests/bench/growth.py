"""What grows with a log, and what does not: python tests/bench/growth.py [--replay] [SIZE...]

For logs of so many entries (100 and 10,000 unless told): one entry published, with the state kept of the last run and
without, by reads and writes of the store and by time; a kept state; one more document in the state tree; the tiles of
one more entry; the bytes of an entry's proof and of a version's pack. The logs verify, but all that is in them besides
the first records are batches of nothing, and logs of more than 10,000 are published with a state kept in memory only.
With --replay that many entries are replayed, else 1,000: records on paper over 50 names, without bundles. What a bundle
costs is measured by bulk.py.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Conflict, Missing
from muniment.core.name import VersionId, parse_version_id
from muniment.evidence.statement import format_statement
from muniment.log.checkpoint import Checkpoint, sign_checkpoint
from muniment.log.lines import LEAVES, format_lines, leaf_file
from muniment.log.merkle import prove_inclusion
from muniment.log.proof import TlogProof, format_proof
from muniment.log.statetree import StateTree
from muniment.log.tiles import entry_bundles, tiles
from muniment.registry import propose
from muniment.registry.cache import Cache
from muniment.registry.check import check
from muniment.registry.fold import History, blob_reader, end_batch, state_root, tree_of
from muniment.registry.inbox import submit
from muniment.registry.leaf import StateLeaf, derive_leaf, format_state_leaf
from muniment.registry.leaf import parse_leaf as parse_log_leaf
from muniment.registry.paths import CHECKPOINT, checkpoint_path
from muniment.registry.sequencer import publish
from muniment.registry.snapshot import format_snapshot, parse_snapshot
from muniment.registry.state import Entry, State
from muniment.registry.store import LIMIT
from muniment.verify.pack import make_pack, open_pack
from tests.registry.paper import Paper, model, signature
from tests.world import World, make_world, now

SIZES = (100, 10_000)
WHOLE = 10_000
REPLAYED = 1_000
ROUNDS = 3
NAMES = 50


class Counted:
    """A store in memory that counts what is asked of it, by the first part of the path."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.reads, self.writes = files, Counter[str](), Counter[str]()
        self.place, self.alone = "memory", True

    def read(self, path: str, most: int = LIMIT) -> bytes:
        """The bytes of a file, or `Missing`."""
        self.reads[path.split("/")[0]] += 1
        if path not in self.files:
            raise Missing(f"{path} is missing.")
        return self.files[path]

    def list(self, folder: str) -> list[str]:
        """The files of a folder, which counts as one read."""
        self.reads[f"{folder}/"] += 1
        return sorted(path for path in self.files if path.rpartition("/")[0] == folder)

    def put_new(self, path: str, data: bytes) -> None:
        """Puts a file there."""
        self.swap(path, self.files.get(path), data)

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        """Replaces a file that is as expected."""
        self.writes[path.split("/")[0]] += 1
        if self.files.get(path) != old:
            raise Conflict(f"{path} is another one.")
        self.files[path] = new

    def remove(self, path: str) -> None:
        """Takes a file away."""
        self.files.pop(path, None)

    def commit(self, message: str) -> None:
        """Everything stands already."""

    @contextmanager
    def turn(self) -> Iterator[None]:
        """There is one writer."""
        yield


class Held(Cache):
    """A cache that keeps the state as it is, so that only the rest of a publish is measured."""

    def __init__(self, state: State | None) -> None:
        self.state = state

    def load(self, origin: str, genesis: Digest) -> State | None:
        """The state."""
        return self.state

    def save(self, state: State) -> None:
        """Keeps none: every round begins alike."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock and of the processor."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall * 1e3:10,.1f} ms  {self.cpu * 1e3:10,.1f} ms of processor"


def main() -> None:
    """Prints a row for each thing and size."""
    sizes = [int(text) for text in sys.argv[1:] if text.isdigit()] or SIZES
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder))
        version = world.release("aiops/cpu@1.0.0")
        world.promote(version)
        for size in sizes:
            _log(world, version, size)
        world.sandbox.__exit__(None, None, None)
    for size in sizes if "--replay" in sys.argv else [REPLAYED]:
        _replay(size)


def _log(world: World, version: VersionId, size: int) -> None:
    history = _grown(world, size)
    files = {
        p.relative_to(world.store.root).as_posix(): p.read_bytes() for p in world.store.root.rglob("*") if p.is_file()
    }
    for first in range(0, size, LEAVES):
        files[leaf_file(first)] = format_lines(history.leaves[first : first + LEAVES])
    files |= {CHECKPOINT: history.note, checkpoint_path(size): history.note}
    _publish(world, size, files, "the state kept", history.state)
    if size <= WHOLE:
        _publish(world, size, files, "nothing kept", None)
        _snapshot(history.state, size)
    _tree(size)
    _tiles(history, size)
    _sizes(world, version, history, size)


def _grown(world: World, size: int) -> History:
    """The world's registry with batches of nothing up to a size, under a checkpoint of its own."""
    state = world.state
    assert state.admitted_at is not None
    leaf = StateLeaf(state.admitted_at, state_root(state))
    data = format_state_leaf(leaf)
    while state.size < size:
        state = state.grown(Entry(state.size, data, "state", None, None, leaf.admitted_at))
    checkpoint = Checkpoint(world.trust.origin, size, state.edge.root())
    entries = tuple(state.entries[at] for at in range(size))
    return History(entries, state, checkpoint, sign_checkpoint(checkpoint, world.key), tuple(e.leaf for e in entries))


def _publish(world: World, size: int, files: dict[str, bytes], name: str, known: State | None) -> None:
    spent, reads, writes = [], Counter[str](), Counter[str]()
    for number in range(ROUNDS):
        store = Counted(dict(files))
        submit(store, world.sign("trainer", signature(b"%d" % number)).data)
        store.reads.clear()
        store.writes.clear()
        spent.append(_timed(lambda store=store: publish(store, world.key, now(), cache=Held(known))))  # type: ignore[misc]
        reads, writes = store.reads, store.writes
    told = f"reads: {_counts(reads)}; writes: {_counts(writes)}"
    print(f"{size:>9,} publish one entry, {name:<16} {_median(spent)}  {told}")


def _snapshot(state: State, size: int) -> None:
    assert state.genesis is not None
    assert state.config is not None
    origin, genesis = state.config.origin, state.genesis
    data = format_snapshot(state, b"secret")
    spent = [_timed(lambda: parse_snapshot(data, origin, genesis, b"secret")) for _ in range(ROUNDS)]
    print(f"{size:>9,} read a kept state                    {_median(spent)}  {len(data):,} bytes")
    spent = [_timed(lambda: format_snapshot(state, b"secret")) for _ in range(ROUNDS)]
    print(f"{size:>9,} write it                             {_median(spent)}")


def _tree(size: int) -> None:
    tree = StateTree({f"name/a/m/version/{number}": b"{}" for number in range(size)})
    assert tree.root
    spent = [_timed(lambda n=n: tree.updated({f"name/a/n/version/{n}": b"{}"}).root) for n in range(20)]  # type: ignore[misc]
    print(f"{size:>9,} state tree: one more document        {_median(spent)}")


def _tiles(history: History, size: int) -> None:
    tree = tree_of(history.leaves)
    before = dict(tiles(tree, [size - 1])) | dict(entry_bundles(history.leaves, [size - 1]))
    made: dict[str, bytes] = {}

    def make() -> None:
        made.update(tiles(tree, [size - 1, size]))
        made.update(entry_bundles(history.leaves, [size - 1, size]))

    spent = _timed(make)
    new = [data for path, data in made.items() if before.get(path) != data]
    print(f"{size:>9,} tiles of one more entry              {spent}  {len(new)} files, {sum(map(len, new)):,} bytes")


def _sizes(world: World, version: VersionId, history: History, size: int) -> None:
    hashes = prove_inclusion(tree_of(history.leaves), size // 2, size)
    proof = format_proof(TlogProof(size // 2, hashes, history.note))
    pack = make_pack(history, version, blob_reader(world.store))
    spent = _timed(lambda: open_pack(pack, world.trust))
    print(f"{size:>9,} verify a pack                        {spent}  {len(pack):,} bytes; a proof {len(proof):,} bytes")


def _replay(size: int) -> None:
    paper = Paper()
    number = 0
    while paper.state.size < size:
        _add_version(paper, number)
        number += 1
    entries = [paper.state.entries[at] for at in range(paper.state.size)]
    spent = _timed(lambda: _again(entries, paper.state))
    print(f"{len(entries):>9,} replay on paper                      {spent}  {len(entries) / spent.cpu:,.0f} a second")


def _add_version(paper: Paper, number: int) -> None:
    """A version in production. Its evidence is told: looking for it in the whole log each time takes hours."""
    signed, version = signature(b"%d" % number), parse_version_id(f"aiops/m{number % NAMES}@{number // NAMES}")
    paper.put("trainer", signed)
    artifacts, evidence = (model(b"%d" % number),), (digest_of(format_statement(signed)),)
    paper.put("trainer", propose.release(paper.state, version, artifacts, evidence, paper.at))
    paper.promote(version)


def _again(entries: list[Entry], wanted: State) -> None:
    state = State()
    for entry in entries:
        if entry.record is None:
            leaf = parse_log_leaf(entry.leaf)
            assert isinstance(leaf, StateLeaf)
            state = end_batch(state, leaf, entry.leaf)
        else:
            assert derive_leaf(entry.record) == entry.leaf
            state = check(state, entry.record, entry.admitted_at, entry.leaf)
    assert state.edge == wanted.edge


def _timed(act: Callable[[], object]) -> Spent:
    began, used = time.perf_counter(), _cpu()
    act()
    return Spent(time.perf_counter() - began, _cpu() - used)


def _median(spent: list[Spent]) -> Spent:
    return Spent(statistics.median(s.wall for s in spent), statistics.median(s.cpu for s in spent))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    main()
