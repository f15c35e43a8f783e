"""Events by which evidence goes: asked for, and done. The entry stays, and so do all events."""

from __future__ import annotations

from dataclasses import dataclass

from muniment.core.canonical import format_json
from muniment.core.digest import Digest, digest_of
from muniment.registry.event import Event

BASES = ("erasure-request", "retention-ended", "licence-withdrawn", "legal-order", "confidential", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDeletion(Event):
    """Asks that evidence goes, named by its statement digests; `reference` finds who asked, and names nobody."""

    kind = "request-deletion"
    time = "requestedAt"

    statements: tuple[Digest, ...]
    basis: str
    reason: str
    reference: str | None = None

    def acts_on(self, signer: str) -> str:
        """The statements together, in whatever order they are named."""
        return f"deletion/{digest_of(format_json(sorted(map(str, self.statements)))).hex}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redact(Event):
    """Says which bundles go, by the request (a statement digest) that asked for it.

    `decisions` are the entries whose gates looked at them: nobody can judge these again, so the signer answers for
    them.
    """

    kind = "redact"
    time = "redactedAt"

    request: Digest
    bundles: tuple[Digest, ...]
    decisions: tuple[int, ...]
    reason: str

    def acts_on(self, signer: str) -> str:
        """The request."""
        return f"redaction/{self.request.hex}"
