"""A publish that knows the state before reads the right edge of the log and nothing else of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from muniment.core.errors import Missing, Untrusted
from muniment.log.checkpoint import Checkpoint, sign_checkpoint
from muniment.log.lines import LEAVES, format_lines, leaf_file, parse_lines
from muniment.log.merkle import Edge
from muniment.registry.cache import Cache, secret_of
from muniment.registry.fold import end_batch, state_root
from muniment.registry.inbox import submit
from muniment.registry.leaf import StateLeaf, format_state_leaf
from muniment.registry.paths import CHECKPOINT, checkpoint_path
from muniment.registry.sequencer import Published, publish
from muniment.registry.state import State
from muniment.registry.store import LIMIT
from muniment.registry.store.local import LocalStore
from muniment.verify.replay import verify_registry
from muniment.verify.selfread import read_history
from tests.registry.paper import signature
from tests.world import World, make_world, now


class Counted(LocalStore):
    """Remembers what of the log was read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.looked: list[str] = []

    def read(self, path: str, most: int = LIMIT) -> bytes:
        """The bytes, as ever."""
        if path.startswith("log/"):
            self.looked.append(path)
        return super().read(path, most)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("edge"))
    yield made
    made.sandbox.__exit__(None, None, None)


@pytest.fixture
def cache(ready: World, tmp_path: Path) -> Cache:
    return Cache(LocalStore(tmp_path / "cache"), secret_of(ready.key))


def long(ready: World, folder: Path, size: int) -> Counted:
    """The registry, made `size` entries long by batches of nothing, a checkpoint at its end."""
    state, root = read_history(ready.store).state, ready.copy(folder).root
    while state.size < size:
        assert state.admitted_at is not None
        leaf = StateLeaf(state.admitted_at, state_root(state))
        state = end_batch(state, leaf, format_state_leaf(leaf))
    store, leaves = Counted(root), [state.entries[at].leaf for at in range(size)]
    for first in range(0, size, LEAVES):
        store.write(leaf_file(first), format_lines(leaves[first : first + LEAVES]))
    note = sign_checkpoint(Checkpoint(ready.trust.origin, size, state.edge.root()), ready.key)
    store.write(checkpoint_path(size), note)
    store.write(CHECKPOINT, note)
    return store


def one_more(ready: World, store: LocalStore, cache: Cache, content: bytes) -> Published:
    submit(store, ready.sign("trainer", signature(content)).data)
    return publish(store, ready.key, now(), cache=cache)


@pytest.mark.parametrize("size", [300, 511, 512, 700, 2000])
def test_what_a_publish_reads_does_not_grow_with_the_log(ready: World, cache: Cache, tmp_path: Path, size: int) -> None:
    store = long(ready, tmp_path / "r", size)
    one_more(ready, store, cache, b"first")
    assert len(set(store.looked)) > size // LEAVES
    store.looked.clear()
    done = one_more(ready, store, cache, b"second")
    last = (size + 2) // LEAVES
    assert set(store.looked) <= {leaf_file(0), *(leaf_file(at * LEAVES) for at in (last, last + 1, last + 2))}
    assert len(store.looked) <= 6
    assert done.admitted[0].kind == "signature"
    assert verify_registry(store, ready.trust).history == done.history


def test_what_others_published_since_is_read_and_no_more(ready: World, cache: Cache, tmp_path: Path) -> None:
    store = long(ready, tmp_path / "r", 700)
    one_more(ready, store, cache, b"first")
    submit(store, ready.sign("trainer", signature(b"by another")).data)
    publish(store, ready.key, now())
    store.looked.clear()
    done = one_more(ready, store, cache, b"second")
    assert set(store.looked) == {leaf_file(0), leaf_file(512), leaf_file(768)}
    assert verify_registry(store, ready.trust).history == done.history


def test_older_files_are_not_looked_at_and_cannot_change_what_is_signed(
    ready: World, cache: Cache, tmp_path: Path
) -> None:
    """`verify` tells of an old file that is altered or gone; the next checkpoint is the true log's all the same."""
    store = long(ready, tmp_path / "r", 700)
    one_more(ready, store, cache, b"first")
    path, kept = leaf_file(256), store.read(leaf_file(256))
    lines = parse_lines(kept, path)
    store.write(path, format_lines([lines[0][:-1] + b" }", *lines[1:]]))
    done = one_more(ready, store, cache, b"second")
    with pytest.raises(Untrusted, match="do not hash to the signed checkpoint"):
        verify_registry(store, ready.trust)
    (store.root / path).unlink()
    done = one_more(ready, store, cache, b"third")
    with pytest.raises(Missing):
        verify_registry(store, ready.trust)
    store.write(path, kept)
    assert verify_registry(store, ready.trust).history == done.history


@pytest.mark.parametrize("first", [0, 512])
def test_altered_leaves_at_the_edge_are_not_signed_again(
    ready: World, cache: Cache, tmp_path: Path, first: int
) -> None:
    """The files that are read must be those of the known state."""
    store = long(ready, tmp_path / "r", 700)
    one_more(ready, store, cache, b"first")
    lines = parse_lines(store.read(leaf_file(first)), "it")
    store.write(leaf_file(first), format_lines([*lines[:9], lines[9][:-1] + b" }", *lines[10:]]))
    before = store.read(CHECKPOINT)
    with pytest.raises(Untrusted, match="not what its checkpoint signs"):
        one_more(ready, store, cache, b"second")
    assert store.read(CHECKPOINT) == before


def _shifted(state: State) -> State:
    return replace(state, edge=Edge(state.size, (bytes(32), *state.edge.hashes[1:])))


def test_an_edge_of_ones_own_that_is_not_the_logs(ready: World, cache: Cache, tmp_path: Path) -> None:
    """Even under its seal a state must have the edge that gives the signed root; else the whole log is read again."""
    store = long(ready, tmp_path / "r", 300)
    cache.save(_shifted(one_more(ready, store, cache, b"first").history.state))
    done = one_more(ready, store, cache, b"second")
    assert verify_registry(store, ready.trust).history == done.history


def test_a_log_put_back_under_the_cache(ready: World, cache: Cache, tmp_path: Path) -> None:
    """The known state is ahead of the log, and what was signed is not signed otherwise."""
    ahead = long(ready, tmp_path / "ahead", 600)
    one_more(ready, ahead, cache, b"first")
    store = long(ready, tmp_path / "r", 580)
    before = store.read(CHECKPOINT)
    with pytest.raises(Untrusted, match="of 602 entries, by the cache, was signed before"):
        one_more(ready, store, cache, b"second")
    assert store.read(CHECKPOINT) == before
