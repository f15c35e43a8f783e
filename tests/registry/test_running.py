"""What runs where: started only where it stands, by the gate deploy; stopped where it runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muniment.core.errors import Malformed
from muniment.core.name import VersionId, parse_name, parse_version_id
from muniment.evidence.statement import Statement
from muniment.policy.finding import Status
from muniment.registry import propose
from muniment.registry.documents import documents
from muniment.registry.event import subjects_of
from muniment.registry.judges.common import config_of
from tests.registry.paper import Paper, model
from tests.registry.staff import staff
from tests.registry.test_check import refused
from tests.world import POLICY

CPU = parse_name("aiops/cpu")
FRESH = {"id": "fresh", "rule": "evidence-age", "gate": "deploy", "with": {"evidence": ["signature"], "maxDays": 1}}
AGREED = {"id": "agreed", "rule": "approvals-required", "gate": "deploy", "with": {"count": 1, "role": "reviewer"}}
LIVE = {
    "rule": "metric-threshold",
    "gate": "deploy",
    "environments": ["production"],
    "with": {"metric": "f1", "min": 1},
}


def paper_with(*rules: dict[str, Any]) -> Paper:
    said = staff()
    said["roles"]["operator"]["may"] = [*said["roles"]["operator"]["may"], "deploy"]
    return Paper({"rules": [*POLICY["rules"], *rules]}, **said)


@pytest.fixture
def paper() -> Paper:
    return paper_with()


def status(
    paper: Paper, version: VersionId, said: str = "running", where: str = "production", **more: Any
) -> Statement:
    return propose.deploy(paper.state, version, where, said, paper.at, **more)


def told(paper: Paper, where: str = "production/default") -> Any:
    return json.loads(documents(paper.state)[f"name/aiops/cpu/deployment/{where}"])


def test_what_stands_is_started_and_stopped(paper: Paper) -> None:
    one = paper.release("aiops/cpu@1.0.0", b"one")
    paper.promote(one)
    at = paper.at
    paper.put("operator", status(paper, one))
    assert told(paper) == {
        "entry": paper.state.size - 2,
        "since": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "status": "running",
        "version": "aiops/cpu@1.0.0",
    }
    assert paper.state.versions[one].events[-1] == paper.state.size - 2
    assert "runs at the instance default in production already" in refused(paper, "operator", status(paper, one))
    paper.put("operator", status(paper, one, "stopped"))
    assert told(paper)["status"] == "stopped"
    assert "does not run at the instance default" in refused(paper, "operator", status(paper, one, "stopped"))
    paper.put("operator", status(paper, one))
    assert told(paper)["status"] == "running"


def test_each_instance_has_its_own_status(paper: Paper) -> None:
    one, two = paper.release("aiops/cpu@1.0.0", b"one"), paper.release("aiops/cpu@2.0.0", b"two")
    paper.promote(one)
    for instance in ("east", "west"):
        paper.put("operator", status(paper, one, instance=instance))
    paper.promote(two)
    paper.put("operator", status(paper, two, instance="east"))
    assert told(paper, "production/east")["version"] == "aiops/cpu@2.0.0"
    assert told(paper, "production/west")["version"] == "aiops/cpu@1.0.0"
    assert "1.0.0 does not run at the instance east" in refused(
        paper, "operator", status(paper, one, "stopped", instance="east")
    )
    paper.put("operator", status(paper, one, "stopped", instance="west"))
    assert told(paper, "production/west")["status"] == "stopped"


def test_what_does_not_stand_there_is_not_started(paper: Paper) -> None:
    one, two = paper.release("aiops/cpu@1.0.0", b"one"), paper.release("aiops/cpu@2.0.0", b"two")
    assert "no version of aiops/cpu stands there" in refused(paper, "operator", status(paper, one))
    paper.promote(one)
    paper.promote(two)
    assert "aiops/cpu@2.0.0 stands there" in refused(paper, "operator", status(paper, one))
    assert "no version of aiops/cpu stands" in refused(paper, "operator", status(paper, two, where="staging"))
    assert "'moon' is not configured" in refused(paper, "operator", status(paper, two, where="moon"))


def test_what_is_not_released_or_retired(paper: Paper) -> None:
    one = paper.release("aiops/cpu@1.0.0", b"one")
    paper.put("operator", propose.retire(paper.state, one, "unused", "old", None, paper.at))
    assert "is retired" in refused(paper, "operator", status(paper, one))
    from dataclasses import replace

    from muniment.registry.predicate import format_event, parse_event

    event = parse_event(status(paper, one))
    unknown = replace(event, version=parse_version_id("aiops/cpu@9"), after=None)  # type: ignore[call-arg]
    assert "is not released" in refused(paper, "operator", format_event(unknown, subjects_of((model(),))))
    other = format_event(event, subjects_of((model(b"other"),)))
    assert "subjects are not the artifacts" in refused(paper, "operator", other)


def test_the_gate_deploy_is_asked_of_what_starts() -> None:
    paper = paper_with(FRESH, LIVE)
    one = paper.release("aiops/cpu@1.0.0", b"one")
    paper.promote(one, "production")
    assert "does not pass the gate deploy: metric-threshold" in refused(paper, "operator", status(paper, one))
    paper.promote(one, "staging")
    paper.put("operator", status(paper, one, where="staging"))
    findings = paper.state.entries[paper.state.size - 2].findings
    assert [(f.rule, f.status) for f in findings] == [
        ("fresh", Status.PASS),
        ("metric-threshold", Status.NOT_APPLICABLE),
    ]
    paper.put("operator", status(paper, one, "stopped", "staging"))
    assert paper.state.entries[paper.state.size - 2].findings == ()


def test_approvals_of_a_deployment_are_used_up_by_it() -> None:
    paper = paper_with(AGREED)
    one = paper.release("aiops/cpu@1.0.0", b"one")
    paper.promote(one)
    statement = status(paper, one)
    assert "does not pass the gate deploy: agreed" in refused(paper, "operator", statement)
    paper.approve("reviewer", statement)
    paper.put("operator", statement)
    (approval,) = paper.state.approvals[paper.state.entries[paper.state.size - 2].record.statement_digest]  # type: ignore[union-attr]
    assert approval.consumed_by == paper.state.size - 2
    paper.put("operator", status(paper, one, "stopped"))


def test_a_deployment_signed_before_another(paper: Paper) -> None:
    one = paper.release("aiops/cpu@1.0.0", b"one")
    paper.promote(one)
    late = status(paper, one, reason="late")
    paper.put("operator", status(paper, one))
    paper.put("operator", status(paper, one, "stopped"))
    assert "follows no entry" in refused(paper, "operator", late)


def test_who_may_not_deploy(paper: Paper) -> None:
    one = paper.release("aiops/cpu@1.0.0", b"one")
    paper.promote(one)
    assert "may not sign deploy records" in refused(paper, "reviewer", status(paper, one))
    assert config_of(paper.state).roles["operator"] >= {"deploy"}


@pytest.mark.parametrize("more", [{"said": "crashed"}, {"instance": "a b"}, {"instance": ""}, {"reason": ""}])
def test_statuses_that_are_none(paper: Paper, more: dict[str, Any]) -> None:
    one = paper.release("aiops/cpu@1.0.0", b"one")
    paper.promote(one)
    assert "schema deploy-v1" in refused(paper, "operator", status(paper, one, **more), Malformed)
