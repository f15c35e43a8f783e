"""observe: a window of run-time numbers, of a version that stands or runs in an environment; windows are in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from muniment.core.errors import Refused
from muniment.core.instant import format_instant
from muniment.policy.finding import Finding
from muniment.policy.triggers import MAX_WINDOWS, read_triggers
from muniment.registry.config import Config
from muniment.registry.event import Event
from muniment.registry.judges.common import SKEW, Change, check_environment, check_subjects, config_of, version_of
from muniment.registry.runtime import Observe
from muniment.registry.state import Observation, Observed, State
from muniment.signing.identity import Signed


def judge(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits a window that is over and begins where the last one ended, or later."""
    assert isinstance(event, Observe)
    check_subjects(signed, version_of(state, event.version))
    check_environment(state, event.environment)
    _check_there(state, event)
    key = (event.version, event.environment)
    before = state.observed.get(key, Observed())
    if event.ends > signed.signed_at + SKEW:
        raise Refused("The window ends after it was signed.", "Observe first, and sign then.")
    if before.windows and event.begins < before.windows[-1].ends:
        last = before.windows[-1]
        raise Refused(
            f"The window begins before the one in entry {last.index} ended, at {format_instant(last.ends)}.",
            "Windows of a version follow one another.",
        )
    new = with_window(config_of(state), before, event, state.size)
    return (lambda s: replace(s, observed=s.observed.set(key, new))), ()


def with_window(config: Config, before: Observed, event: Observe, index: int) -> Observed:
    """What is known of a version in an environment once a window is added, and what its triggers say then."""
    window = Observation(index, event.begins, event.ends, event.samples, event.metrics, event.drift or {})
    windows = (*before.windows, window)[-MAX_WINDOWS:]
    numbers = tuple(w.numbers for w in windows)
    return Observed(windows, read_triggers(config.policy.triggers, event.environment, numbers))


def _check_there(state: State, event: Observe) -> None:
    if not state.is_there(event.version, event.environment):
        raise Refused(
            f"{event.version} neither stands nor runs in {event.environment}.",
            "Observe what stands there, or say first that it runs: muniment deploy.",
        )
