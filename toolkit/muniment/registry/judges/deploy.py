"""deploy: what runs where. Only the version that stands in an environment is started there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from immutables import Map

from muniment.core.errors import Refused
from muniment.core.name import VersionId
from muniment.policy.finding import Finding
from muniment.registry import facts, redaction
from muniment.registry.event import Event
from muniment.registry.judges.common import (
    Change,
    check_environment,
    check_subjects,
    consume,
    judge_policy,
    version_of,
)
from muniment.registry.runtime import INSTANCE, RUNNING, STOPPED, Deploy
from muniment.registry.state import Deployment, State, VersionState
from muniment.signing.identity import Signed


def judge(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits that the version which stands in an environment runs there, by the gate deploy; or that one stopped."""
    assert isinstance(event, Deploy)
    version = version_of(state, event.version)
    check_subjects(signed, version)
    check_environment(state, event.environment)
    key = (event.version.name, event.environment, event.instance or INSTANCE)
    last = state.deployments.get(key)
    runs = last.version if last is not None and last.status == RUNNING else None
    if event.status == STOPPED:
        if runs != event.version:
            raise Refused(f"{event.version} does not run at {_place(event)}.", _said_of(runs))
        findings: tuple[Finding, ...] = ()
    else:
        _check_startable(state, event, version, runs)
        findings = _findings(state, signed, event, version, at)
    new = Deployment(event.version, event.environment, key[2], event.status, state.size, at)
    touched = replace(version, events=(*version.events, state.size))

    def change(after: State) -> State:
        versions = after.versions.set(event.version, touched)
        told = replace(after, versions=versions, deployments=after.deployments.set(key, new))
        return consume(replace(told, running=_counted(after, last, new)), signed, new.index)

    return change, findings


def _counted(state: State, last: Deployment | None, new: Deployment) -> Map[tuple[VersionId, str], int]:
    """At how many instances each version runs once the new status takes the last one's place."""
    running = state.running
    for said, step in ((last, -1), (new, 1)):
        if said is not None and said.status == RUNNING:
            key = (said.version, said.environment)
            running = running.set(key, running.get(key, 0) + step)
    return running


def _check_startable(state: State, event: Deploy, version: VersionState, runs: object) -> None:
    if version.retired:
        raise Refused(f"{event.version} is retired.", "Deploy a version that is not.")
    stands = state.current(event.version.name, event.environment)
    if stands != event.version:
        what = f"{stands} stands" if stands else f"no version of {event.version.name} stands"
        raise Refused(
            f"{event.version} does not stand in {event.environment}: {what} there.",
            f"Promote it first (muniment promote {event.version} --to {event.environment}), or deploy what stands.",
        )
    if runs == event.version:
        raise Refused(f"{event.version} runs at {_place(event)} already.", "Nothing is left to do.")


def _findings(state: State, signed: Signed, event: Deploy, version: VersionState, at: datetime) -> tuple[Finding, ...]:
    found = facts.gather_version(state, "deploy", signed, version, at, event.environment)
    return judge_policy(state, found, redaction.is_underivable(state, version))


def _place(event: Deploy) -> str:
    return f"the instance {event.instance or INSTANCE} in {event.environment}"


def _said_of(runs: object) -> str:
    return f"{runs} runs there: name that." if runs else "Nothing runs there; see muniment show."
