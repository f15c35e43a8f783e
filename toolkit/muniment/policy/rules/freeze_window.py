"""Nothing moves while a freeze lasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from muniment.core.errors import Malformed
from muniment.core.instant import parse_instant
from muniment.policy.facts import Facts, Verdict
from muniment.policy.reading import NAMES, matches

NAME = "freeze-window"
TITLE = "No freeze"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_COMMON: dict[str, Any] = {
    "reason": {"type": "string", "minLength": 1, "maxLength": 200},
    "environments": NAMES,
    "except": NAMES,
}
_INSTANT = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"}
_CLOCK = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
PARAMS: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {
        "windows": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["from", "until", "reason"],
                "additionalProperties": False,
                "properties": {"from": _INSTANT, "until": _INSTANT, **_COMMON},
            },
        },
        "weekly": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["days", "from", "until", "reason"],
                "additionalProperties": False,
                "properties": {
                    "days": {"type": "array", "minItems": 1, "items": {"enum": list(WEEKDAYS)}},
                    "from": _CLOCK,
                    "until": _CLOCK,
                    **_COMMON,
                },
            },
        },
    },
}


def check(params: Mapping[str, Any]) -> str:
    """A window that is no time, or ends before it begins."""
    for window in params.get("windows", ()):
        try:
            if parse_instant(window["until"]) <= parse_instant(window["from"]):
                return f"the freeze {window['reason']!r} ends before it begins"
        except Malformed as error:
            return error.fact.rstrip(".")
    return ""


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds outside of every window; times are UTC, `from` is in it and `until` is not.

    A weekly window whose `until` is not after its `from` ends on the next day. `except` names namespaces, names or
    versions that a window does not hold up.
    """
    for window, until in _open(params, facts.at.astimezone(UTC)):
        if _for(window, facts):
            fix = "Wait for its end, or have the name put under its `except`."
            return Verdict(False, f"A freeze is in force until {until}: {window['reason']}.", fix)
    return Verdict(True, "No freeze is in force.")


def _open(params: Mapping[str, Any], at: datetime) -> Iterator[tuple[Mapping[str, Any], str]]:
    for window in params.get("windows", ()):
        if parse_instant(window["from"]) <= at < parse_instant(window["until"]):
            yield window, window["until"]
    today, before = WEEKDAYS[at.weekday()], WEEKDAYS[at.weekday() - 1]
    clock = f"{at.hour:02}:{at.minute:02}"
    for window in params.get("weekly", ()):
        overnight = window["until"] <= window["from"]
        begun = today in window["days"] and window["from"] <= clock and (overnight or clock < window["until"])
        if begun or (overnight and before in window["days"] and clock < window["until"]):
            yield window, f"{window['until']} UTC"


def _for(window: Mapping[str, Any], facts: Facts) -> bool:
    if "environments" in window and facts.environment not in window["environments"]:
        return False
    name = facts.subject.partition("@")[0]
    return not any(matches(one, window.get("except", ())) for one in (facts.subject, name, name.partition("/")[0]))
