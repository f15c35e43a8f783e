"""Vulnerability scans: how bad, how old, by which scanner."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from muniment.core.instant import format_instant
from muniment.policy.cvss import LEVELS, base_score, severity
from muniment.policy.facts import EvidenceFact
from muniment.policy.finding import Finding, Status
from tests.policy.make import AT, DAY, evidence, facts, judge

LOG4SHELL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"


def scan(
    *scores: Any, age: timedelta = DAY, scanner: str = "pkg:generic/grype@1", updated: str | None = None
) -> EvidenceFact:
    result = [{"id": f"CVE-{i}", "severity": [{"method": "x", "score": s}]} for i, s in enumerate(scores)]
    ended = format_instant(AT - age)
    by: dict[str, Any] = {"uri": scanner, "result": result} | ({"db": {"lastUpdate": updated}} if updated else {})
    return evidence("vulns", {"scanner": by, "metadata": {"scanStartedOn": ended, "scanFinishedOn": ended}}, age)


def ask(params: dict[str, Any], *scans: EvidenceFact) -> Finding:
    return judge({"rule": "security-scan", "with": {"maxSeverity": "medium"} | params}, facts("promote", *scans))


def test_a_scan_that_finds_nothing_bad() -> None:
    assert ask({}, scan()).reason == "pkg:generic/grype@1 found 0, none above medium."
    assert ask({}, scan("low", 5.0, "6.9")).status is Status.PASS


@pytest.mark.parametrize(
    "score", ["high", 7.0, "7.0", 10, "critical", LOG4SHELL, "unheard of", "CVSS:4.0/AV:N", None, 11, -1, True]
)
def test_a_scan_that_finds_something(score: Any) -> None:
    found = ask({}, scan("low", score))
    assert (found.status, found.waits) == (Status.FAIL, False)
    assert "CVE-1 (" in found.reason


def test_a_vulnerability_without_severity_is_critical() -> None:
    result = [{"id": "CVE-1", "severity": []}]
    record = evidence("vulns", {"scanner": {"uri": "x", "result": result}, "metadata": scan().predicate["metadata"]})
    assert ask({"maxSeverity": "high"}, record).reason == "Above high: CVE-1 (critical)."


def test_the_newest_scan_of_each_scanner_counts() -> None:
    assert ask({}, scan("high", age=2 * DAY), scan()).status is Status.PASS
    assert ask({}, scan(age=2 * DAY), scan("high")).status is Status.FAIL
    other = scan("high", age=2 * DAY, scanner="pkg:generic/trivy@1")
    assert ask({}, other, scan()).status is Status.FAIL
    assert ask({"scanners": ["pkg:generic/grype@*"]}, other, scan()).status is Status.PASS
    assert ask({"scanners": ["pkg:generic/trivy@2"]}, other, scan()).waits is True


def test_how_old_it_may_be() -> None:
    assert ask({"maxDays": 7}, scan(age=7 * DAY)).status is Status.PASS
    assert ask({"maxDays": 7}, scan(age=8 * DAY)).reason == "The newest scan is 8 days old, and 7 are allowed."
    fresh = scan(updated="2026-01-30T23:00:00.5-05:00")
    assert ask({"maxDatabaseDays": 2}, fresh).status is Status.PASS
    stale = ask({"maxDatabaseDays": 2}, scan(updated="2026-01-01T00:00:00Z"))
    assert stale.reason == "The scanner's database is 30 days old, and 2 are allowed."
    assert ask({"maxDatabaseDays": 2}, scan()).reason == "The rule cannot be decided: a record has no 'db'."
    assert (
        ask({"maxDatabaseDays": 2}, scan(updated="today")).reason == "The rule cannot be decided: 'today' is no time."
    )
    assert ask({"maxDays": 7}, scan(age=-2 * DAY)).status is Status.FAIL


def test_no_scan() -> None:
    assert ask({}).reason == "There is no vulnerability scan by a scanner that counts."


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        (LOG4SHELL, 10.0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.0/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
        ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H/E:P", 9.9),
        ("CVSS:3.1/AV:N/AC:L", None),
        ("CVSS:2.0/AV:N/AC:L/Au:N/C:P/I:P/A:P", None),
        ("nonsense", None),
    ],
)
def test_base_scores(vector: str, score: float | None) -> None:
    """By the calculator of FIRST."""
    assert base_score(vector) == score


def test_the_worst_of_several_severities() -> None:
    assert severity([{"method": "a", "score": "low"}, {"method": "b", "score": 9.0}]) == "critical"
    assert [severity([{"score": s}]) for s in ("0", "3.9", "4.0", "7", "9.0")] == list(LEVELS)
