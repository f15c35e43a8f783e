"""configure --dry-run: who gains and loses what and what would newly fail, with nothing signed."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.cli.run import muniment
from tests.cli.test_bad_input import files, plain
from tests.cli.test_bad_input import place as place
from tests.world import POLICY, World, registry_document


def write(place: Path, registry: object, policy: object) -> list[object]:
    (place / "registry.yaml").write_text(yaml.safe_dump(registry))
    (place / "policy.yaml").write_text(yaml.safe_dump(policy))
    return ["--config", place / "registry.yaml", "--policy", place / "policy.yaml", "-r", place / "registry"]


def test_a_dry_run_says_what_would_change(told: World, place: Path) -> None:
    registry = registry_document()
    registry["roles"]["reviewer"] = {"may": ["approve", "evaluation"]}
    registry["bindings"] = [b for b in registry["bindings"] if b["role"] != "operator"]
    rule = {"id": "bom", "rule": "evidence-required", "gate": "release", "with": {"evidence": ["bom"]}}
    given = write(place, registry, {"rules": [*POLICY["rules"], rule]})
    before = files(place / "registry")
    ran = muniment("configure", *given, "--dry-run")
    assert files(place / "registry") == before
    assert ran.code == 0
    assert "reviewer@sandbox.muniment.dev gains evaluation in aiops\n" in ran.out
    assert "operator@sandbox.muniment.dev loses incident, promote, retire, rollback in aiops\n" in ran.out
    assert "aiops/cpu@1.0.0 would no longer pass the gate release\n" in ran.out
    assert "fail  bom: The release stands on no bom." in ran.out
    value = json.loads(muniment("configure", *given, "--dry-run", "--json").out)
    assert {r["kind"] for r in value["lost"]} == {"incident", "promote", "rollback", "retire"}
    assert [(f["version"], f["gate"]) for f in value["newlyFailing"]] == [
        ("aiops/cpu@1.0.0", "release"),
        ("aiops/cpu@2.0.0", "release"),
    ]


def test_a_dry_run_of_no_change(told: World, place: Path) -> None:
    ran = muniment("configure", *write(place, registry_document(), POLICY), "--dry-run")
    assert ran.code == 0
    assert ran.out == "nothing changes\n"


def test_a_dry_run_names_what_else_changes(told: World, place: Path) -> None:
    new = registry_document() | {"limits": {"waiverDays": 30}, "title": "Another"}
    given = write(place, new, {"rules": [], "escalation": "#ml"})
    ran = muniment("configure", *given, "--dry-run")
    assert "registry.yaml says otherwise of limits, title\n" in ran.out
    assert "policy.yaml changes: muniment policy diff says what\n" in ran.out
    value = json.loads(muniment("configure", *given, "--dry-run", "--json").out)
    assert (value["otherFields"], value["policy"]) == (["limits", "title"], True)


def test_a_mistake_in_registry_yaml_has_its_place(told: World, place: Path) -> None:
    given = write(place, registry_document() | {"environments": ["a", "a"]}, {"rules": []})
    text = (place / "registry.yaml").read_text().splitlines()
    line = next(n for n, row in enumerate(text, 1) if row == "- a") + 1
    plain(muniment("configure", *given, "--dry-run"), 3, f"registry.yaml, line {line}, column 3: The environment 'a'")
