"""Events: records that change the registry, one class a kind.

Every event says which log it is for (`log`) and which event of its target it follows (`after`), so that it holds in
one registry at one moment of its life and nowhere else. A class is also the form of its predicate: `registry.predicate`
writes and reads its fields by their types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from muniment.core.canonical import format_json
from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Malformed
from muniment.core.name import Name, VersionId
from muniment.evidence.statement import Subject

ARTIFACT_KINDS = ("model", "dataset", "config", "pipeline")
CONFIG_KEY = "config"


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
    """What all events have; `at` is the time the payload states, in the field that `time` names."""

    kind: ClassVar[str]
    time: ClassVar[str]

    log: LogRef
    after: int | None
    at: datetime

    def acts_on(self, signer: str) -> str:
        """The key of what the event acts on; `after` counts along it."""
        raise NotImplementedError(type(self).__name__)

    def namespace(self) -> str | None:
        """The namespace whose roles allow it: that of its version; None where it has none."""
        version: VersionId | None = getattr(self, "version", None)
        return version.name.namespace if version else None

    def subjects(self) -> tuple[Subject, ...]:
        """The statement's subjects where the event itself says them; else they are its version's artifacts."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Configure(Event):
    """Sets the rules: `configuration` is registry.yaml, policy.yaml and the Sigstore trusted root as JSON."""

    kind = "configure"
    time = "configuredAt"

    semantics: int
    configuration: Mapping[str, Any]

    def acts_on(self, signer: str) -> str:
        """The rules."""
        return CONFIG_KEY

    def subjects(self) -> tuple[Subject, ...]:
        """The parts of the configuration: names and the digests of their canonical JSON."""
        names = (("registry.json", "registry"), ("policy.json", "policy"), ("trusted_root.json", "trustedRoot"))
        return tuple(Subject(name, digest_of(format_json(self.configuration[part]))) for name, part in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateKey(Event):
    """Changes whose signatures count from here on: the log's keys, the Sigstore trusted root, or both."""

    kind = "rotate-key"
    time = "rotatedAt"

    reason: str
    log_keys: tuple[str, ...] | None = None
    trusted_root: Mapping[str, Any] | None = None

    def acts_on(self, signer: str) -> str:
        """The rules: a configuration signed before a rotation does not hold after it."""
        return CONFIG_KEY

    def subjects(self) -> tuple[Subject, ...]:
        """What is set, by the digest of its canonical JSON."""
        parts = (("log_keys.json", self.log_keys), ("trusted_root.json", self.trusted_root))
        return tuple(Subject(name, digest_of(format_json(part))) for name, part in parts if part is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Event):
    """Binds a version to its artifacts and to the evidence (statement digests) it stands on."""

    kind = "release"
    time = "releasedAt"

    version: VersionId
    artifacts: tuple[ReleasedArtifact, ...]
    evidence: tuple[Digest, ...]

    def __post_init__(self) -> None:
        if len({a.name for a in self.artifacts}) != len(self.artifacts):
            raise Malformed("A release names two artifacts alike.", "Give each artifact a name of its own.")

    def acts_on(self, signer: str) -> str:
        """The version."""
        return version_key(self.version)

    def subjects(self) -> tuple[Subject, ...]:
        """The artifacts."""
        return subjects_of(self.artifacts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve(Event):
    """A decision on one target event, named by its statement digest: approved, or rejected; for a time, or for good."""

    kind = "approve"
    time = "approvedAt"

    target: Digest
    role: str
    decision: str
    reason: str
    expires: datetime | None = None

    def acts_on(self, signer: str) -> str:
        """One signer's word on one statement."""
        return f"approval/{self.target.hex}/{signer}"

    def subjects(self) -> tuple[Subject, ...]:
        """The statement that is decided on."""
        return (Subject("statement", self.target),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Event):
    """Puts a version in an environment."""

    version: VersionId
    environment: str
    reason: str

    def acts_on(self, signer: str) -> str:
        """The name's place in the environment."""
        return stage_key(self.version.name, self.environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promote(Move):
    """Puts a version in an environment, through its gate."""

    kind = "promote"
    time = "promotedAt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback(Move):
    """Puts an earlier version back in an environment, because of an incident.

    With `emergency_role`, the role in which the signer declares an emergency, it does not wait for approvals.
    """

    kind = "rollback"
    time = "rolledBackAt"

    replaces: VersionId
    incident: str
    emergency_role: str | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """Where a retired version is kept: an address or words, and the SHA-256 of what lies there where that is known."""

    location: str
    digest: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retire(Event):
    """Takes a version out of use for good."""

    kind = "retire"
    time = "retiredAt"

    version: VersionId
    category: str
    reason: str
    replacement: VersionId | None = None
    archive: Archive | None = None

    def acts_on(self, signer: str) -> str:
        """The version."""
        return version_key(self.version)


def name_key(name: Name) -> str:
    """The key below which all keys of a name are."""
    return f"name/{name}"


def stage_key(name: Name, environment: str) -> str:
    """The key of a name's place in an environment."""
    return f"{name_key(name)}/stage/{environment}"


def version_key(version: VersionId) -> str:
    """The key of a version."""
    return f"{name_key(version.name)}/version/{version.version}"


def subjects_of(artifacts: tuple[ReleasedArtifact, ...]) -> tuple[Subject, ...]:
    """A version's artifacts as subjects."""
    return tuple(Subject(a.name, a.digest) for a in artifacts)
