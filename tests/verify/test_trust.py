"""trust.json: what a reader pins is read strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from muniment.core.canonical import format_json
from muniment.core.errors import Malformed, Untrusted
from muniment.log.lines import leaf_file
from muniment.registry.fold import blob_reader
from muniment.registry.sequencer import publish
from muniment.verify.memory import parse_seen
from muniment.verify.pack import make_pack, open_pack
from muniment.verify.selfread import own_trust
from muniment.verify.target import verify_target
from muniment.verify.trust import format_trust, parse_trust
from tests.world import World, now


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("anchr", {}, "pins.json does not hold to the schema trust: .*'anchr' was unexpected"),
        ("anchor", {"issuer": "https://token.actions.githubusercontent.com", "subject": "https://x"}, "does not pin"),
        ("anchor", {"issuer": "https://accounts.example.org", "subject": "*@example.org"}, "wildcard"),
        ("replayedBy", ["w"], "'w' replays, which is no witness"),
        ("tlogPolicy", ["quorum none"], "names no log key"),
    ],
)
def test_pins_that_would_not_hold(told: World, field: str, value: Any, message: str) -> None:
    pins = json.loads(format_trust(told.trust)) | {field: value}
    with pytest.raises(Malformed, match=message):
        parse_trust(json.dumps(pins).encode(), "pins.json")


def test_what_is_written_is_read(told: World) -> None:
    assert parse_trust(format_trust(told.trust)) == told.trust


def test_a_pack_without_the_entry_that_dates_its_checkpoint(world: World) -> None:
    """The last batch is empty, so no other entry of the pack needs its end."""
    version = world.release("aiops/cpu@1.0.0", b"one")
    publish(world.store, world.key, now(), heartbeat=True)
    pack = json.loads(make_pack(world.history, version, blob_reader(world.store)))
    assert open_pack(format_json(pack), world.trust).version == version
    del pack["entries"][-1]
    with pytest.raises(Untrusted, match="the checkpoint's state entry"):
        open_pack(format_json(pack), world.trust)


@pytest.mark.parametrize("data", [b"[]\n", b"1\n", b"{}\n"])
def test_a_memory_that_is_none(data: bytes) -> None:
    with pytest.raises(Malformed, match="no memory of a log"):
        parse_seen(data, "seen.json")


def test_an_empty_pack(told: World, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"")
    with pytest.raises(Malformed, match="is no file, or empty"):
        verify_target(str(tmp_path / "p"), [], told.trust)


@pytest.mark.parametrize("at", [1, 2])
def test_a_log_that_describes_itself_by_something_else(told: World, tmp_path: Path, at: int) -> None:
    """Its makers' view begins with the first entry too: neither the end of a batch nor evidence can be one."""
    store = told.copy(tmp_path / "r")
    lines = store.read(leaf_file(0)).splitlines(keepends=True)
    store.write(leaf_file(0), b"".join(lines[at:]))
    with pytest.raises((Untrusted, Malformed)):
        own_trust(store)


def test_a_log_that_describes_itself_by_another_event(told: World, tmp_path: Path) -> None:
    store = told.copy(tmp_path / "r")
    at = next(e.index for e in told.history.entries if e.kind == "release")
    store.write(leaf_file(0), b"".join(store.read(leaf_file(0)).splitlines(keepends=True)[at:]))
    with pytest.raises(Untrusted, match="does not begin with a configure entry"):
        own_trust(store)
