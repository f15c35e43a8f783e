"""The dry run of each gate: of a record in a file or in the log, of a version to be released, of one that is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from muniment.evidence.statement import format_statement
from tests.cli.run import muniment
from tests.cli.test_bad_input import files, plain
from tests.cli.test_bad_input import place as place
from tests.registry.paper import signature
from tests.world import World, make_world, registry_document

SUBMIT = """\
rules:
  - id: ours
    title: Signed by our trainer
    gate: submit
    require: evidence[0].signer.roles.exists(r, r == 'trainer')
    message: Nobody of ours signed it.
  - {rule: evidence-age, gate: submit, with: {evidence: [signature], maxDays: 30}}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(SUBMIT, "utf-8")
    return path


def test_a_record_in_a_file_signed_or_not(told: World, place: Path, policy: Path) -> None:
    before = files(place)
    at = ["--gate", "submit", "-r", place / "registry"]
    (place.parent / "said.json").write_bytes(format_statement(signature(b"new")))
    (place.parent / "said.sigstore.json").write_bytes(told.sign("trainer", signature(b"new")).data)
    assert muniment("check", place.parent / "said.json", *at).out == "no rule applies\n"
    ran = muniment("check", place.parent / "said.json", *at, "--policy", policy)
    assert (ran.code, "fail  ours: Nobody of ours signed it." in ran.out) == (1, True)
    assert "or: ours cannot be waived." in ran.out
    ran = muniment("check", place.parent / "said.sigstore.json", *at, "--policy", policy, "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["passes"], told["gate"], told["record"]) == (0, True, "submit", "model")
    assert files(place) == before


def test_a_record_in_the_log(told: World, place: Path, policy: Path) -> None:
    at = ["--gate", "submit", "-r", place / "registry", "--policy", policy]
    index = next(e.index for e in told.history.entries if e.kind == "signature")
    assert muniment("check", index, *at).code == 0
    ran = muniment("check", index, *at, "--effective-time", "2090-01-01")
    assert (ran.code, "and 30 are allowed" in ran.out) == (1, True)
    plain(muniment("check", 0, *at), 1, "configure is no evidence")
    plain(muniment("check", 1, *at), 3, "no record in entry 1")
    plain(muniment("check", 999, *at), 3, "no record in entry 999")


def test_what_is_no_record(told: World, place: Path) -> None:
    at = ["--gate", "submit", "-r", place / "registry"]
    event = next(e.record for e in told.history.entries if e.kind == "promote")
    assert event is not None
    for name, data, code, fact in (
        ("event", format_statement(event.statement), 1, "promote is no evidence"),
        ("strange", b'{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"x"}', 3, "subject"),
        ("number", b"7", 3, ""),
        ("text", b"{", 3, "text"),
    ):
        (place.parent / name).write_bytes(data)
        plain(muniment("check", place.parent / name, *at), code, fact)
    plain(muniment("check", "aiops/cpu@1.0.0", *at), 3, "does not exist")


def test_a_version_that_is_not_released_yet(told: World, place: Path) -> None:
    at = ["--gate", "release", "-r", place / "registry"]
    one = told.model_path(b"one")
    ran = muniment("check", "aiops/cpu@3.0.0", one, *at)
    assert (ran.code, ran.out) == (0, "pass  evidence-required: The release stands on signature.\n")
    other = place.parent / "other.bin"
    other.write_bytes(b"of which nothing is known")
    ran = muniment("check", "aiops/cpu@3.0.0", other, *at)
    assert (ran.code, "The release stands on no signature." in ran.out) == (1, True)
    named = next(e.record for e in told.history.entries if e.kind == "signature")
    assert named is not None
    ran = muniment("check", "aiops/cpu@3.0.0", other, *at, "--evidence", named.statement_digest)
    plain(ran, 1, "about other artifacts")
    plain(muniment("check", "aiops/cpu@1.0.0", one, *at), 1, "aiops/cpu@1.0.0 is released already")
    plain(muniment("check", "nowhere/cpu@1.0.0", one, *at), 1, "namespace 'nowhere' is not configured")
    plain(muniment("check", "aiops/cpu@3.0.0", *at), 3, "Nothing in the registry is aiops/cpu@3.0.0")
    plain(muniment("check", "aiops/cpu@3.0.0", one, *at, "--kind", "song"), 2, "no kind of artifact")


def test_a_question_that_makes_no_sense(told: World, place: Path) -> None:
    at = ["aiops/cpu@1.0.0", "-r", place / "registry"]
    plain(muniment("check", *at, told.model_path(b"one")), 2, "Artifacts are given for the gate release alone")
    digest = f"sha256:{'0' * 64}"
    plain(muniment("check", *at, "--gate", "release", "--evidence", digest), 2, "not released yet")
    plain(muniment("check", *at, "--gate", "submitted"), 2, "Nothing is asked at the gate 'submitted'")


def test_a_return_that_was(told: World, place: Path) -> None:
    ran = muniment("check", "aiops/cpu@1.0.0", "--gate", "rollback", "-r", place / "registry")
    assert (ran.code, ran.out) == (0, "no rule applies\n")


def test_an_environment_that_requires_another(tmp_path: Path) -> None:
    environments = ["staging", {"name": "production", "requires": ["staging"]}]
    world = make_world(tmp_path, {"rules": []}, registry_document() | {"environments": environments})
    version = world.release("aiops/cpu@1.0.0")
    at = [version, "-r", world.store.root]
    ran = muniment("check", *at)
    assert ran.code == 1
    assert ran.err == f"{version} at the gate promote, production: does not pass\n"
    assert ran.out.splitlines() == [
        f"fail  requires: {version} never stood in staging, and production requires it.",
        f"      fix: Promote it there first: muniment promote {version} --to staging.",
        "      see: docs/governance.md",
    ]
    told = json.loads(muniment("check", *at, "--json").out)
    assert (told["passes"], [f["rule"] for f in told["findings"]]) == (False, ["requires"])
    for elsewhere in (["--to", "staging"], ["--gate", "deploy"], ["--gate", "release"]):
        assert muniment("check", *at, *elsewhere).code == 0
    world.promote(version, "staging")
    assert (muniment("check", *at).code, muniment("check", *at).out) == (0, "no rule applies\n")
    world.sandbox.__exit__(None, None, None)
