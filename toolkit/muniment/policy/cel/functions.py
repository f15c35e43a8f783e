"""CEL's functions of semantics 1. Source: CEL language definition, "List of Standard Definitions"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from muniment.core.instant import CLOCK
from muniment.core.letters import quoted
from muniment.policy.cel import values
from muniment.policy.cel.values import SECOND, Charge, Duration, Timestamp, Undecided, moment, span, type_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(
    rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})T({CLOCK})(?:\.([0-9]{{1,9}}))?(?:Z|([+-])([0-9]{{2}}):([0-9]{{2}}))"
)
_SPAN = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?(?:h|ms|us|ns|m|s))+")
_SPAN_PART = re.compile(r"([0-9]+)(?:\.([0-9]+))?(h|ms|us|ns|m|s)")
_UNITS = {"h": 3600 * SECOND, "m": 60 * SECOND, "s": SECOND, "ms": 1_000_000, "us": 1000, "ns": 1}
_INT = re.compile(r"-?[0-9]{1,19}")
_DOUBLE = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?")


@dataclass(frozen=True, slots=True)
class Function:
    """A function: called as `name(a)` with `plain` arguments, or as `a.name(b)` with `method` ones (-1: not so)."""

    apply: Callable[..., Any]
    plain: int = -1
    method: int = -1


def size(value: Any, charge: Charge) -> int:
    """Code points of a string, items of a list, keys of a map."""
    if type_of(value) not in ("string", "list", "map"):
        raise Undecided(f"{type_of(value)} has no size")
    return len(value)


def timestamp(value: Any, charge: Charge) -> Timestamp:
    """A moment from RFC 3339 text, from seconds since 1970, or itself."""
    if type(value) is int:
        return moment(value * SECOND)
    if isinstance(value, Timestamp):
        return value
    match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Undecided(_no_timestamp(value))
    day, time, fraction, sign, hours, minutes = match.groups()
    try:
        whole = datetime.fromisoformat(f"{day}T{time}+00:00")
    except ValueError as error:
        raise Undecided(_no_timestamp(value)) from error
    offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1) if sign else 0
    if sign and (int(hours) > 23 or int(minutes) > 59):
        raise Undecided(_no_timestamp(value))
    seconds = (whole - _EPOCH) // timedelta(seconds=1) - offset * 60
    return moment(seconds * SECOND + int((fraction or "").ljust(9, "0")))


def duration(value: Any, charge: Charge) -> Duration:
    """A span from text as in `1h30m`, `-1.5s`, or itself."""
    if isinstance(value, Duration):
        return value
    if not isinstance(value, str) or len(value) > 100 or not _SPAN.fullmatch(value):
        raise Undecided(f"{quoted(str(value)[:40])} is no duration")
    total = 0
    for whole, fraction, unit in _SPAN_PART.findall(value):
        total += int(whole) * _UNITS[unit] + int((fraction or "0")[:18]) * _UNITS[unit] // 10 ** len(fraction[:18])
    return span(-total if value[0] == "-" else total)


def to_int(value: Any, charge: Charge) -> int:
    """An int from a double (cut toward zero), decimal text, a moment's seconds, or itself."""
    match type_of(value):
        case "int":
            return int(value)
        case "double" if abs(value) < 2**63:
            return int(value)
        case "string" if _INT.fullmatch(value):
            return int(values.number(int(value)))
        case "timestamp":
            return int(value.nanoseconds // SECOND)
    raise Undecided(f"{_said(value)} is no int")


def to_double(value: Any, charge: Charge) -> float:
    """A double from an int, decimal text, or itself."""
    match type_of(value):
        case "int" | "double":
            return float(value)
        case "string" if _DOUBLE.fullmatch(value):
            return float(values.number(float(value)))
    raise Undecided(f"{_said(value)} is no double")


def to_string(value: Any, charge: Charge) -> str:
    """Text of an int, a bool, or itself."""
    match type_of(value):
        case "string" | "int":
            return str(value)
        case "bool":
            return "true" if value else "false"
    raise Undecided(f"{type_of(value)} is not written as a string")


def starts_with(value: Any, part: Any, charge: Charge) -> bool:
    """Whether a string begins with another."""
    return _text(value).startswith(_text(part))


def ends_with(value: Any, part: Any, charge: Charge) -> bool:
    """Whether a string ends with another."""
    return _text(value).endswith(_text(part))


def contains(value: Any, part: Any, charge: Charge) -> bool:
    """Whether a string holds another."""
    charge(len(_text(value)) // 64)
    return _text(part) in value


def _getter(of_moment: Callable[[datetime], int], unit: int = 0) -> Function:
    """A part of a moment in UTC; where there is a unit, also the whole ones in a duration."""

    def get(value: Any, charge: Charge) -> int:
        if isinstance(value, Timestamp):
            return of_moment(_EPOCH + timedelta(seconds=value.nanoseconds // SECOND))
        if isinstance(value, Duration) and unit:
            whole = abs(value.nanoseconds) // unit
            return whole if value.nanoseconds >= 0 else -whole
        raise Undecided(f"{type_of(value)} has no such part")

    return Function(get, method=0)


FUNCTIONS: dict[str, Function] = {
    "size": Function(size, plain=1, method=0),
    "timestamp": Function(timestamp, plain=1),
    "duration": Function(duration, plain=1),
    "int": Function(to_int, plain=1),
    "double": Function(to_double, plain=1),
    "string": Function(to_string, plain=1),
    "startsWith": Function(starts_with, method=1),
    "endsWith": Function(ends_with, method=1),
    "contains": Function(contains, method=1),
    "getFullYear": _getter(lambda d: d.year),
    "getMonth": _getter(lambda d: d.month - 1),
    "getDate": _getter(lambda d: d.day),
    "getDayOfMonth": _getter(lambda d: d.day - 1),
    "getDayOfWeek": _getter(lambda d: (d.weekday() + 1) % 7),
    "getDayOfYear": _getter(lambda d: d.timetuple().tm_yday - 1),
    "getHours": _getter(lambda d: d.hour, 3600 * SECOND),
    "getMinutes": _getter(lambda d: d.minute, 60 * SECOND),
    "getSeconds": _getter(lambda d: d.second, SECOND),
}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Undecided(f"{type_of(value)} is no string")
    return value


def _said(value: Any) -> str:
    return quoted(value[:40]) if isinstance(value, str) else f"{type_of(value)}"


def _no_timestamp(value: Any) -> str:
    return f"{_said(value)} is no timestamp"
