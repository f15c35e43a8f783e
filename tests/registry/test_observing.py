"""Windows of observation: of what stands or runs, in order, bounded; and what triggers say of them in the state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from muniment.core.errors import Malformed
from muniment.core.name import VersionId
from muniment.evidence.statement import Statement
from muniment.policy.triggers import MAX_WINDOWS
from muniment.registry import propose
from muniment.registry.check import check
from muniment.registry.documents import documents
from muniment.registry.event import subjects_of
from muniment.registry.leaf import derive_leaf
from muniment.registry.observing import foretold
from muniment.registry.runtime import Observe
from muniment.registry.table import Table
from tests.registry.paper import Paper, model
from tests.registry.staff import staff
from tests.registry.test_check import refused
from tests.world import POLICY

LOW = {
    "id": "low",
    "environment": "production",
    "metric": "f1",
    "below": 0.8,
    "windows": 2,
    "severity": "high",
    "title": "Too low",
}


def paper_with(*triggers: dict[str, Any]) -> tuple[Paper, VersionId]:
    """A version that stands in production."""
    said = staff()
    said["roles"]["operator"]["may"] = [*said["roles"]["operator"]["may"], "deploy", "observe"]
    paper = Paper({**POLICY, "triggers": list(triggers)}, **said)
    one = paper.release("aiops/cpu@1.0.0", b"one")
    paper.promote(one)
    return paper, one


def seen(paper: Paper, version: VersionId, f1: float = 0.9, where: str = "production", **more: Any) -> Statement:
    said = {"begins": paper.at - timedelta(minutes=1), "ends": paper.at, "samples": 60, "metrics": {"f1": f1}}
    said |= {"drift": None} | more
    return propose.observe(paper.state, version, where, at=paper.at, **said)


def told(paper: Paper, version: VersionId, where: str = "production") -> Any:
    return json.loads(documents(paper.state)[f"name/aiops/cpu/observed/{where}/{version.version}"])


def test_a_trigger_fires_in_the_second_window() -> None:
    paper, one = paper_with(LOW)
    paper.put("operator", seen(paper, one, 0.7))
    assert told(paper, one)["fired"] == []
    second = seen(paper, one, 0.6, drift={"cpu": 0.1})
    (reading,) = foretold(paper.state, second)
    paper.put("operator", second)
    assert told(paper, one)["fired"] == [
        {"reason": "f1: 0.7, 0.6, below 0.8 in 2 windows.", "severity": "high", "trigger": "low"}
    ]
    assert paper.state.observed[one, "production"].fired == (reading,)
    assert [w["entry"] for w in told(paper, one)["windows"]] == [paper.state.size - 4, paper.state.size - 2]
    paper.put("operator", seen(paper, one, metrics={"other": 1}))
    assert told(paper, one)["fired"] == []
    assert told(paper, one)["unknown"] == ["low"]


def test_only_the_newest_windows_are_kept_and_no_document_of_an_artifact_grows() -> None:
    paper, one = paper_with()
    about = {s: d for s, d in documents(paper.state).items() if s.startswith(("artifact/", "name/aiops/cpu/version"))}
    for _ in range(MAX_WINDOWS + 3):
        paper.put("operator", seen(paper, one))
    windows = told(paper, one)["windows"]
    assert len(windows) == MAX_WINDOWS
    assert windows[-1]["entry"] == paper.state.size - 2
    assert {s: documents(paper.state)[s] for s in about} == about


def test_windows_are_in_order() -> None:
    paper, one = paper_with()
    paper.put("operator", seen(paper, one))
    last = paper.state.observed[one, "production"].windows[-1]
    early = seen(paper, one, begins=last.ends - timedelta(seconds=1))
    assert "begins before the one in entry" in refused(paper, "operator", early)
    again = seen(paper, one, begins=last.begins, ends=last.ends)
    assert "follows no entry" in refused(paper, "operator", again)
    paper.put("operator", seen(paper, one, begins=last.ends))


def test_a_window_is_over_when_it_is_signed() -> None:
    paper, one = paper_with()
    late = seen(paper, one, ends=paper.at + timedelta(minutes=5, seconds=1))
    assert "ends after it was signed" in refused(paper, "operator", late)
    paper.put("operator", seen(paper, one, ends=paper.at + timedelta(minutes=5)))


def test_only_what_stands_or_runs_is_observed() -> None:
    paper, one = paper_with()
    paper.put("operator", propose.deploy(paper.state, one, "production", "running", paper.at))
    two = paper.release("aiops/cpu@2.0.0", b"two")
    assert "neither stands nor runs in production" in refused(paper, "operator", seen(paper, two))
    assert "neither stands nor runs in staging" in refused(paper, "operator", seen(paper, one, where="staging"))
    assert "'moon' is not configured" in refused(paper, "operator", seen(paper, one, where="moon"))
    paper.promote(two)
    paper.put("operator", seen(paper, one))
    paper.put("operator", seen(paper, two))
    paper.put("operator", propose.deploy(paper.state, one, "production", "stopped", paper.at))
    assert "neither stands nor runs in production" in refused(paper, "operator", seen(paper, one))


class Unread(Table[Any, Any]):
    """A table that may be asked for one key, and never gone through."""

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("All of the table was looked at.")

    items = values = __iter__  # type: ignore[assignment]


def test_a_window_costs_the_same_however_much_runs() -> None:
    paper, one = paper_with()
    paper.put("operator", propose.deploy(paper.state, one, "production", "running", paper.at))
    paper.promote(paper.release("aiops/cpu@2.0.0", b"two"))
    signed = paper.sign("operator", seen(paper, one))
    unread = replace(paper.state, deployments=Unread(paper.state.deployments.held))
    assert check(unread, signed, paper.at, derive_leaf(signed)).observed[one, "production"].windows


def test_a_window_bears_the_artifacts_of_its_version() -> None:
    paper, one = paper_with()
    other = replace(seen(paper, one), subjects=subjects_of((model(b"other"),)))
    assert "subjects are not the artifacts" in refused(paper, "operator", other)


def test_who_may_not_observe() -> None:
    paper, one = paper_with()
    assert "may not sign observe records" in refused(paper, "reviewer", seen(paper, one))


@pytest.mark.parametrize(
    "more",
    [
        {"metrics": {}},
        {"metrics": {"a b": 1.0}},
        {"metrics": {"f1": "high"}},
        {"metrics": {"f1": True}},
        {"metrics": {f"m{n}": 1 for n in range(65)}},
        {"drift": {f"m{n}": 1 for n in range(257)}},
        {"drift": {}},
        {"samples": 0},
        {"samples": 1.5},
    ],
)
def test_windows_that_are_none(more: dict[str, Any]) -> None:
    paper, one = paper_with()
    assert "schema observe-v1" in refused(paper, "operator", seen(paper, one, **more), Malformed)


def test_a_window_that_ends_before_it_begins() -> None:
    paper, one = paper_with()
    at: datetime = paper.at
    with pytest.raises(Malformed, match="ends before it begins"):
        seen(paper, one, begins=at, ends=at)


def test_a_trigger_in_an_environment_that_is_not_configured() -> None:
    paper, _ = paper_with()
    with pytest.raises(Malformed, match=r"policy\.yaml, trigger low: the environment 'moon' is not configured"):
        paper.put("administrator", paper.configuration(policy={**POLICY, "triggers": [LOW | {"environment": "moon"}]}))
    assert Observe.kind == "observe"
