"""What a gate would say, asked without a signature and without changing anything."""

from __future__ import annotations

from datetime import datetime

from muniment.core.errors import Refused
from muniment.core.name import VersionId
from muniment.policy.engine import Policy, evaluate, failures
from muniment.policy.finding import Finding
from muniment.registry import facts
from muniment.registry.judges.common import config_of, version_of
from muniment.registry.state import State


def try_promotion(state: State, version: VersionId, environment: str, at: datetime) -> tuple[tuple[Finding, ...], bool]:
    """The promote gate's findings for a version, as if its promotion were submitted unapproved at `at`."""
    if environment not in config_of(state).environments:
        raise Refused(f"The environment {environment!r} is not configured.", "Choose a configured one.")
    if version_of(state, version).retired:
        raise Refused(f"{version} is retired.", "Choose a version that is not.")
    findings = try_gate(state, config_of(state).policy, version, "promote", environment, at)
    return findings, not failures(findings)


def try_gate(
    state: State, policy: Policy, version: VersionId, gate: str, environment: str | None, at: datetime
) -> tuple[Finding, ...]:
    """What a policy says of a released version at a gate, by the state's facts at `at`, unapproved."""
    known = version_of(state, version)
    evidence = facts.bound_evidence(state, known)
    subject = facts.gather(state, gate, None, version, evidence, known.artifacts, at, environment)
    return evaluate(policy, subject)
