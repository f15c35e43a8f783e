"""Who signed: a Sigstore identity as its certificate proves it, and the record that came of it.

Extension names and numbers: Fulcio `docs/oid-info.md`, 1.3.6.1.4.1.57264.1.8 to .24.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from muniment.core.canonical import format_json
from muniment.core.digest import Digest, digest_of
from muniment.evidence.statement import Statement

ARC = "1.3.6.1.4.1.57264.1"
EXTENSIONS: dict[int, str] = {
    8: "issuer",
    9: "buildSignerURI",
    10: "buildSignerDigest",
    11: "runnerEnvironment",
    12: "sourceRepositoryURI",
    13: "sourceRepositoryDigest",
    14: "sourceRepositoryRef",
    15: "sourceRepositoryIdentifier",
    16: "sourceRepositoryOwnerURI",
    17: "sourceRepositoryOwnerIdentifier",
    18: "buildConfigURI",
    19: "buildConfigDigest",
    20: "buildTrigger",
    21: "runInvocationURI",
    22: "sourceRepositoryVisibility",
    23: "deploymentEnvironment",
    24: "tokenSubject",
}


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """(trust root, issuer, subject, extensions): all that a certificate proves of its holder.

    `root` is the digest of the canonical trusted root that verified it; `claims` are (extension name, value) pairs
    sorted by name, without `issuer`.
    """

    root: Digest
    issuer: str
    subject: str
    claims: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """64 hex digits that stay the same over one signer's certificates.

        A GitHub subject names the called workflow, so the calling repository and the deployment environment count too.
        """
        who = [str(self.root), self.issuer, self.subject]
        who += [self.claim(name) or "" for name in ("sourceRepositoryIdentifier", "deploymentEnvironment")]
        return digest_of(format_json(who)).hex

    def claim(self, name: str) -> str | None:
        """The value of one extension, or None."""
        return dict(self.claims).get(name)


@dataclass(frozen=True, slots=True)
class Signed:
    """A bundle that was verified: what is said, by whom, and when that is proved.

    `statement_digest` is the SHA-256 of the DSSE payload, `bundle` that of the canonical bundle bytes.
    """

    statement: Statement
    statement_digest: Digest
    payload: bytes
    identity: Identity
    signed_at: datetime
    bundle: Digest
