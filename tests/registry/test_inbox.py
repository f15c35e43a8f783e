"""The poisoner of the inbox: too large, too many, of another type. Publish stays bounded, and honest work goes on."""

from __future__ import annotations

import json
import os
import resource
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.core.canonical import format_json
from muniment.core.errors import Malformed, Unreachable
from muniment.registry.fold import MAX_BUNDLE, open_bundle
from muniment.registry.inbox import MAX_MARKS, Limits, choose, read_item, submit
from muniment.registry.sequencer import Published, publish
from muniment.registry.store import LIMIT
from muniment.registry.store.local import LocalStore
from muniment.signing.sandbox import Sandbox, add_identity, create, person
from tests.registry.paper import signature
from tests.world import World, make_world, now


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry with only its genesis; tests poison the inboxes of copies."""
    made = make_world(tmp_path_factory.mktemp("ready"))
    yield made
    made.sandbox.__exit__(None, None, None)


@pytest.fixture
def store(ready: World, tmp_path: Path) -> LocalStore:
    store = ready.copy(tmp_path / "r")
    (store.root / "inbox").mkdir(exist_ok=True)
    return store


def honest(ready: World, store: LocalStore, content: bytes = b"honest") -> bytes:
    data = ready.sign("trainer", signature(content)).data
    submit(store, data)
    return data


def admitted(done: Published) -> int:
    return [e.kind for e in done.admitted].count("signature")


# Types


def test_an_inbox_elsewhere_is_not_emptied(ready: World, store: LocalStore, tmp_path: Path) -> None:
    """What a push can put in its place, as a link to files of the one who publishes."""
    (store.root / "inbox").rmdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept.sigstore.json").write_text("{}")
    (store.root / "inbox").symlink_to(tmp_path / "mine")
    with pytest.raises(Malformed, match="inbox is a link"):
        publish(store, ready.key, now())
    assert (tmp_path / "mine" / "kept.sigstore.json").exists()


def test_what_is_no_file(ready: World, store: LocalStore) -> None:
    """Nothing is followed, waited for, or read for ever; folders and other names are left alone."""
    inbox = store.root / "inbox"
    honest(ready, store)
    os.mkfifo(inbox / "pipe.sigstore.json")
    (inbox / "zero.sigstore.json").symlink_to("/dev/zero")
    (inbox / "secret.sigstore.json").symlink_to(store.root / "registry.yaml")
    (inbox / "loop.sigstore.json").symlink_to("loop.sigstore.json")
    (inbox / "folder.sigstore.json").mkdir()
    (inbox / ".hidden.sigstore.json").write_bytes(b"{}")
    (inbox / "README.md").write_bytes(b"leave bundles here")
    done = publish(store, ready.key, now())
    assert admitted(done) == 1
    assert {t.path.partition("/")[2]: t.error.fact.rpartition(" is ")[2] for t in done.turned} == {
        "pipe.sigstore.json": "no plain file.",
        "zero.sigstore.json": "a link.",
        "secret.sigstore.json": "a link.",
        "loop.sigstore.json": "a link.",
    }
    assert sorted(os.listdir(inbox)) == [".hidden.sigstore.json", "README.md", "folder.sigstore.json"]
    assert store.exists("registry.yaml")


def test_names_that_are_no_text(ready: World, store: LocalStore) -> None:
    for name in (b"\xff.sigstore.json", b"new\nline.sigstore.json", b"\x1b[2J.sigstore.json"):
        with open(os.fsencode(store.root / "inbox") + b"/" + name, "wb") as file:
            file.write(b"{}")
    done = publish(store, ready.key, now())
    assert len(done.turned) == 3
    assert json.dumps([t.path for t in done.turned]).encode()
    assert "inbox/\\udcff.sigstore.json" in [t.path for t in done.turned]
    assert store.list("inbox") == []


def test_a_file_that_cannot_be_removed_is_told_last(ready: World, store: LocalStore) -> None:
    """The checkpoint is out, and everything else has left the inbox."""

    class Stuck(LocalStore):
        def remove(self, path: str) -> None:
            if path.endswith("stuck.sigstore.json"):
                raise Unreachable(f"{path} cannot be removed.")
            super().remove(path)

    honest(ready, store)
    for name in ("a", "stuck", "z"):
        store.write(f"inbox/{name}.sigstore.json", b"{}")
    with pytest.raises(Unreachable, match="cannot be removed"):
        publish(Stuck(store.root), ready.key, now())
    assert store.list("inbox") == ["inbox/stuck.sigstore.json"]
    assert len(store.list("checkpoints")) == 2


def test_what_another_publish_took_meanwhile_is_no_refusal(ready: World, store: LocalStore) -> None:
    """Two sequencers list the same inbox; one is done with an item before the other reads it."""

    class Late(LocalStore):
        def list(self, folder: str) -> list[str]:
            return [*super().list(folder), *(["inbox/gone.sigstore.json"] if folder == "inbox" else [])]

    honest(ready, store)
    done = publish(Late(store.root), ready.key, now())
    assert (admitted(done), done.turned, done.left) == (1, (), 0)


def test_what_cannot_be_read_just_now_is_not_lost(ready: World, store: LocalStore) -> None:
    """A network that fails for a moment says nothing about a submission."""

    class Cut(LocalStore):
        def read(self, path: str, most: int = LIMIT) -> bytes:
            if path.startswith("inbox/"):
                raise Unreachable(f"{path} cannot be reached.")
            return super().read(path, most)

    honest(ready, store)
    (turned,) = publish(Cut(store.root), ready.key, now()).turned
    assert turned.waits
    assert len(store.list("inbox")) == 1
    assert admitted(publish(store, ready.key, now())) == 1


# Sizes


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b" " * (MAX_BUNDLE + 1), "larger than"),
        (b" " * MAX_BUNDLE, "not JSON"),
        (b"[" * 1_000, "not strict JSON|not JSON"),
        (b"[" * 100_000, "more parts"),
        (b"[" + b"{}," * 100_000 + b"{}]", "more parts"),
        (b'{"mediaType":' + b"1" * 10_000 + b"}", "not strict JSON"),
        (b'{"a":' * 4_000 + b"1" + b"}" * 4_000, "not strict JSON|not JSON"),
        (b'"' + b"\\ud800" * 1_000 + b'"', "not a Sigstore bundle"),
        (b"\x80", "not strict JSON"),
        (b"", "not JSON"),
    ],
)
def test_what_is_no_bundle(ready: World, store: LocalStore, data: bytes, why: str) -> None:
    honest(ready, store)
    store.write("inbox/x.sigstore.json", data)
    done = publish(store, ready.key, now())
    assert admitted(done) == 1
    (turned,) = done.turned
    assert any(words in turned.error.fact for words in why.split("|")), turned.error.fact
    assert store.list("inbox") == []


def test_a_bundle_that_is_too_large_in_its_canonical_spelling(ready: World, store: LocalStore) -> None:
    """Admitted, it would stop every reader for good: what they read is what is kept."""
    value = json.loads(honest(ready, store))
    value["dsseEnvelope"]["payload"] = ""
    length = (MAX_BUNDLE - len(format_json(value))) // 4 * 4 + 4
    payload = b64encode(bytes(length // 4 * 3 - 2)).decode()
    value["dsseEnvelope"]["payload"] = payload
    whole = format_json(value)
    entry = value["verificationMaterial"]["tlogEntries"][0]
    value["dsseEnvelope"]["payload"] = payload.rstrip("=")
    entry["logIndex"] = int(entry["logIndex"])
    brought = format_json(value)
    assert len(brought) <= MAX_BUNDLE < len(whole) == len(brought) + 4
    for data in (brought, whole):
        with pytest.raises(Malformed, match="larger than"):
            open_bundle(data)


def test_json_that_would_take_many_times_its_size_is_not_parsed(store: LocalStore) -> None:
    """16 MiB of empty lists would be 400 MB of objects."""
    store.write("inbox/x.sigstore.json", b"[" + b"[]," * ((MAX_BUNDLE - 3) // 3) + b"]")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    item = read_item(store, "inbox/x.sigstore.json")
    assert item is not None
    assert "more parts" in str(item.error)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_bundle_of_an_honest_signer_is_far_from_the_limit(ready: World) -> None:
    data = ready.sign("trainer", signature()).data
    assert sum(map(data.count, (b"{", b"[", b","))) < MAX_MARKS / 50


def test_no_more_is_read_and_held_than_the_limits_allow(ready: World, store: LocalStore) -> None:
    sizes = [len(honest(ready, store, b"%d" % number)) for number in range(6)]
    done = publish(store, ready.key, now(), limits=Limits(held=2 * max(sizes)))
    assert (admitted(done), done.left) in ((2, 4), (3, 3))
    done = publish(store, ready.key, now(), limits=Limits(read=max(sizes)))
    assert admitted(done) in (1, 2)
    assert done.left == len(store.list("inbox"))
    assert publish(store, ready.key, now()).left == 0
    assert store.list("inbox") == []


# Counts


def flood(store: LocalStore, count: int) -> None:
    """So many submissions: links to one file in a thousand, so that they are quickly made."""
    for number in range(count):
        path = store.root / "inbox" / f"{number:05x}.sigstore.json"
        if number % 1000 == 0:
            path.write_bytes(b"{}")
            first = path
        else:
            os.link(first, path)


def test_a_hundred_thousand_files(ready: World, store: LocalStore) -> None:
    """A tenth is looked at and refused, the rest is left and counted; neither time nor memory grow with it."""
    honest(ready, store)
    flood(store, 100_000)
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = publish(store, ready.key, now())
    assert time.process_time() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB
    assert len(done.turned) + admitted(done) == Limits().files
    assert done.left == len(store.list("inbox")) == 90_001


def test_a_flood_that_is_renewed_keeps_nobody_waiting_for_ever(ready: World, store: LocalStore) -> None:
    """Whatever names the flood takes and however new it is, an honest submission is taken by chance."""
    honest(ready, store)
    for _ in range(200):
        for path in (store.root / "inbox").glob("?????.sigstore.json"):
            path.unlink()
        flood(store, 40)
        if admitted(publish(store, ready.key, now(), limits=Limits(files=10))):
            return
    pytest.fail("200 publishes, each with a chance of a quarter")


def test_the_choice_cannot_be_foreseen(store: LocalStore) -> None:
    flood(store, 100)
    chosen = [tuple(choose(store, 10)[0]) for _ in range(20)]
    assert len(set(chosen)) == 20
    assert len({path for paths in chosen for path in paths}) > 40
    assert choose(store, 10)[1] == 90


# Spellings and signers


def test_one_bundle_in_many_spellings_is_one(ready: World, store: LocalStore) -> None:
    """It is verified once, entered once, and leaves once and for all."""
    value = json.loads(honest(ready, store))
    for indent in range(1, 6):
        store.write(f"inbox/{indent}.sigstore.json", json.dumps(value, indent=indent).encode())
    shuffled = json.dumps(dict(reversed(value.items()))).encode()
    store.write("inbox/reversed.sigstore.json", shuffled)
    done = publish(store, ready.key, now())
    assert (admitted(done), done.turned, store.list("inbox")) == (1, (), [])


def test_a_bundle_that_waits_in_many_spellings_waits_once(ready: World, tmp_path: Path) -> None:
    from muniment.registry import propose

    world = make_world(tmp_path)
    version = world.release("aiops/cpu@1.0.0")
    data = world.sign("operator", propose.promote(world.state, version, "production", "go", now())).data
    submit(world.store, data)
    world.store.write("inbox/again.sigstore.json", json.dumps(json.loads(data), indent=1).encode())
    (turned,) = world.publish().turned
    assert turned.waits
    assert len(world.store.list("inbox")) == 1
    world.sandbox.__exit__(None, None, None)


def test_the_same_statement_signed_again_and_again(ready: World, store: LocalStore) -> None:
    submit(store, *(ready.sign("trainer", signature(b"same")).data for _ in range(4)))
    done = publish(store, ready.key, now())
    assert admitted(done) == 1
    assert ["The same statement by the same signer" in t.error.fact for t in done.turned] == [True] * 3
    assert store.list("inbox") == []


def test_bundles_of_certificates_nobody_knows(ready: World, store: LocalStore, tmp_path: Path) -> None:
    """Another Sigstore's, well made in every way."""
    create(tmp_path / "other")
    add_identity(tmp_path / "other", person("trainer"))
    from muniment.evidence.statement import format_statement

    with Sandbox(tmp_path / "other") as other:
        foreign = [other.signer("trainer").sign(format_statement(signature(b"%d" % n))).data for n in range(5)]
    submit(store, *foreign)
    honest(ready, store)
    done = publish(store, ready.key, now())
    assert (admitted(done), len(done.turned), store.list("inbox")) == (1, 5, [])


def test_strangers_and_their_many_submissions(ready: World, store: LocalStore) -> None:
    submit(store, *(ready.sign("stranger", signature(b"%d" % n)).data for n in range(20)))
    honest(ready, store)
    done = publish(store, ready.key, now())
    assert (admitted(done), len(done.turned), store.list("inbox")) == (1, 20, [])
    assert not any(turned.waits for turned in done.turned)
