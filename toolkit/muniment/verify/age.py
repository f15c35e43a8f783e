"""How old a verified checkpoint is, by the best that speaks for its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from muniment.core.errors import Untrusted
from muniment.core.instant import format_instant, from_posix
from muniment.log.policy import Policy, check_quorum
from muniment.registry.judges.common import SKEW
from muniment.registry.state import State
from muniment.verify.replay import Vouched


@dataclass(frozen=True, slots=True)
class Dated:
    """A time at which a checkpoint stood, and on whose word."""

    at: datetime
    by: str


def date_of(vouched: Vouched, state: State, policy: Policy) -> Dated:
    """The newest time that an anchor or the witnesses give; where neither does, the log's own word for its last batch.

    Witnesses give the newest time at or after which enough of them for the quorum cosigned.
    """
    dates = [Dated(vouched.anchored_at, "its anchor")] if vouched.anchored_at else []
    for time in sorted(set(vouched.witnesses.values()), reverse=True):
        if _suffice(policy, {name for name, at in vouched.witnesses.items() if at >= time}):
            dates.append(Dated(from_posix(time), "its witnesses"))
            break
    assert state.admitted_at is not None
    return max(dates, key=lambda d: d.at, default=Dated(state.admitted_at, "the log itself"))


def check_age(dated: Dated, most: timedelta | None, now: datetime) -> None:
    """Raises `Untrusted` for a checkpoint that is older than `most`, or dated after the reader's clock."""
    if most is None:
        return
    told = f"The checkpoint is dated {format_instant(dated.at)} by {dated.by}"
    if now - dated.at > most:
        raise Untrusted(
            f"{told}, {spell_span(now - dated.at)} ago; at most {spell_span(most)} are allowed.",
            "Fetch a newer one. If there is none, ask the registry's makers: an empty batch dates a quiet log.",
        )
    if dated.at - now > SKEW:
        raise Untrusted(f"{told}, which is after {format_instant(now)}.", "Check the clock of this machine first.")


def spell_span(span: timedelta) -> str:
    """A length of time in its largest unit that counts at least two: `49 hours` and not `2 days`."""
    seconds = int(span.total_seconds())
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"


def _suffice(policy: Policy, witnesses: set[str]) -> bool:
    try:
        check_quorum(policy, witnesses)
    except Untrusted:
        return False
    return True
