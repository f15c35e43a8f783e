"""Events made to fit the present state: each names its log and the entry it follows. Signing and judging come later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from muniment.core.digest import Digest
from muniment.core.errors import Missing
from muniment.core.name import InEnvironment, Latest, Name, Selector, VersionId
from muniment.evidence.statement import Statement
from muniment.registry.event import (
    CONFIG_KEY,
    Approve,
    LogRef,
    Promote,
    Release,
    ReleasedArtifact,
    Retire,
    Rollback,
    RotateKey,
    stage_key,
    subjects_of,
    version_key,
)
from muniment.registry.predicate import format_event
from muniment.registry.state import State


def resolve(state: State, selector: Selector) -> VersionId:
    """The version a selector means now. Raises `Missing`."""
    match selector:
        case VersionId():
            found = selector if selector in state.versions else None
        case Latest(name=name):
            found = latest(state, name)
        case InEnvironment(name=name, environment=environment):
            found = state.current(name, environment)
        case Digest():
            found = _of_artifact(state, selector)
    if found is None:
        raise Missing(f"Nothing in the registry is {_spell(selector)}.", "See muniment show for what there is.")
    return found


def latest(state: State, name: Name) -> VersionId | None:
    """The version of a name released last that is not retired."""
    mine = [v for v in state.versions.values() if v.id.name == name and v.retired is None]
    return max(mine, key=lambda v: v.events[0]).id if mine else None


def rotate(
    state: State, log_keys: tuple[str, ...] | None, trusted_root: Mapping[str, Any] | None, reason: str, at: datetime
) -> Statement:
    """The change of the log's keys, of the Sigstore trusted root, or of both (None: as it is)."""
    return format_event(
        RotateKey(
            log=_log(state),
            after=state.last.get(CONFIG_KEY),
            at=at,
            reason=reason,
            log_keys=log_keys,
            trusted_root=trusted_root,
        )
    )


def release(
    state: State,
    version: VersionId,
    artifacts: tuple[ReleasedArtifact, ...],
    evidence: tuple[Digest, ...],
    at: datetime,
) -> Statement:
    """The release of a version."""
    after = state.last.get(version_key(version))
    return format_event(
        Release(log=_log(state), after=after, at=at, version=version, artifacts=artifacts, evidence=evidence)
    )


def approve(state: State, target: Digest, role: str, reason: str, at: datetime) -> Statement:
    """A signer's first approval of the event whose statement has the digest `target`."""
    return format_event(
        Approve(log=_log(state), after=None, at=at, target=target, role=role, decision="approved", reason=reason)
    )


def promote(state: State, version: VersionId, environment: str, reason: str, at: datetime) -> Statement:
    """The promotion of a version into an environment."""
    after = state.last.get(stage_key(version.name, environment))
    event = Promote(log=_log(state), after=after, at=at, version=version, environment=environment, reason=reason)
    return format_event(event, subjects_of(_artifacts(state, version)))


def rollback(
    state: State, name: Name, environment: str, to: VersionId | None, incident: str, reason: str, at: datetime
) -> Statement:
    """The return of an earlier version to an environment: `to`, or the last one before that is not retired."""
    current = state.current(name, environment)
    if current is None:
        raise Missing(f"No version of {name} stands in {environment}.", "There is nothing to roll back.")
    version = to or recovery_point(state, name, environment)
    event = Rollback(
        log=_log(state),
        after=state.last.get(stage_key(name, environment)),
        at=at,
        version=version,
        environment=environment,
        replaces=current,
        incident=incident,
        reason=reason,
    )
    return format_event(event, subjects_of(_artifacts(state, version)))


def retire(
    state: State, version: VersionId, category: str, reason: str, replacement: VersionId | None, at: datetime
) -> Statement:
    """The retirement of a version."""
    event = Retire(
        log=_log(state),
        after=state.last.get(version_key(version)),
        at=at,
        version=version,
        category=category,
        reason=reason,
        replacement=replacement,
    )
    return format_event(event, subjects_of(_artifacts(state, version)))


def recovery_point(state: State, name: Name, environment: str) -> VersionId:
    """The version that stood in an environment last before the present one and is not retired. Raises `Missing`."""
    tenures = state.stages.get((name, environment), ())
    for tenure in reversed(tenures[:-1]):
        if tenure.version != tenures[-1].version and state.versions[tenure.version].retired is None:
            return tenure.version
    raise Missing(f"No earlier version of {name} can return to {environment}.", "Promote another version instead.")


def _artifacts(state: State, version: VersionId) -> tuple[ReleasedArtifact, ...]:
    return state.versions[resolve(state, version)].artifacts


def _log(state: State) -> LogRef:
    assert state.config is not None
    return LogRef(state.config.origin, state.genesis)


def _of_artifact(state: State, digest: Digest) -> VersionId | None:
    with_it = [v for v in state.versions.values() if any(a.digest == digest for a in v.artifacts)]
    return max(with_it, key=lambda v: v.events[0]).id if with_it else None


def _spell(selector: Selector) -> str:
    match selector:
        case Latest(name=name):
            return f"{name}@latest"
        case InEnvironment(name=name, environment=environment):
            return f"{name}#{environment}"
    return str(selector)
