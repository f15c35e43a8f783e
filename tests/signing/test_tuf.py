"""The sandbox's TUF repository: stock clients start from its root, follow its rotations, and refuse another's."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.core.errors import Missing, Unreachable, Untrusted
from muniment.signing.bundle import Bundle
from muniment.signing.keyless import Keyless, tuf_config
from muniment.signing.sandbox import ACCOUNTS, Sandbox, add_identity, create, person
from muniment.signing.sandbox.keys import SERVICES
from muniment.signing.sandbox.rotation import rotate
from muniment.signing.sandbox.tuf import publish, rotate_tuf
from muniment.signing.strict import StrictVerifier
from muniment.signing.trustroot import root_of_config
from tests.signing.forge import PAYLOAD
from tests.web import served


class Site:
    """A sandbox and its published repository, at `url`."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.out, self.url = folder / "sandbox", folder / "public", url
        create(self.folder)
        add_identity(self.folder, person("reviewer"))

    def sign(self) -> Bundle:
        """A bundle by a client that has nothing but the repository's address."""
        with Sandbox(self.folder) as sandbox:
            publish(self.folder, self.out, sandbox.url)
            return Keyless(tuf_config(self.url), sandbox.token("reviewer")).sign(PAYLOAD)

    def files(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.out)): p.read_bytes() for p in self.out.rglob("*") if p.is_file()}

    def trusted_root(self) -> bytes:
        return (self.folder / "trusted_root.json").read_bytes()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "public").mkdir()
    with served(tmp_path / "public") as url:
        yield Site(tmp_path, url)


def forget(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Makes this a machine that never saw a repository."""
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(folder / name))


def test_a_client_starts_from_a_root_and_signs(site: Site):
    assert publish(site.folder, site.out) == 1
    assert root_of_config(tuf_config(site.url, site.out / "root.json")) == site.trusted_root()
    assert StrictVerifier(site.trusted_root()).verify(site.sign()).payload == PAYLOAD


def test_the_same_comes_out_again(site: Site):
    publish(site.folder, site.out)
    first = site.files()
    publish(site.folder, site.out)
    assert site.files() == first
    assert {name for name in first if not name.startswith("targets/")} == {
        *("1.root.json", "root.json", "1.targets.json", "1.snapshot.json", "timestamp.json")
    }
    publish(site.folder, site.out, "https://elsewhere.example")
    assert {"2.targets.json", "2.snapshot.json"} <= set(site.files())
    assert site.files()["1.root.json"] == first["1.root.json"]


def test_a_client_follows_every_rotation(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    publish(site.folder, site.out)
    shutil.copy(site.out / "1.root.json", tmp_path / "first.json")
    tuf_config(site.url, tmp_path / "first.json")
    before = site.sign()
    for step in range(2):
        rotate(site.folder, SERVICES)
        assert rotate_tuf(site.folder) == step + 2
        after = site.sign()
        assert root_of_config(tuf_config(site.url)) == site.trusted_root()
        for bundle in (before, after):
            assert StrictVerifier(site.trusted_root()).verify(bundle).payload == PAYLOAD
    forget(monkeypatch, tmp_path / "other")
    assert root_of_config(tuf_config(site.url, tmp_path / "first.json")) == site.trusted_root()
    forget(monkeypatch, tmp_path / "third")
    assert root_of_config(tuf_config(site.url, site.out / "root.json")) == site.trusted_root()


def test_another_sandboxs_repository_does_not_pass(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    publish(site.folder, site.out)
    root = shutil.copy(site.out / "root.json", tmp_path / "root.json")
    create(tmp_path / "other")
    publish(tmp_path / "other", site.out)
    with pytest.raises(Untrusted, match="not what its root vouches for"):
        tuf_config(site.url, Path(root))
    forget(monkeypatch, tmp_path / "fresh")
    assert root_of_config(tuf_config(site.url, site.out / "root.json")) != site.trusted_root()


def test_a_retired_key_describes_nothing(site: Site, tmp_path: Path):
    publish(site.folder, site.out)
    tuf_config(site.url, site.out / "root.json")
    shutil.copytree(site.folder, tmp_path / "thief")
    rotate_tuf(site.folder)
    publish(site.folder, site.out)
    tuf_config(site.url)
    rotate(tmp_path / "thief", ["fulcio"])
    publish(tmp_path / "thief", site.out)
    with pytest.raises(Untrusted, match="not what its root vouches for") as caught:
        tuf_config(site.url)
    assert "operator" in caught.value.remedy


def test_an_older_state_is_refused(site: Site, tmp_path: Path):
    publish(site.folder, site.out)
    shutil.copytree(site.out, tmp_path / "older")
    rotate(site.folder, ["tsa"])
    publish(site.folder, site.out)
    tuf_config(site.url, site.out / "root.json")
    shutil.rmtree(site.out)
    shutil.copytree(tmp_path / "older", site.out)
    with pytest.raises(Untrusted, match="not what its root vouches for"):
        tuf_config(site.url)


def test_an_altered_target_is_refused(site: Site):
    publish(site.folder, site.out)
    (target,) = (site.out / "targets").glob("*.trusted_root.json")
    target.write_bytes(target.read_bytes().replace(b"fulcio.sandbox", b"Fulcio.sandbox"))
    with pytest.raises(Untrusted, match="not what its root vouches for"):
        tuf_config(site.url, site.out / "root.json")


def test_what_is_not_there_is_told(site: Site, tmp_path: Path):
    with pytest.raises(Missing, match="does not know the TUF repository") as caught:
        tuf_config(site.url)
    assert "--tuf-root" in caught.value.remedy
    publish(site.folder, site.out)
    (site.out / "timestamp.json").unlink()
    with pytest.raises(Unreachable, match="could not be fetched by TUF"):
        tuf_config(site.url, site.out / "root.json")
    with pytest.raises(Missing, match="no sandbox in"):
        publish(tmp_path / "none", site.out)
    create(tmp_path / "new")
    with pytest.raises(Missing, match="no TUF repository yet"):
        rotate_tuf(tmp_path / "new")
    (tmp_path / "file").write_text("")
    with pytest.raises(Unreachable, match="cannot be written"):
        publish(site.folder, tmp_path / "file")


def test_no_key_is_published_and_all_stay_private(site: Site):
    publish(site.folder, site.out)
    rotate_tuf(site.folder)
    publish(site.folder, site.out)
    assert not any(b"PRIVATE KEY" in data for data in site.files().values())
    for path in (site.folder / "tuf").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((site.folder / "tuf").stat().st_mode) == 0o700


def test_the_stock_command_uses_the_repository(site: Site, tmp_path: Path):
    """`sigstore --instance URL trust-instance`, `attest` and `verify`, before and after a rotation of everything."""

    def sigstore(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sigstore", "--instance", site.url, *arguments]
        environ = os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        return subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False
        )

    (tmp_path / "model.bin").write_bytes(b"weights")
    (tmp_path / "predicate.json").write_text(
        '{"buildDefinition": {"buildType": "x", "externalParameters": {}}, "runDetails": {"builder": {"id": "x"}}}'
    )
    who = ["--cert-identity", "reviewer@sandbox.muniment.dev", "--cert-oidc-issuer", ACCOUNTS, "model.bin"]
    publish(site.folder, site.out)
    done = sigstore("trust-instance", str(site.out / "root.json"))
    assert done.returncode == 0, done.stderr
    for name in ("before.json", "after.json"):
        with Sandbox(site.folder) as sandbox:
            publish(site.folder, site.out, sandbox.url)
            kind = ["--predicate", "predicate.json", "--predicate-type", "https://slsa.dev/provenance/v1"]
            token = ["--identity-token", sandbox.token("reviewer")]
            done = sigstore("attest", *kind, *token, "--bundle", name, "model.bin")
        assert done.returncode == 0, done.stderr
        if name == "before.json":
            rotate(site.folder, SERVICES)
            rotate_tuf(site.folder)
    for name in ("before.json", "after.json"):
        done = sigstore("verify", "identity", "--bundle", name, *who)
        assert done.returncode == 0, done.stderr
    (tmp_path / "model.bin").write_bytes(b"other")
    assert sigstore("verify", "identity", "--bundle", "after.json", *who).returncode == 1
