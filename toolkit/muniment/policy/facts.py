"""The plain facts that rules judge: no registry, no files, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muniment.core.digest import Digest

GRADES = ("declared", "api-reported", "environment-gated", "personal-signature")
"""How surely an approval is one person's act, weakest first."""


@dataclass(frozen=True, slots=True)
class SignerFact:
    """Who signed: `key` stays the same over a signer's certificates; `person` is None for one mapped to nobody.

    `roles` are those by which the record was admitted, `claims` the certificate's extensions, `grade` one of `GRADES`.
    """

    key: str
    issuer: str
    subject: str
    person: str | None = None
    roles: tuple[str, ...] = ()
    claims: tuple[tuple[str, str], ...] = ()
    grade: str = GRADES[0]


@dataclass(frozen=True, slots=True)
class EvidenceFact:
    """One record about a version: its kind, what it says, about which digests, since when, by whom.

    `bound` where the release names it; a record that came later, or that the release left out, is not.
    """

    kind: str
    predicate: Mapping[str, Any]
    subjects: tuple[Digest, ...]
    statement: Digest
    signed_at: datetime
    signer: SignerFact = SignerFact("", "", "")
    bound: bool = True


@dataclass(frozen=True, slots=True)
class ApprovalFact:
    """One approval that may count: `person` is None for an identity mapped to nobody; `grade` is one of `GRADES`."""

    role: str
    person: str | None
    signer: str
    grade: str = GRADES[0]
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ArtifactFact:
    """One artifact of the version, or subject of the record; `kind` is empty where it is not known."""

    name: str
    kind: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class DataFact:
    """A dataset that went into the version, as its provenance or ML-BOM names it.

    `records` are the dataset records of its digest in the log; `version` is the released version it is, where it is
    one, and `retired` the category under which that was retired.
    """

    name: str
    digest: Digest
    role: str
    records: tuple[EvidenceFact, ...] = ()
    version: str | None = None
    retired: str | None = None


@dataclass(frozen=True, slots=True)
class StandingFact:
    """The version of the same name that stands in an environment now."""

    environment: str
    version: str
    since: datetime
    artifacts: tuple[ArtifactFact, ...]
    evidence: tuple[EvidenceFact, ...]


@dataclass(frozen=True, slots=True)
class TenureFact:
    """A version's time in the environment; `until` is None for the one that stands there."""

    version: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class IncidentFact:
    """An open incident; `version` is where it was located, empty where that is not known yet."""

    id: str
    version: str
    opened: datetime


@dataclass(frozen=True, slots=True)
class WaiverFact:
    """An exception granted: for one rule and exactly these artifacts, from `not_before` until just before `expires`.

    `statement` names the record that grants it, `approver` the person or signer who did, in `role`. One `by_author` of
    what is judged never helps.
    """

    statement: Digest
    rule: str
    subjects: frozenset[Digest]
    reason: str
    approver: str
    role: str
    not_before: datetime
    expires: datetime
    ticket: str = ""
    by_author: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a subject (a version, or at the gate submit a record) at a gate, at the batch's time `at`.

    At the gate submit `evidence` is the record alone, `artifacts` are its subjects, and nothing is known of versions.
    `kinds` are those of all the version's artifacts, because none may hide behind another; `environment` is None
    where the gate has none. `authors` are the signers and persons whose own approval never counts; `author` signed the
    event that is judged, None where nobody has yet. `standing` is what stands in each environment; `history` who stood
    in `environment`, oldest first; `incidents` are the open ones of the name. `retired` is of the version itself.
    `escalation` is whom to turn to, as the namespace says.
    """

    gate: str
    subject: str
    kinds: frozenset[str]
    environment: str | None
    at: datetime
    evidence: tuple[EvidenceFact, ...]
    approvals: tuple[ApprovalFact, ...]
    authors: frozenset[str]
    artifacts: tuple[ArtifactFact, ...] = ()
    author: SignerFact | None = None
    standing: tuple[StandingFact, ...] = ()
    history: tuple[TenureFact, ...] = ()
    data: tuple[DataFact, ...] = ()
    waivers: tuple[WaiverFact, ...] = ()
    incidents: tuple[IncidentFact, ...] = ()
    retired: bool = False
    escalation: str = ""

    def of_kind(self, kind: str) -> tuple[EvidenceFact, ...]:
        """The records of a kind, oldest first; of two signed in one second the greater digest counts as newer."""
        found = (e for e in self.evidence if e.kind == kind)
        return tuple(sorted(found, key=lambda e: (e.signed_at, e.statement.hex)))

    @property
    def current(self) -> StandingFact | None:
        """What stands in the environment of the gate."""
        return next((s for s in self.standing if s.environment == self.environment), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's answer: `waits` where later records can turn it."""

    holds: bool
    reason: str
    fix: str = ""
    waits: bool = False
