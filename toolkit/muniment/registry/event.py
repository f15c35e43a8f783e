"""Events: records that change the registry, one class a kind.

Every event says which log it is for (`log`) and which event of its target it follows (`after`), so that it holds in
one registry at one moment of its life and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muniment.core.digest import Digest
from muniment.core.name import Name, VersionId


@dataclass(frozen=True, slots=True)
class LogRef:
    """The log an event is for; `genesis` is the first leaf's hash, absent only in the first entry."""

    origin: str
    genesis: Digest | None


@dataclass(frozen=True, slots=True)
class ReleasedArtifact:
    """One artifact of a version; `kind` is model, dataset, config or pipeline."""

    name: str
    kind: str
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events have; `at` is the time the payload states."""

    log: LogRef
    after: int | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Configure(Event):
    """Sets the rules: `configuration` is registry.yaml, policy.yaml and the Sigstore trusted root as JSON."""

    semantics: int
    configuration: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Event):
    """Binds a version to its artifacts and to the evidence (statement digests) it stands on."""

    version: VersionId
    artifacts: tuple[ReleasedArtifact, ...]
    evidence: tuple[Digest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve(Event):
    """A decision on one target event, named by its statement digest."""

    target: Digest
    role: str
    decision: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promote(Event):
    """Puts a version in an environment."""

    version: VersionId
    environment: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback(Event):
    """Puts an earlier version back in an environment, because of an incident."""

    version: VersionId
    environment: str
    replaces: VersionId
    incident: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retire(Event):
    """Takes a version out of use for good."""

    version: VersionId
    category: str
    reason: str
    replacement: VersionId | None


def target_of(event: Event, signer: str) -> str:
    """The key of what an event acts on; `after` counts along it. An approval's target is one signer's word on it."""
    match event:
        case Configure():
            return "config"
        case Approve(target=target):
            return f"approval/{target.hex}/{signer}"
        case Promote(version=v, environment=e) | Rollback(version=v, environment=e):
            return stage_key(v.name, e)
        case Release(version=v) | Retire(version=v):
            return version_key(v)
    raise TypeError(f"{type(event).__name__} has no target")


def stage_key(name: Name, environment: str) -> str:
    """The key of a name's place in an environment."""
    return f"stage/{name}/{environment}"


def version_key(version: VersionId) -> str:
    """The key of a version."""
    return f"version/{version.name}/{version.version}"
