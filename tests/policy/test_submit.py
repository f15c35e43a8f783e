"""The gate submit: rules that judge a record itself, and policies that ask there what no record can answer."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.core.document import parse_yaml
from muniment.core.errors import Malformed
from muniment.policy.cases import try_cases
from muniment.policy.document import parse_policy
from muniment.policy.facts import ArtifactFact, EvidenceFact, Facts
from muniment.policy.finding import Finding, Status
from muniment.policy.gates import OF_VERSIONS, SUBMIT
from muniment.policy.rules import RULES
from muniment.policy.variables import AT_SUBMIT, VARIABLES, variables
from tests.policy.make import DAY, DIGEST, datum, evidence, facts, judge, waiver
from tests.policy.rules.test_file_safety import WHOLE, scan
from tests.source import TOP

BOM = {"metadata": {"component": {"type": "machine-learning-model", "name": "cpu", "licenses": [{"license": {}}]}}}
LICENCES = {"rule": "licence-allowed", "with": {"allow": ["MIT"]}}
ONLY_FOR_VERSIONS = [
    *("evidence-required", "privacy-review", "security-review", "security-scan", "metric-threshold"),
    *("no-regression", "reproducibility-level", "approvals-required", "recovery-point", "freeze-window"),
]


def record(found: EvidenceFact, **other: Any) -> Facts:
    """What is known of a record that is submitted."""
    known = {"kinds": frozenset(), "artifacts": tuple(ArtifactFact("cpu", "", d) for d in found.subjects)}
    return facts(SUBMIT, found, **(known | other))


def own(require: str, **other: Any) -> dict[str, Any]:
    return {"id": "own", "title": "Own", "require": require, "message": "It does not hold.", **other}


def test_the_built_in_rules_that_are_for_versions_alone() -> None:
    assert [name for name in RULES if SUBMIT not in RULES[name].gates] == ONLY_FOR_VERSIONS
    assert all(set(OF_VERSIONS) <= set(rule.gates) for rule in RULES.values())


@pytest.mark.parametrize("name", ONLY_FOR_VERSIONS)
def test_a_rule_for_versions_is_refused_at_submit(name: str) -> None:
    block = (TOP / "docs" / "rules" / f"{name}.md").read_text("utf-8").partition("```yaml\n")[2].partition("```")[0]
    (rule,) = parse_yaml(block.encode(), "the example")
    with pytest.raises(Malformed, match=f"{name} cannot be asked at the gate submit") as caught:
        parse_policy({"rules": [{k: v for k, v in rule.items() if k != "environments"} | {"gate": SUBMIT}]})
    assert f"docs/rules/{name}.md says why" in caught.value.remedy


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (LICENCES | {"kinds": ["model"]}, "no kind of artifact is known at the gate submit"),
        (LICENCES | {"environments": ["production"]}, "no environment at the gate 'submit'"),
        (own("version.name == 'cpu'"), "there is no variable 'version'"),
        (own("'model' in kinds"), "there is no variable 'kinds'"),
        (own("true", when="size(approvals) > 0"), "there is no variable 'approvals'"),
    ],
)
def test_a_policy_that_asks_what_nobody_can_know(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        parse_policy({"rules": [rule | {"gate": SUBMIT}]})


def test_every_variable_of_the_gate_is_known_of_a_record() -> None:
    assert set(AT_SUBMIT) < set(VARIABLES)
    assert set(variables(record(evidence("bom", BOM)), AT_SUBMIT)) == set(AT_SUBMIT)


@pytest.mark.parametrize(
    ("require", "status"),
    [
        ("evidence[0].kind == 'bom' && artifacts[0].name == 'cpu'", Status.PASS),
        ("artifacts.all(a, a.kind != 'dataset')", Status.FAIL),
        ("bom.metadata.component.name == 'cpu'", Status.PASS),
        ("metrics.f1 > 0.5", Status.FAIL),
        ("author.person == 'ann'", Status.FAIL),
    ],
)
def test_an_expression_on_a_record(require: str, status: Status) -> None:
    """What is not known of it, as the kind of what it is about, is a failure."""
    assert judge(own(require), record(evidence("bom", BOM))).status is status


def test_a_rule_judges_records_that_it_reads() -> None:
    assert judge(LICENCES, record(evidence("bom", BOM))).status is Status.FAIL
    assert judge(LICENCES, record(evidence("link"))).status is Status.NOT_APPLICABLE


@pytest.mark.parametrize("name", [name for name in RULES if SUBMIT in RULES[name].gates])
def test_a_rule_fails_where_a_record_that_it_reads_says_nothing(name: str) -> None:
    """None lets through what it cannot judge: an empty record holds no secret and names no base model."""
    block = (TOP / "docs" / "rules" / f"{name}.md").read_text("utf-8").partition("```yaml\n")[2].partition("```")[0]
    (rule,) = parse_yaml(block.replace("…", "0" * 60).encode(), "the example")
    rule = {k: v for k, v in rule.items() if k not in ("kinds", "environments")} | {"gate": SUBMIT}
    for kind in RULES[name].reads(rule.get("with", {})):
        found = judge(rule, record(evidence(kind, {}, age=900 * DAY)))
        harmless = name in ("secrets-in-metadata", "base-model-allowed")
        assert found.status is (Status.PASS if harmless else Status.FAIL), (kind, found)


def age(days: int, kind: str = "vulns") -> Finding:
    return judge(
        {"rule": "evidence-age", "with": {"evidence": ["bom", "vulns"], "maxDays": 30}},
        record(evidence(kind, age=days * DAY)),
    )


def test_the_age_of_the_record_alone() -> None:
    assert (age(30).status, age(30).reason) == (Status.PASS, "vulns: none is older than 30 days.")
    assert (age(31).status, age(31).waits) == (Status.FAIL, False)
    assert age(31, "scan").status is Status.NOT_APPLICABLE


def test_a_scan_of_what_it_names() -> None:
    rule = {"rule": "file-safety", "with": {}}
    assert judge(rule, record(scan())).status is Status.PASS
    assert judge(rule, record(scan({"a.safetensors": "unsafe", "z/b.json": "safe"}))).status is Status.FAIL
    strange = {"artifacts": (ArtifactFact("cpu", "", WHOLE), ArtifactFact("other", "", DIGEST))}
    found = judge(rule, record(scan(), **strange))
    assert (found.status, found.waits) == (Status.FAIL, False)


def test_a_dataset_record_about_itself() -> None:
    rule = {"rule": "personal-data", "with": {}}
    for present, status in ((False, Status.PASS), (True, Status.FAIL)):
        said = {"personalData": {"present": present}}
        assert judge(rule, record(evidence("dataset", said), data=(datum("train", said),))).status is status


def test_nothing_is_waived_for_a_record() -> None:
    found = judge(LICENCES | {"waivable": True}, record(evidence("bom", BOM), waivers=(waiver("licence-allowed"),)))
    assert found.status is Status.FAIL
    assert found.waiver == "licence-allowed cannot be waived."


def test_cases_of_a_policy_at_submit() -> None:
    policy = parse_policy({"rules": [LICENCES | {"gate": SUBMIT}, own("artifacts[0].name == 'cpu'", gate=SUBMIT)]})
    known = {"gate": SUBMIT, "artifacts": [{"kind": "model", "name": "cpu"}], "now": "2026-01-31"}
    expect = {"licence-allowed": "fail", "own": "pass"}
    case = {"name": "a", "expect": expect, "facts": {"evidence": [{"kind": "bom", "predicate": BOM}]}}
    (tried,) = try_cases(policy, {"defaults": known, "cases": [case]})
    assert tried.wrong == ()
    assert tried.findings[0].subject == "cpu"
