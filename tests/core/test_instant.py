import ast
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.errors import Malformed
from muniment.core.instant import CLOCK, OFFSET, format_instant, parse_instant, whole_seconds
from muniment.policy.reading import moment
from muniment.signing.protojson import TRUSTED_ROOT, normalise
from tests.source import calls, modules

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1), timezones=ZONES)


@given(MOMENTS)
def test_a_moment_is_written_in_utc_and_reads_back_at_whole_seconds(moment):
    text = format_instant(moment)
    assert text.endswith("Z")
    assert len(text) == 20
    assert parse_instant(text) == whole_seconds(moment)
    assert parse_instant(text).tzinfo is UTC
    assert timedelta(0) <= moment - parse_instant(text) < timedelta(seconds=1)


def test_the_form():
    east = timezone(timedelta(hours=2))
    assert format_instant(datetime(2026, 1, 31, 10, 5, 0, 999_999, east)) == "2026-01-31T08:05:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T08:05:00+00:00",
        "2026-01-31T08:05:00.0Z",
        "2026-01-31T08:05Z",
        "2026-01-31 08:05:00Z",
        "2026-01-31t08:05:00z",
        "2026-02-30T08:05:00Z",
        "2026-01-31T24:00:00Z",
        "2026-06-30T23:59:60Z",
        "2026-01-31T08:05:00Z\n",
        "٢٠٢٦-01-31T08:05:00Z",
        "",
        None,
        1_769_846_700,
    ],
)
def test_nothing_else_is_a_time(text):
    with pytest.raises(Malformed, match=r"^approvedAt "):
        parse_instant(text, "approvedAt")


# Keyring and stock read times that `signing.protojson` wrote; the demo reads its data.
APART = {"signing.keyring", "signing.stock", "demo.nab"}


def test_no_interpreter_decides_what_a_time_of_day_is():
    """Python 3.14 reads 24:00:00, and those before do not: one log would be two."""
    assert not re.fullmatch(CLOCK, "24:00:00")
    assert all(re.fullmatch(CLOCK, f"{hour:02}:00:59") for hour in range(24))
    assert not any(re.fullmatch(OFFSET, text) for text in ("+00:99", "+24:00", "-23:60"))
    assert all(re.fullmatch(OFFSET, text) for text in ("+00:00", "-23:59", "+05:45"))
    reading = {name for name, tree in modules().items() if "datetime.fromisoformat" in {c for c, _ in calls(tree)}}
    naming = {name for name, tree in modules().items() if "CLOCK" in {getattr(n, "id", "") for n in ast.walk(tree)}}
    assert reading - APART == naming


def test_a_time_with_an_offset_that_is_none():
    with pytest.raises(Malformed):
        moment("2026-01-31T08:05:00+00:99")
    with pytest.raises(Malformed):
        normalise({"start": "2026-01-31T08:05:00+00:99"}, "TimeRange", TRUSTED_ROOT, "validFor")
    assert moment("2026-01-31T08:05:00+05:45") == moment("2026-01-31T02:20:00Z")
