"""A vulnerability scan is recent and finds nothing too bad."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from muniment.policy.cvss import LEVELS, severity
from muniment.policy.facts import EvidenceFact, Facts, Verdict
from muniment.policy.reading import DAYS, NAMES, age, is_older, matches, moment, some

NAME = "security-scan"
TITLE = "Vulnerabilities are known and bearable"
PARAMS: dict[str, Any] = {
    "type": "object",
    "required": ["maxSeverity"],
    "additionalProperties": False,
    "properties": {
        "maxSeverity": {"enum": list(LEVELS)},
        "maxDays": DAYS,
        "maxDatabaseDays": DAYS,
        "scanners": NAMES,
    },
}


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if the newest scan by each scanner finds nothing above `maxSeverity`, and the newest of all is recent.

    `maxDays` counts from the end of the scan, `maxDatabaseDays` from the last update of its database. A severity that
    is not understood counts as critical.
    """
    scans = _scans(facts, params)
    fix = "Update what is vulnerable and scan again, or scan with a newer database (muniment attest vulns)."
    if not scans:
        return Verdict(False, "There is no vulnerability scan by a scanner that counts.", fix, waits=True)
    stale = _stale(scans[-1], facts, params)
    if stale:
        return Verdict(False, stale, fix, waits=True)
    newest = {_by(e): e for e in scans}
    limit = LEVELS.index(params["maxSeverity"])
    found = [(id_, level) for e in newest.values() for id_, level in _found(e)]
    bad = [f"{id_} ({level})" for id_, level in found if LEVELS.index(level) > limit]
    if bad:
        return Verdict(False, f"Above {params['maxSeverity']}: {some(bad)}.", fix)
    return Verdict(True, f"{some(newest)} found {len(found)}, none above {params['maxSeverity']}.")


def ends(facts: Facts, params: Mapping[str, Any]) -> Iterator[tuple[str, EvidenceFact, datetime]]:
    """When the newest scan that counts gets older than `maxDays`, and its database than `maxDatabaseDays`."""
    for scan in _scans(facts, params)[-1:]:
        if "maxDays" in params:
            ended = moment(scan.predicate["metadata"]["scanFinishedOn"])
            yield "its vulnerability scan", scan, ended + timedelta(days=params["maxDays"])
        if "maxDatabaseDays" in params:
            updated = moment(scan.predicate["scanner"]["db"]["lastUpdate"])
            yield "the database of its vulnerability scan", scan, updated + timedelta(days=params["maxDatabaseDays"])


def _scans(facts: Facts, params: Mapping[str, Any]) -> list[EvidenceFact]:
    """The scans by scanners that count, oldest first."""
    return [e for e in facts.of_kind("vulns") if "scanners" not in params or matches(_by(e), params["scanners"])]


def _stale(scan: EvidenceFact, facts: Facts, params: Mapping[str, Any]) -> str:
    ended = moment(scan.predicate["metadata"]["scanFinishedOn"])
    if "maxDays" in params and is_older(facts.at, ended, params["maxDays"]):
        return f"The newest scan is {age(facts.at, ended)} old, and {params['maxDays']} are allowed."
    if "maxDatabaseDays" in params:
        updated = moment(scan.predicate["scanner"]["db"]["lastUpdate"])
        if is_older(facts.at, updated, params["maxDatabaseDays"]):
            allowed = params["maxDatabaseDays"]
            return f"The scanner's database is {age(facts.at, updated)} old, and {allowed} are allowed."
    return ""


def _found(scan: EvidenceFact) -> Iterator[tuple[str, str]]:
    return ((v["id"], severity(v["severity"])) for v in scan.predicate["scanner"]["result"])


def _by(scan: EvidenceFact) -> str:
    return str(scan.predicate["scanner"]["uri"])
