"""promote and rollback: a version takes the place of another in an environment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from muniment.core.canonical import format_json
from muniment.core.digest import digest_of
from muniment.core.errors import Refused
from muniment.core.name import VersionId
from muniment.policy.facts import Facts
from muniment.policy.finding import Finding, Status
from muniment.policy.rules import recovery_point
from muniment.registry import facts, redaction
from muniment.registry.documents import stage_document
from muniment.registry.event import Event, Move, Promote, Rollback, version_key
from muniment.registry.judges.common import (
    Change,
    ask_policy,
    check_environment,
    check_findings,
    check_subjects,
    config_of,
    consume,
    judge_policy,
    version_of,
)
from muniment.registry.judges.emergency import judge_emergency, with_breach
from muniment.registry.state import Breach, IncidentState, State, Tenure, VersionState
from muniment.registry.words import incidents_of
from muniment.signing.identity import Signed

_ELSEWHERE = "Roll back to a version that may return, or promote one through its gate."


def judge_promote(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits a version that passes the gate promote."""
    assert isinstance(event, Promote)
    version = _check_movable(state, signed, event)
    check_order(state, event.version, event.environment)
    return _move(state, signed, event, at), _findings(state, signed, event, version, at)


def judge_rollback(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits the return of a version that stood in the environment before and passes the gate rollback."""
    assert isinstance(event, Rollback)
    version = _check_movable(state, signed, event)
    if state.current(event.version.name, event.environment) != event.replaces:
        raise Refused(f"{event.replaces} does not stand in {event.environment}.", "Name the version that does.")
    bar = barred(state, version, event.environment)
    if bar:
        raise Refused(bar, _ELSEWHERE)
    answered, index = _answered(state, event), state.size
    findings, breach = _returns(state, signed, event, version, at)
    linked, move = replace(answered, rollbacks=(*answered.rollbacks, index)), _move(state, signed, event, at)

    def change(new: State) -> State:
        moved = _put_incident(move(new), linked)
        return moved if breach is None else with_breach(moved, breach)

    return change, findings


def barred(state: State, version: VersionState, environment: str) -> str:
    """Why a version may not return to an environment whatever policy says, or nothing."""
    tenures = state.stages.get((version.id.name, environment), ())
    if version.id not in {t.version for t in tenures[:-1]}:
        return f"{version.id} never stood in {environment}, so it is no recovery point."
    if version.retired:
        return f"{version.id} is retired."
    return ""


def located(state: State, version: VersionState, findings: tuple[Finding, ...], underivable: bool = False) -> str:
    """The open incident that keeps a version from returning where no rule recovery-point has spoken, or nothing.

    Where it is `underivable` what such a rule said, whoever redacted the evidence answers for it.
    """
    asking = {u.id for u in config_of(state).policy.rules if (u.rule, u.gate) == (recovery_point.NAME, Rollback.kind)}
    if any(f.rule in asking and f.status is not Status.NOT_APPLICABLE for f in findings) or (underivable and asking):
        return ""
    found = [i.id for i in incidents_of(state, version.id.name) if i.version == str(version.id)]
    return f"The incident {found[0]} is located to {version.id} and open." if found else ""


def _answered(state: State, event: Rollback) -> IncidentState:
    """The open incident that a rollback answers. Raises `Refused`."""
    name = event.version.name
    found = state.incidents.get((name, event.incident))
    if found is None:
        raise Refused(
            f"There is no incident {event.incident} of {name}.",
            f"Open it first: muniment incident open {name} {event.incident} --env {event.environment} --severity ...",
        )
    if found.resolved:
        raise Refused(
            f"The incident {event.incident} of {name} is resolved.",
            f"Open another one and name it: muniment incident open {name} ID --env {event.environment} --severity ...",
        )
    return found


def _put_incident(state: State, incident: IncidentState) -> State:
    return replace(state, incidents=state.incidents.set((incident.name, incident.id), incident))


def check_order(state: State, version: VersionId, environment: str) -> None:
    """Raises `Refused` unless a version stood in every environment that this one requires."""
    for needed in config_of(state).stages[environment].requires:
        if version not in {t.version for t in state.stages.get((version.name, needed), ())}:
            raise Refused(
                f"{version} never stood in {needed}, and {environment} requires it.",
                f"Promote it there first: muniment promote {version} --to {needed}.",
            )


def _findings(state: State, signed: Signed, event: Move, version: VersionState, at: datetime) -> tuple[Finding, ...]:
    """What the gate that bears the event's name says. Raises `Refused`."""
    found = _facts(state, signed, event, version, at)
    return judge_policy(state, found, redaction.is_underivable(state, version))


def _returns(
    state: State, signed: Signed, event: Rollback, version: VersionState, at: datetime
) -> tuple[tuple[Finding, ...], Breach | None]:
    """What the gate rollback says, and what an emergency owes. Raises `Refused`."""
    found, underivable = _facts(state, signed, event, version, at), redaction.is_underivable(state, version)
    findings, breach = ask_policy(state, found, underivable), None
    if event.emergency_role is None:
        check_findings(found, findings, findings)
    else:
        findings, breach = judge_emergency(state, signed, event, found, findings, at)
    bar = located(state, version, findings, underivable)
    if bar:
        raise Refused(bar, _ELSEWHERE)
    return () if underivable else findings, breach


def _facts(state: State, signed: Signed, event: Move, version: VersionState, at: datetime) -> Facts:
    return facts.gather_version(state, event.kind, signed, version, at, event.environment)


def _check_movable(state: State, signed: Signed, event: Move) -> VersionState:
    version = version_of(state, event.version)
    check_subjects(signed, version)
    check_environment(state, event.environment)
    if version.retired:
        raise Refused(f"{event.version} is retired.", "Choose a version that is not.")
    if state.current(event.version.name, event.environment) == event.version:
        raise Refused(f"{event.version} stands in {event.environment} already.", "Nothing is left to do.")
    return version


def _move(state: State, signed: Signed, event: Move, at: datetime) -> Change:
    index, key = state.size, (event.version.name, event.environment)
    before = state.stages.get(key, ())

    def change(new: State) -> State:
        versions = new.versions
        for touched in {event.version} | ({before[-1].version} if before else set()):
            old = versions[touched]
            versions = versions.set(touched, replace(old, events=(*old.events, index)))
            new = replace(new, last=new.last.set(version_key(touched), index))
        replaced = digest_of(format_json(stage_document(before))) if before else None
        stages = new.stages.set(key, (*before, Tenure(event.version, index, at, replaced)))
        return consume(replace(new, versions=versions, stages=stages), signed, index)

    return change
