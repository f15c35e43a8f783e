"""What a gate would say, asked without a signature and without changing anything."""

from __future__ import annotations

from datetime import datetime

from muniment.core.errors import Refused
from muniment.core.name import VersionId
from muniment.policy.engine import evaluate, failures
from muniment.policy.facts import Facts
from muniment.policy.finding import Finding
from muniment.registry import facts
from muniment.registry.judges.common import config_of, version_of
from muniment.registry.state import State


def try_promotion(state: State, version: VersionId, environment: str, at: datetime) -> tuple[tuple[Finding, ...], bool]:
    """The promote gate's findings for a version, as if its promotion were submitted unapproved at `at`."""
    known = version_of(state, version)
    if environment not in config_of(state).environments:
        raise Refused(f"The environment {environment!r} is not configured.", "Choose a configured one.")
    if known.retired:
        raise Refused(f"{version} is retired.", "Choose a version that is not.")
    evidence = facts.bound_evidence(state, known)
    subject = Facts(
        "promote", str(version), facts.kinds_of(known.artifacts), environment, at, evidence, (), frozenset()
    )
    findings = evaluate(config_of(state).policy, subject)
    return findings, not failures(findings)
