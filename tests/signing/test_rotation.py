"""Rotation of a sandbox's keys: older signatures stay good, a retired key is refused, a new log begins."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from muniment.core.errors import Missing, MunimentError, Unreachable, Untrusted, Usage
from muniment.core.instant import format_instant
from muniment.log.checkpoint import parse_checkpoint
from muniment.log.note import parse_note
from muniment.signing.bundle import Bundle
from muniment.signing.keyless import Keyless
from muniment.signing.sandbox import Sandbox, add_identity, create, person
from muniment.signing.sandbox.keys import SERVICES
from muniment.signing.sandbox.rekor import genesis, shard_origin
from muniment.signing.sandbox.rotation import rotate
from muniment.signing.sandbox.trust import LISTS
from muniment.signing.strict import StrictVerifier
from tests.signing.forge import PAYLOAD
from tests.signing.test_strict import stock_accepts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create(tmp_path / "sandbox")
    add_identity(tmp_path / "sandbox", person("reviewer"))
    return tmp_path / "sandbox"


def sign(folder: Path) -> Bundle:
    with Sandbox(folder) as sandbox:
        return sandbox.signer("reviewer").sign(PAYLOAD)


def trusted_root(folder: Path) -> bytes:
    return (folder / "trusted_root.json").read_bytes()


def assert_good(folder: Path, bundle: Bundle) -> None:
    verifier = StrictVerifier(trusted_root(folder))
    assert verifier.verify_by_stock(bundle) == verifier.verify_lean(bundle)
    assert verifier.verify(bundle).payload == PAYLOAD


@pytest.mark.parametrize("services", [*((name,) for name in SERVICES), tuple(SERVICES)], ids="+".join)
def test_what_was_signed_stays_good_and_the_retired_key_is_refused(
    folder: Path, services: tuple[str, ...], tmp_path: Path
):
    before = sign(folder)
    shutil.copytree(folder, tmp_path / "thief")
    rotate(folder, services)
    after, stolen = sign(folder), sign(tmp_path / "thief")
    for bundle in (before, after):
        assert_good(folder, bundle)
        assert stock_accepts(bundle, trusted_root(folder), tmp_path)
    old, new = StrictVerifier(trusted_root(tmp_path / "thief")), StrictVerifier(trusted_root(folder))
    assert old.verify(stolen).payload == PAYLOAD
    if services == ("oidc",):
        return  # it signs tokens, which no bundle shows
    with pytest.raises(Untrusted):
        new.verify(stolen)
    with pytest.raises(Untrusted):
        old.verify(after)


MESSAGES = {
    "rekor": "log key was not valid at",
    "ct": "SCT",
    "fulcio": "failed to build timestamp certificate chain",
    "tsa": "timestamp of the bundle does not verify",
}


@pytest.mark.parametrize("service", MESSAGES)
def test_the_refusal_says_which_key_is_retired(folder: Path, service: str, tmp_path: Path):
    shutil.copytree(folder, tmp_path / "thief")
    rotate(folder, [service])
    with pytest.raises(Untrusted, match=MESSAGES[service]):
        StrictVerifier(trusted_root(folder)).verify(sign(tmp_path / "thief"))


def test_a_token_by_the_retired_issuer_key_gets_no_certificate(folder: Path, tmp_path: Path):
    shutil.copytree(folder, tmp_path / "thief")
    rotate(folder, ["oidc"])
    with Sandbox(tmp_path / "thief") as thief, Sandbox(folder) as sandbox:
        signer = Keyless(sandbox.trust_config(), thief.token("reviewer"))
        with pytest.raises(Unreachable, match="not of this sandbox"):
            signer.sign(PAYLOAD)


def test_the_trusted_root_tells_every_key_with_its_time(folder: Path):
    first = json.loads(trusted_root(folder))
    one, two = rotate(folder, SERVICES), rotate(folder, ["rekor"])
    root = json.loads(trusted_root(folder))
    for service, name in LISTS.items():
        windows = [entry.get("publicKey", entry)["validFor"] for entry in root[name]]
        times = [one, two] if service == "rekor" else [one]
        begun = [first[name][0].get("publicKey", first[name][0])["validFor"]["start"], *map(format_instant, times)]
        assert [window["start"] for window in windows] == begun
        ends = [format_instant(time - timedelta(seconds=1)) for time in times]
        assert [window.get("end") for window in windows] == [*ends, None]


def test_a_new_log_key_begins_a_new_log(folder: Path):
    sign(folder)
    before = {path.name: path.read_bytes() for path in (folder / "rekor").iterdir()}
    rotate(folder, ["rekor"])
    assert {path.name: path.read_bytes() for path in (folder / "rekor").iterdir()} == before
    bundle = sign(folder)
    assert {path.name: path.read_bytes() for path in (folder / "rekor").iterdir()} == before
    (entry,) = json.loads(bundle.data)["verificationMaterial"]["tlogEntries"]
    assert entry["logIndex"] == "1"
    checkpoint = parse_checkpoint(parse_note(entry["inclusionProof"]["checkpoint"]["envelope"].encode()).text)
    assert (checkpoint.origin, checkpoint.size) == (shard_origin(2), 2)
    assert (folder / "rekor-2" / "entries.jsonl").read_bytes().startswith(genesis(shard_origin(2)))
    rotate(folder, ["rekor"])
    assert_good(folder, sign(folder))
    assert sorted(path.name for path in folder.glob("rekor*") if path.is_dir()) == ["rekor", "rekor-2", "rekor-3"]


def test_a_process_that_runs_on_with_retired_keys_is_refused(folder: Path):
    with Sandbox(folder) as running:
        rotate(folder, ["tsa"])
        with pytest.raises(Untrusted, match="timestamp of the bundle does not verify"):
            running.signer("reviewer").sign(PAYLOAD)


def test_only_the_owner_reads_new_keys(folder: Path):
    rotate(folder, SERVICES)
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if path.is_file() else 0o700), path


def test_identities_outlive_rotation(folder: Path):
    rotate(folder, ["rekor"])
    add_identity(folder, person("other"))
    with Sandbox(folder) as sandbox:
        assert sandbox.signer("other").sign(PAYLOAD)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda folder: rotate(folder, ["rekor", "sun"]), Usage, "no key sun"),
        (lambda folder: rotate(folder, []), Usage, "no key named"),
        (lambda folder: rotate(folder / "none", ["ct"]), Missing, "no sandbox in"),
    ],
)
def test_what_cannot_be_rotated_is_told(
    folder: Path, make: Callable[[Path], Any], error: type[MunimentError], message: str
):
    before = trusted_root(folder)
    with pytest.raises(error, match=message) as caught:
        make(folder)
    assert caught.value.remedy
    assert trusted_root(folder) == before


def test_a_rotation_that_was_cut_off_is_repaired_by_another(folder: Path):
    before = sign(folder)
    (folder / "rekor-2").mkdir(mode=0o700)  # all that a crash left
    rotate(folder, ["rekor"])
    assert_good(folder, sign(folder))
    assert_good(folder, before)
