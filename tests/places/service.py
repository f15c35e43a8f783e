"""Several writers in a bucket of a real S3 service: MUNIMENT_S3=PATH pytest tests/places/service.py

PATH is versitygw, a gateway from S3 to a folder, which `make places` builds. It runs on the loopback.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.core.errors import Conflict
from muniment.registry.store.bucket import BucketStore
from muniment.registry.store.places import open_store
from tests.registry import s3, test_races, test_stores
from tests.world import World, make_world

STARTUP = 20.0


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service's address while it runs."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "buckets").mkdir()
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as found:
        port = found.getsockname()[1]
    who = ["--access", s3.ENVIRON["AWS_ACCESS_KEY_ID"], "--secret", s3.ENVIRON["AWS_SECRET_ACCESS_KEY"]]
    command = [os.environ["MUNIMENT_S3"], "--port", f"127.0.0.1:{port}", *who, "--quiet", "posix", folder / "buckets"]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(port: int) -> None:
    deadline = time.monotonic() + STARTUP
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), contextlib.closing(socket.create_connection(("127.0.0.1", port), 1)):
            return
        time.sleep(0.1)
    raise TimeoutError("the service did not start")


@pytest.fixture
def place(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket."""
    for name, value in (s3.ENVIRON | {"AWS_ENDPOINT_URL": address}).items():
        monkeypatch.setenv(name, value)
    bucket = f"registry-{abs(hash(str(tmp_path))) % 10**9}"
    BucketStore(bucket, "")._call("create_bucket")
    return f"s3://{bucket}/some/prefix"


def _promises() -> list[str]:
    return sorted(name for name in vars(test_stores) if name.startswith("test_"))


@pytest.mark.parametrize("name", [n for n in _promises() if n != "test_what_is_put_is_what_is_read"])
def test_it_keeps_the_promises_of_a_place(place: str, name: str) -> None:
    vars(test_stores)[name](place)


@pytest.mark.parametrize("data", [b"", b"\x00\xff\r\n" * 1000])
def test_what_is_put_is_what_is_read(place: str, data: bytes) -> None:
    test_stores.test_what_is_put_is_what_is_read(place, data)


@pytest.mark.parametrize("old", [None, b"before"])
def test_of_eight_swaps_at_once_one_goes_through(place: str, old: bytes | None) -> None:
    stores = [open_store(place) for _ in range(8)]
    for number in range(20):
        path, won = f"log/{number}", list[int]()
        if old is not None:
            stores[0].swap(path, None, old)
        barrier = threading.Barrier(len(stores))

        def swap(index: int, path: str = path, won: list[int] = won, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            with contextlib.suppress(Conflict):
                stores[index].swap(path, old, b"by %d" % index)
                won.append(index)

        threads = [threading.Thread(target=swap, args=(index,)) for index in range(len(stores))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert stores[0].read(path) == b"by %d" % won[0]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry with only its genesis."""
    made = make_world(tmp_path_factory.mktemp("ready"))
    yield made
    made.sandbox.__exit__(None, None, None)


@pytest.mark.parametrize(("workers", "each"), [(2, 6), (4, 3), (8, 2)])
def test_writers_at_once(ready: World, place: str, tmp_path: Path, workers: int, each: int) -> None:
    store = open_store(place)
    for path in test_races.registry_files(ready):
        store.put_new(str(path.relative_to(ready.store.root)), path.read_bytes())
    signed = test_races.race(ready, place, tmp_path, workers, each)
    print(f"{workers} writers, {workers * each} submissions: {signed} checkpoints signed, one history")
