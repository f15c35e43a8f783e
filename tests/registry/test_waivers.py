"""Waivers: one rule, exact artifacts, a time, by somebody else; and each way to stretch one."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from muniment.core.errors import Malformed, Refused
from muniment.core.name import VersionId, parse_version_id
from muniment.evidence.statement import Statement
from muniment.policy.finding import Status
from muniment.registry import propose
from muniment.registry.check import check
from muniment.registry.documents import documents
from muniment.registry.event import subjects_of
from muniment.registry.leaf import derive_leaf
from tests.registry.paper import Paper, identity, model, signature, target
from tests.registry.staff import staff
from tests.registry.test_check import refused
from tests.world import POLICY

BOM = {"id": "bom", "rule": "evidence-required", "gate": "promote", "with": {"evidence": ["bom"]}}
FIRM = {**BOM, "id": "firm", "waivable": False}
RULES = {"rules": [POLICY["rules"][0], BOM, {**FIRM, "gate": "release", "with": {"evidence": ["signature"]}}]}
ONE = parse_version_id("aiops/cpu@1.0.0")


@pytest.fixture
def paper() -> Paper:
    return Paper(RULES, **staff())


def waiver(paper: Paper, version: VersionId = ONE, rule: str = "bom", role: str = "risk", **changed: Any) -> Statement:
    """A waiver of a rule for 30 days from now."""
    known = paper.state.versions.get(version)
    subjects = changed.pop("subjects", subjects_of(known.artifacts if known else (model(),)))
    begin = changed.pop("begin", paper.at)
    end = changed.pop("end", begin + timedelta(days=30))
    return propose.waive(paper.state, version, subjects, rule, role, "the BOM follows", begin, end, "T-1", paper.at)


def test_a_waiver_lets_pass_what_the_rule_would_not(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    told = refused(paper, "operator", paper.promotion(version))
    assert "bom" in told
    statement = waiver(paper)
    paper.put("stranger", statement)
    paper.put("operator", paper.promotion(version))
    finding = next(f for f in paper.state.entries[paper.state.size - 2].findings if f.rule == "bom")
    assert finding.status is Status.WAIVED
    assert finding.waived_by == str(target(statement))
    assert "Waived by stranger as risk until 2026-03-02" in finding.reason
    assert "(T-1)" in finding.reason


def test_a_refusal_says_how_to_ask_for_a_waiver() -> None:
    paper = Paper(RULES, **staff(namespaces={"aiops": {"escalation": "#ml-risk"}, "other": {}}))
    version = paper.release("aiops/cpu@1.0.0")
    signed = paper.sign("operator", paper.promotion(version))
    with pytest.raises(Refused) as caught:
        check(paper.state, signed, paper.at, derive_leaf(signed))
    said = next(f for f in caught.value.findings if f.rule == "bom").waiver
    assert said.startswith("Turn to #ml-risk. Whoever may waive bom runs: muniment waive bom aiops/cpu@1.0.0")


def test_a_waiver_ends(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    paper.put("stranger", waiver(paper, end=paper.at + timedelta(minutes=3)))
    paper.at += timedelta(minutes=2)
    assert "bom" in refused(paper, "operator", paper.promotion(version))
    signed = paper.sign("operator", paper.promotion(version))
    with pytest.raises(Refused) as caught:
        check(paper.state, signed, paper.at, derive_leaf(signed))
    assert "ended at" in next(f for f in caught.value.findings if f.rule == "bom").reason


def test_a_waiver_after_the_fact(paper: Paper) -> None:
    """It begins before it was signed, so as to excuse what was."""
    paper.release("aiops/cpu@1.0.0")
    told = refused(paper, "stranger", waiver(paper, begin=paper.at - timedelta(minutes=6)))
    assert "begins before it was signed" in told
    paper.put("stranger", waiver(paper, begin=paper.at - timedelta(minutes=5)))


@pytest.mark.parametrize("days", [90, 10])
def test_a_waiver_lasts_no_longer_than_registry_yaml_says(days: int) -> None:
    paper = Paper(RULES, **staff(limits={"waiverDays": days} if days != 90 else {}))
    paper.release("aiops/cpu@1.0.0")
    end = paper.at + timedelta(days=days)
    told = refused(paper, "stranger", waiver(paper, end=end + timedelta(seconds=1)))
    assert f"lasts more than {days} days" in told
    paper.put("stranger", waiver(paper, end=end))


def test_a_waiver_that_ended_before_it_came(paper: Paper) -> None:
    paper.release("aiops/cpu@1.0.0")
    statement = waiver(paper, end=paper.at + timedelta(seconds=30))
    signed = paper.sign("stranger", statement)
    paper.at += timedelta(minutes=1)
    with pytest.raises(Refused, match="has expired already"):
        check(paper.state, signed, paper.at, derive_leaf(signed))


def test_a_waiver_of_no_time_at_all(paper: Paper) -> None:
    with pytest.raises(Malformed, match="ends before it begins"):
        waiver(paper, end=paper.at)


def test_a_waiver_for_other_artifacts(paper: Paper) -> None:
    paper.release("aiops/cpu@1.0.0")
    statement = waiver(paper, subjects=subjects_of((model(b"other"),)))
    assert "not the artifacts of aiops/cpu@1.0.0" in refused(paper, "stranger", statement)


def test_a_waiver_before_the_release_is_for_its_bytes_alone() -> None:
    rule = {"id": "bom", "rule": "evidence-required", "gate": "release", "with": {"evidence": ["bom"]}}
    paper = Paper({"rules": [rule]}, **staff())
    paper.put("stranger", waiver(paper))
    for content in (b"weights", b"other"):
        paper.put("trainer", signature(content))
    told = refused(paper, "trainer", paper.proposal("aiops/cpu@1.0.0", model(b"other")))
    assert "bom" in told
    assert "bom" in refused(paper, "trainer", paper.proposal("aiops/cpu@2.0.0", model()))
    paper.put("trainer", paper.proposal("aiops/cpu@1.0.0", model()))


def test_who_releases_waives_nothing_for_it(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    told = refused(paper, "trainer", waiver(paper, role="trainer"))
    assert "nobody waives a rule for their own work" in told
    other = paper.release("aiops/cpu@2.0.0", b"two")
    assert version != other


def test_who_waives_before_the_release_and_then_releases(paper: Paper) -> None:
    """The author is not known yet when the waiver comes, and is when it is used."""
    rule = {"id": "bom", "rule": "evidence-required", "gate": "release", "with": {"evidence": ["bom"]}}
    paper = Paper({"rules": [rule]}, **staff())
    paper.put("trainer", waiver(paper, role="trainer"))
    paper.put("trainer", signature())
    signed = paper.sign("trainer", paper.proposal("aiops/cpu@1.0.0", model()))
    with pytest.raises(Refused) as caught:
        check(paper.state, signed, paper.at, derive_leaf(signed))
    assert "nobody waives a rule for their own work" in caught.value.findings[0].reason


def test_who_promotes_by_their_own_waiver(paper: Paper) -> None:
    document = staff()
    operator = {"issuer": identity("operator").issuer, "subject": identity("operator").subject}
    document["bindings"] = [*document["bindings"], {"role": "risk", "namespaces": ["aiops"], "identity": operator}]
    paper = Paper(RULES, **document)
    version = paper.release("aiops/cpu@1.0.0")
    paper.put("operator", waiver(paper))
    assert "bom" in refused(paper, "operator", paper.promotion(version))
    paper.put("stranger", waiver(paper))
    paper.put("operator", paper.promotion(version))


@pytest.mark.parametrize(
    ("changed", "fact"),
    [
        ({"rule": "bim"}, "has no rule 'bim'"),
        ({"rule": "firm"}, "does not let firm be waived"),
        ({"role": "reviewer"}, "does not hold the role reviewer"),
        ({"version": parse_version_id("other/cpu@1.0.0")}, "may not sign waive records in other"),
        ({"version": parse_version_id("moon/cpu@1.0.0")}, "'moon' is not configured"),
    ],
)
def test_waivers_that_are_refused(paper: Paper, changed: dict[str, Any], fact: str) -> None:
    paper.release("aiops/cpu@1.0.0")
    assert fact in refused(paper, "stranger", waiver(paper, **changed))


def test_a_waiver_for_a_version_that_is_retired(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    paper.put("operator", propose.retire(paper.state, version, "unused", "r", None, paper.at))
    assert "is retired" in refused(paper, "stranger", waiver(paper))


def test_a_waiver_helps_no_other_version(paper: Paper) -> None:
    first, second = paper.release("aiops/cpu@1.0.0"), paper.release("aiops/cpu@2.0.0")
    assert paper.state.versions[first].artifacts == paper.state.versions[second].artifacts
    paper.put("stranger", waiver(paper))
    assert "bom" in refused(paper, "operator", paper.promotion(second))
    paper.put("operator", paper.promotion(first))


def test_a_waiver_that_was_taken_back(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    statement = waiver(paper)
    paper.put("stranger", statement)
    before = documents(paper.state)[f"name/{version.name}/waiver/{version.version}"]
    paper.put("administrator", propose.revoke(paper.state, target(statement), "the BOM is here", paper.at))
    assert "bom" in refused(paper, "operator", paper.promotion(version))
    after = json.loads(documents(paper.state)[f"name/{version.name}/waiver/{version.version}"])
    assert "revokedBy" not in json.loads(before)[0]
    assert after[0]["revokedBy"] == paper.state.size - 2
    again = propose.revoke(paper.state, target(statement), "twice", paper.at)
    assert f"Entry {paper.state.size - 2} took this back already" in refused(paper, "stranger", again)


def test_a_waiver_by_somebody_whose_role_was_taken_away(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    paper.put("stranger", waiver(paper))
    bindings = [b for b in paper.registry()["bindings"] if b["role"] != "risk"]
    paper.put("administrator", paper.configuration(registry=paper.registry(bindings=bindings)))
    assert "bom" in refused(paper, "operator", paper.promotion(version))


def test_the_next_waiver_of_a_rule_follows_the_last(paper: Paper) -> None:
    paper.release("aiops/cpu@1.0.0")
    first, late = waiver(paper), waiver(paper, end=paper.at + timedelta(days=60))
    paper.put("stranger", first)
    assert "follows no entry" in refused(paper, "stranger", late)
    paper.put("stranger", waiver(paper))
    assert len(paper.state.waivers[ONE]) == 2
