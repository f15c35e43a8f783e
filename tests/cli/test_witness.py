"""`muniment witness` as a job runs it: its key, its exit codes, its words."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from muniment.log.note import Cosigner, NoteSigner, cosigned_at, format_skey, open_note, parse_cosigner, parse_vkey
from muniment.log.witness import read_path
from muniment.registry.store.local import LocalStore
from muniment.verify.trust import format_trust
from tests.cli.run import Ran, muniment
from tests.cli.test_bad_input import place, plain
from tests.world import World, make_world, registry_document

__all__ = ["place"]
NAME = "witness.example/w"
WITNESS = Cosigner(NAME, bytes(range(2, 34)))


@pytest.fixture
def key(place: Path) -> Path:
    return place / "secrets" / "witness.key"


def witness(place: Path, *more: object) -> Ran:
    """A run over the copied registry, with its trust.json and a key named."""
    pins = [] if "--log-key" in more else ["--trust", place / "trust.json"]
    keyed = ["--key", place / "secrets" / "witness.key", "--name", NAME]
    return muniment("witness", place / "registry", "--state", place / "state", *keyed, *pins, *more)


def half(place: Path, told: World) -> Path:
    return place / "state" / read_path(told.trust.origin)


def test_the_first_run_makes_the_key_and_says_what_to_do(told: World, place: Path, key: Path) -> None:
    ran = witness(place)
    cosigner = parse_cosigner(key.read_text().strip())
    size = told.history.checkpoint.size
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert ran.err == f"{key} is a new witness key: keep it where only the witness can read it.\n  {cosigner.vkey}\n"
    lines = ran.out.splitlines()
    assert lines[0] == f"COSIGNED: {told.trust.origin}, {size} entries, which is the first seen of this log"
    assert lines[1].startswith("  at 20")
    assert lines[1].endswith(f"Z by {cosigner.vkey}")
    assert lines[2:] == [
        "  entries were not replayed: --replay does",
        f"  {half(place, told)}: serve the folder {place / 'state'}",
    ]
    assert open_note(half(place, told).read_bytes(), [cosigner.verifier, told.key.verifier])


def test_the_next_run_needs_neither_name_nor_file(
    told: World, place: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness(place, "--replay")
    monkeypatch.setenv("MUNIMENT_WITNESS_KEY", key.read_text())
    ran = muniment(
        *("witness", place / "registry", "--state", place / "state", "--trust", place / "trust.json"),
        *("--replay", "--json"),
    )
    value = json.loads(ran.out)
    size = told.history.checkpoint.size
    assert ran.err == ""
    assert (value["size"], value["previous"], value["replayed"], value["remarks"]) == (size, size, True, [])
    assert parse_vkey(value["witness"]).name == NAME
    assert Path(value["path"]) == half(place, told)
    note, _ = open_note(half(place, told).read_bytes(), [parse_vkey(value["witness"])])
    assert cosigned_at(note.signatures[-1]) > 1_700_000_000


def test_a_log_key_pins_as_trust_json_does(told: World, place: Path) -> None:
    assert witness(place, "--log-key", told.key.vkey).code == 0
    other = NoteSigner(told.key.name, bytes(32)).vkey
    failed = witness(place, "--log-key", other)
    assert failed.code == 1
    assert "No pinned key of the log" in failed.err
    assert "--replay" in failed.err


def test_a_fork_and_a_rewind_end_with_1_and_what_is_withheld_with_3(told: World, place: Path) -> None:
    assert witness(place).code == 0
    registry = LocalStore(place / "registry")
    early = registry.read("checkpoints/2")
    newest = registry.read("checkpoint")
    registry.write("checkpoint", early)
    ran = witness(place)
    plain(ran, 1, "The log went back: the checkpoint of 2 entries")
    assert str(place / "state") in ran.err
    registry.write("checkpoint", newest)
    registry.remove("log/000.jsonl")
    plain(witness(place), 3, "000.jsonl is missing")


def test_what_is_put_wrongly_ends_with_2(told: World, place: Path, key: Path) -> None:
    state = ["--state", place / "state"]
    pinned = ["--trust", place / "trust.json"]
    at = ["witness", place / "registry", *state]
    plain(muniment(*at, "--key", key), 2, "pinned by its keys or by trust.json")
    plain(muniment(*at, "--key", key, *pinned, "--log-key", told.key.vkey), 2, "pinned by its keys or by")
    plain(muniment(*at, "--key", key, "--log-key", told.key.vkey, "--replay"), 2, "Replay begins from the pins")
    two = ["--log-key", told.key.vkey, "--log-key", NoteSigner("other", bytes(32)).vkey]
    plain(muniment(*at, "--key", key, *two), 2, "keys are of several logs")
    plain(muniment(*at, "--key", key, *pinned), 2, "a new key needs a name")
    plain(muniment(*at, *pinned), 2, "witness key is not given")
    assert not key.exists()
    assert witness(place).code == 0
    plain(muniment(*at, "--key", key, "--name", "other", *pinned), 2, "The key is named witness.example/w")
    plain(muniment(*at, "--key", place / "trust.json", *pinned), 2, "does not hold a witness key")
    plain(muniment(*at, "--key", place / "log.key", *pinned), 3, "is of type 1, not 4")
    plain(muniment(*at, "--key", key, "--log-key", "x"), 3, "does not have the form name+id+key")


def test_places_that_are_none(told: World, place: Path, tmp_path: Path) -> None:
    keyed = ["--key", place / "secrets" / "witness.key", "--name", NAME, "--trust", place / "trust.json"]
    assert witness(place).code == 0
    plain(muniment("witness", tmp_path / "none", "--state", place / "state", *keyed), 3, "holds no registry")
    plain(muniment("witness", "http://127.0.0.1:9/", "--state", place / "state", *keyed), 3, "cannot be reached")
    plain(muniment("witness", place / "registry", "--state", place / "log.key", *keyed), 3, "cannot be made a folder")


def test_two_runs_at_once(told: World, place: Path) -> None:
    assert witness(place).code == 0
    with LocalStore(place / "state").turn():
        plain(witness(place), 4, "Another run")


class TestPublishTakesCosignatures:
    """The witness runs after the checkpoint is out; the same publish, with an empty inbox, brings its line in."""

    @pytest.fixture
    def watched(self, tmp_path: Path) -> Iterator[World]:
        lines = [f"witness w {WITNESS.vkey}", "quorum w"]
        made = make_world(tmp_path / "world", document=registry_document() | {"witnessPolicy": lines})
        (made.folder / "trust.json").write_bytes(format_trust(made.trust))
        (made.folder / "witness.key").write_text(format_skey(WITNESS))
        yield made
        made.sandbox.__exit__(None, None, None)

    def run(self, watched: World, *more: object) -> Ran:
        return muniment("publish", watched.store.root, "--log-key", watched.folder / "log.key", *more)

    def witnessed(self, watched: World) -> Path:
        """The witness's folder after it ran."""
        at = watched.folder
        pins = ["--trust", at / "trust.json", "--key", at / "witness.key", "--replay"]
        assert muniment("witness", watched.store.root, "--state", at / "state", *pins).code == 0
        return at / "state"

    def test_the_whole_way(self, watched: World) -> None:
        trust = ["--trust", watched.folder / "trust.json"]
        plain(muniment("verify", watched.store.root, *trust), 1, "0 of 1 known witnesses cosigned")
        ran = self.run(watched, "--cosignatures", self.witnessed(watched), "--require-quorum")
        assert (ran.code, ran.err) == (0, "")
        first, last = ran.out.splitlines()
        assert first == f"the log has {watched.history.checkpoint.size} entries"
        assert re.fullmatch(r"cosigned by w at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", last)
        verified = muniment("verify", watched.store.root, *trust)
        assert verified.code == 0
        assert f"  {last}\n" in verified.out
        value = json.loads(self.run(watched, "--cosignatures", self.witnessed(watched), "--json").out)
        assert value["cosignatures"] == {"witnesses": {"w": last.rpartition(" ")[2]}, "added": 0, "remarks": []}

    def test_a_pack_says_who_replayed(self, watched: World) -> None:
        watched.release("aiops/cpu@1.0.0")
        self.run(watched, "--cosignatures", self.witnessed(watched))
        pack = watched.folder / "cpu.pack"
        muniment("pack", "aiops/cpu@1.0.0", "-r", watched.store.root, "-o", pack)
        pins = watched.folder / "replays.json"
        pins.write_bytes(format_trust(replace(watched.trust, replayed_by=("w",))))
        ran = muniment("verify", pack, "--trust", pins)
        assert "  cosigned by w at " in ran.out
        assert "  asserted by the log; replayed by: w: nothing else was said of aiops/cpu" in ran.out

    def test_a_place_that_is_gone_is_a_warning_and_with_the_quorum_unknown(self, watched: World) -> None:
        gone = watched.folder / "gone"
        ran = self.run(watched, "--cosignatures", gone)
        assert ran.code == 0
        assert ran.err.startswith(f"warning: {gone}: no cosignature: {gone}/")
        ran = self.run(watched, "--cosignatures", "http://127.0.0.1:9/", "--require-quorum")
        assert ran.code == 3
        assert "try: Some witnesses could not be read" in ran.err

    def test_a_quorum_that_lacks_is_false(self, watched: World) -> None:
        ran = self.run(watched, "--require-quorum")
        assert ran.code == 1
        assert "error: 0 of 1 known witnesses cosigned" in ran.err

    def test_a_registry_without_a_quorum(self, told: World, place: Path) -> None:
        ran = muniment("publish", place / "registry", "--log-key", place / "log.key", "--require-quorum")
        assert ran.code == 2
        assert "asks for no quorum" in ran.err
