"""`muniment import`: a vendor's bundle brought into a registry that believes the vendor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.insight.past import states
from muniment.interop.github import cell
from muniment.verify.replay import verify_registry
from muniment.verify.trust import format_trust
from tests.cli.run import Ran, muniment
from tests.registry.paper import model, signature
from tests.registry.test_sources import by_key, pem
from tests.world import POLICY, World, make_world, registry_document


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    document = registry_document() | {"sources": {"vendor": {"kinds": ["signature"], "key": pem()}}}
    document["roles"]["trainer"]["may"].append("third-party")
    made = make_world(tmp_path_factory.mktemp("world"), POLICY, document)
    yield made
    made.sandbox.__exit__(None, None, None)


def bring(world: World, bundle: Path, source: str = "vendor") -> Ran:
    keys = ("--sandbox", world.folder / "sandbox", "--as", "trainer", "--log-key", world.folder / "log.key")
    return muniment("import", bundle, "--source", source, "--registry", world.store.root, *keys, "--publish")


def test_a_vendors_bundle_becomes_evidence(world: World, tmp_path: Path) -> None:
    (tmp_path / "vendor.json").write_text(json.dumps(by_key(signature())))
    done = bring(world, tmp_path / "vendor.json")
    assert (done.code, "signature" in done.out) == (0, True), done.err
    replayed = verify_registry(world.store, world.trust).history
    record = replayed.entries[replayed.state.about[model().digest][0]].record
    assert record is not None
    assert record.identity.issuer == "key"
    shown = muniment("history", "--registry", world.store.root)
    assert record.identity.subject in shown.out


def test_whoever_brought_it_in_is_told(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vendor.json").write_text(json.dumps(by_key(signature(b"third"))))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    assert bring(world, tmp_path / "vendor.json").code == 0
    monkeypatch.delenv("GITHUB_ACTIONS")
    entry = world.history.entries[world.state.about[model(b"third").digest][0]]
    assert entry.record is not None
    assert entry.carrier is not None
    vendor, trainer = entry.record.identity.subject, entry.carrier.identity.subject
    told, where = f"{vendor}, brought in by {trainer}", ["--registry", world.store.root]
    assert cell(told) in (tmp_path / "summary").read_text()
    assert told in muniment("history", *where).out
    assert f"signer: {told}\n" in muniment("history", entry.index, *where).out
    row = json.loads(muniment("history", entry.index, *where, "--json").out)
    assert (row["signer"], row["broughtInBy"]) == (vendor, trainer)
    version = world.release("aiops/bought@1.0.0", b"third")
    assert f"signature by {told} (entry {entry.index})" in muniment("show", version, *where).out
    (tmp_path / "trust.json").write_bytes(format_trust(world.trust))
    watched = ["--trust", tmp_path / "trust.json", "--state", tmp_path / "memory"]
    assert f"by {told}\n" in muniment("monitor", world.store.root, *watched).out
    watched[-1] = tmp_path / "another"
    assert f"by {told}\n" in muniment("monitor", world.store.root, *watched, "--identity", trainer).out


def test_its_past_is_judged_by_what_brought_it_in(world: World, tmp_path: Path) -> None:
    (tmp_path / "vendor.json").write_text(json.dumps(by_key(signature(b"other"))))
    assert bring(world, tmp_path / "vendor.json").code == 0
    history = world.history
    *_, last = states(history.entries)
    assert last.entries[history.state.size - 2].carrier is not None
    built = muniment("site", world.store.root, tmp_path / "site")
    assert built.code == 0, built.err


@pytest.mark.parametrize(
    ("text", "source", "code", "fact"),
    [
        (None, "vendor", 3, "does not exist"),
        ("{", "vendor", 3, "is not JSON"),
        ("[]", "vendor", 3, "error: "),
        ("{}", "vendor", 3, "error: "),
        (json.dumps(by_key(signature())), "nobody", 1, "declares no source 'nobody'"),
        (json.dumps(by_key(signature())).replace('"sig": "M', '"sig": "N'), "vendor", 1, "The signature is not of"),
    ],
)
def test_what_cannot_be_brought(
    world: World, tmp_path: Path, text: str | None, source: str, code: int, fact: str
) -> None:
    before = world.store.read("checkpoint")
    if text is not None:
        (tmp_path / "vendor.json").write_text(text)
    done = bring(world, tmp_path / "vendor.json", source)
    assert (done.code, fact in done.err) == (code, True), done.err
    assert "try: " in done.err
    assert world.store.read("checkpoint") == before
    assert world.store.list("inbox") == []
