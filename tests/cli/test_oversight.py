"""Words about others' work on the command line: approve, reject, revoke, waive, incident; and mistakes with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from muniment.registry.store.local import LocalStore
from muniment.verify.selfread import read_history
from tests.cli.run import Ran, muniment
from tests.cli.test_bad_input import files, plain
from tests.cli.test_bad_input import place as place
from tests.world import POLICY, World, registry_document

BOM = {"id": "bom", "rule": "evidence-required", "gate": "promote", "with": {"evidence": ["bom"]}}


@pytest.fixture
def staffed(told: World, place: Path) -> Path:
    """The told registry in which the reviewer may do all that is told of here, and promotion asks for a BOM."""
    registry = registry_document()
    registry["roles"]["reviewer"]["may"] += ["revoke", "waive", "incident"]
    (place / "registry.yaml").write_text(yaml.safe_dump(registry))
    (place / "policy.yaml").write_text(yaml.safe_dump({"rules": [*POLICY["rules"], BOM]}))
    given = ["--config", place / "registry.yaml", "--policy", place / "policy.yaml"]
    assert run(told, place, "administrator", "configure", *given).code == 0
    return place


def run(told: World, place: Path, who: str, *arguments: object) -> Ran:
    """A command by somebody, published at once."""
    signing = ["--sandbox", told.folder / "sandbox", "--as", who]
    return muniment(*arguments, *signing, "-r", place / "registry", "--publish", "--log-key", place / "log.key")


def ask(told: World, place: Path) -> str:
    """A promotion that waits in the inbox; its statement."""
    signing = ["--sandbox", told.folder / "sandbox", "--as", "operator", "-r", place / "registry"]
    ran = muniment("promote", "aiops/cpu@2.0.0", "--to", "production", "--reason", "r", *signing)
    return ran.out.split()[1]


def test_reject_take_back_waive_and_approve(told: World, staffed: Path) -> None:
    statement = ask(told, staffed)
    approve = ["approve", statement, "--role", "reviewer", "--reason", "looked at", "--expires", "2d"]
    said = run(told, staffed, "reviewer", *approve, "--reject")
    assert said.code == 0
    assert "waits: promote: reviewer rejected it as reviewer (entry 22): looked at" in said.out
    waiver = ["waive", "bom", "aiops/cpu@2.0.0", "--reason", "it follows", "--until", "30d", "--ticket", "T-1"]
    assert run(told, staffed, "reviewer", *waiver).code == 0
    word = statement_of(staffed, "approve")
    assert "waits: promote" in run(told, staffed, "reviewer", "revoke", word, "--reason", "a waiver is there").out
    assert "promote" in run(told, staffed, "reviewer", *approve).out
    shown = muniment("show", "aiops/cpu@2.0.0", "-r", staffed / "registry", "--json")
    assert json.loads(shown.out)["environments"] == ["production"]


def test_a_refusal_says_how_to_ask_for_a_waiver(told: World, staffed: Path) -> None:
    ran = muniment("check", "aiops/cpu@2.0.0", "-r", staffed / "registry")
    assert ran.code == 1
    assert 'or: Whoever may waive bom runs: muniment waive bom aiops/cpu@2.0.0 --reason "…"' in ran.out


def statement_of(place: Path, kind: str) -> str:
    """The statement of the last record of a kind."""
    found = [e for e in read_history(LocalStore(place / "registry")).entries if e.kind == kind]
    assert found[-1].record is not None
    return str(found[-1].record.statement_digest)


def test_an_incident_on_the_command_line(told: World, staffed: Path) -> None:
    begin = ["incident", "open", "aiops/cpu", "INC-9", "--severity", "high", "--reason", "noise", "--env", "production"]
    assert run(told, staffed, "reviewer", *begin).code == 0
    where = ["incident", "locate", "aiops/cpu", "INC-9", "--version", "2.0.0", "--reason", "only there"]
    assert run(told, staffed, "reviewer", *where).code == 0
    assert run(told, staffed, "reviewer", "incident", "resolve", "aiops/cpu", "INC-9", "--reason", "gone").code == 0
    ran = run(told, staffed, "reviewer", "incident", "resolve", "aiops/cpu", "INC-9", "--reason", "again")
    assert ran.code == 1
    assert "is resolved" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "fact"),
    [
        (["revoke", "aiops/cpu@1.0.0", "--reason", "r"], 2, "not the digest of a statement"),
        (["waive", "bom", "aiops/cpu@9", "--reason", "r", "--until", "30d"], 2, "is not released"),
        (["waive", "bom", "aiops/cpu@1.0.0", "--reason", "r", "--until", "soon"], 2, "--until"),
        (["waive", "bom", "aiops/cpu@1.0.0", "--reason", "r", "--until", "2020-01-01"], 2, "no time after it begins"),
        (
            ["waive", "bom", "aiops/cpu@1.0.0", "--reason", "r", "--until", "9d", "--artifact", "log.key"],
            2,
            "its artifacts are known",
        ),
        (["incident", "open", "aiops/cpu@1.0.0", "I", "--severity", "low", "--reason", "r"], 2, "not of a version"),
        (["incident", "open", "aiops/cpu", "I", "--severity", "awful", "--reason", "r"], 2, "'awful' is not one of"),
        (["incident", "locate", "aiops/cpu", "I", "--version", "7", "--reason", "r"], 3, "is not released"),
    ],
)
def test_mistakes(told: World, staffed: Path, arguments: list[Any], code: int, fact: str) -> None:
    before = files(staffed / "registry")
    plain(run(told, staffed, "reviewer", *arguments), code, fact)
    assert files(staffed / "registry") == before


def test_a_waiver_where_nobody_may_waive(told: World, place: Path) -> None:
    ran = run(told, place, "reviewer", "waive", "bom", "aiops/cpu@1.0.0", "--reason", "r", "--until", "9d")
    plain(ran, 2, "0 roles may waive")


def test_each_of_several_refusals_says_what_to_do(told: World, staffed: Path) -> None:
    signing = ["--sandbox", told.folder / "sandbox", "--as", "reviewer", "-r", staffed / "registry"]
    begin = ["incident", "open", "aiops/cpu", "INC-3", "--severity", "low", "--reason", "noise", "--env", "production"]
    for _ in range(3):
        assert muniment(*begin, *signing).code == 0
    ran = muniment("publish", staffed / "registry", "--log-key", staffed / "log.key")
    assert ran.code == 1
    assert ran.out.count("\nrefused: incident: ") == 2
    assert ran.out.count("\n  try: ") == 2
    assert "2 submissions were not admitted" in ran.err
