"""The sequencer is killed at every change it makes; the next run completes what was begun, nothing lost or doubled."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from muniment.core.errors import Missing
from muniment.core.name import parse_version_id
from muniment.log.lines import LEAVES, leaf_file
from muniment.registry import propose
from muniment.registry.fold import History
from muniment.registry.genesis import configure_statement
from muniment.registry.inbox import submit
from muniment.registry.judges.common import config_of
from muniment.registry.paths import ANCHOR, CHECKPOINT, anchor_path
from muniment.registry.sequencer import publish
from muniment.registry.store.local import LocalStore
from muniment.signing.bundle import Bundle
from muniment.verify.replay import verify_registry
from tests.registry.paper import signature
from tests.registry.shared import Recorder, check_prefixes, fill
from tests.world import World, identities, make_world, now, statement_digest

VERSION = parse_version_id("aiops/cpu@1.0.0")
CHANGES = {"mkdir", "write", "fsync", "chmod", "replace", "unlink"}


class KilledStore(LocalStore):
    """A store whose process is killed instead of its n-th call of the system that changes a file or a folder."""

    def __init__(self, root: Path, lives: int) -> None:
        super().__init__(root)
        self.lives = lives

    def write(self, path: str, data: bytes) -> None:
        sys.setprofile(self._spend)
        super().write(path, data)
        sys.setprofile(None)

    def remove(self, path: str) -> None:
        sys.setprofile(self._spend)
        super().remove(path)
        sys.setprofile(None)

    def _spend(self, frame: object, event: str, called: Any) -> None:
        if event == "c_call" and called.__name__ in CHANGES:
            if self.lives == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self.lives -= 1


class Died(BaseException):
    """The process is gone."""


class DyingStore(LocalStore):
    """A store whose process dies instead of its n-th write or removal."""

    def __init__(self, root: Path, lives: int) -> None:
        super().__init__(root)
        self.lives = lives

    def write(self, path: str, data: bytes) -> None:
        self._spend()
        super().write(path, data)

    def remove(self, path: str) -> None:
        self._spend()
        super().remove(path)

    def _spend(self) -> None:
        if self.lives == 0:
            raise Died
        self.lives -= 1


def killed(action: Callable[[], object], told: list[int] | None = None) -> bool:
    """Does something in a process of its own, and says whether that was killed before it was done.

    `told` gets the process's number before it does anything.
    """
    gate, opened = os.pipe()
    child = os.fork()
    if told is not None:
        told.append(child)
    if child == 0:
        os.close(opened)
        os.read(gate, 1)  # until the parent has closed its end
        try:
            action()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    os.close(gate)
    os.close(opened)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry with a promotion and its approval in the inbox."""
    world = make_world(tmp_path_factory.mktemp("ready"))
    version = world.release(str(VERSION))
    statement = propose.promote(world.state, version, "production", "go", now())
    submit(world.store, world.sign("operator", statement).data)
    approval = propose.approve(world.state, statement_digest(statement), "reviewer", "fine", now())
    submit(world.store, world.sign("reviewer", approval).data)
    yield world
    world.sandbox.__exit__(None, None, None)


def check_completed(ready: World, store: LocalStore) -> History:
    """The registry once what waited in the inbox is published: all of it, once, and nothing left over."""
    before, history = ready.history, verify_registry(store, ready.trust).history
    assert history.leaves[: len(before.leaves)] == before.leaves
    assert [e.kind for e in history.entries[len(before.entries) :]] == ["approve", "promote", "state"]
    assert history.state.current(VERSION.name, "production") == VERSION
    assert store.list("inbox") == []
    assert list(store.root.rglob(".*")) == []
    return history


def test_killed_at_every_change(ready: World, tmp_path: Path) -> None:
    before, record = ready.history, tmp_path / "signed"
    for lives in range(100):
        store = ready.copy(tmp_path / "r" / str(lives))
        dying, key = KilledStore(store.root, lives), Recorder(ready.key, record)
        died = killed(lambda dying=dying, key=key: publish(dying, key, now()))
        seen = verify_registry(store, ready.trust).history
        assert seen.checkpoint.size in (before.checkpoint.size, before.checkpoint.size + 3)
        if died:
            assert not publish(store, ready.key, now()).turned
        assert check_prefixes([record], check_completed(ready, store).leaves) <= 1
        record.unlink(missing_ok=True)
        if not died:
            break
    assert 25 < lives < 99  # five files written, two of them into new folders, and two taken away


def test_dying_at_every_file_of_two_leaf_files(ready: World, tmp_path: Path) -> None:
    """The first of two batches is committed, the second is not; what the dead one signed is a prefix of what is."""
    world, record = make_world(tmp_path), tmp_path / "signed"
    fill(world.store, world.key, LEAVES - 3)
    submit(world.store, *(world.sign("trainer", signature(b"%d" % i)).data for i in range(4)))
    for lives in range(30):
        store = world.copy(tmp_path / "r" / str(lives))
        try:
            publish(DyingStore(store.root, lives), Recorder(world.key, record), now())
        except Died:
            written = [store.read(path) for path in store.list("log")]
            publish(store, Recorder(world.key, record), now())
            now_written = [store.read(path) for path in store.list("log")]
            assert all(new.startswith(old) for old, new in zip(written, now_written, strict=False))
            history = verify_registry(store, world.trust).history
            assert sorted(e.kind for e in history.entries[LEAVES - 3 :]) == ["signature"] * 4 + ["state"] * 2
            assert store.list("inbox") == []
            check_prefixes([record], history.leaves)
            record.unlink(missing_ok=True)
        else:
            break
    world.sandbox.__exit__(None, None, None)
    assert lives == 12  # four blobs, two leaf files, two notes, four submissions


class Signer:
    """An identity that counts what it signed, and may die just after."""

    def __init__(self, world: World, dies: bool) -> None:
        self.inner, self.dies, self.made = world.sandbox.signer("operator"), dies, list[Bundle]()

    def sign(self, payload: bytes) -> Bundle:
        self.made.append(self.inner.sign(payload))
        if self.dies:
            raise Died
        return self.made[-1]


@pytest.fixture(scope="module")
def anchored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry of four entries whose checkpoints are anchored by the operator, with one submission in the inbox."""
    world, known = make_world(tmp_path_factory.mktemp("anchored")), identities()["operator"]
    config = config_of(world.state).source
    sequencer = {"issuer": known.issuer, "subject": known.subject}
    changed = {**config, "registry": {**config["registry"], "sequencer": sequencer}}
    submit(world.store, world.sign("administrator", configure_statement(world.state, changed, now())).data)
    assert not publish(world.store, world.key, now(), lambda: Signer(world, dies=False)).turned
    submit(world.store, world.sign("trainer", signature(b"anchored")).data)
    yield world
    world.sandbox.__exit__(None, None, None)


def test_dying_once_the_anchor_is_public(anchored: World, tmp_path: Path) -> None:
    """The next run signs the same leaves, even by a clock that says they are of the future."""
    store = anchored.copy(tmp_path / "r")
    with pytest.raises(Died):
        publish(store, anchored.key, now() + timedelta(minutes=30), lambda: Signer(anchored, dies=True))
    written = store.read(leaf_file(0))
    submit(store, anchored.sign("trainer", signature(b"more")).data)
    publish(store, anchored.key, now(), lambda: Signer(anchored, dies=False))
    assert store.read(leaf_file(0)).startswith(written)


def test_dying_at_every_file_with_an_anchor(anchored: World, tmp_path: Path) -> None:
    """An anchor that is there already is not asked for again."""
    for lives in range(20):
        store, first, second = anchored.copy(tmp_path / str(lives)), Signer(anchored, False), Signer(anchored, False)
        try:
            publish(DyingStore(store.root, lives), anchored.key, now(), lambda first=first: first)
        except Died:
            kept = store.exists(anchor_path(6))
            publish(store, anchored.key, now(), lambda second=second: second)
            assert len(second.made) == (not kept and store.read(CHECKPOINT) != anchored.store.read(CHECKPOINT))
        else:
            break
        assert store.read(ANCHOR) == store.read(anchor_path(6))
        assert verify_registry(store, anchored.trust).history.checkpoint.size == 6
    assert lives == 7  # blob, leaves, note, anchor, newest anchor, newest checkpoint, submission


def test_pending_leaves_are_signed_unchanged(ready: World, tmp_path: Path) -> None:
    """It dies between the leaves and the checkpoint: what was written is exactly what the next run signs."""
    store = ready.copy(tmp_path / "r")
    with pytest.raises(Died):
        publish(DyingStore(store.root, 3), ready.key, now())
    written = store.read("log/000.jsonl")
    assert written != ready.store.read("log/000.jsonl")
    publish(store, ready.key, now())
    assert store.read("log/000.jsonl") == written


def test_a_lost_checkpoint_is_no_empty_registry(ready: World, tmp_path: Path) -> None:
    store = ready.copy(tmp_path / "r")
    store.remove("checkpoint")
    with pytest.raises(Missing):
        publish(store, ready.key, now())
