"""Bad input: one line of fact, one of remedy, the right exit code, and the registry byte-identical to before."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.registry.store.local import LocalStore
from muniment.verify.trust import format_trust
from tests.cli.run import Ran, muniment
from tests.source import TOP
from tests.world import World


@pytest.fixture
def place(told: World, tmp_path: Path) -> Path:
    """A folder with a copy of the told registry, its pins and its log key."""
    place = tmp_path / "place"
    told.copy(place / "registry")
    (place / "trust.json").write_bytes(format_trust(told.trust))
    (place / "log.key").write_bytes((told.folder / "log.key").read_bytes())
    return place


def signing(told: World, who: str = "trainer") -> list[object]:
    return ["--sandbox", told.folder / "sandbox", "--as", who]


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def plain(ran: Ran, code: int, fact: str) -> None:
    """The run failed with this code, one line of fact that holds `fact`, and one line of remedy."""
    lines = [line for line in ran.err.splitlines() if not line.startswith(("Demands:", "  - "))]
    assert ran.code == code, ran
    assert "Traceback" not in ran.err
    assert lines[0].startswith("error: ")
    assert fact in lines[0]
    assert lines[1].startswith("  try: ")
    assert len(lines) == 2
    assert ran.out == ""


def attest(told: World, place: Path, path: Path) -> Ran:
    """Attests a path; the registry must stay as it was."""
    before = files(place / "registry")
    ran = muniment("attest", "signature", path, "-r", place / "registry", *signing(told))
    assert files(place / "registry") == before
    return ran


@pytest.mark.parametrize("out", [".", "/", "registry", "pipe"])
def test_what_is_no_file_is_not_written_to(place: Path, monkeypatch: pytest.MonkeyPatch, out: str) -> None:
    monkeypatch.chdir(place)
    os.mkfifo("pipe")
    before = sorted(os.listdir())
    plain(muniment("pack", "aiops/cpu@1.0.0", "-r", "registry", "--out", out), 2, "is no file")
    assert sorted(os.listdir()) == before


def test_a_locale_that_cannot_say_it(place: Path) -> None:
    """What a command prints is others' text: a character that is not in the locale's encoding ended it."""
    environ = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(TOP / "toolkit")}
    command = [sys.executable, "-m", "muniment.cli.main", "check", "aiops/cpu@1.0.0", "-r", str(place / "registry")]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1, ran.stderr
    assert "\\u2026" in ran.stdout


def test_a_file_that_is_missing(told: World, place: Path) -> None:
    plain(attest(told, place, place / "nothing"), 3, "nothing")


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything, so it steps down; anybody else stays."""
    root = os.geteuid() == 0
    if root:
        os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        if root:
            os.setresuid(0, 0, 0)


def test_a_file_that_may_not_be_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trust.json")
        path.touch(0)
        Path(folder).chmod(0o755)
        with as_nobody():
            ran = muniment("verify", "registry", "--trust", path)
    plain(ran, 3, "trust.json cannot be read: Permission denied")


def test_an_empty_file(told: World, place: Path) -> None:
    (place / "empty").touch()
    plain(attest(told, place, place / "empty"), 3, "empty")


def test_an_empty_folder(told: World, place: Path) -> None:
    (place / "hollow").mkdir()
    plain(attest(told, place, place / "hollow"), 3, "hollow")


def test_a_fifo(told: World, place: Path) -> None:
    os.mkfifo(place / "pipe")
    plain(attest(told, place, place / "pipe"), 3, "pipe")


def test_a_folder_with_a_link_out_of_it(told: World, place: Path) -> None:
    (place / "model").mkdir()
    (place / "model" / "weights").write_bytes(b"w")
    (place / "model" / "out").symlink_to(place / "trust.json")
    plain(attest(told, place, place / "model"), 3, "out")


def test_names_with_spaces_and_unicode(told: World, place: Path) -> None:
    folder = place / "ein Modell – größer"
    (folder / "tiefer hinein").mkdir(parents=True)
    (folder / "tiefer hinein" / "gewichte µ.bin").write_bytes(b"w")
    ran = muniment("attest", "signature", folder, "-r", place / "registry", *signing(told))
    assert ran.code == 0, ran
    assert "submitted inbox/" in ran.out


@pytest.mark.parametrize("name", ["../etc@1.0.0", "aiops/..@1.0.0", "aiops/cpu@../1", "aiops/cpu", "Ärger/cpu@1"])
def test_names_that_are_none(told: World, place: Path, name: str) -> None:
    (place / "w").write_bytes(b"w")
    plain(muniment("release", name, place / "w", "-r", place / "registry", *signing(told)), 3, "")


def test_the_same_version_with_other_bytes(told: World, place: Path) -> None:
    (place / "other").write_bytes(b"other")
    before = files(place / "registry")
    key = ["--publish", "--log-key", place / "log.key"]
    ran = muniment("release", "aiops/cpu@1.0.0", place / "other", "-r", place / "registry", *signing(told), *key)
    assert ran.code == 1
    assert "released already" in ran.err
    assert files(place / "registry") == before


def test_yaml_that_is_wrong_says_where(told: World, place: Path) -> None:
    (place / "registry.yaml").write_text("origin: a\nroles: [\n")
    (place / "policy.yaml").write_text("rules: []\n")
    documents = ["--config", place / "registry.yaml", "--policy", place / "policy.yaml"]
    ran = muniment("configure", *documents, "-r", place / "registry", *signing(told, "administrator"))
    plain(ran, 3, "line 3, column 1")


def test_a_policy_with_an_unknown_field_says_where(told: World, place: Path) -> None:
    (place / "policy.yaml").write_text("rules:\n  - rule: metric-threshold\n    gate: lunch\n")
    documents = ["--config", place / "registry" / "registry.yaml", "--policy", place / "policy.yaml"]
    ran = muniment("configure", *documents, "-r", place / "registry", *signing(told, "administrator"))
    plain(ran, 3, "policy.yaml, line 3, column 11")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"mediaType": "application/json"}', "\x00\x01"])
def test_a_file_that_is_no_bundle(place: Path, text: str) -> None:
    (place / "bundle").write_text(text)
    before = files(place / "registry")
    plain(muniment("submit", place / "bundle", "-r", place / "registry"), 3, "")
    assert files(place / "registry") == before


def test_one_bad_bundle_keeps_the_others_out(told: World, place: Path) -> None:
    good = next((told.store.root / "blob").rglob("*"))
    good = next(p for p in (told.store.root / "blob").rglob("*") if p.is_file())
    (place / "bad").write_text("{}")
    before = files(place / "registry")
    plain(muniment("submit", good, place / "bad", "-r", place / "registry"), 3, "")
    assert files(place / "registry") == before


def test_a_bundle_of_a_foreign_sandbox(told: World, place: Path, world: World) -> None:
    from muniment.evidence import oms
    from muniment.evidence.artifact import measure

    world.model()
    bundle = world.sign("trainer", oms.signature_statement(measure(world.model_path())))
    (place / "foreign").write_bytes(bundle.data)
    before = files(place / "registry")
    assert muniment("submit", place / "foreign", "-r", place / "registry").code == 0
    ran = muniment("publish", place / "registry", "--log-key", place / "log.key")
    assert ran.code == 1
    assert "refused" in ran.out
    assert files(place / "registry") == before


def test_no_registry(place: Path) -> None:
    plain(muniment("show", "-r", place / "nowhere"), 3, "holds no registry")


def test_no_trust_file(place: Path) -> None:
    plain(muniment("verify", place / "registry", "--trust", place / "none.json"), 3, "does not exist")


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"origin": 1, "origin": 2}'])
def test_a_trust_file_that_is_none(place: Path, text: str) -> None:
    (place / "trust.json").write_text(text)
    plain(muniment("verify", place / "registry", "--trust", place / "trust.json"), 3, "trust.json")


def verify(place: Path, *more: object) -> Ran:
    return muniment("verify", place / "registry", *more, "--trust", place / "trust.json")


def test_a_truncated_log(place: Path) -> None:
    path = place / "registry" / "log" / "000.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))
    plain(verify(place), 3, "log/000.jsonl")


def test_each_file_missing(place: Path, told: World) -> None:
    """Every file that counts: without it, the registry is not verified."""
    for path in sorted((place / "registry").rglob("*")):
        counts = path.is_file() and path.relative_to(place / "registry").parts[0] in ("checkpoint", "log", "blob")
        if counts:
            data = path.read_bytes()
            path.unlink()
            plain(verify(place), 3, "missing")
            path.write_bytes(data)
    assert verify(place).code == 0


def test_each_file_with_a_flipped_bit(place: Path) -> None:
    for path in sorted((place / "registry").rglob("*")):
        counts = path.is_file() and path.relative_to(place / "registry").parts[0] in ("checkpoint", "log", "blob")
        if counts:
            data = path.read_bytes()
            path.write_bytes(data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :])
            ran = verify(place)
            assert ran.code in (1, 3), (path, ran)
            assert "VERIFIED" not in ran.out
            path.write_bytes(data)


def test_a_model_of_other_bytes(told: World, place: Path) -> None:
    (place / "fake").mkdir()
    (place / "fake" / "model.bin").write_bytes(b"poisoned")
    plain(verify(place, place / "fake"), 1, "is no artifact of")


def test_a_model_that_is_the_one(told: World, place: Path) -> None:
    ran = verify(place, told.model_path(b"one"), "--json")
    assert ran.code == 0, ran
    (held,) = json.loads(ran.out)["files"]
    assert (held["version"], held["stages"]) == ("aiops/cpu@1.0.0", ["production"])


def test_a_foreign_log_key(told: World, place: Path, world: World) -> None:
    before = files(place / "registry")
    ran = muniment("publish", place / "registry", "--log-key", world.folder / "log.key")
    assert ran.code in (1, 2)
    assert "Traceback" not in ran.err
    assert files(place / "registry") == before


def test_two_publishers_at_once(place: Path) -> None:
    with LocalStore(place / "registry").turn():
        plain(muniment("publish", place / "registry", "--log-key", place / "log.key"), 4, "Another run")


def test_nothing_to_sign_with(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIGSTORE_IDENTITY_TOKEN", "GITHUB_ACTIONS", "ACTIONS_ID_TOKEN_REQUEST_URL"):
        monkeypatch.delenv(name, raising=False)
    (place / "w").write_bytes(b"w")
    plain(muniment("attest", "signature", place / "w", "-r", place / "registry"), 2, "nothing to sign with")


def test_a_sandbox_identity_that_is_none(told: World, place: Path) -> None:
    (place / "w").write_bytes(b"w")
    ran = muniment("attest", "signature", place / "w", "-r", place / "registry", *signing(told, "nobody"))
    assert ran.code in (2, 3)
    assert "nobody" in ran.err


def test_an_existing_folder_for_a_new_registry(told: World, place: Path) -> None:
    ran = muniment("init", place / "registry", "--origin", "x.example/y", *signing(told, "administrator"))
    plain(ran, 4, "is not empty")


def test_a_failed_init_leaves_nothing(told: World, place: Path) -> None:
    (place / "registry.yaml").write_text((place / "registry" / "registry.yaml").read_text().split("logKeys")[0])
    documents = ["--config", place / "registry.yaml", "--policy", place / "registry" / "policy.yaml"]
    ran = muniment("init", place / "new", *documents, *signing(told, "operator"))
    assert ran.code == 1, ran
    assert sorted(p.name for p in place.iterdir()) == ["log.key", "registry", "registry.yaml", "trust.json"]


def test_an_audit_by_pins_that_are_not_the_registrys(place: Path, told: World) -> None:
    from dataclasses import replace

    (place / "other.json").write_bytes(format_trust(replace(told.trust, origin="elsewhere.example/models")))
    ran = muniment("audit", place / "report", "-r", place / "registry", "--trust", place / "other.json")
    plain(ran, 1, "elsewhere.example/models")
    assert not (place / "report").exists()
    assert muniment("audit", place / "report", "-r", place / "registry", "--trust", place / "trust.json").code == 0
