"""A version is held to what stands in the environment: direction, tolerance, the same data."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.policy.facts import EvidenceFact, StandingFact
from muniment.policy.finding import Finding, Status
from tests.policy.make import AT, DAY, artifact, evidence, facts, judge


def measured(*values: float, data: str = "d", metric: str = "f1", part: str | None = None) -> EvidenceFact:
    listed = [{"metric": metric, "value": v, **({"slice": part} if part else {})} for v in values]
    return evidence("evaluation", {"data": {"digest": data}, "metrics": listed})


def ask(params: dict[str, Any], mine: list[EvidenceFact], theirs: list[EvidenceFact] | None, **other: Any) -> Finding:
    standing = (
        ()
        if theirs is None
        else (StandingFact("production", "aiops/cpu@0.9.0", AT - DAY, (artifact(),), tuple(theirs)),)
    )
    rule = {"rule": "no-regression", "with": {"metric": "f1", "better": "higher"} | params}
    gate = other.pop("gate", "promote")
    return judge(rule, facts(gate, *mine, **({"standing": standing} | other)))


@pytest.mark.parametrize(
    ("params", "mine", "theirs", "status"),
    [
        ({}, 0.9, 0.9, Status.PASS),
        ({}, 0.91, 0.9, Status.PASS),
        ({}, 0.89, 0.9, Status.FAIL),
        ({"tolerance": 0.01}, 0.89, 0.9, Status.PASS),
        ({"tolerance": 0.05}, 0.85, 0.9, Status.PASS),  # 0.9 - 0.85 is more than 0.05 in floats
        ({"tolerance": 0.05}, 0.849, 0.9, Status.FAIL),
        ({"better": "lower"}, 0.1, 0.2, Status.PASS),
        ({"better": "lower"}, 0.3, 0.2, Status.FAIL),
        ({"better": "lower", "tolerance": 0.1}, 0.3, 0.2, Status.PASS),
    ],
)
def test_direction_and_tolerance(params: dict[str, Any], mine: float, theirs: float, status: Status) -> None:
    assert ask(params, [measured(mine)], [measured(theirs)]).status is status


def test_reasons() -> None:
    good = ask({}, [measured(0.95)], [measured(0.9)])
    assert good.reason == "f1 is 0.95, and 0.9 for aiops/cpu@0.9.0."
    bad = ask({"tolerance": 0.01}, [measured(0.8)], [measured(0.9)])
    assert bad.reason == "f1 is 0.8, and 0.9 for aiops/cpu@0.9.0: worse by 0.1, 0.01 allowed."


def test_the_worst_here_is_held_to_the_best_there() -> None:
    assert ask({}, [measured(0.95, 0.1)], [measured(0.9)]).status is Status.FAIL
    assert ask({}, [measured(0.95)], [measured(0.2, 0.99)]).status is Status.FAIL


def test_what_was_not_measured() -> None:
    assert ask({}, [], [measured(0.9)]).reason == "f1 of aiops/cpu@1.0.0 was not measured."
    found = ask({}, [measured(0.9)], [])
    assert (found.reason, found.waits) == ("f1 of aiops/cpu@0.9.0 in production was not measured.", True)
    assert ask({"unmeasured": "accept"}, [measured(0.9)], []).status is Status.PASS
    assert ask({"unmeasured": "accept"}, [], [measured(0.9)]).status is Status.FAIL
    assert ask({}, [measured(0.9, metric="auc")], [measured(0.9)]).status is Status.FAIL
    assert ask({}, [measured(0.9, part="cpu")], [measured(0.9)]).status is Status.FAIL
    assert ask({"slice": "cpu"}, [measured(0.9, part="cpu")], [measured(0.9, part="cpu")]).status is Status.PASS


def test_the_same_data() -> None:
    mine, theirs = [measured(0.8), measured(0.95, data="new")], [measured(0.9), measured(0.95, data="new")]
    assert ask({"sameData": True}, mine, theirs).status is Status.FAIL
    assert ask({"sameData": True}, mine[1:], theirs).status is Status.PASS
    found = ask({"sameData": True}, mine[:1], theirs[1:])
    assert found.reason == "f1 of aiops/cpu@1.0.0 was not measured on the same data."


def test_nothing_or_itself_stands_there() -> None:
    assert ask({}, [measured(0.1)], None).reason == "No other version stands in production."
    itself = (StandingFact("production", "aiops/cpu@1.0.0", AT, (artifact(),), (measured(0.9),)),)
    assert ask({}, [measured(0.1)], None, standing=itself).status is Status.PASS


def test_another_environment_and_none() -> None:
    assert ask({"environment": "production"}, [measured(0.1)], [measured(0.9)], gate="release").status is Status.FAIL
    assert ask({"environment": "staging"}, [measured(0.1)], [measured(0.9)]).status is Status.PASS
    assert (
        ask({}, [measured(0.9)], [measured(0.9)], gate="release").reason
        == "The gate has no environment to compare with."
    )


def test_the_best_of_lower_numbers_and_other_records() -> None:
    lower = {"better": "lower"}
    assert ask(lower, [measured(0.3)], [measured(0.2, 0.9)]).status is Status.FAIL
    assert ask(lower, [measured(0.1, 0.5)], [measured(0.2)]).status is Status.FAIL
    bom = evidence("bom", {"components": []})
    assert ask({}, [bom, measured(0.9)], [measured(0.9), bom]).status is Status.PASS
    found = ask({"slice": "cpu"}, [measured(0.8, part="cpu")], [measured(0.9, part="cpu")])
    assert found.reason.startswith("f1 on cpu is 0.8, and 0.9 for")


def test_what_only_the_other_was_measured_on_does_not_count() -> None:
    theirs = [measured(0.9), measured(0.99, data="old")]
    assert ask({"sameData": True}, [measured(0.95)], theirs).status is Status.PASS
    assert ask({}, [measured(0.95)], theirs).status is Status.FAIL
