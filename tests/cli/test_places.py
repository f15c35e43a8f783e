"""Every command at every kind of place."""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from muniment.verify.trust import format_trust
from tests.cli.run import muniment
from tests.cli.test_bad_input import plain, signing
from tests.registry.paper import signature
from tests.registry.repositories import files, git, push_file, repository
from tests.registry.s3 import BUCKET, service
from tests.verify.test_url import Quiet
from tests.world import World


@pytest.fixture
def key(told: World) -> Path:
    return told.folder / "log.key"


def test_a_repository(told: World, key: Path, tmp_path: Path) -> None:
    """Submit, look, publish, verify, and build the site, all from its address."""
    place = repository(told.store, tmp_path / "remote.git") + "#main"
    bundle, trust = tmp_path / "b.sigstore.json", tmp_path / "trust.json"
    bundle.write_bytes(told.sign("trainer", signature(b"new")).data)
    trust.write_bytes(format_trust(told.trust))
    ran = muniment("submit", bundle, "-r", place, "--json")
    assert ran.code == 0, ran
    assert json.loads(ran.out)["submitted"][0].startswith("inbox/")
    asked = muniment(
        "promote", "aiops/cpu@2.0.0", "--to", "staging", "--reason", "go", "-r", place, *signing(told, "operator")
    )
    assert asked.code == 0, asked
    ran = muniment("publish", place, "--log-key", key, "--json", "--retries", 3)
    assert ran.code == 0, ran
    assert [e["kind"] for e in json.loads(ran.out)["admitted"]] == ["signature", "promote", "state"]
    assert "staging" in muniment("show", "-r", place).out
    assert muniment("verify", place, "--trust", trust).code == 0
    assert muniment("site", place, tmp_path / "site").code == 0
    assert muniment("pack", "aiops/cpu@2.0.0", "-o", tmp_path / "p.pack", "-r", place).code == 0
    done = muniment("attest", "signature", bundle, "-r", place, "--publish", "--log-key", key, *signing(told))
    assert done.code == 0, done


@pytest.fixture
def documents(told: World, tmp_path: Path) -> list[str | Path]:
    """What a new registry like the world's is made of."""
    folder = told.store.root
    (tmp_path / "rules.yaml").write_text((folder / "registry.yaml").read_text().split("logKeys")[0])
    return ["--config", tmp_path / "rules.yaml", "--policy", folder / "policy.yaml", *signing(told, "administrator")]


def _begin(place: str, tmp_path: Path, documents: list[str | Path]) -> None:
    """Makes a registry at an address, verifies it, and fails to make another one there."""
    kept = ["--log-key", tmp_path / "new.key", "--trust", tmp_path / "new.json"]
    plain(muniment("init", place, *documents), 2, "is not on this machine, where the log's key")
    made = muniment("init", place, *kept, *documents, "--json")
    assert made.code == 0, made
    assert json.loads(made.out)["registry"] == place
    assert muniment("verify", place, "--trust", tmp_path / "new.json").code == 0
    assert muniment("publish", place, "--log-key", tmp_path / "new.key", "--heartbeat").code == 0
    plain(muniment("init", place, *kept, *documents), 4, "has a file checkpoint already")


def test_a_registry_begins_in_an_empty_repository(documents: list[str | Path], tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "new.git")
    _begin(f"git+file://{tmp_path / 'new.git'}#main:registry", tmp_path, documents)
    assert "registry/registry.yaml" in files(tmp_path / "new.git")


def test_a_registry_begins_beside_other_files(told: World, documents: list[str | Path], tmp_path: Path) -> None:
    bare = tmp_path / "used.git"
    place = repository(told.store, bare)
    _begin(f"{place}#main:other", tmp_path, documents)
    push_file(bare, "main", "third/registry.yaml", b"somebody's")
    kept = ["--log-key", tmp_path / "new.key", "--trust", tmp_path / "third.json"]
    plain(muniment("init", f"{place}#main:third", *kept, *documents), 4, "has a file registry.yaml already")
    assert not (tmp_path / "third.json").exists()


def test_a_registry_begins_in_a_bucket(
    documents: list[str | Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service() as running:
        for name, value in running.environ.items():
            monkeypatch.setenv(name, value)
        _begin(f"s3://{BUCKET}/new/registry", tmp_path, documents)


def test_a_site_is_read_and_not_written_to(told: World, key: Path, tmp_path: Path) -> None:
    assert muniment("site", told.store.root, tmp_path / "site").code == 0
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "site"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        assert "aiops/cpu@1.0.0" in muniment("show", "-r", address).out
        plain(muniment("publish", address, "--log-key", key), 2, "can be read and not written to")
        server.shutdown()


@pytest.mark.parametrize(
    ("place", "code", "fact"),
    [
        ("ftp://h/x", 2, "is no kind of place"),
        ("git+https://me:secret@h/x", 2, "has a password in it"),
        ("git+file:///nowhere/at/all.git#main", 3, "cannot be fetched"),
        ("nowhere", 3, "holds no registry"),
    ],
)
def test_a_place_that_is_none(key: Path, place: str, code: int, fact: str) -> None:
    plain(muniment("publish", place, "--log-key", key), code, fact)
