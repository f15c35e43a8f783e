"""What judges share: the rules in force, the version an event is of, approvals used up, and policy asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from muniment.core.errors import Refused
from muniment.core.name import VersionId
from muniment.policy.engine import apart_from_evidence, evaluate, failures
from muniment.policy.facts import Facts
from muniment.policy.finding import Finding
from muniment.registry import words
from muniment.registry.config import Config
from muniment.registry.event import subjects_of
from muniment.registry.state import Approval, State, VersionState
from muniment.signing.identity import Signed

# What an admitted event does to the state that already counts it as an entry.
Change = Callable[[State], State]
# How far clocks may differ: a time that somebody states, from the one that was proved.
SKEW = timedelta(minutes=5)


def config_of(state: State) -> Config:
    """The configuration in force. Raises `Refused` before genesis."""
    if state.config is None:
        raise Refused("The log does not begin with a configure entry.", "Make the registry with muniment init.")
    return state.config


def version_of(state: State, version: VersionId) -> VersionState:
    """A released version. Raises `Refused`."""
    found = state.versions.get(version)
    if found is None:
        raise Refused(f"{version} is not released.", "Release it first: muniment release.")
    return found


def check_environment(state: State, environment: str) -> None:
    """Raises `Refused` unless an environment is configured."""
    known = config_of(state).environments
    if environment not in known:
        raise Refused(f"The environment {environment!r} is not configured.", f"Choose among {', '.join(known)}.")


def check_held(state: State, signed: Signed, role: str, kind: str, namespace: str | None, at: datetime) -> None:
    """Raises `Refused` unless the signer holds a role, and it may sign such records."""
    if role not in config_of(state).roles_of(signed.identity, kind, namespace, signed.signed_at, at):
        raise Refused(
            f"{signed.identity.subject} does not hold the role {role}, or it may not {kind}.",
            f"Sign in a role you hold, or ask who does to {kind}.",
        )


def check_subjects(signed: Signed, version: VersionState) -> None:
    """Raises `Refused` unless the event is about the version's artifacts."""
    if signed.statement.subjects != subjects_of(version.artifacts):
        raise Refused(f"The event's subjects are not the artifacts of {version.id}.", "Sign it again with muniment.")


def check_administrators(state: State, signed: Signed, what: str, at: datetime) -> None:
    """Raises `Refused`, which waits, until the administrators' threshold stands behind an event."""
    threshold = config_of(state).threshold
    have = words.administrators(state, signed, at)
    if len(have) < threshold and threshold > 1:
        raise Refused(
            f"{len(have)} of {threshold} administrators stand behind {what}.",
            f"Others approve it: muniment approve {signed.statement_digest} --role administrator.",
            waits=True,
        )


def consume(state: State, signed: Signed, index: int) -> State:
    """The state in which the approvals of an event are used up by its entry."""
    given = state.approvals.get(signed.statement_digest, ())
    if not any(_usable(a) for a in given):
        return state
    used = tuple(replace(a, consumed_by=index) if _usable(a) else a for a in given)
    return replace(state, approvals=state.approvals.set(signed.statement_digest, used))


def _usable(approval: Approval) -> bool:
    return approval.approves and approval.revoked_by is None and approval.consumed_by is None


def judge_policy(state: State, subject: Facts, underivable: bool = False) -> tuple[Finding, ...]:
    """The findings of a gate that lets the subject through. Raises `Refused` with them where it does not.

    Where it is `underivable`, as evidence is gone, no finding is kept.
    """
    findings = ask_policy(state, subject, underivable)
    check_findings(subject, findings, findings)
    return () if underivable else findings


def ask_policy(state: State, subject: Facts, underivable: bool) -> tuple[Finding, ...]:
    """What the policy in force says; where it is `underivable`, those rules are asked that look at no evidence."""
    policy = config_of(state).policy
    return evaluate(apart_from_evidence(policy) if underivable else policy, subject)


def check_findings(subject: Facts, findings: tuple[Finding, ...], counted: tuple[Finding, ...]) -> None:
    """Raises `Refused` with the findings of a gate where those that are counted keep the subject out."""
    failed = failures(counted)
    if failed:
        rules = ", ".join(f.rule for f in failed)
        raise Refused(
            f"{subject.subject} does not pass the gate {subject.gate}: {rules}.",
            failed[0].fix,
            findings,
            waits=all(f.waits for f in failed),
        )
