"""The commands that keep a sandbox's keys and show them to others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.signing.sandbox import Sandbox
from tests.cli.run import muniment
from tests.web import served


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    assert muniment("sandbox", "create", tmp_path / "keys").code == 0
    assert muniment("sandbox", "identity", tmp_path / "keys", "reviewer").code == 0
    return tmp_path / "keys"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    (tmp_path / "public").mkdir()
    with served(tmp_path / "public") as url:
        yield tmp_path / "public", url


def test_everything_is_rotated_and_said(folder: Path):
    ran = muniment("sandbox", "rotate", folder, "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["rotated"]) == (0, ["fulcio", "ct", "rekor", "tsa", "oidc"])
    assert told["at"].endswith("Z")
    assert muniment("sandbox", "tuf", folder, folder.parent / "public").code == 0
    told = json.loads(muniment("sandbox", "rotate", folder, "--key", "all", "--json").out)
    assert (told["rotated"][-1], told["rootVersion"]) == ("tuf", 2)
    told = json.loads(muniment("sandbox", "rotate", folder, "--key", "tuf", "--json").out)
    assert told == {"rotated": ["tuf"], "rootVersion": 3}
    ran = muniment("sandbox", "rotate", folder, "--key", "ct")
    assert "New keys: ct. " in ran.out


def test_what_is_wrong_is_told_with_its_code(folder: Path, tmp_path: Path):
    ran = muniment("sandbox", "rotate", folder, "--key", "sun")
    assert (ran.code, "no key sun" in ran.err) == (2, True)
    ran = muniment("sandbox", "rotate", folder, "--key", "tuf")
    assert (ran.code, "no TUF repository yet" in ran.err) == (3, True)
    for command in (("rotate", tmp_path / "none"), ("tuf", tmp_path / "none", tmp_path / "out")):
        ran = muniment("sandbox", *command)
        assert (ran.code, "no sandbox in" in ran.err) == (3, True)


def test_a_command_signs_where_a_tuf_url_points(folder: Path, site: tuple[Path, str], tmp_path: Path):
    out, url = site
    (tmp_path / "model.bin").write_bytes(b"weights")
    sign = ["attest", "signature", tmp_path / "model.bin", "--out", tmp_path / "signed.json", "--trust-config", url]
    with Sandbox(folder) as sandbox:
        assert muniment("sandbox", "tuf", folder, out, "--url", sandbox.url).code == 0
        token = ["--identity-token", sandbox.token("reviewer")]
        ran = muniment(*sign, *token)
        assert (ran.code, "does not know the TUF repository" in ran.err, "--tuf-root" in ran.err) == (3, True, True)
        ran = muniment(*sign, *token, "--tuf-root", tmp_path / "none.json")
        assert (ran.code, "does not exist" in ran.err) == (3, True)
        ran = muniment(*sign, *token, "--tuf-root", out / "root.json")
        assert (ran.code, ran.err) == (0, "")
        assert json.loads((tmp_path / "signed.json").read_bytes())["dsseEnvelope"]
        assert muniment(*sign, *token).code == 0  # this machine knows it now
        ran = muniment(*sign[:-1], tmp_path / "config.json", *token, "--tuf-root", out / "root.json")
        assert (ran.code, "--tuf-root goes with a TUF URL" in ran.err) == (2, True)
        (tmp_path / "config.json").write_text(sandbox.trust_config())
        assert muniment(*sign[:-1], tmp_path / "config.json", *token).code == 0


def test_a_repository_of_another_is_refused(folder: Path, site: tuple[Path, str], tmp_path: Path):
    out, url = site
    assert muniment("sandbox", "tuf", folder, tmp_path / "own").code == 0
    assert muniment("sandbox", "create", tmp_path / "other").code == 0
    assert muniment("sandbox", "tuf", tmp_path / "other", out).code == 0
    (tmp_path / "model.bin").write_bytes(b"weights")
    sign = ["attest", "signature", tmp_path / "model.bin", "--out", tmp_path / "x", "--trust-config", url]
    ran = muniment(*sign, "--identity-token", "any", "--tuf-root", tmp_path / "own" / "root.json")
    assert (ran.code, "not what its root vouches for" in ran.err) == (1, True)
