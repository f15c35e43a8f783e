"""Moments: aware UTC datetimes at whole seconds, written in RFC 3339 with `Z`. Nothing here reads a clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from muniment.core.errors import Malformed

_END = 253402300799
# Hours to 23: interpreters from Python 3.14 on take 24:00:00 for the next day's midnight, and all readers must agree.
CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
"""The time of day in a moment, as a pattern; whatever `fromisoformat` reads must fit it."""
OFFSET = "[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]"
"""How far a time is from UTC, as a pattern: of +00:99 not every interpreter makes the same."""
_FORM = re.compile(f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{CLOCK}Z")


def format_instant(moment: datetime) -> str:
    """`2026-01-31T08:05:00Z`; fractions of a second are cut off."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def format_posix(seconds: int) -> str:
    """POSIX seconds in the same form, as far as `from_posix` knows them."""
    return format_instant(from_posix(seconds))


def from_posix(seconds: int) -> datetime:
    """The moment of POSIX seconds. Strangers may state any time: what is after the year 9999 is taken for its end."""
    return datetime.fromtimestamp(min(seconds, _END), UTC)


def parse_instant(text: object, what: str = "The time") -> datetime:
    """The UTC datetime of exactly the form that `format_instant` writes. Raises `Malformed`."""
    if isinstance(text, str) and _FORM.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise Malformed(f"{what} {str(text)[:40]!r} is not a time.", "Write it in RFC 3339 as 2026-01-31T08:05:00Z.")


def whole_seconds(moment: datetime) -> datetime:
    """The moment in UTC, fractions of a second cut off."""
    return moment.astimezone(UTC).replace(microsecond=0)
