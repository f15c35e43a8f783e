"""CEL's values and what operators do with them. Source: CEL language definition, "Values" and "Operators"."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from muniment.core.letters import quoted

INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
SECOND = 1_000_000_000
# 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z
FIRST, LAST = -62_135_596_800 * SECOND, 253_402_300_800 * SECOND - 1


class Undecided(Exception):
    """An expression that has no answer: a missing key, a wrong type, a number out of range. The message says which."""


class Exhausted(Undecided):
    """An expression that needs more steps than it may take; no operator forgives it."""


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A moment, in nanoseconds since 1970-01-01T00:00:00Z."""

    nanoseconds: int


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time in nanoseconds."""

    nanoseconds: int


class MadeList(list[Any]):
    """A list that an expression made: its ints are ints. In a list from a record every number is a double."""


class MadeMap(dict[str, Any]):
    """A map that an expression made."""


Charge = Callable[[int], None]

_TYPES: dict[type, str] = {
    type(None): "null",
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    list: "list",
    MadeList: "list",
    dict: "map",
    MadeMap: "map",
    Timestamp: "timestamp",
    Duration: "duration",
}


def type_of(value: Any) -> str:
    """The CEL type of a value. Raises `Undecided` for what is none."""
    found = _TYPES.get(type(value))
    if found is None:
        raise Undecided(f"{type(value).__name__} is no type of CEL")
    return found


def taken(holder: Any, value: Any) -> Any:
    """What an expression gets of a list or map: a JSON number is a double there."""
    if type(value) is int and type(holder) in (list, dict):
        try:
            return float(value)
        except OverflowError as error:
            raise Undecided("a number is out of range") from error
    return value


def items(value: Any) -> list[Any]:
    """What a macro walks over: a list's items in order, a map's keys sorted by code point."""
    if isinstance(value, list):
        return [taken(value, v) for v in value]
    if isinstance(value, dict):
        return sorted(value)
    raise Undecided(f"a macro walks over a list or a map, not {type_of(value)}")


def index(holder: Any, key: Any) -> Any:
    """`holder[key]`."""
    if isinstance(holder, dict) and isinstance(key, str):
        if key not in holder:
            raise Undecided(f"there is no key {quoted(key[:80])}")
        return taken(holder, holder[key])
    if isinstance(holder, list) and type(key) in (int, float):
        if key != int(key) or not 0 <= key < len(holder):
            raise Undecided(f"the list has {len(holder)} items and no item {key}")
        return taken(holder, holder[int(key)])
    raise Undecided(f"{type_of(holder)} cannot be indexed by {type_of(key)}")


def equal(one: Any, two: Any, charge: Charge) -> bool:
    """`one == two`: numbers by value, other things only with their own type."""
    kind, other = type_of(one), type_of(two)
    numbers = ("int", "double")
    if kind != other:
        return kind in numbers and other in numbers and bool(one == two)
    if kind == "list":
        charge(len(one))
        return len(one) == len(two) and all(equal(a, b, charge) for a, b in zip(one, two, strict=True))
    if kind == "map":
        charge(len(one))
        return one.keys() == two.keys() and all(equal(one[k], two[k], charge) for k in one)
    charge(_weight(one))
    return bool(one == two)


def within(item: Any, holder: Any, charge: Charge) -> bool:
    """`item in holder`: an item of a list, a key of a map."""
    if isinstance(holder, list):
        charge(len(holder))
        return any(equal(item, other, charge) for other in holder)
    if isinstance(holder, dict) and isinstance(item, str):
        return item in holder
    raise Undecided(f"there is no {type_of(item)} in {type_of(holder)}")


def compare(one: Any, two: Any, charge: Charge) -> int:
    """-1, 0 or 1: numbers by value, strings by code point, bools, timestamps and durations among themselves."""
    kind, other = type_of(one), type_of(two)
    numbers = ("int", "double")
    if kind in ("null", "list", "map") or (kind != other and not (kind in numbers and other in numbers)):
        raise Undecided(f"{kind} is not compared with {other}")
    charge(_weight(one))
    return int(one > two) - int(one < two)


def add(one: Any, two: Any, charge: Charge) -> Any:
    """`one + two`."""
    match type_of(one), type_of(two):
        case ("int", "int") | ("double", "double"):
            return number(one + two)
        case "string", "string":
            charge(_weight(one) + _weight(two))
            return one + two
        case "list", "list":
            charge(len(one) + len(two))
            return MadeList([*items(one), *items(two)])
        case ("timestamp", "duration") | ("duration", "timestamp"):
            return moment(one.nanoseconds + two.nanoseconds)
        case "duration", "duration":
            return span(one.nanoseconds + two.nanoseconds)
    raise _no("+", one, two)


def subtract(one: Any, two: Any, charge: Charge) -> Any:
    """`one - two`."""
    match type_of(one), type_of(two):
        case ("int", "int") | ("double", "double"):
            return number(one - two)
        case "timestamp", "duration":
            return moment(one.nanoseconds - two.nanoseconds)
        case ("timestamp", "timestamp") | ("duration", "duration"):
            return span(one.nanoseconds - two.nanoseconds)
    raise _no("-", one, two)


def multiply(one: Any, two: Any, charge: Charge) -> Any:
    """`one * two`."""
    if type_of(one) == type_of(two) and type(one) in (int, float):
        return number(one * two)
    raise _no("*", one, two)


def divide(one: Any, two: Any, charge: Charge) -> Any:
    """`one / two`; of ints the quotient cut toward zero."""
    if type_of(one) != type_of(two) or type(one) not in (int, float):
        raise _no("/", one, two)
    if two == 0:
        raise Undecided("a division by zero")
    if isinstance(one, float):
        return number(one / two)
    quotient = abs(one) // abs(two)
    return number(quotient if (one < 0) == (two < 0) else -quotient)


def remainder(one: Any, two: Any, charge: Charge) -> Any:
    """`one % two` of ints, with the sign of `one`."""
    if type(one) is not int or type(two) is not int:
        raise _no("%", one, two)
    if two == 0:
        raise Undecided("a division by zero")
    rest = abs(one) % abs(two)
    return rest if one >= 0 else -rest


def number(value: Any) -> Any:
    """An int of 64 bits or a finite double. Raises `Undecided` for any other."""
    fits = INT_MIN <= value <= INT_MAX if isinstance(value, int) else math.isfinite(value)
    if not fits:
        raise Undecided("a number is out of range")
    return value


def moment(nanoseconds: int) -> Timestamp:
    """A timestamp in the years 1 to 9999."""
    if not FIRST <= nanoseconds <= LAST:
        raise Undecided("a timestamp is out of range")
    return Timestamp(nanoseconds)


def span(nanoseconds: int) -> Duration:
    """A duration that 64 bits hold, about 292 years."""
    if not INT_MIN <= nanoseconds <= INT_MAX:
        raise Undecided("a duration is out of range")
    return Duration(nanoseconds)


def _weight(value: Any) -> int:
    return len(value) // 64 if isinstance(value, str) else 0


def _no(operator: str, one: Any, two: Any) -> Undecided:
    return Undecided(f"{type_of(one)} {operator} {type_of(two)} is not defined")
