"""Pack makers, hosts and odd targets: what a version does not carry by itself, and what is no registry at all."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from muniment.core.canonical import format_json
from muniment.core.errors import Malformed, Missing, Rejected, Unchecked, Unreachable, Untrusted
from muniment.core.instant import format_instant
from muniment.core.name import VersionId, parse_version_id
from muniment.log.checkpoint import Checkpoint, sign_checkpoint
from muniment.log.merkle import EMPTY_ROOT
from muniment.log.note import Cosigner, NoteSigner
from muniment.log.statetree import format_proof
from muniment.registry import propose, recovery
from muniment.registry.documents import state_tree
from muniment.registry.fold import blob_reader
from muniment.registry.paths import CHECKPOINTS, checkpoint_path
from muniment.registry.store.http import HttpReader
from muniment.verify.pack import make_pack, open_pack
from muniment.verify.replay import verify_registry
from muniment.verify.selfread import read_history
from muniment.verify.target import verify_target
from muniment.verify.trust import format_trust, parse_trust
from tests.cli.run import muniment
from tests.registry.test_known import built
from tests.world import World, make_world, now, registry_document

FIRST = parse_version_id("aiops/cpu@1.0.0")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two names with the same bytes; the other one has a longer story, and the first was retired for a third."""
    document = registry_document()
    made = make_world(tmp_path_factory.mktemp("shared"), document=document)
    first = made.release("aiops/cpu@1.0.0", b"one")
    old = made.release("aiops/twin@1.0.0", b"old")
    made.promote(old)
    twin = made.release("aiops/twin@2.0.0", b"one")
    made.promote(twin)
    made.open_incident("aiops/twin", "INC-1")
    back = recovery.rollback(made.state, twin.name, "production", None, "INC-1", "worse", now())
    assert not made.put("operator", back).turned
    better = made.release("aiops/gpu@1.0.0", b"gpu")
    retirement = propose.retire(made.state, first, "unsafe", "leaks", better, now())
    assert not made.put("operator", retirement).turned
    yield made
    made.sandbox.__exit__(None, None, None)


def pack_of(world: World, version: VersionId) -> bytes:
    return make_pack(world.history, version, blob_reader(world.store))


@pytest.mark.parametrize("version", ["aiops/cpu@1.0.0", "aiops/twin@1.0.0", "aiops/twin@2.0.0", "aiops/gpu@1.0.0"])
def test_a_version_that_shares_its_bytes_with_another_name(shared: World, version: str) -> None:
    """The other name's events are records about the artifact too: their whole story has to come along."""
    opened = open_pack(pack_of(shared, parse_version_id(version)), shared.trust)
    assert str(opened.version) == version


def test_bytes_that_are_of_two_versions(shared: World) -> None:
    """One of them was retired as unsafe: both are told, the newest first, in every process alike."""
    done = verify_target(str(shared.store.root), [shared.model_path(b"one")], shared.trust)
    assert [(f.version, f.stages) for f in done.files] == [("aiops/twin@2.0.0", ()), ("aiops/cpu@1.0.0", ("retired",))]


def test_a_pack_says_until_when_it_speaks(shared: World) -> None:
    version = parse_version_id("aiops/twin@1.0.0")
    opened = open_pack(pack_of(shared, version), shared.trust)
    last = shared.history.entries[-1].admitted_at
    assert opened.state.admitted_at == last
    path = shared.folder / "twin.pack"
    path.write_bytes(pack_of(shared, version))
    assert verify_target(str(path), [], shared.trust).as_of == format_instant(last)


def test_a_pack_says_that_the_rules_rest_on_the_log(told: World) -> None:
    """Whoever holds the log key could leave a stricter configuration out and sign a root without it."""
    opened = open_pack(pack_of(told, FIRST), told.trust)
    assert "no other configuration than entry 0" in opened.asserted


def test_a_pack_says_of_what_it_lists_nothing(world: World, shared: World, told: World, tmp_path: Path) -> None:
    """An operator could have let a version in against a record about its data, and leave that out."""
    world.put("trainer", built())
    path = tmp_path / "p"
    for of, version, said in (
        (world, world.release("aiops/cpu@1.0.0"), ("other records about the data that its records name",)),
        (shared, FIRST, ("other events of aiops/gpu, aiops/twin",)),
        (told, FIRST, ()),
    ):
        path.write_bytes(pack_of(of, version))
        assert verify_target(str(path), [], of.trust).not_checked[:-1] == said


@pytest.mark.parametrize("size", [1e21, 2**53 - 1, 1])
def test_a_state_of_another_size(told: World, size: float) -> None:
    value = json.loads(pack_of(told, FIRST))
    value["state"]["size"] = size
    with pytest.raises((Rejected, Unchecked)):
        open_pack(format_json(value), told.trust)


@pytest.mark.parametrize("index", [1e21, 2**53 - 1])
def test_an_entry_of_another_index(told: World, index: float) -> None:
    value = json.loads(pack_of(told, FIRST))
    value["entries"][-1]["index"] = index
    with pytest.raises((Rejected, Unchecked)):
        open_pack(format_json(value), told.trust)


def changed(told: World, change: Any) -> None:
    value = json.loads(pack_of(told, FIRST))
    change(value)
    with pytest.raises((Rejected, Unchecked)):
        open_pack(format_json(value), told.trust)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["entries"].append(v["entries"][-1]),
        lambda v: v["entries"].insert(0, v["entries"][0]),
        lambda v: v["entries"].reverse(),
        lambda v: v["entries"][0].update(bundle=v["entries"][2]["bundle"]),
        lambda v: v["entries"][-1].update(bundle=v["entries"][0]["bundle"]),
        lambda v: v["entries"][0].pop("bundle"),
        lambda v: v.update(version="aiops/cpu@2.0.0"),
        lambda v: v.update(version="aiops/cpu@9.9.9"),
        lambda v: v.update(version="aiops/cpu"),
        lambda v: v.update(checkpoint=v["checkpoint"] + "\n"),
        lambda v: v.update(checkpoint=v["checkpoint"].replace("\n\n", "\nextension\n\n", 1)),
        lambda v: v["state"]["listings"].update({"name/aiops/none/": next(iter(v["state"]["listings"].values()))}),
        lambda v: v["state"].update(listings={k: {} for k in v["state"]["listings"]}),
    ],
)
def test_a_pack_put_together_otherwise(told: World, change: Any) -> None:
    changed(told, change)


def test_a_listing_is_proved_and_not_claimed(told: World) -> None:
    """That nothing else is said of the name is not shown by a listing of something else, nor by a part of its own."""
    value = json.loads(pack_of(told, FIRST))
    listings, whole = value["state"]["listings"], "name/aiops/cpu/"
    for prefix in set(listings) - {whole}:
        wrong = {**value, "state": {**value["state"], "listings": {**listings, whole: listings[prefix]}}}
        with pytest.raises((Rejected, Unchecked)):
            open_pack(format_json(wrong), told.trust)
    tree = state_tree(told.state)
    for part in (f"{whole}version/", f"{whole}stage/"):
        less = {**listings, whole: format_proof(tree.prove_listing(part))}
        with pytest.raises((Rejected, Unchecked)):
            open_pack(format_json({**value, "state": {**value["state"], "listings": less}}), told.trust)


def test_a_pack_under_another_root(told: World, shared: World) -> None:
    with pytest.raises(Untrusted, match="pinned Sigstore root"):
        open_pack(pack_of(told, FIRST), replace(told.trust, trusted_root=shared.trust.trusted_root))


def test_a_pack_of_what_is_not_released(told: World) -> None:
    with pytest.raises(Missing, match="is not released"):
        pack_of(told, parse_version_id("aiops/cpu@9.9.9"))


def test_a_pack_without_a_file_says_so(told: World, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(pack_of(told, FIRST))
    (said,) = verify_target(str(tmp_path / "p"), [], told.trust).not_checked
    assert "no artifact was given" in said
    held = verify_target(str(tmp_path / "p"), [told.model_path(b"one")], told.trust)
    assert held.not_checked == ()
    with pytest.raises(Rejected, match="is no artifact of"):
        verify_target(str(tmp_path / "p"), [told.model_path(b"two")], told.trust)


def test_entries_that_do_not_hash_to_the_checkpoint(told: World, tmp_path: Path) -> None:
    store = told.copy(tmp_path / "r")
    lines = store.read("log/000.jsonl").splitlines(keepends=True)
    store.write("log/000.jsonl", b"".join([lines[0], *reversed(lines[1:])]))
    with pytest.raises(Untrusted, match="do not hash"):
        verify_target(str(store.root), [], told.trust)


def test_an_old_checkpoint_that_is_of_another_size(told: World, tmp_path: Path) -> None:
    """A site as of one size would be built as of another."""
    store = told.copy(tmp_path / "r")
    first, *_, last = sorted(int(p.rpartition("/")[2]) for p in store.list(CHECKPOINTS))
    assert read_history(store, first).checkpoint.size == first
    store.write(checkpoint_path(first), store.read(checkpoint_path(last)))
    with pytest.raises(Untrusted, match=f"of {last} entries as that of {first}"):
        read_history(store, first)


def test_a_checkpoint_of_nothing(told: World, tmp_path: Path) -> None:
    store = told.copy(tmp_path / "r")
    store.write("checkpoint", sign_checkpoint(Checkpoint(told.trust.origin, 0, EMPTY_ROOT), told.key))
    with pytest.raises(Untrusted, match="empty log"):
        verify_target(str(store.root), [], told.trust)


def test_a_foreign_cosignature_changes_nothing(told: World) -> None:
    """Witnesses that this reader does not know add lines to the note; they neither help nor harm."""
    value = json.loads(pack_of(told, FIRST))
    value["checkpoint"] += "\u2014 witness.example/w " + "A" * 100 + "\n"
    assert open_pack(format_json(value), told.trust).version == FIRST


# Targets


def test_a_pipe_as_target(told: World, tmp_path: Path) -> None:
    """It must not hang until somebody writes."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "trust.json").write_bytes(format_trust(told.trust))
    run = [sys.executable, "-m", "muniment.cli.main", "verify", str(tmp_path / "pipe")]
    done = subprocess.run([*run, "--trust", str(tmp_path / "trust.json")], capture_output=True, timeout=20)
    assert done.returncode == 3, done


@pytest.mark.parametrize(
    "target", ["x" * 5000, "http://[::1/", "http://127.0.0.1:99999/", "http://a b/", "http://", "/dev/null"]
)
def test_a_target_that_is_none(told: World, target: str) -> None:
    with pytest.raises(Unchecked):
        verify_target(target, [], told.trust)


def test_a_pack_too_large_to_read(told: World, tmp_path: Path) -> None:
    with (tmp_path / "huge.pack").open("wb") as file:
        os.ftruncate(file.fileno(), 1 << 40)
    with pytest.raises(Unchecked, match="larger than"):
        verify_target(str(tmp_path / "huge.pack"), [], told.trust)


@pytest.mark.parametrize("answer", [b"", b"rubbish\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"])
def test_a_host_that_does_not_speak_http(told: World, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(Unchecked):
            verify_target(f"http://127.0.0.1:{server.getsockname()[1]}/", [], told.trust)
        thread.join(5)


def test_a_host_that_drips(told: World) -> None:
    """Each byte comes in time, and the file never does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not over.wait(0.05):
                    connection.sendall(b"x")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        reader = HttpReader(f"http://127.0.0.1:{server.getsockname()[1]}/", patience=0.5)
        with pytest.raises(Unreachable, match=r"not there within 0\.5 seconds"):
            verify_registry(reader, told.trust)
        over.set()
        thread.join(5)


# Pins

KEY = "log " + NoteSigner("x.example/log", bytes(32)).vkey


def pins(told: World, **changes: Any) -> bytes:
    return json.dumps({**json.loads(format_trust(told.trust)), **changes}).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": 5},
        {"origin": None},
        {"genesis": 5},
        {"genesis": "sha256:" + "A" * 64},
        {"tlogPolicy": "quorum none"},
        {"tlogPolicy": {"quorum none": 1}},
        {"tlogPolicy": []},
        {"tlogPolicy": ["quorum none"]},
        {"tlogPolicy": ["log", "quorum none"]},
        {"tlogPolicy": ["log x"]},
        {"tlogPolicy": [5]},
        {"tlogPolicy": [KEY, "witness w x", "quorum none"]},
        {"tlogPolicy": [KEY, "quorum 1"]},
        {"tlogPolicy": [KEY, f"witness w {Cosigner('w.example', bytes(32)).vkey}", "quorum w"]},
        {"tlogPolicy": ["witness w x", "quorum w"]},
        {"sigstore": []},
        {"sigstore": {"trustedRoot": None}},
        {"sigstore": {"trustedRoot": {}}},
        {"witnesses": []},
        {"origin": "\ud800"},
        {"tlogPolicy": [KEY, "# \ud800", "quorum none"]},
    ],
)
def test_pins_that_are_none(told: World, changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parse_trust(pins(told, **changes))


@pytest.mark.parametrize("where", ["folder", "absent", "x" * 300])
def test_a_trust_file_that_cannot_be_read(told: World, tmp_path: Path, where: str) -> None:
    (tmp_path / "folder").mkdir()
    ran = muniment("verify", told.store.root, "--trust", tmp_path / where)
    assert ran.code == 3, ran
    assert "VERIFIED" not in ran.out
    assert "Traceback" not in ran.err
