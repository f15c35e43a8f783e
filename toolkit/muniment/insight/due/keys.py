"""Keys and certificates that end: the log's own, the Sigstore instance's, third parties'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from muniment.insight.due.common import Due, Glance
from muniment.registry.state import State
from muniment.signing.lifetime import Lifetime, root_lifetimes, source_lifetimes


def log_keys(glance: Glance) -> Iterator[Due]:
    """The log's keys, where registry.yaml says how long one may be in force."""
    days = glance.config.limits.log_key_days
    for key in glance.config.log_keys if days is not None else ():
        assert days is not None
        entry, since = key_since(glance.state, key)
        fact = f"This key of the log has been in force for {days} days then (limits.logKeyDays)."
        remedy = "Rotate it: muniment rotate-key --new-key FILE."
        yield Due("log-key", since + timedelta(days=days), key, fact, remedy, entry=entry)


def key_since(state: State, key: str) -> tuple[int, datetime]:
    """The entry since which a log key has been in force, and when that was admitted."""
    since = state.eras[-1].index
    for era in reversed(state.eras):
        if key not in era.log_keys:
            break
        since = era.index
    return since, state.entries[since].admitted_at


def sigstore(glance: Glance) -> Iterator[Due]:
    """The services of the Sigstore trusted root in force."""
    remedy = "Take the instance's newer trusted root: muniment rotate-key --trusted-root FILE."
    yield from _ending(glance, root_lifetimes(glance.config.trusted_root), "sigstore", "", remedy)


def third_parties(glance: Glance) -> Iterator[Due]:
    """What third parties' statements are verified by."""
    remedy = "Get the source's newer keys and put them under sources: muniment configure."
    for believed in glance.config.sources:
        of = f"source {believed.name}: "
        yield from _ending(glance, source_lifetimes(believed.source), "source", of, remedy)


def _ending(glance: Glance, found: Iterable[Lifetime], kind: str, of: str, remedy: str) -> Iterator[Due]:
    """Of each kind of key those that end, and where none is left the last one that ended."""
    groups: dict[str, list[Lifetime]] = {}
    for one in found:
        groups.setdefault(one.kind, []).append(one)
    for what, group in groups.items():
        current = [one for one in group if one.covers(glance.at)]
        ended = [one for one in group if one.end is not None and one.end < glance.at]
        last = max((one.end for one in current if one.end is not None), default=None)
        lasting = any(one.end is None for one in current)
        for one in current or sorted(ended, key=_end)[-1:]:
            if one.end is not None:
                alone = not lasting and (not current or one.end == last)
                tail = "then none of its kind is left" if alone else "others of its kind last longer"
                fact = f"The {what} may not sign after then; {tail}."
                yield Due(kind, one.end, f"{of}{one.name}", fact, remedy)


def _end(one: Lifetime) -> datetime:
    assert one.end is not None
    return one.end
