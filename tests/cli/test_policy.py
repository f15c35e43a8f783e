"""Trying policies out: the dry run of a gate, cases of one's own policy, what another policy would change."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.run import muniment
from tests.cli.test_bad_input import place as place
from tests.cli.test_bad_input import plain
from tests.source import TOP
from tests.world import World

STRICT = """\
rules:
  - {rule: evidence-required, gate: release, with: {evidence: [signature, bom]}}
  - id: later
    title: A time to come
    gate: promote
    require: "false"
    message: It is over.
    effectiveOn: 2090-01-01
"""
LOOSE = """\
rules:
  - {rule: evidence-required, gate: release, with: {evidence: [signature]}}
"""
CASES = """\
policy: policy.yaml
defaults: {gate: promote, now: 2026-02-01}
cases:
  - name: nobody approved
    expect: {reviewed: {status: fail, reason: 0 of 1}, good: pass}
    admits: false
    facts:
      approvals: [{role: trainer}]
      evidence:
        - kind: evaluation
          predicate: {metrics: [{metric: f1, value: 0.9}]}
  - name: the author's own approval
    expect: {reviewed: fail}
    facts: {approvals: [{role: reviewer, person: author}]}
  - name: one of two conditions
    expect: {good: {status: fail, reason: there is no field 'f1'}, reviewed: pass}
    facts: {approvals: [{role: reviewer}]}
  - name: waived
    expect: {good: waived, reviewed: pass}
    admits: true
    facts: {approvals: [{role: reviewer}], waivers: [{rule: good, until: 2026-03-01}]}
"""
POLICY = """\
rules:
  - {id: reviewed, rule: approvals-required, gate: promote, with: {count: 1, role: reviewer}}
  - {id: good, title: Good, gate: promote, require: metrics.f1 > 0.5, message: It is not good.}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in (("strict", STRICT), ("loose", LOOSE), ("policy", POLICY), ("cases", CASES)):
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
    return tmp_path


def test_a_gate_in_every_format(told: World, place: Path) -> None:
    at = ["aiops/cpu@1.0.0", "--to", "staging", "-r", place / "registry"]
    assert muniment("check", *at).out == "no rule applies\n"
    ran = muniment("check", "aiops/cpu@2.0.0", "-r", place / "registry")
    assert ran.code == 1
    assert "fail  approvals-required: Approved by 0 of 1" in ran.out
    assert "or: Whoever may waive approvals-required runs: muniment waive approvals-required aiops/cpu@2.0.0" in ran.out
    assert "see: docs/rules/approvals-required.md" in ran.out
    for form in ("json", "sarif"):
        ran = muniment("check", "aiops/cpu@2.0.0", "--format", form, "-r", place / "registry")
        assert (ran.code, "approvals-required" in json.dumps(json.loads(ran.out))) == (1, True)
    assert json.loads(muniment("check", "aiops/cpu@2.0.0", "--json", "-r", place / "registry").out)["passes"] is False
    ran = muniment("check", "aiops/cpu@2.0.0", "--format", "junit", "-r", place / "registry")
    assert ElementTree.fromstring(ran.out).get("failures") == "1"  # noqa: S314 - our own text
    assert muniment("check", "aiops/cpu@2.0.0", "--format", "markdown", "-r", place / "registry").out.startswith("### ")
    plain(muniment("check", *at, "--format", "yaml"), 2, "no format 'yaml'")


def test_another_gate_policy_and_time(told: World, place: Path, files: Path) -> None:
    at = ["aiops/cpu@1.0.0", "-r", place / "registry"]
    assert "pass  evidence-required" in muniment("check", *at, "--gate", "release").out
    ran = muniment("check", *at, "--gate", "release", "--policy", files / "strict.yaml")
    assert (ran.code, "stands on no bom" in ran.out) == (1, True)
    ran = muniment("check", *at, "--policy", files / "strict.yaml")
    assert (ran.code, "It fails from 2090-01-01T00:00:00Z on." in ran.out) == (0, True)
    ran = muniment("check", *at, "--policy", files / "strict.yaml", "--effective-time", "2090-01-01")
    assert (ran.code, "fail  later: It is over." in ran.out) == (1, True)
    plain(muniment("check", *at, "--effective-time", "soon"), 2, "'soon' is no time")
    plain(muniment("check", *at, "--gate", "coffee"), 2, "Nothing is asked at the gate 'coffee'")
    plain(muniment("check", *at, "--policy", files / "none.yaml"), 3, "does not exist")


def test_the_summary_of_a_job(told: World, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, str(tmp_path / name))
    muniment("check", "aiops/cpu@2.0.0", "-r", place / "registry")
    assert "does not pass" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert "passes<<" in (tmp_path / "GITHUB_OUTPUT").read_text()


def test_cases_that_hold(files: Path) -> None:
    ran = muniment("policy", "test", files / "cases.yaml")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == "4 cases passed"


def test_cases_that_do_not(files: Path) -> None:
    (files / "policy.yaml").write_text(POLICY.replace("0.5", "0.95").replace("count: 1", "count: 2"), "utf-8")
    ran = muniment("policy", "test", files / "cases.yaml")
    assert ran.code == 1
    path = files / "cases.yaml"
    assert ran.out.splitlines() == [
        f"FAIL nobody approved ({path})",
        "     reviewed: expected the reason to hold '0 of 1', got: Approved by 0 of 2 in the role reviewer.",
        "     good: expected pass, got fail: It is not good.",
        "pass the author's own approval",
        f"FAIL one of two conditions ({path})",
        "     reviewed: expected pass, got fail: Approved by 1 of 2 in the role reviewer.",
        f"FAIL waived ({path})",
        "     reviewed: expected pass, got fail: Approved by 1 of 2 in the role reviewer.",
        "     expected to be admitted: reviewed",
        "3 of 4 cases failed",
    ]
    told = json.loads(muniment("policy", "test", files / "cases.yaml", "--json").out)
    assert [c["passes"] for c in told] == [False, True, False, False]


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("policy: policy.yaml\n", "", 2, "names no policy"),
        ("good: pass", "nosuch: pass", 3, "which is no rule at the gate promote"),
        ("good: pass", "good: passes", 3, "line 5, column"),
        ("gate: promote", "gate: lunch", 3, "no rule at the gate lunch"),
        ("now: 2026-02-01", "now: 2026-02-31", 3, "is not a time"),
        ("defaults:", "default:", 3, "line 1"),
    ],
)
def test_cases_that_are_written_wrongly(files: Path, old: str, new: str, code: int, words: str) -> None:
    (files / "cases.yaml").write_text(CASES.replace(old, new), "utf-8")
    plain(muniment("policy", "test", files / "cases.yaml"), code, words)


def test_cases_of_another_policy(files: Path) -> None:
    ran = muniment("policy", "test", files / "cases.yaml", "--policy", files / "policy.yaml")
    assert ran.code == 0


def test_what_changes_between_two_policies(told: World, place: Path, files: Path) -> None:
    both = [files / "loose.yaml", files / "strict.yaml"]
    ran = muniment("policy", "diff", *both)
    assert (ran.code, ran.out.splitlines()) == (
        0,
        [
            "~ rule evidence-required",
            '    with: {"evidence": ["signature"]} -> {"evidence": ["signature", "bom"]}',
            "+ rule later",
        ],
    )
    ran = muniment("policy", "diff", *both, "-r", place / "registry")
    effects = ran.out.splitlines()[3:]
    assert effects[:4] == [
        "aiops/cpu@1.0.0 at release: no longer passes",
        "    evidence-required: pass -> fail: The release stands on no bom.",
        "aiops/cpu@1.0.0 at promote, staging",
        "    later: no rule -> warn: It is over. It fails from 2090-01-01T00:00:00Z on.",
    ]
    ran = muniment("policy", "diff", *both[::-1], "-r", place / "registry", "--effective-time", "2090-01-01", "--json")
    value = json.loads(ran.out)
    assert [c["change"] for c in value["rules"]] == ["changed", "removed"]
    assert value["versions"][0]["passes"] == {"before": False, "after": True}
    assert {(v["version"], v["gate"], v.get("environment")) for v in value["versions"]} == {
        (version, gate, place)
        for version in ("aiops/cpu@1.0.0", "aiops/cpu@2.0.0")
        for gate, place in (("release", None), ("promote", "staging"), ("promote", "production"))
    }
    assert muniment("policy", "diff", both[0], both[0], "-r", place / "registry").out == "nothing changes\n"


def test_the_starter_and_the_example_of_the_docs_are_policies(tmp_path: Path) -> None:
    page = (TOP / "docs" / "policy.md").read_text("utf-8")
    for number, block in enumerate(page.split("```yaml\n")[1:]):
        (tmp_path / f"{number}.yaml").write_text(block.partition("```")[0], "utf-8")
    starter = TOP / "templates" / "starter" / "policy.yaml"
    for policy in ("0.yaml", "1.yaml", "2.yaml"):
        assert muniment("policy", "diff", tmp_path / policy, starter).code == 0
    assert muniment("policy", "test", tmp_path / "3.yaml", "--policy", tmp_path / "0.yaml").code == 0
