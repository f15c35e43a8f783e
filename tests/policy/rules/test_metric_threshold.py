"""Every number measured keeps to its bound."""

from __future__ import annotations

import pytest

from muniment.policy.facts import EvidenceFact
from muniment.policy.finding import Status
from tests.policy.make import evidence, facts, judge

METRIC = {"rule": "metric-threshold", "with": {"metric": "f1", "min": 0.5}}


def measured(*values: float, part: str | None = None) -> EvidenceFact:
    more = {"slice": part} if part else {}
    return evidence("evaluation", {"metrics": [{"metric": "f1", "value": v, **more} for v in values]})


def test_metric_within() -> None:
    assert judge(METRIC, facts("promote", measured(0.5))).status is Status.PASS


@pytest.mark.parametrize("found", [[], [measured(0.49)], [measured(0.9), measured(0.1)], [measured(0.9, part="cpu")]])
def test_metric_below_or_not_measured(found: list[EvidenceFact]) -> None:
    assert judge(METRIC, facts("promote", *found)).status is Status.FAIL


def test_only_the_metric_asked_for_counts() -> None:
    other = evidence("evaluation", {"metrics": [{"metric": "auc", "value": 0.1}]})
    found = judge(METRIC, facts("promote", other, measured(0.9), evidence("bom", {})))
    assert (found.status, found.reason) == (Status.PASS, "f1 is 0.9, at least 0.5.")
    assert judge(METRIC, facts("promote", other)).reason == "No evaluation measures f1."


def test_metric_of_a_slice() -> None:
    rule = {"rule": "metric-threshold", "with": {"metric": "f1", "max": 0.2, "slice": "cpu"}}
    assert judge(rule, facts("promote", measured(0.1, part="cpu"))).status is Status.PASS


def test_bounds_are_allowed_themselves_and_told() -> None:
    rule = {"rule": "metric-threshold", "with": {"metric": "f1", "min": 0.2, "max": 0.4, "slice": "cpu"}}
    for value in (0.2, 0.4):
        assert judge(rule, facts("promote", measured(value, part="cpu"))).status is Status.PASS
    found = judge(rule, facts("promote", measured(0.41, part="cpu")))
    assert found.reason == "f1 on cpu is 0.41, not at least 0.2 and at most 0.4."
    assert judge(rule, facts()).reason == "No evaluation measures f1 on cpu."
