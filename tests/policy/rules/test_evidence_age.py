"""Evidence of each kind that is named is recent: the newest record of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from muniment.policy.finding import Finding, Status
from tests.policy.make import DAY, evidence, facts, judge

RULE = {"rule": "evidence-age", "with": {"evidence": ["bom", "evaluation"], "maxDays": 30}}


def ask(*found: Any) -> Finding:
    return judge(RULE, facts("promote", *found))


def test_recent_evidence() -> None:
    found = ask(evidence("bom", age=30 * DAY), evidence("evaluation"))
    assert (found.status, found.reason) == (Status.PASS, "bom, evaluation: none is older than 30 days.")


def test_old_evidence() -> None:
    old = ask(evidence("bom", age=30 * DAY + timedelta(seconds=1)), evidence("evaluation", age=45 * DAY))
    assert (old.status, old.waits) == (Status.FAIL, True)
    assert old.reason == "The newest bom is 30 days old, evaluation is 45 days old, and 30 are allowed."


def test_a_newer_record_renews_an_old_one() -> None:
    assert ask(evidence("evaluation"), evidence("bom"), evidence("bom", age=90 * DAY)).status is Status.PASS


def test_missing_evidence() -> None:
    assert ask(evidence("bom")).reason == "There is no evaluation."
