"""release: a version bound once to its artifacts and to evidence that the gate finds enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from muniment.core.errors import Refused
from muniment.core.name import Name
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
    alike = state.spelled.get(_spelling(event))
    if alike is not None:
        raise Refused(
            f"{event.version} differs from {alike} in capital letters alone.",
            "Release it under another version: folders and people take the two for one.",
        )
    version = VersionState(event.version, event.artifacts, event.evidence, at, (state.size,))
    findings = _findings(state, signed, event, version, at)

    def change(new: State) -> State:
        spelled = new.spelled.set(_spelling(event), event.version)
        return replace(new, versions=new.versions.set(event.version, version), spelled=spelled)

    return change, findings


def _spelling(event: Release) -> tuple[Name, str]:
    return event.version.name, event.version.version.lower()


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
