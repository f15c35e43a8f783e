"""Incidents: opened once, located, resolved once; what is open about a name is one document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muniment.core.errors import Malformed
from muniment.core.name import parse_name, parse_version_id
from muniment.evidence.statement import Statement
from muniment.registry import propose
from muniment.registry.documents import documents
from tests.registry.paper import Paper
from tests.registry.staff import staff
from tests.registry.test_check import refused

CPU = parse_name("aiops/cpu")
ONE, TWO = parse_version_id("aiops/cpu@1.0.0"), parse_version_id("aiops/cpu@2.0.0")


@pytest.fixture
def paper() -> Paper:
    paper = Paper(**staff())
    paper.release("aiops/cpu@1.0.0", b"one")
    paper.release("aiops/cpu@2.0.0", b"two")
    return paper


def step(paper: Paper, action: str, number: str = "INC-1", **more: Any) -> Statement:
    more = {"severity": "high", "environment": "production"} | more if action == "opened" else more
    return propose.incident(paper.state, more.pop("name", CPU), number, action, "alarms doubled", paper.at, **more)


def told(paper: Paper, subject: str) -> Any:
    return json.loads(documents(paper.state)[subject])


def test_an_incident_from_beginning_to_end(paper: Paper) -> None:
    assert "name/aiops/cpu/open" not in documents(paper.state)
    paper.put("operator", step(paper, "opened"))
    assert told(paper, "name/aiops/cpu/open") == {"incidents": ["INC-1"]}
    paper.put("operator", step(paper, "located", version=ONE))
    paper.put("operator", step(paper, "located", version=TWO))
    paper.put("operator", step(paper, "opened", "INC-0", severity="low"))
    assert told(paper, "name/aiops/cpu/open") == {"incidents": ["INC-0", "INC-1"]}
    paper.put("operator", step(paper, "resolved"))
    assert told(paper, "name/aiops/cpu/open") == {"incidents": ["INC-0"]}
    assert told(paper, "name/aiops/cpu/incident/INC-1") == {
        "environment": "production",
        "events": [10, 12, 14, 18],
        "openedAt": "2026-01-31T08:05:00Z",
        "resolved": True,
        "rollbacks": [],
        "severity": "high",
        "version": "aiops/cpu@2.0.0",
    }


@pytest.mark.parametrize("action", ["located", "resolved"])
def test_only_what_is_open_goes_on(paper: Paper, action: str) -> None:
    more = {"version": ONE} if action == "located" else {}
    assert "There is no incident INC-1" in refused(paper, "operator", step(paper, action, **more))
    paper.put("operator", step(paper, "opened"))
    paper.put("operator", step(paper, "resolved"))
    assert "is resolved" in refused(paper, "operator", step(paper, action, **more))
    assert "was opened before" in refused(paper, "operator", step(paper, "opened"))


def test_an_incident_signed_before_another_step(paper: Paper) -> None:
    paper.put("operator", step(paper, "opened"))
    late = step(paper, "resolved")
    paper.put("operator", step(paper, "located", version=ONE))
    assert "follows entry" in refused(paper, "operator", late)


@pytest.mark.parametrize(
    ("more", "fact"),
    [
        ({"name": parse_name("aiops/gpu")}, "Nothing of aiops/gpu is released"),
        ({"environment": "moon"}, "'moon' is not configured"),
        ({"name": parse_name("moon/cpu")}, "'moon' is not configured"),
    ],
)
def test_incidents_of_nothing(paper: Paper, more: dict[str, Any], fact: str) -> None:
    assert fact in refused(paper, "operator", step(paper, "opened", **more))


def test_an_incident_needs_a_role_that_may(paper: Paper) -> None:
    assert "may not sign incident records" in refused(paper, "reviewer", step(paper, "opened"))


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("opened", {"severity": None}),
        ("opened", {"severity": "awful"}),
        ("opened", {"number": "no spaces"}),
        ("located", {}),
        ("resolved", {"severity": "low"}),
        ("resolved", {"environment": "production"}),
        ("closed", {}),
    ],
)
def test_steps_that_are_none(paper: Paper, action: str, more: dict[str, Any]) -> None:
    assert "schema incident-v1" in refused(paper, "operator", step(paper, action, **more), Malformed)


def test_a_step_about_another_name(paper: Paper) -> None:
    paper.release("aiops/gpu@1.0.0", b"three")
    with pytest.raises(Malformed, match="no version of aiops/cpu"):
        step(paper, "opened", version=parse_version_id("aiops/gpu@1.0.0"))


def test_an_incident_of_one_version_bears_its_artifacts(paper: Paper) -> None:
    paper.put("operator", step(paper, "opened", version=ONE))
    record = paper.state.entries[paper.state.size - 2].record
    assert record is not None
    assert record.statement.subjects[0].digest == paper.state.versions[ONE].artifacts[0].digest
    wrong = step(paper, "located", version=TWO)
    wrong = type(wrong)(record.statement.subjects, wrong.predicate_type, wrong.predicate)
    assert "not the artifacts of aiops/cpu@2.0.0" in refused(paper, "operator", wrong)
