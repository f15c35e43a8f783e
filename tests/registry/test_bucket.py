"""A registry in a bucket: conditions of writes decide races, and a service that ignores them is told apart."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.core.errors import Conflict, Missing, Unreachable, Usage
from muniment.registry.inbox import submit
from muniment.registry.sequencer import publish
from muniment.registry.store.bucket import PROBE, parse_bucket_place
from muniment.registry.store.places import open_reader, open_store
from muniment.registry.store.retry import again
from muniment.verify.replay import verify_registry
from tests.registry.paper import signature
from tests.registry.s3 import Service, service
from tests.registry.shared import Recorder, check_prefixes
from tests.registry.test_crash import killed
from tests.world import World, make_world, now

PLACE = "s3://registry/models"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry with only its genesis; tests put it in buckets."""
    made = make_world(tmp_path_factory.mktemp("ready"))
    yield made
    made.sandbox.__exit__(None, None, None)


@pytest.fixture
def bucket(ready: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service that holds the registry."""
    with service() as running:
        for name, value in running.environ.items():
            monkeypatch.setenv(name, value)
        root = ready.store.root
        found = {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}
        running.fill(found, "models/")
        yield running


def bundle(world: World, content: bytes = b"model") -> bytes:
    return world.sign("trainer", signature(content)).data


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://models", ("models", "")),
        ("s3://models/", ("models", "")),
        ("s3://my.models-1/a/b", ("my.models-1", "a/b/")),
    ],
)
def test_addresses(text: str, place: tuple[str, str]) -> None:
    assert parse_bucket_place(text) == place


@pytest.mark.parametrize(
    "text",
    ["s3://", "s3://UPPER", "s3://a", "s3://models//x", "s3://models/../x", "s3://models/a b", "s3://models/a?b"],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Usage):
        open_store(text)


def test_submit_and_publish(ready: World, bucket: Service) -> None:
    paths = submit(open_store(PLACE), *(bundle(ready, b"%d" % i) for i in range(3)))
    assert open_store(PLACE).list("inbox") == sorted(paths)
    done = publish(open_store(PLACE), ready.key, now())
    assert [e.kind for e in done.admitted] == ["signature"] * 3 + ["state"]
    assert open_store(PLACE).list("inbox") == []
    assert verify_registry(open_reader(PLACE), ready.trust).history.checkpoint == done.history.checkpoint
    written = [key.removeprefix("models/") for method, key in bucket.asked if method == "PUT" and "blob" not in key]
    assert written[-3:] == ["log/000.jsonl", "checkpoints/6", "checkpoint"]
    assert {key.split("/")[0] for key in bucket.objects} == {"models"}


# Services that are none


@pytest.mark.parametrize("ignored", ["If-Match", "If-None-Match"])
def test_a_service_that_ignores_conditions(ready: World, bucket: Service, ignored: str) -> None:
    """Two sequencers would overwrite each other there: nothing is written at all."""
    submit(open_store(PLACE), bundle(ready))
    bucket.enforces.discard(ignored)
    before = {key: data for key, data in bucket.objects.items() if PROBE not in key}
    with pytest.raises(Unreachable, match="ignores conditions of writes"):
        publish(open_store(PLACE), ready.key, now())
    assert {key: data for key, data in bucket.objects.items() if PROBE not in key} == before


def test_no_service_no_bucket_no_rights(bucket: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreachable, match="404 NoSuchBucket"):
        open_store("s3://another/models").read("checkpoint")
    with pytest.raises(Missing):
        open_store("s3://registry/other").read("checkpoint")
    bucket.refuse = lambda method, key: 403
    with pytest.raises(Unreachable, match="answers 403"):
        open_store(PLACE).read("checkpoint")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(Unreachable, match="cannot be reached"):
        open_store(PLACE).read("checkpoint")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(Unreachable, match="credentials"):
        open_store(PLACE).read("checkpoint")


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setitem(sys.modules, "boto3.session", None)
    with pytest.raises(Unreachable, match="not installed") as caught:
        open_store(PLACE).read("checkpoint")
    assert "muniment[bucket]" in caught.value.remedy


# Others write too


def rival(world: World, record: Path, content: bytes) -> None:
    submit(open_store(PLACE), bundle(world, content))
    publish(open_store(PLACE), Recorder(world.key, record), now())


@pytest.mark.parametrize("key", ["models/log/000.jsonl", "models/checkpoints/4", "models/checkpoint"])
def test_another_sequencer_comes_between(ready: World, bucket: Service, tmp_path: Path, key: str) -> None:
    """Between what we read of an object and our write of it."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    submit(open_store(PLACE), bundle(ready, b"ours"))

    def before(method: str, asked: str) -> None:
        if (method, asked) == ("PUT", key):
            bucket.before = lambda method, asked: None
            rival(ready, theirs, b"theirs")

    bucket.before = before
    done = again(lambda: publish(open_store(PLACE), Recorder(ready.key, ours), now()), 3)
    assert theirs.exists()
    history = verify_registry(open_reader(PLACE), ready.trust).history
    assert done.history.checkpoint == history.checkpoint
    assert [e.kind for e in history.entries].count("signature") == 2
    assert check_prefixes([ours, theirs], history.leaves) >= 1
    assert open_store(PLACE).list("inbox") == []


def test_leaves_that_lost_are_never_signed(ready: World, bucket: Service, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    submit(open_store(PLACE), bundle(ready, b"ours"))

    def before(method: str, asked: str) -> None:
        if (method, asked) == ("PUT", "models/log/000.jsonl"):
            bucket.before = lambda method, asked: None
            rival(ready, theirs, b"theirs")

    bucket.before = before
    with pytest.raises(Conflict, match="changed by somebody else"):
        publish(open_store(PLACE), Recorder(ready.key, ours), now())
    assert not ours.exists()


@pytest.mark.parametrize("key", ["models/log/000.jsonl", "models/checkpoint"])
def test_a_reply_that_is_lost(ready: World, bucket: Service, tmp_path: Path, key: str) -> None:
    """The write went through; tried again it fails its condition, and what is there tells that it is ours."""
    submit(open_store(PLACE), bundle(ready))
    lost: list[str] = []

    def swallow(method: str, asked: str) -> bool:
        lost.extend([asked] if (method, asked) == ("PUT", key) and not lost else [])
        return lost == [asked] and len([1 for asked_key in bucket.asked if asked_key == ("PUT", key)]) == 1

    bucket.swallow = swallow
    assert [e.kind for e in publish(open_store(PLACE), ready.key, now()).admitted] == ["signature", "state"]
    assert lost == [key]


def test_a_write_that_is_refused_for_another_under_way(ready: World, bucket: Service, tmp_path: Path) -> None:
    """Status 409: nobody knows yet who wins."""
    submit(open_store(PLACE), bundle(ready))
    refused: list[str] = []

    def refuse(method: str, key: str) -> int:
        if method == "PUT" and key.endswith("000.jsonl") and not refused:
            refused.append(key)
            return 409
        return 0

    bucket.refuse = refuse
    with pytest.raises(Conflict):
        publish(open_store(PLACE), Recorder(ready.key, tmp_path / "signed"), now())
    assert not (tmp_path / "signed").exists()
    assert [e.kind for e in publish(open_store(PLACE), ready.key, now()).admitted] == ["signature", "state"]


def test_what_cannot_be_removed(ready: World, bucket: Service) -> None:
    submit(open_store(PLACE), bundle(ready))
    bucket.refuse = lambda method, key: 403 if method == "DELETE" else 0
    with pytest.raises(Unreachable, match="403"):
        publish(open_store(PLACE), ready.key, now())
    bucket.refuse = lambda method, key: 0
    done = publish(open_store(PLACE), ready.key, now())
    assert (done.admitted, done.history.checkpoint.size, open_store(PLACE).list("inbox")) == ((), 4, [])


def test_killed_at_every_request(ready: World, bucket: Service, tmp_path: Path) -> None:
    store, unused, record = open_store(PLACE), open_store(PLACE), tmp_path / "signed"
    submit(store, bundle(ready))
    assert unused._client  # type: ignore[attr-defined] - made once for all children, and without a connection yet
    start = dict(bucket.objects)
    for lives in range(100):
        bucket.objects, counted = dict(start), [0]
        child: list[int] = []

        def before(method: str, key: str, counted=counted, child=child, lives=lives) -> None:  # type: ignore[no-untyped-def]
            counted[0] += 1
            if counted[0] == lives + 1:
                os.kill(child[0], signal.SIGKILL)

        bucket.before = before
        died = killed(lambda: publish(unused, Recorder(ready.key, record), now()), child)
        bucket.before = lambda method, key: None
        assert verify_registry(store, ready.trust).history.checkpoint.size in (2, 4)
        pending = bucket.objects["models/log/000.jsonl"]
        again(lambda: publish(store, ready.key, now()), 3)
        history = verify_registry(store, ready.trust).history
        assert [e.kind for e in history.entries[2:]] == ["signature", "state"]
        assert bucket.objects["models/log/000.jsonl"].startswith(pending)
        assert store.list("inbox") == []
        check_prefixes([record], history.leaves)
        record.unlink(missing_ok=True)
        if not died:
            break
    assert 15 < lives < 99
