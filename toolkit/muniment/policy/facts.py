"""The plain facts that rules judge: no registry, no files, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muniment.core.digest import Digest


@dataclass(frozen=True, slots=True)
class EvidenceFact:
    """One record a version stands on: its kind, what it says, about which digests, since when."""

    kind: str
    predicate: Mapping[str, Any]
    subjects: tuple[Digest, ...]
    statement: Digest
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class ApprovalFact:
    """One approval that may count: `person` is None for an identity mapped to nobody."""

    role: str
    person: str | None
    signer: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a subject at a gate, at the batch's time `at`.

    `kinds` are those of all the version's artifacts, because none may hide behind another; `environment` is None
    where the gate has none. `authors` are the signers and persons whose own approval never counts.
    """

    gate: str
    subject: str
    kinds: frozenset[str]
    environment: str | None
    at: datetime
    evidence: tuple[EvidenceFact, ...]
    approvals: tuple[ApprovalFact, ...]
    authors: frozenset[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule's answer: `waits` where later records can turn it."""

    holds: bool
    reason: str
    fix: str = ""
    waits: bool = False
