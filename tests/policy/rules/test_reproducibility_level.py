"""Reproductions: how close, by how many others, how recent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from muniment.core.instant import format_instant
from muniment.evidence.reproduction import LEVELS
from muniment.policy.facts import EvidenceFact
from muniment.policy.finding import Finding, Status
from tests.policy.make import AT, DAY, TRAINER, evidence, facts, judge, signer

MADE = evidence("provenance")


def again(level: str, who: Any = None, age: timedelta = DAY) -> EvidenceFact:
    said = {"level": level, "reproducedAt": format_instant(AT - age)}
    return evidence("reproduction", said, age, signer=who or signer("ann"))


def ask(params: dict[str, Any], *found: EvidenceFact) -> Finding:
    return judge({"rule": "reproducibility-level", "with": params}, facts("promote", MADE, *found))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("wanted", LEVELS[1:])
def test_levels(level: str, wanted: str) -> None:
    reached = LEVELS.index(level) >= LEVELS.index(wanted)
    assert ask({"level": wanted}, again(level)).status is (Status.PASS if reached else Status.FAIL)


def test_how_many() -> None:
    two = {"level": "metric-equivalent", "count": 2}
    assert ask(two, again("byte-identical"), again("byte-identical", age=2 * DAY)).status is Status.FAIL
    assert ask(two, again("byte-identical"), again("metric-equivalent", signer("bob"))).status is Status.PASS
    found = ask(two, again("byte-identical"), again("different", signer("bob")))
    assert found.reason == "Reproduced as metric-equivalent by 1 of 2; others found it different."
    assert found.waits


def test_ones_newest_word_counts() -> None:
    assert (
        ask({"level": "metric-equivalent"}, again("byte-identical", age=2 * DAY), again("different")).status
        is Status.FAIL
    )


def test_whoever_made_it_does_not_count() -> None:
    for own in (TRAINER, signer("operator")):
        assert ask({"level": "metric-equivalent"}, again("byte-identical", own)).status is Status.FAIL
        assert (
            ask({"level": "metric-equivalent", "independent": False}, again("byte-identical", own)).status
            is Status.PASS
        )


def test_age() -> None:
    old = again("byte-identical", age=31 * DAY)
    assert ask({"level": "metric-equivalent", "maxDays": 30}, old).status is Status.FAIL
    assert ask({"level": "metric-equivalent", "maxDays": 31}, old).status is Status.PASS


def test_none() -> None:
    assert ask({"level": "metric-equivalent"}).reason == "Reproduced as metric-equivalent by 0 of 1."


def test_one_person_is_one_and_an_unmapped_signer_too() -> None:
    two = {"level": "metric-equivalent", "count": 2}
    keys = [replace(signer("ann"), key=key) for key in ("1", "2")]
    assert ask(two, *(again("byte-identical", who) for who in keys)).status is Status.FAIL
    nobody = [replace(who, person=None) for who in keys]
    assert ask(two, *(again("byte-identical", who) for who in nobody)).status is Status.PASS
    assert (
        ask(two, again("byte-identical", nobody[0]), again("byte-identical", nobody[0], 2 * DAY)).status is Status.FAIL
    )
