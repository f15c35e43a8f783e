"""Redaction wherever a registry is kept: the blob leaves the branch and the bucket, once and by the same publish."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from muniment.registry import propose
from muniment.registry.inbox import submit
from muniment.registry.leaf import parse_line
from muniment.registry.paths import blob_path
from muniment.registry.sequencer import publish
from muniment.registry.store import Store, read_if
from muniment.registry.store.places import open_store
from muniment.verify.replay import verify_registry
from tests.registry.repositories import files, git, repository
from tests.registry.s3 import Service, service
from tests.verify.test_redaction import ask, document, gone
from tests.world import World, make_world, now


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, bytes]]:
    """A registry whose signature was asked to be deleted, and the redaction, signed; tests put it elsewhere."""
    made = make_world(tmp_path_factory.mktemp("ready"), document=document())
    made.release("aiops/cpu@1.0.0", b"one")
    request = ask(made, 1)
    redaction = propose.redact(made.state, request, (), "granted", now())
    yield made, made.sign("operator", redaction).data
    made.sandbox.__exit__(None, None, None)


@pytest.fixture
def bucket(ready: tuple[World, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service that holds the registry."""
    with service() as running:
        for name, value in running.environ.items():
            monkeypatch.setenv(name, value)
        root = ready[0].store.root
        running.fill({str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}, "models/")
        yield running


def redact(world: World, redaction: bytes, store: Store) -> str:
    """Publishes the redaction, and once more; the path that is gone."""
    path = blob_path(parse_line(world.history.leaves[2]).bundle)
    assert read_if(store, path) is not None
    submit(store, redaction)
    done = publish(store, world.key, now())
    assert ([e.kind for e in done.admitted], done.turned) == (["redact", "state"], ())
    assert read_if(store, path) is None
    verify_registry(store, world.trust)
    assert publish(store, world.key, now()).admitted == ()
    return path


def test_a_branch(ready: tuple[World, bytes], tmp_path: Path) -> None:
    place = repository(ready[0].store, tmp_path / "remote.git")
    path = redact(*ready, open_store(place))
    bare = tmp_path / "remote.git"
    assert path not in files(bare)
    assert path in git(bare, "log", "--name-status", "--format=", "-1", "main")
    assert path in git(bare, "ls-tree", "-r", "--name-only", "main~2")  # the history keeps it: docs/governance.md


def test_a_bucket(ready: tuple[World, bytes], bucket: Service) -> None:
    path = redact(*ready, open_store("s3://registry/models"))
    assert f"models/{path}" not in bucket.objects
    # Deleted once only: in a versioned bucket each time would leave a mark.
    assert bucket.asked.count(("DELETE", f"models/{path}")) == 1


def test_a_folder(ready: tuple[World, bytes], tmp_path: Path) -> None:
    world = replace(ready[0], store=ready[0].copy(tmp_path / "copy"))
    redact(ready[0], ready[1], world.store)
    assert gone(world) == [2]
