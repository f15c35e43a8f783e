"""Several real processes that submit and publish at once: nothing lost, nothing doubled, and one history signed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.core.digest import digest_of
from muniment.log.note import format_skey
from muniment.registry.sequencer import publish
from muniment.registry.store.places import open_store
from muniment.verify.replay import verify_registry
from tests.registry.paper import signature
from tests.registry.repositories import repository
from tests.registry.s3 import BUCKET, service
from tests.registry.shared import check_prefixes
from tests.source import TOP
from tests.world import World, make_world, now


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry with only its genesis."""
    made = make_world(tmp_path_factory.mktemp("ready"))
    yield made
    made.sandbox.__exit__(None, None, None)


def race(world: World, place: str, folder: Path, workers: int, each: int) -> int:
    """Lets workers loose on a place and checks what they leave; how many checkpoints were signed."""
    key, processes, records, payloads = folder / "key", [], [], []
    key.write_text(format_skey(world.key))
    for worker in range(workers):
        paths = [folder / f"bundle-{worker}-{number}" for number in range(each)]
        for path in paths:
            bundle = world.sign("trainer", signature(path.name.encode()))
            path.write_bytes(bundle.data)
            payloads.append(digest_of(bundle.payload))
        records.append(folder / f"signed-{worker}")
        command = [sys.executable, "-m", "tests.registry.worker", place, key, records[-1], *paths]
        processes.append(subprocess.Popen(list(map(str, command)), cwd=TOP, stderr=subprocess.PIPE))
    for process in processes:
        said = process.communicate(timeout=300)[1]
        assert process.returncode == 0, said.decode()
    store = open_store(place)
    publish(store, world.key, now())
    history = verify_registry(store, world.trust).history
    entered = [e.record.statement_digest for e in history.entries[1:] if e.record is not None]
    assert sorted(d.hex for d in entered) == sorted(d.hex for d in payloads)
    assert store.list("inbox") == []
    return check_prefixes(records, history.leaves)


@pytest.mark.parametrize(("workers", "each"), [(2, 4), (4, 2), (8, 1)])
@pytest.mark.parametrize("inbox", ["inbox", "main"])
def test_writers_in_one_repository(ready: World, tmp_path: Path, workers: int, each: int, inbox: str) -> None:
    place = repository(ready.store, tmp_path / "remote.git") + f"#main,inbox={inbox}"
    assert race(ready, place, tmp_path, workers, each) >= 1


@pytest.mark.parametrize(("workers", "each"), [(2, 4), (4, 2), (8, 1)])
def test_writers_in_one_bucket(
    ready: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, each: int
) -> None:
    with service() as running:
        for name, value in running.environ.items():
            monkeypatch.setenv(name, value)
        running.fill({str(p.relative_to(ready.store.root)): p.read_bytes() for p in registry_files(ready)})
        assert race(ready, f"s3://{BUCKET}", tmp_path, workers, each) >= 1


def registry_files(world: World) -> list[Path]:
    return [path for path in world.store.root.rglob("*") if path.is_file()]


def test_writers_in_one_folder(ready: World, tmp_path: Path) -> None:
    assert race(ready, str(ready.copy(tmp_path / "registry").root), tmp_path, 4, 2) >= 1
