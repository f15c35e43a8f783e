"""A cache of states: makers are spared the derivation, and nobody else's state is ever signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from muniment.core.errors import Missing, Untrusted
from muniment.log.checkpoint import parse_checkpoint
from muniment.log.lines import format_lines, leaf_file
from muniment.log.note import parse_note
from muniment.registry.cache import Cache, secret_of
from muniment.registry.fold import read_leaves
from muniment.registry.inbox import submit
from muniment.registry.paths import CHECKPOINT
from muniment.registry.sequencer import Published, publish
from muniment.registry.state import State
from muniment.registry.store.local import LocalStore
from muniment.registry.table import Table
from muniment.verify.replay import verify_registry
from muniment.verify.selfread import read_history
from tests.registry.paper import signature
from tests.world import World, make_world, now


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(tmp_path_factory.mktemp("ready"))
    made.promote(made.release("aiops/cpu@1.0.0"))
    yield made
    made.sandbox.__exit__(None, None, None)


@pytest.fixture
def store(ready: World, tmp_path: Path) -> LocalStore:
    return ready.copy(tmp_path / "r")


@pytest.fixture
def cache(ready: World, tmp_path: Path) -> Cache:
    return Cache(LocalStore(tmp_path / "cache"), secret_of(ready.key))


def one_more(ready: World, store: LocalStore, cache: Cache | None, content: bytes = b"more") -> Published:
    submit(store, ready.sign("trainer", signature(content)).data)
    return publish(store, ready.key, now(), cache=cache)


def without_blobs(store: LocalStore) -> None:
    """Whoever derives the past again finds that it is gone."""
    for path in (store.root / "blob").rglob("*"):
        if path.is_file():
            path.unlink()


def test_a_publish_goes_on_from_the_last_one(ready: World, store: LocalStore, cache: Cache) -> None:
    one_more(ready, store, cache)
    kept = {p.relative_to(store.root): p.read_bytes() for p in (store.root / "blob").rglob("*") if p.is_file()}
    without_blobs(store)
    done = one_more(ready, store, cache, b"and more")
    assert [e.kind for e in done.admitted] == ["signature", "state"]
    for path, data in kept.items():
        store.write(path.as_posix(), data)
    assert verify_registry(store, ready.trust).history.state == done.history.state
    without_blobs(store)
    with pytest.raises(Missing):
        one_more(ready, store, None)


def false(state: State) -> State:
    """The state as one would like it: nobody stands in production."""
    return replace(state, stages=Table(), tree=state.tree)


def test_poisoned_cache(ready: World, store: LocalStore, cache: Cache, tmp_path: Path) -> None:
    """A job that can write to a shared cache puts a state there under the name of the sealed one."""
    done = one_more(ready, store, cache)
    (file,) = (tmp_path / "cache").iterdir()
    for thief in (Cache(LocalStore(tmp_path / "t1")), Cache(LocalStore(tmp_path / "t2"), b"guessed")):
        identity = replace(done.history.state, last=done.history.state.last.set("config", 7))
        thief.save(identity)
        (made,) = (tmp_path / ("t1" if thief._secret is None else "t2")).iterdir()
        file.write_bytes(made.read_bytes())
        again = one_more(ready, store, cache, file.read_bytes()[:9] + bytes([thief._secret is None]))
        assert verify_registry(store, ready.trust).history.state == again.history.state
        assert again.history.state.last["config"] == 0


def test_a_state_of_ones_own_that_is_not_the_logs(ready: World, store: LocalStore, cache: Cache) -> None:
    """Even under its seal a state must have the documents that the log states and the leaves that it has."""
    state = read_history(store).state
    for wrong in (false(state), replace(state, admitted_at=None), replace(state, genesis=None)):
        cache.save(replace(wrong, genesis=state.genesis))
        done = one_more(ready, store, cache, repr(wrong.admitted_at).encode() + bytes([len(wrong.stages)]))
        assert verify_registry(store, ready.trust).history.state == done.history.state


def test_a_log_that_was_altered_under_the_cache(ready: World, store: LocalStore, cache: Cache) -> None:
    one_more(ready, store, cache)
    leaves = read_leaves(store, read_history(store).checkpoint.size)
    store.write(leaf_file(0), format_lines([*leaves[:2], leaves[3], leaves[2], *leaves[4:]]))
    with pytest.raises(Untrusted, match="not what its checkpoint signs"):
        one_more(ready, store, cache, b"and more")


def test_rewinder_before_the_sequencer(ready: World, store: LocalStore, cache: Cache, tmp_path: Path) -> None:
    """A host that forces its branch back would have an honest operator sign a second history."""
    older = ready.copy(tmp_path / "older")
    first, newest = store.read(CHECKPOINT), one_more(ready, store, cache).history.note
    before = older.read(leaf_file(0))
    for idle in (True, False):
        with pytest.raises(Untrusted, match=r"of \d+ entries, by the cache, was signed before"):
            publish(older, ready.key, now(), cache=cache) if idle else one_more(ready, older, cache, b"other")
    assert (older.read(CHECKPOINT), older.read(leaf_file(0))) == (first, before)
    store.write(CHECKPOINT, first)  # the entries are there still
    assert publish(store, ready.key, now(), cache=cache).history.note == newest
    assert one_more(ready, store, cache, b"next").history.state.size > parse_checkpoint(parse_note(newest).text).size


def test_its_makers_read_from_the_cache(ready: World, store: LocalStore, tmp_path: Path) -> None:
    cache = Cache(LocalStore(tmp_path / "cache"))
    history = read_history(store, None, cache)
    genesis = [p for p in (store.root / "blob").rglob("*") if history.entries[0].record.bundle.hex == p.name]
    kept = genesis[0].read_bytes()
    without_blobs(store)
    genesis[0].write_bytes(kept)  # the pins are read from it
    assert read_history(store, None, cache) == history
    with pytest.raises(Missing):
        read_history(store)
    with pytest.raises(Missing):
        read_history(store, history.checkpoint.size - 2, cache)


def test_a_cache_that_cannot_be_used_is_none(ready: World, store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = Cache(LocalStore(tmp_path / "file"))
    assert read_history(store, None, cache).checkpoint.size == ready.history.checkpoint.size


def test_commands_use_the_folder_that_the_environment_names(
    ready: World, store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.cli.run import muniment

    monkeypatch.setenv("MUNIMENT_CACHE", str(tmp_path / "cache"))
    assert muniment("show", "--registry", store.root).code == 0
    submit(store, ready.sign("trainer", signature(b"by command")).data)
    assert muniment("publish", store.root, "--log-key", ready.folder / "log.key").code == 0
    assert sorted(p.suffix for p in (tmp_path / "cache").iterdir()) == [".sealed", ".state"]
    without_blobs(store)
    submit(store, ready.sign("trainer", signature(b"by command again")).data)
    assert muniment("publish", store.root, "--log-key", ready.folder / "log.key").code == 0
