"""What several rules do with facts: lists in words, ages, names by pattern, times that others wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from muniment.core.errors import Malformed
from muniment.core.instant import CLOCK, OFFSET
from muniment.evidence.bom import licences
from muniment.policy.facts import Facts

_MOMENT = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})[Tt]({CLOCK})(?:\.[0-9]+)?([Zz]|{OFFSET})")

NAMES = {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}}
"""The schema of a list of names in `with`."""
DAYS = {"type": "integer", "minimum": 1}
"""The schema of a number of days in `with`."""


def some(items: Iterable[str], most: int = 3) -> str:
    """`a, b, c and 2 more`."""
    found = list(items)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return f"{', '.join(found[:most])}{more}"


def matches(text: str, patterns: Sequence[str]) -> bool:
    """Whether a text is one of the patterns, or begins with one that ends in `*`."""
    return any(text.startswith(p[:-1]) if p.endswith("*") else text == p for p in patterns)


def moment(text: object) -> datetime:
    """The time in any form of RFC 3339, fractions cut off. Raises `Malformed`."""
    match = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    if match:
        try:
            zone = "+00:00" if match[3] in "Zz" else match[3]
            return datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}").astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise Malformed(f"{str(text)[:40]!r} is no time.", "Write it in RFC 3339 as 2026-01-31T08:05:00Z.")


def is_older(at: datetime, then: datetime, days: int) -> bool:
    """Whether more than so many days lie between, or `then` is still to come by more than a day."""
    return at - then > timedelta(days=days) or then - at > timedelta(days=1)


def age(at: datetime, then: datetime) -> str:
    """`12 days`."""
    days = (at - then).days
    return f"{days} day{'' if days == 1 else 's'}"


def unnamed_data(facts: Facts) -> list[str]:
    """The datasets that an ML-BOM names without a SHA-256: nothing can be known of them."""
    return [
        component["name"]
        for bom in facts.of_kind("bom")
        for component in licences.components(bom.predicate)
        if component.get("type") == "data" and all(h.get("alg") != "SHA-256" for h in component.get("hashes", ()))
    ]
