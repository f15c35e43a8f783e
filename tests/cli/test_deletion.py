"""Deletion on the command line: asked for, granted, and told by every command that shows the registry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from muniment.registry.leaf import parse_line
from muniment.registry.paths import blob_path
from muniment.registry.store.local import LocalStore
from muniment.verify.selfread import read_history
from tests.cli.run import Ran, muniment
from tests.cli.test_bad_input import place as place
from tests.cli.test_oversight import run, statement_of
from tests.verify.test_redaction import document
from tests.world import POLICY, World


@pytest.fixture
def ready(told: World, place: Path) -> Path:
    """The told registry in which the reviewer asks for deletion and the operator redacts."""
    (place / "registry.yaml").write_text(yaml.safe_dump(document()))
    (place / "policy.yaml").write_text(yaml.safe_dump(POLICY))
    given = ["--config", place / "registry.yaml", "--policy", place / "policy.yaml"]
    assert run(told, place, "administrator", "configure", *given).code == 0
    return place


def ask(told: World, place: Path, *targets: object) -> Ran:
    more = ["--basis", "erasure-request", "--reason", "a person asked", "--reference", "DSR-7"]
    return run(told, place, "reviewer", "request-deletion", *targets, *more)


def artifact(place: Path) -> str:
    state = read_history(LocalStore(place / "registry")).state
    return str(next(v for v in state.versions.values() if v.id.version == "1.0.0").artifacts[0].digest)


def test_ask_redact_and_see_what_is_left(told: World, ready: Path) -> None:
    history = read_history(LocalStore(ready / "registry"))
    path = ready / "registry" / blob_path(parse_line(history.leaves[2]).bundle)
    asked = ask(told, ready, artifact(ready))
    assert (asked.code, path.exists()) == (0, True)
    request = statement_of(ready, "request-deletion")
    done = run(told, ready, "operator", "redact", request, "--reason", "granted")
    assert (done.code, path.exists()) == (0, False)
    assert "note: Entry 4 (release) looked at it: you answer for that decision." in done.err
    by = read_history(LocalStore(ready / "registry")).state.absent[2]
    here = ["-r", ready / "registry"]
    verified = muniment("verify", ready / "registry", "--trust", ready / "trust.json", "--json")
    (told_of,) = json.loads(verified.out)["redacted"]
    assert (told_of["by"], told_of["records"]) == (by, [2])
    assert f"1 record redacted: unproven since entry {by} (entry 2)" in json.loads(verified.out)["facts"]
    assert f"unproven since entry {by}" in muniment("history", *here).out
    shown = json.loads(muniment("show", "aiops/cpu@1.0.0", *here, "--json").out)
    assert [gone["by"] for gone in shown["redacted"]] == [by]
    assert shown["gates"][0]["unprovenSince"] == by
    assert f"  release (entry 4): unproven since entry {by};" in muniment("show", "aiops/cpu@1.0.0", *here).out
    assert muniment("pack", "aiops/cpu@1.0.0", *here, "-o", ready / "one.pack").code == 0
    pack = muniment("verify", ready / "one.pack", "--trust", ready / "trust.json")
    assert "1 record redacted" in pack.out
    assert muniment("site", ready / "registry", ready / "site").code == 0
    compared = muniment("verify", ready / "site", "--trust", ready / "trust.json", "--pages")
    assert compared.code == 0, compared.err
    assert muniment("audit", ready / "audit", *here).code == 0
    assert muniment("due", *here).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "fact"),
    [
        (["request-deletion", "signature", "--basis", "other", "--reason", "r"], 2, "is not the digest"),
        (["request-deletion", "sha256:" + "0" * 64, "--basis", "other", "--reason", "r"], 3, "Nothing that could go"),
        (["request-deletion", "sha256:" + "0" * 64, "--basis", "whim", "--reason", "r"], 2, "is no basis"),
        (["redact", "sha256:" + "0" * 64, "--reason", "r"], 3, "No request-deletion in the log is"),
        (["redact", "all", "--reason", "r"], 2, "is not the digest"),
    ],
)
def test_mistakes(told: World, ready: Path, arguments: list[str], code: int, fact: str) -> None:
    ran = run(told, ready, "operator", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert fact in ran.err
