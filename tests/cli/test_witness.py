"""`muniment witness` as a job runs it: its key, its exit codes, its words."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from muniment.log.note import NoteSigner, cosigned_at, open_note, parse_cosigner, parse_vkey
from muniment.log.witness import read_path
from muniment.registry.store.local import LocalStore
from tests.cli.run import Ran, muniment
from tests.cli.test_bad_input import place, plain
from tests.world import World

__all__ = ["place"]
NAME = "witness.example/w"


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
    plain(ran, 1, "went back to 2 entries")
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
