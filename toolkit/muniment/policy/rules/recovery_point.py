"""A version that returns to an environment is one that may be returned to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from muniment.policy.facts import Facts, TenureFact, Verdict
from muniment.policy.reading import DAYS, age, is_older

NAME = "recovery-point"
TITLE = "A permitted recovery point"
PARAMS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "maxDays": DAYS,
        "minHours": {"type": "integer", "minimum": 1},
        "incidents": {"enum": ["accept", "fail"]},
    },
}


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if the version stood in the environment before, for `minHours` at one time, until at most `maxDays` ago.

    A retired version is none, nor is one to which an open incident is located, unless `incidents` is accept.
    """
    fix = "Return to another version (muniment rollback NAME --to VERSION), or promote one through its gate."
    stays = [t for t in facts.history if t.version == facts.subject and t.until is not None]
    if not stays:
        return Verdict(False, f"{facts.subject} never stood in {facts.environment} before.", fix)
    if facts.retired:
        return Verdict(False, f"{facts.subject} is retired.", fix)
    located = [i.id for i in facts.incidents if i.version == facts.subject]
    if located and params.get("incidents", "fail") == "fail":
        return Verdict(False, f"The incident {located[0]} is located to {facts.subject} and open.", fix)
    longest = max(_length(t) for t in stays)
    if longest < timedelta(hours=params.get("minHours", 0)):
        hours = longest // timedelta(hours=1)
        return Verdict(False, f"It stood there for {hours} hours at most, {params['minHours']} are asked for.", fix)
    left = max(t.until for t in stays if t.until is not None)
    if "maxDays" in params and is_older(facts.at, left, params["maxDays"]):
        return Verdict(False, f"It left {age(facts.at, left)} ago, and {params['maxDays']} are allowed.", fix)
    return Verdict(True, f"{facts.subject} stood in {facts.environment} until {age(facts.at, left)} ago.")


def _length(tenure: TenureFact) -> timedelta:
    assert tenure.until is not None
    return tenure.until - tenure.since
