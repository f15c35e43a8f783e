"""Mistakes people make: told before anything is signed, with what to do instead."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from muniment.core.errors import Unreachable
from muniment.registry.store.local import LocalStore
from tests.cli.run import Ran, muniment
from tests.cli.test_bad_input import files, plain, signing
from tests.cli.test_bad_input import place as place
from tests.world import World


def operate(told: World, place: Path, command: str, *more: object) -> Ran:
    """Runs an event command as the operator; the registry must stay as it was."""
    before = files(place / "registry")
    ran = muniment(command, *more, "-r", place / "registry", *signing(told, "operator"))
    assert files(place / "registry") == before
    return ran


def test_an_environment_that_is_none(told: World, place: Path) -> None:
    ran = operate(told, place, "promote", "aiops/cpu@1.0.0", "--to", "stagin", "--reason", "r")
    plain(ran, 2, "'stagin' is not configured")
    incident = ["--incident", "i", "--reason", "r"]
    plain(operate(told, place, "rollback", "aiops/cpu", "--env", "prod", *incident), 2, "'prod' is not configured")
    ran = muniment("check", "aiops/cpu@1.0.0", "--to", "prod", "-r", place / "registry")
    plain(ran, 2, "'prod' is not configured")


def test_a_rollback_of_a_version_or_to_another_model(told: World, place: Path) -> None:
    rest = ["--env", "production", "--incident", "i", "--reason", "r"]
    plain(operate(told, place, "rollback", "aiops/cpu@1.0.0", *rest), 2, "not a version")
    plain(operate(told, place, "rollback", "aiops/cpu", "--to", "aiops/gpu@1.0.0", *rest), 2, "no version of aiops/cpu")


def test_fields_that_no_registry_admits_are_not_signed(told: World, place: Path) -> None:
    plain(operate(told, place, "promote", "aiops/cpu@1.0.0", "--to", "staging", "--reason", ""), 2, "reason")
    ran = operate(told, place, "retire", "aiops/cpu@1.0.0", "--category", "broken", "--reason", "r")
    plain(ran, 2, "'broken' is not one of")


def test_an_approval_names_a_statement(told: World, place: Path) -> None:
    role = ["--role", "reviewer", "--reason", "r"]
    plain(operate(told, place, "approve", "aiops/cpu@1.0.0", *role), 2, "not the digest of a statement")
    ran = muniment("approve", f"sha256:{'a' * 64}", *role, "-r", place / "registry", *signing(told, "reviewer"))
    assert ran.code == 0
    assert "note: No statement sha256:aaaa" in ran.err


def test_evidence_in_the_inbox_is_told(told: World, place: Path) -> None:
    (place / "w").write_bytes(b"new weights")
    at = ["-r", place / "registry", *signing(told)]
    assert muniment("attest", "signature", place / "w", *at).code == 0
    ran = muniment("release", "aiops/new@1", place / "w", *at)
    assert ran.code == 0
    assert "note: signature in the inbox is not in the log yet" in ran.err
    (place / "v").write_bytes(b"other weights")
    assert "note" not in muniment("release", "aiops/other@1", place / "v", *at).err


def test_what_waits_is_printed_with_its_statement(told: World, place: Path) -> None:
    asked = muniment(
        *("promote", "aiops/cpu@2.0.0", "--to", "production", "--reason", "r", "-r", place / "registry"),
        *signing(told, "operator"),
    )
    statement = asked.out.split()[1]
    ran = muniment("publish", place / "registry", "--log-key", place / "log.key")
    assert f"STATEMENT: {statement}" in ran.out


def test_a_log_key_that_is_none(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_LOG_KEY", str(place / "log.key"))
    plain(muniment("publish", place / "registry"), 2, "MUNIMENT_LOG_KEY does not hold a log key")
    ran = muniment("publish", place / "registry", "--log-key", place / "trust.json")
    plain(ran, 2, "trust.json does not hold a log key")


def test_a_document_says_all_that_is_missing(told: World, place: Path) -> None:
    (place / "w").write_bytes(b"w")
    (place / "evaluation.json").write_text('{"harness": {"name": "x"}}')
    at = ["-r", place / "registry", *signing(told)]
    ran = muniment("attest", "evaluation", place / "w", "--from", place / "evaluation.json", *at)
    plain(ran, 3, "'data' is a required property")
    assert "'metrics' is a required property" in ran.err
    assert "harness: it needs path, or name and digest" in ran.err
    assert "schemas/evaluation.json" in ran.err
    (place / "evaluation.json").write_text("")
    ran = muniment("attest", "evaluation", place / "w", "--from", place / "evaluation.json", *at)
    plain(ran, 3, "is empty")


def test_sandbox_identities(told: World, tmp_path: Path) -> None:
    shutil.copytree(told.folder / "sandbox", tmp_path / "sb")
    plain(muniment("init", tmp_path / "r", "--origin", "x.example/y", "--sandbox", tmp_path / "sb"), 2, "--as NAME")
    flow = ["sandbox", "identity", tmp_path / "sb", "ci", "--workflow", "acme/fraud/train.yml"]
    ran = muniment(*flow)
    assert ran.code == 0
    assert '"sourceRepositoryIdentifier": "1000001"' in ran.out
    assert muniment(*flow).code == 0
    plain(muniment("sandbox", "identity", tmp_path / "sb", "ci"), 4, "another identity 'ci'")


def test_a_reader_that_leaves_early(told: World) -> None:
    """The exit code is the command's own, not that of a check that failed."""
    command = [sys.executable, "-m", "muniment.cli.main", "history", "--json", "-r", str(told.store.root)]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_an_output_that_is_full(told: World) -> None:
    command = [sys.executable, "-m", "muniment.cli.main", "history", "-r", str(told.store.root)]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_history_tells_of_one_entry_what_revoke_asks_for(told: World, place: Path) -> None:
    import json

    at = ["-r", place / "registry", "--json"]
    rows = json.loads(muniment("history", *at).out)
    approval = next(row for row in rows if row["kind"] == "approve")
    moved = next(row for row in rows if row["kind"] == "promote" and row["index"] > approval["index"])
    assert approval["about"] == f"approved entry {moved['index']}"
    assert moved["about"].startswith("aiops/cpu@1.0.0 in ")
    one = json.loads(muniment("history", approval["index"], *at).out)
    assert one.items() > approval.items()
    assert one["issuer"].startswith("https://")
    assert one["reason"]
    assert f"\nstatement: {one['statement']}\n" in muniment("history", approval["index"], *at[:2]).out
    plain(muniment("history", len(rows), *at[:2]), 3, f"There is no entry {len(rows)}")


def test_no_private_key_lies_where_others_read(told: World, place: Path, tmp_path: Path) -> None:
    """A registry's folder is pushed and served, and so is a witness's."""
    inside, signed = place / "registry" / "keys" / "new.key", signing(told, "administrator")
    made = ["--origin", "x.sandbox.muniment.dev/y", *signed]
    plain(muniment("init", tmp_path / "r", "--log-key", tmp_path / "r" / "log.key", *made), 2, "which others read")
    assert not (tmp_path / "r").exists()
    rotation = ["rotate-key", "-r", place / "registry", "--new-key", inside, "--reason", "old", *signed]
    plain(muniment(*rotation), 2, "which others read")
    state = ["--state", place / "state", "--key", place / "state" / "w.key", "--name", "w.example/w"]
    plain(muniment("witness", place / "registry", "--trust", place / "trust.json", *state), 2, "which others read")
    assert not inside.exists()
    assert not (place / "state").exists()


def test_init_that_fails_leaves_a_folder_as_it_was(
    told: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a link leads to it: half a registry stayed there, without its key."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    def full(store: LocalStore, path: str, data: bytes) -> None:
        if path == "registry.yaml":
            raise Unreachable("No space left on device.", "Make some.")
        LocalStore.swap(store, path, None, data)

    monkeypatch.setattr(LocalStore, "put_new", full)
    for name in ("link", "new"):
        made = ["--origin", "x.sandbox.muniment.dev/y", *signing(told, "administrator")]
        plain(muniment("init", tmp_path / name, *made), 3, "No space left")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["link", "real"]
