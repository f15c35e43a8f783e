"""Events about other records: words taken back, exceptions, incidents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from muniment.core.canonical import format_json
from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Malformed
from muniment.core.name import Name, VersionId
from muniment.evidence.statement import Subject
from muniment.registry.event import Event, version_key

SEVERITIES = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke(Event):
    """Takes back an approval, a rejection or a waiver, named by its statement digest."""

    kind = "revoke"
    time = "revokedAt"

    target: Digest
    reason: str

    def acts_on(self, signer: str) -> str:
        """The statement: whoever takes it back."""
        return f"revocation/{self.target.hex}"

    def subjects(self) -> tuple[Subject, ...]:
        """The statement that is taken back."""
        return (Subject("statement", self.target),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waive(Event):
    """An exception for one rule and exactly the artifacts that are its subjects, for a time.

    The version need not be released yet. It holds from `not_before` until just before `expires`.
    """

    kind = "waive"
    time = "waivedAt"

    version: VersionId
    rule: str
    role: str
    reason: str
    not_before: datetime
    expires: datetime
    ticket: str | None = None

    def __post_init__(self) -> None:
        if self.expires <= self.not_before:
            raise Malformed("The waiver ends before it begins.", "Let it end later.")

    def acts_on(self, signer: str) -> str:
        """The rule, for this version."""
        return f"waiver/{version_key(self.version)}/{self.rule}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident(Event):
    """Something went wrong with what bears a name: `action` says that it was opened, located to a version, resolved."""

    kind = "incident"
    time = "statedAt"

    name: Name
    incident: str
    action: str
    reason: str
    severity: str | None = None
    environment: str | None = None
    version: VersionId | None = None
    ticket: str | None = None

    def __post_init__(self) -> None:
        if self.version is not None and self.version.name != self.name:
            raise Malformed(f"{self.version} is no version of {self.name}.", "Name one of its versions.")

    def namespace(self) -> str:
        """That of the name."""
        return self.name.namespace

    def acts_on(self, signer: str) -> str:
        """The incident."""
        return f"incident/{self.name}/{self.incident}"

    def subjects(self) -> tuple[Subject, ...]:
        """The incident by name, unless a version is named: then its artifacts."""
        if self.version is not None:
            return ()
        return (Subject("incident", digest_of(format_json({"incident": self.incident, "name": str(self.name)}))),)
