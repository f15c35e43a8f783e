"""release: a version bound once to its artifacts and to evidence that the gate finds enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from muniment.core.errors import Refused
from muniment.policy.finding import Finding
from muniment.registry import facts, redaction
from muniment.registry.event import Event, Release
from muniment.registry.judges.common import Change, judge_policy
from muniment.registry.state import State, VersionState
from muniment.signing.identity import Signed


def judge(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits a version that is not released yet and passes the gate release."""
    assert isinstance(event, Release)
    known = state.versions.get(event.version)
    if known is not None:
        raise Refused(
            f"{event.version} is released already (entry {known.events[0]}).",
            "A version is bound once: release another.",
        )
    version = VersionState(event.version, event.artifacts, event.evidence, at, (state.size,))
    return (lambda s: replace(s, versions=s.versions.set(event.version, version))), _findings(
        state, signed, event, version, at
    )


def _findings(state: State, signed: Signed, event: Release, version: VersionState, at: datetime) -> tuple[Finding, ...]:
    """What the gate says of a version and the evidence that it names."""
    underivable = redaction.is_underivable(state, version)
    if underivable:
        facts.check_named(state, event)
        evidence = facts.bound_evidence(state, version)
    else:
        evidence = facts.release_evidence(state, event)
    subject = facts.gather(state, "release", signed, event.version, evidence, event.artifacts, at)
    return judge_policy(state, subject, underivable)
