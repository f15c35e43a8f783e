"""Waivers: for one rule, these artifacts, this time; and what a finding says of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from muniment.core.digest import digest_of
from muniment.policy.engine import evaluate, failures, parse_policy
from muniment.policy.finding import Finding, Status
from tests.policy.make import AT, DAY, DIGEST, artifact, facts, waiver

RULE = {"rule": "evidence-required", "id": "papers", "gate": "promote", "with": {"evidence": ["bom"]}}


def said(*waivers: Any, rule: dict[str, Any] | None = None, top: dict[str, Any] | None = None, **other: Any) -> Finding:
    policy = parse_policy({"rules": [RULE | (rule or {})], **(top or {})})
    (finding,) = evaluate(policy, facts(waivers=waivers, **other))
    return finding


def test_a_waiver_in_force_excuses_and_is_named() -> None:
    given = waiver("papers", ticket="GOV-7")
    found = said(given)
    assert (found.status, found.waived_by, found.expires) == (Status.WAIVED, str(given.statement), AT + 20 * DAY)
    assert found.reason == (
        "The release stands on no bom. Waived by vera as risk until 2026-02-20T08:05:00Z, 20 days left: "
        "the old licence is in force until March (GOV-7)"
    )
    assert failures((found,)) == ()


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=2), "2 days left"),
        (timedelta(days=1, hours=5), "1 day left"),
        (timedelta(seconds=1), "less than"),
    ],
)
def test_the_days_left(left: timedelta, words: str) -> None:
    assert words in said(waiver("papers", expires=AT + left)).reason


@pytest.mark.parametrize(
    "given",
    [
        waiver("paper"),
        waiver("evidence-required"),
        waiver("papers", subjects=frozenset({digest_of(b"another")})),
        waiver("papers", subjects=frozenset()),
    ],
)
def test_a_waiver_for_another_rule_or_artifact_does_nothing(given: Any) -> None:
    found = said(given)
    assert (found.status, found.reason) == (Status.FAIL, "The release stands on no bom.")


def test_a_waiver_names_every_artifact_that_the_rule_is_for() -> None:
    both = (artifact(), artifact("config", digest_of(b"config")))
    assert said(waiver("papers"), artifacts=both).status is Status.FAIL
    assert said(waiver("papers"), artifacts=both, rule={"kinds": ["model"]}).status is Status.WAIVED
    wide = waiver("papers", subjects=frozenset({DIGEST, digest_of(b"config"), digest_of(b"more")}))
    assert said(wide, artifacts=both).status is Status.WAIVED
    assert said(waiver("papers", subjects=frozenset({DIGEST})), artifacts=()).status is Status.FAIL


def test_the_last_moment_and_the_first() -> None:
    assert said(waiver("papers", expires=AT + timedelta(seconds=1))).status is Status.WAIVED
    ended = said(waiver("papers", expires=AT))
    assert ended.status is Status.FAIL
    assert "The waiver by vera ended at 2026-01-31T08:05:00Z (sha256:" in ended.reason
    assert said(waiver("papers", not_before=AT)).status is Status.WAIVED
    early = said(waiver("papers", not_before=AT + timedelta(seconds=1)))
    assert early.status is Status.FAIL
    assert "begins at 2026-01-31T08:05:01Z only" in early.reason


def test_of_several_the_longest_counts() -> None:
    short, long = waiver("papers", expires=AT + DAY), waiver("papers", expires=AT + 9 * DAY)
    assert said(short, long).waived_by == said(long, short).waived_by == str(long.statement)


def test_a_rule_that_cannot_be_waived() -> None:
    found = said(waiver("papers"), rule={"waivable": False})
    assert found.status is Status.FAIL
    assert found.reason.endswith("A waiver was granted, and policy does not let this rule be waived.")
    assert found.waiver == "papers cannot be waived."


def test_a_waiver_is_not_needed_where_the_rule_holds_or_is_not_yet() -> None:
    assert said(waiver("papers"), rule={"kinds": ["dataset"]}).status is Status.NOT_APPLICABLE
    assert said(rule={"effectiveOn": "2026-02-01"}).status is Status.WARN
    assert said(waiver("papers"), rule={"severity": "warn"}).status is Status.WAIVED
    assert said(waiver("papers"), rule={"rule": "metric-threshold", "with": {"metric": "f1", "min": 0}}).waits is False


def test_how_to_ask_and_whom() -> None:
    command = 'muniment waive papers aiops/cpu@1.0.0 --reason "…" --until YYYY-MM-DD'
    assert said().waiver == f"Whoever may waive papers runs: {command}"
    assert said(top={"escalation": "#all"}).waiver.startswith("Turn to #all. Whoever")
    assert said(top={"escalation": "#all"}, escalation="#namespace").waiver.startswith("Turn to #namespace. ")
    own = said(top={"escalation": "#all"}, escalation="#namespace", rule={"escalation": "#rule"})
    assert own.waiver.startswith("Turn to #rule. ")


def test_a_waiver_without_a_ticket_says_nothing_of_one() -> None:
    assert said(waiver("papers")).reason.endswith("until March")
