"""A privacy or security review of an artifact: what was looked at, what was decided, until when it holds.

The reviewer is whoever signs. Schemas: schemas/privacy-review-v1.json, schemas/security-review-v1.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muniment.core.digest import Digest
from muniment.core.document import check_schema
from muniment.core.errors import Malformed
from muniment.core.instant import parse_instant
from muniment.evidence.artifact import Measured
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.reference import digest_in
from muniment.evidence.statement import Statement, Subject

REVIEWS = ("privacy-review", "security-review")
SEVERITIES = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Review:
    """What readers ask of a review: `open` are the severities of its open findings, `data` the datasets it covers."""

    decision: str
    reviewed_at: datetime
    valid_until: datetime
    open: tuple[str, ...]
    data: frozenset[Digest]


def review_statement(kind: str, artifact: Measured, review: Mapping[str, Any], reviewed_at: str) -> Statement:
    """A review (schemas/review.json, references pinned) as a statement; `reviewed_at` where it does not say when.

    Raises `Malformed`.
    """
    check_schema(review, "review", "The review")
    predicate = {"reviewedAt": reviewed_at} | dict(review)
    check_review(kind, predicate)
    return Statement((Subject(artifact.name, artifact.digest),), EVIDENCE[kind], predicate)


def check_review(kind: str, predicate: Mapping[str, Any]) -> None:
    """Raises `Malformed` for a review that does not hold to its schema, or contradicts itself."""
    check_schema(predicate, f"{kind}-v1", "The review")
    if parse_instant(predicate["validUntil"]) <= parse_instant(predicate["reviewedAt"]):
        raise Malformed("The review ends before it was made.", "Correct validUntil.")
    if predicate["decision"] == "approved-with-conditions" and "conditions" not in predicate:
        raise Malformed("The review approves with conditions and names none.", "Write them under conditions.")
    for reference in predicate.get("data", ()):
        digest_in(reference)


def read_review(predicate: Mapping[str, Any]) -> Review:
    """The plain facts of a review that was checked."""
    return Review(
        predicate["decision"],
        parse_instant(predicate["reviewedAt"]),
        parse_instant(predicate["validUntil"]),
        tuple(f["severity"] for f in predicate.get("findings", ()) if f["status"] == "open"),
        frozenset(digest_in(d) for d in predicate.get("data", ())),
    )
