"""Whoever can only write files beside the log, or in the inbox, and wants publish to fail, lie or fork."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from muniment.core.errors import Malformed, Missing, MunimentError, Unchecked, Unreachable, Untrusted
from muniment.log.lines import LEAVES, format_lines, leaf_file, parse_lines
from muniment.registry.fold import read_leaves, state_root, verify_bundle
from muniment.registry.inbox import submit
from muniment.registry.leaf import StateLeaf, derive_leaf, format_state_leaf
from muniment.registry.paths import CHECKPOINT, blob_path, checkpoint_path
from muniment.registry.sequencer import publish
from muniment.registry.store.local import LocalStore
from muniment.verify.replay import verify_registry
from tests.registry.paper import signature
from tests.world import World, now


def leaves(store: LocalStore) -> list[bytes]:
    return parse_lines(store.read(leaf_file(0)), "the log")


def test_a_bundle_whose_leaf_no_file_can_hold(world: World) -> None:
    """It must not be admitted: every later publish would fail on it."""
    before = leaves(world.store)
    submit(world.store, world.sign("trainer", signature(name="m" * 70_000)).data)
    (turned,) = world.publish().turned
    assert isinstance(turned.error, Malformed)
    assert leaves(world.store) == before
    assert world.store.list("inbox") == []


def pending(world: World, store: LocalStore, ahead: timedelta) -> bytes:
    """A whole batch beyond the checkpoint, dated by a host; its state leaf."""
    state = world.state
    bundle = world.sign("trainer", signature(b"pending"))
    signed = verify_bundle(state, bundle)
    at = now() + ahead
    from muniment.registry.check import check

    store.write(blob_path(bundle.digest), bundle.data)
    end = format_state_leaf(StateLeaf(at, state_root(check(state, signed, at, derive_leaf(signed)))))
    store.write(leaf_file(0), format_lines([*leaves(store), derive_leaf(signed), end]))
    return end


def test_a_host_that_dates_a_pending_batch_in_the_future(world: World, tmp_path: Path) -> None:
    """Signed unchanged, it would date every later batch."""
    store = world.copy(tmp_path / "r")
    dated = pending(world, store, timedelta(days=3650))
    publish(store, world.key, now())
    history = verify_registry(store, world.trust).history
    assert [e.kind for e in history.entries[-2:]] == ["signature", "state"]
    assert history.leaves[-1] != dated
    assert history.entries[-1].admitted_at < now() + timedelta(minutes=6)


def test_a_pending_batch_of_now_is_signed_as_it_stands(world: World, tmp_path: Path) -> None:
    store = world.copy(tmp_path / "r")
    dated = pending(world, store, timedelta(0))
    publish(store, world.key, now() + timedelta(seconds=5))
    assert verify_registry(store, world.trust).history.leaves[-1] == dated


def test_a_host_that_puts_an_older_registry_back_but_for_what_was_signed(world: World, tmp_path: Path) -> None:
    """Log and checkpoint are of yesterday, and a later checkpoint was signed: another one would convict the log."""
    store = world.copy(tmp_path / "r")
    submit(store, world.sign("trainer", signature(b"one")).data)
    publish(store, world.key, now())
    for path in (CHECKPOINT, leaf_file(0)):
        store.write(path, world.store.read(path))
    submit(store, world.sign("trainer", signature(b"two")).data)
    written = {p: p.read_bytes() for p in store.root.rglob("*") if p.is_file()}
    with pytest.raises(Untrusted, match="signed before"):
        publish(store, world.key, now())
    assert {p: p.read_bytes() for p in store.root.rglob("*") if p.is_file()} == written


def test_a_checkpoint_that_nobody_signed_stops_nothing(world: World, tmp_path: Path) -> None:
    store = world.copy(tmp_path / "r")
    for name in ("4", "9", "nine", "04", "4.bak"):
        store.write(f"checkpoints/{name}", b"rubbish")
    submit(store, world.sign("trainer", signature()).data)
    assert not publish(store, world.key, now()).turned
    assert store.read(checkpoint_path(4)) == store.read(CHECKPOINT)


@pytest.mark.parametrize("bad", [b"", b"\xff", b"[" * 100_000, b"{}", b'"\\ud800"', b"null", b"1" * 10_000])
def test_rubbish_in_the_inbox(world: World, tmp_path: Path, bad: bytes) -> None:
    store = world.copy(tmp_path / "r")
    store.write("inbox/rubbish.sigstore.json", bad)
    submit(store, world.sign("trainer", signature()).data)
    done = publish(store, world.key, now())
    assert [e.kind for e in done.admitted] == ["signature", "state"]
    assert [t.path for t in done.turned] == ["inbox/rubbish.sigstore.json"]
    assert store.list("inbox") == []


def test_a_file_too_large_to_read(world: World, tmp_path: Path) -> None:
    """A sparse file of a terabyte, in the inbox and in the place of a leaf file."""
    store = world.copy(tmp_path / "r")
    huge = store.root / "inbox" / "huge.sigstore.json"
    huge.parent.mkdir(exist_ok=True)
    with huge.open("wb") as file:
        os.ftruncate(file.fileno(), 1 << 40)
    (turned,) = publish(store, world.key, now()).turned
    assert "larger than" in turned.error.fact
    assert not huge.exists()


@pytest.mark.parametrize("path", ["x" * 300, "y/" * 3000])
def test_a_path_that_cannot_be(world: World, path: str) -> None:
    for store in (LocalStore(world.store.root), LocalStore(Path(path))):
        assert not store.exists(path)
        assert store.list(path) == []
        with pytest.raises(Unchecked):
            store.read(path)
        with pytest.raises((Unchecked, MunimentError)):
            store.write(path, b"")


def test_a_file_that_cannot_be_removed(world: World, tmp_path: Path) -> None:
    store = world.copy(tmp_path / "r")
    (store.root / "inbox" / "folder").mkdir(parents=True)
    with pytest.raises(Unreachable, match="cannot be removed"):
        store.remove("inbox/folder")


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda d: d.replace(b"\n", b"\r\n"), MunimentError),
        (lambda d: d[:-1], Malformed),
        (lambda d: d + b"\n", Malformed),
        (lambda d: b"\xef\xbb\xbf" + d, MunimentError),
        (lambda d: d + b"{}\n", MunimentError),
        (lambda d: d + b'{"type":"https://muniment.dev/state/v1"}\n', MunimentError),
        (lambda d: b"", Malformed),
    ],
)
def test_a_log_file_that_was_edited(world: World, tmp_path: Path, spoil, error) -> None:  # type: ignore[no-untyped-def]
    """Publish says so and writes nothing."""
    store = world.copy(tmp_path / "r")
    store.write(leaf_file(0), spoil(store.read(leaf_file(0))))
    submit(store, world.sign("trainer", signature()).data)
    written = {p: p.read_bytes() for p in store.root.rglob("*") if p.is_file()}
    with pytest.raises(error):
        publish(store, world.key, now())
    assert {p: p.read_bytes() for p in store.root.rglob("*") if p.is_file()} == written


def test_leaves_that_a_dead_batch_left_in_the_next_file(world: World, tmp_path: Path) -> None:
    """They are taken away before the file in front of them is written; a full file would bring them back."""
    store = world.copy(tmp_path / "r")
    store.write(leaf_file(LEAVES), format_lines([b"stale"]))
    store.write(leaf_file(2 * LEAVES), format_lines([b"stale"]))
    submit(store, world.sign("trainer", signature()).data)
    publish(store, world.key, now())
    assert store.list("log") == [leaf_file(0)]


def test_a_disk_that_refuses_the_checkpoint(world: World, tmp_path: Path) -> None:
    """What was written before it is pending; once the disk is well again, it is signed as it stands."""
    store = world.copy(tmp_path / "r")
    (store.root / "checkpoints").rename(tmp_path / "checkpoints")
    (store.root / "checkpoints").touch()
    submit(store, world.sign("trainer", signature()).data)
    with pytest.raises(Unreachable, match="cannot be written"):
        publish(store, world.key, now())
    assert verify_registry(store, world.trust).history.checkpoint.size == 2
    written = store.read(leaf_file(0))
    (store.root / "checkpoints").unlink()
    (tmp_path / "checkpoints").rename(store.root / "checkpoints")
    assert [e.kind for e in publish(store, world.key, now()).admitted] == ["signature", "state"]
    assert store.read(leaf_file(0)) == written
    assert store.list("inbox") == []


@pytest.mark.parametrize("size", [1, 255, 256, 257, 259])
def test_leaves_across_files(tmp_path: Path, size: int) -> None:
    store, lines = LocalStore(tmp_path), [b"%d" % i for i in range(259)]
    store.write(leaf_file(0), format_lines(lines[:LEAVES]))
    store.write(leaf_file(LEAVES), format_lines(lines[LEAVES:]))
    assert read_leaves(store, size) == lines[:size]
    with pytest.raises(Missing, match="ends at entry 259"):
        read_leaves(store, 260)
    store.write(leaf_file(0), format_lines(lines[: LEAVES - 1]))
    with pytest.raises(Missing, match="ends at entry 255"):
        read_leaves(store, 259)


def test_two_pending_batches_of_which_the_first_is_dated_in_the_future(world: World, tmp_path: Path) -> None:
    """The second one stands on the first, so both are judged again."""
    store = world.copy(tmp_path / "r")
    pending(world, store, timedelta(days=3650))
    bundle = world.sign("trainer", signature(b"second"))
    store.write(blob_path(bundle.digest), bundle.data)
    end = format_state_leaf(StateLeaf(now(), state_root(world.state)))
    store.write(leaf_file(0), format_lines([*leaves(store), derive_leaf(verify_bundle(world.state, bundle)), end]))
    publish(store, world.key, now())
    kinds = [e.kind for e in verify_registry(store, world.trust).history.entries]
    assert kinds == ["configure", "state", "signature", "signature", "state"]


def test_a_genesis_that_died_before_its_checkpoint(world: World, tmp_path: Path) -> None:
    store, written = world.copy(tmp_path / "r"), leaves(world.store)
    store.remove(CHECKPOINT)
    store.remove(checkpoint_path(2))
    publish(store, world.key, now())
    assert leaves(store) == written
    assert store.read(CHECKPOINT) == world.store.read(CHECKPOINT)


def test_pending_leaves_go_on_in_the_next_file(world: World, tmp_path: Path) -> None:
    """What stands behind a full file is read too: here a line that is no leaf."""
    store, known = world.copy(tmp_path / "r"), leaves(world.store)
    store.write(leaf_file(0), format_lines([*known, *[known[0]] * (LEAVES - len(known))]))
    store.write(leaf_file(LEAVES), b"{}\n")
    with pytest.raises(Malformed, match="names no bundle"):
        publish(store, world.key, now())


def test_a_log_that_fills_its_file(tmp_path: Path) -> None:
    store, lines = LocalStore(tmp_path), [b"%d" % i for i in range(LEAVES)]
    store.write(leaf_file(0), format_lines(lines))
    assert read_leaves(store, LEAVES) == lines
