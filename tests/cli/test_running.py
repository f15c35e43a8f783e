"""What runs and what returns on the command line: rollback; and mistakes with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.run import muniment
from tests.cli.test_bad_input import files, plain
from tests.cli.test_bad_input import place as place
from tests.cli.test_oversight import run
from tests.world import POLICY, World, registry_document

BACK = ["rollback", "aiops/cpu", "--env", "production"]
WHY = ["--incident", "INC-7", "--reason", "worse"]
TRIGGERS = [
    {"id": "low", "environment": "production", "metric": "f1", "below": 0.8, "severity": "high", "title": "Too low"},
    {"id": "drift", "environment": "production", "drift": "cpu", "above": 0.5, "severity": "low", "title": "Drift"},
]
OPENED = ["incident", "open", "aiops/cpu", "INC-8", "--severity", "low", "--reason", "seen"]
LOCATED = ["incident", "locate", "aiops/cpu", "INC-7", "--version", "2.0.0", "--reason", "there"]
RESOLVED = ["incident", "resolve", "aiops/cpu", "INC-7", "--reason", "mended"]


@pytest.fixture
def on_duty(told: World, place: Path) -> Path:
    """The told registry in which the operator may declare emergencies, and a rollback asks for an approval."""
    registry = registry_document()
    registry["roles"]["duty"] = {"may": ["rollback", "emergency-rollback"]}
    operator = next(b for b in registry["bindings"] if b["role"] == "operator")
    registry["bindings"].append({**operator, "role": "duty"})
    rule = {"id": "agreed", "rule": "approvals-required", "gate": "rollback", "with": {"count": 1, "role": "reviewer"}}
    (place / "registry.yaml").write_text(yaml.safe_dump(registry))
    (place / "policy.yaml").write_text(yaml.safe_dump({"rules": [*POLICY["rules"], rule]}))
    given = ["--config", place / "registry.yaml", "--policy", place / "policy.yaml"]
    assert run(told, place, "administrator", "configure", *given).code == 0
    return place


def test_what_may_return_is_said_and_nothing_is_signed(told: World, place: Path) -> None:
    before = files(place / "registry")
    ran = muniment(*BACK, "--check", "-r", place / "registry")
    assert ran.code == 0
    first, last = ran.out.splitlines()
    assert first.startswith("aiops/cpu@2.0.0: permitted; it left at 20")
    assert last == "aiops/cpu@2.0.0 would return"
    value = json.loads(muniment(*BACK, "--check", "--json", "-r", place / "registry").out)
    assert value["chosen"] == "aiops/cpu@2.0.0"
    assert value["candidates"][0] | {"leftAt": ""} == {
        "version": "aiops/cpu@2.0.0",
        "leftAt": "",
        "permitted": True,
        "against": [],
        "lacking": [],
        "findings": [],
    }
    assert files(place / "registry") == before


def test_a_rollback_explains_what_it_chose(told: World, place: Path) -> None:
    ran = run(told, place, "operator", *BACK, *WHY, "--json")
    assert ran.code == 0
    assert "aiops/cpu@2.0.0: permitted; it left at " in ran.err
    value = json.loads(ran.out)
    assert value["kind"] == "rollback"
    assert [c["version"] for c in value["candidates"]] == ["aiops/cpu@2.0.0"]
    assert json.loads(muniment("show", "aiops/cpu#production", "-r", place / "registry", "--json").out)["version"] == (
        "aiops/cpu@2.0.0"
    )


def locate(told: World, place: Path) -> None:
    ran = run(told, place, "operator", *LOCATED)
    assert ran.code == 0


def test_none_may_return(told: World, place: Path) -> None:
    locate(told, place)
    fact = "The incident INC-7 is located to aiops/cpu@2.0.0 and open."
    for more in ([], ["--to", "2.0.0"]):
        ran = muniment(*BACK, "--check", *more, "-r", place / "registry")
        assert ran.code == 1
        assert ran.out.splitlines()[0].startswith("aiops/cpu@2.0.0: not permitted")
        assert ran.out.splitlines()[1] == f"  {fact}"
    before = files(place / "registry")
    plain(run(told, place, "operator", *BACK, *WHY), 3, fact)
    plain(run(told, place, "operator", *BACK, *WHY, "--to", "2.0.0"), 1, fact)
    plain(run(told, place, "operator", *BACK, *WHY, "--to", "9"), 1, "not among those that stood in production")
    assert files(place / "registry") == before


@pytest.mark.parametrize("given", [[], ["--incident", "INC-7"], ["--reason", "r"]])
def test_a_rollback_without_incident_or_reason(told: World, place: Path, given: list[str]) -> None:
    plain(run(told, place, "operator", *BACK, *given), 2, "A rollback answers an incident")


def test_a_version_that_is_none_does_not_mean_the_last_one(told: World, place: Path) -> None:
    """As a variable that was never set gives it."""
    for more in ([], ["--check"]):
        plain(run(told, place, "operator", *BACK, *WHY, "--to", "", *more), 3, "'' is not a version")


def test_a_role_without_an_emergency(told: World, place: Path) -> None:
    plain(run(told, place, "operator", *BACK, *WHY, "--role", "duty"), 2, "in which an emergency is declared")


def test_an_incident_that_is_not_open(told: World, place: Path) -> None:
    signing = ["--sandbox", told.folder / "sandbox", "--as", "operator", "-r", place / "registry"]
    unknown = ["--incident", "INC-8", "--reason", "r"]
    ran = muniment(*BACK, *unknown, *signing)
    assert (ran.code, "note: No incident INC-8 of aiops/cpu is open" in ran.err) == (0, True)
    opened = muniment(*OPENED, *signing)
    assert opened.code == 0
    assert "note: No incident" not in muniment(*BACK, *unknown, *signing).err


def test_an_incident_of_the_same_batch_is_enough(told: World, place: Path) -> None:
    signing = ["--sandbox", told.folder / "sandbox", "--as", "operator", "-r", place / "registry"]
    muniment(*OPENED, *signing)
    ran = run(told, place, "operator", *BACK, "--incident", "INC-8", "--reason", "r")
    assert ran.code == 0, ran
    assert "incident" in ran.out


def test_an_incident_that_is_resolved(told: World, place: Path) -> None:
    assert run(told, place, "operator", *RESOLVED).code == 0
    ran = run(told, place, "operator", *BACK, *WHY)
    assert ran.code == 1
    assert "The incident INC-7 of aiops/cpu is resolved." in ran.err


def test_an_emergency_is_told_until_it_is_approved_and_after(told: World, on_duty: Path) -> None:
    where = ["-r", on_duty / "registry"]
    assert "permitted once approved" in muniment(*BACK, "--check", *where).out
    ran = run(told, on_duty, "operator", *BACK, *WHY, "--emergency", "--json")
    assert ran.code == 0, ran
    statement = json.loads(ran.out)["statement"]
    assert "waived" in ran.out
    shown = muniment("show", "aiops/cpu@2.0.0", *where).out
    assert "approvals owed until" in shown
    assert "agreed: Approved by 0 of 1" in shown
    assert "owes approvals: emergency in entry" in muniment("show", *where).out
    assert "emergency: approvals owed until" in muniment("history", *where).out
    (found,) = [d for d in json.loads(muniment("due", *where, "--json").out)["due"] if d["kind"] == "breach"]
    assert found["about"] == statement
    late = muniment("due", *where, "--effective-time", "4d", "--fail-overdue")
    assert (late.code, "overdue  breach" in late.out) == (1, True)
    said = ["approve", statement, "--role", "reviewer", "--reason", "looked at it"]
    assert run(told, on_duty, "reviewer", *said).code == 0
    assert "approvals came by" in muniment("show", "aiops/cpu@2.0.0", *where).out
    value = json.loads(muniment("show", "aiops/cpu@2.0.0", *where, "--json").out)
    assert value["breaches"][0]["overdue"] is False
    assert "owes approvals" not in muniment("show", *where).out
    pack = on_duty / "two.pack"
    assert muniment("pack", "aiops/cpu@2.0.0", "-o", pack, *where).code == 0
    assert muniment("verify", pack, "--trust", on_duty / "trust.json").code == 0


def test_an_emergency_where_nobody_may_declare_one(told: World, place: Path) -> None:
    plain(run(told, place, "operator", *BACK, *WHY, "--emergency"), 2, "0 roles may emergency-rollback")


@pytest.fixture
def deployer(told: World, place: Path) -> Path:
    """The told registry in which the operator may deploy and observe; low values are watched."""
    registry = registry_document()
    registry["roles"]["operator"]["may"] += ["deploy", "observe"]
    (place / "registry.yaml").write_text(yaml.safe_dump(registry))
    (place / "policy.yaml").write_text(yaml.safe_dump({**POLICY, "triggers": TRIGGERS}))
    given = ["--config", place / "registry.yaml", "--policy", place / "policy.yaml"]
    assert run(told, place, "administrator", "configure", *given).code == 0
    return place


def test_what_runs_is_told_and_proved(told: World, deployer: Path) -> None:
    where = ["-r", deployer / "registry"]
    said = ["deploy", "aiops/cpu#production", "--env", "production", "--instance", "east", "--status"]
    assert run(told, deployer, "operator", *said, "running").code == 0
    assert "running in production, instance east since" in muniment("show", "aiops/cpu@1.0.0", *where).out
    value = json.loads(muniment("show", "aiops/cpu@1.0.0", *where, "--json").out)
    assert [(d["instance"], d["status"]) for d in value["deployments"]] == [("east", "running")]
    again = run(told, deployer, "operator", *said, "running")
    assert (again.code, "runs at the instance east in production already" in again.err) == (1, True)
    assert run(told, deployer, "operator", *said, "stopped", "--reason", "moved").code == 0
    pack = deployer / "one.pack"
    assert muniment("pack", "aiops/cpu@1.0.0", "-o", pack, *where).code == 0
    assert muniment("verify", pack, "--trust", deployer / "trust.json").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "fact"),
    [
        (["aiops/cpu@1.0.0", "--env", "moon", "--status", "running"], 2, "'moon' is not configured"),
        (["aiops/cpu@1.0.0", "--env", "production", "--status", "fine"], 2, "'fine' is not one of"),
        (["aiops/cpu@9", "--env", "production", "--status", "running"], 3, "Nothing in the registry is aiops/cpu@9"),
    ],
)
def test_mistakes_with_deploy(told: World, deployer: Path, arguments: list[str], code: int, fact: str) -> None:
    plain(run(told, deployer, "operator", "deploy", *arguments), code, fact)


def test_retired_to_an_archive(told: World, place: Path) -> None:
    gone = ["retire", "aiops/cpu@2.0.0", "--category", "unused", "--reason", "r"]
    digest = f"sha256:{'0' * 64}"
    plain(run(told, place, "operator", *gone, "--archive-digest", digest), 2, "--archive-digest is of something")
    plain(run(told, place, "operator", *gone, "--archive", ""), 2, "schema retire-v1")
    assert run(told, place, "operator", *gone, "--archive", "the safe", "--archive-digest", digest).code == 0
    shown = json.loads(muniment("show", "aiops/cpu@2.0.0", "-r", place / "registry", "--json").out)
    assert shown["retired"]["archive"] == {"location": "the safe", "digest": digest}


def window(number: int) -> list[str]:
    """A window of one hour in the past."""
    return ["--from", f"2026-01-01T{number:02}:00:00Z", "--until", f"2026-01-01T{number:02}:59:59Z"]


def test_a_trigger_that_fires_is_told_with_its_answers(told: World, deployer: Path) -> None:
    where, said = ["-r", deployer / "registry"], ["observe", "aiops/cpu#production", "--env", "production"]
    ran = run(told, deployer, "operator", *said, *window(1), "--metric", "f1=0.7", "--samples", "60", "--json")
    assert ran.code == 0, ran
    assert [(t["trigger"], t["alarm"]) for t in json.loads(ran.out)["triggers"]] == [
        ("low", "fired"),
        ("drift", "unknown"),
    ]
    assert "trigger low (high) fired: Too low: f1: 0.7, below 0.8 in 1 window." in ran.err
    assert "trigger drift (low) is not known" in ran.err
    assert "muniment incident open aiops/cpu ID --env production --severity high --version 1.0.0" in ran.err
    assert "muniment rollback aiops/cpu --env production --check" in ran.err
    shown = muniment("show", "aiops/cpu@1.0.0", *where).out
    assert "f1 0.7 on 60 samples" in shown
    assert "trigger low fired" in shown
    (deployer / "numbers.json").write_text(json.dumps({"metrics": {"f1": 0.5}, "drift": {"cpu": 0.1}, "samples": 9}))
    given = ["--file", deployer / "numbers.json", "--metric", "f1=0.9"]
    ran = run(told, deployer, "operator", *said, *window(2), *given)
    assert (ran.code, "fired" in ran.err, "not known" in ran.err) == (0, False, False)
    value = json.loads(muniment("show", "aiops/cpu@1.0.0", *where, "--json").out)
    assert (len(value["observed"][0]["windows"]), value["observed"][0]["fired"]) == (2, [])


def test_a_pack_carries_the_newest_windows_and_no_others(told: World, deployer: Path) -> None:
    from muniment.policy.triggers import MAX_WINDOWS

    for number in range(MAX_WINDOWS + 2):
        said = ["observe", "aiops/cpu@1.0.0", "--env", "production", "--samples", "1", "--metric", "f1=0.9"]
        assert run(told, deployer, "operator", *said, *window(number)).code == 0
    pack = deployer / "one.pack"
    assert muniment("pack", "aiops/cpu@1.0.0", "-o", pack, "-r", deployer / "registry").code == 0
    entries = json.loads(pack.read_text())["entries"]
    carried = [e for e in entries if e["leaf"]["type"].endswith("/observe/v1") and "bundle" in e]
    assert len(carried) == MAX_WINDOWS
    assert muniment("verify", pack, "--trust", deployer / "trust.json").code == 0
    assert muniment("verify", deployer / "registry", "--trust", deployer / "trust.json").code == 0


@pytest.mark.parametrize(
    ("more", "code", "fact"),
    [
        (["--samples", "1"], 2, "A window without a metric"),
        (["--metric", "f1=0.9"], 2, "On how many samples"),
        (["--metric", "f1", "--samples", "1"], 2, "--metric 'f1' is no name and number"),
        (["--metric", "f1=nan", "--samples", "1"], 2, "--metric 'f1=nan' is no name and number"),
        (["--metric", "f1=1_000", "--samples", "1"], 2, "--metric 'f1=1_000' is no name and number"),
        (["--metric", "f1=\u0661", "--samples", "1"], 2, "is no name and number"),
        (["--metric", "f1=1e999", "--samples", "1"], 2, "is no name and number"),
        (["--metric", "f 1=1", "--samples", "1"], 2, "schema observe-v1"),
        (["--metric", "f1=1", "--samples", "1", "--from", "2026-01-02"], 2, "is no time after --from"),
        (["--file", "nowhere.json"], 3, "nowhere.json does not exist"),
    ],
)
def test_mistakes_with_observe(told: World, deployer: Path, more: list[str], code: int, fact: str) -> None:
    said = ["observe", "aiops/cpu@1.0.0", "--env", "production", *window(1), *more]
    plain(run(told, deployer, "operator", *said), code, fact)


def test_a_file_of_numbers_that_holds_none(told: World, deployer: Path) -> None:
    (deployer / "numbers.json").write_text(json.dumps({"metrics": {"f1": "high"}, "samples": 1}))
    said = ["observe", "aiops/cpu@1.0.0", "--env", "production", *window(1), "--file", deployer / "numbers.json"]
    plain(run(told, deployer, "operator", *said), 3, "schema observation")
