"""The sequencer dies at every single write; the next run completes what was begun, with nothing lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.core.name import parse_version_id
from muniment.registry import propose
from muniment.registry.inbox import submit
from muniment.registry.sequencer import publish
from muniment.registry.store.local import LocalStore
from muniment.verify.replay import verify_registry
from tests.world import World, make_world, now, statement_digest


class Died(BaseException):
    """The process is gone."""


class DyingStore(LocalStore):
    """A store whose process dies instead of its n-th change (write or removal)."""

    def __init__(self, root: Path, lives: int) -> None:
        super().__init__(root)
        self.lives = lives

    def _spend(self) -> None:
        if self.lives == 0:
            raise Died
        self.lives -= 1

    def write(self, path: str, data: bytes) -> None:
        self._spend()
        super().write(path, data)

    def remove(self, path: str) -> None:
        self._spend()
        super().remove(path)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry with a promotion and its approval in the inbox."""
    world = make_world(tmp_path_factory.mktemp("ready"))
    version = world.release("aiops/cpu@1.0.0")
    statement = propose.promote(world.state, version, "production", "go", now())
    submit(world.store, world.sign("operator", statement).data)
    approval = propose.approve(world.state, statement_digest(statement), "reviewer", "fine", now())
    submit(world.store, world.sign("reviewer", approval).data)
    yield world
    world.sandbox.__exit__(None, None, None)


def test_dying_at_every_write(ready: World, tmp_path: Path) -> None:
    version = parse_version_id("aiops/cpu@1.0.0")
    before = ready.store.read("checkpoint")
    for lives in range(20):
        store = ready.copy(tmp_path / str(lives))
        try:
            publish(DyingStore(store.root, lives), ready.key, now())
        except Died:
            if store.read("checkpoint") == before:
                assert verify_registry(store, ready.trust).history.state.current(version.name, "production") is None
            left = publish(store, ready.key, now())
            assert not left.turned
        else:
            break
        history = verify_registry(store, ready.trust).history
        assert history.state.current(version.name, "production") == version
        assert [e.kind for e in history.entries].count("promote") == 1
        assert store.list("inbox") == []
    assert lives > 6  # blobs, leaves, two checkpoints, inbox: every one was tried


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
    from muniment.core.errors import Missing

    store = ready.copy(tmp_path / "r")
    store.remove("checkpoint")
    with pytest.raises(Missing):
        publish(store, ready.key, now())
