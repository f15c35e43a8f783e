"""Facts and findings for tests of policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from muniment.core.digest import Digest, digest_of
from muniment.policy.engine import evaluate, parse_policy
from muniment.policy.facts import ApprovalFact, ArtifactFact, DataFact, EvidenceFact, Facts, SignerFact, WaiverFact
from muniment.policy.finding import Finding

AT = datetime(2026, 1, 31, 8, 5, tzinfo=UTC)
DAY = timedelta(days=1)
DIGEST = digest_of(b"model")
TRAINER = SignerFact(
    "trainer", "https://token.example.org", "https://github.com/acme/m/.github/workflows/train.yml", None
)


def signer(person: str, *roles: str, **other: Any) -> SignerFact:
    """A person who signs."""
    return SignerFact(person, "https://accounts.example.org", f"{person}@example.org", person, roles, **other)


def evidence(
    kind: str, predicate: dict[str, Any] | None = None, age: timedelta = timedelta(), **other: Any
) -> EvidenceFact:
    """A record about the model."""
    statement = digest_of(f"{kind}{predicate}{age}".encode())
    return EvidenceFact(kind, predicate or {}, (DIGEST,), statement, AT - age, **({"signer": TRAINER} | other))


def artifact(kind: str = "model", digest: Digest = DIGEST) -> ArtifactFact:
    """An artifact of the version."""
    return ArtifactFact(kind, kind, digest)


def facts(gate: str = "promote", *found: EvidenceFact, approvals: tuple[ApprovalFact, ...] = (), **other: Any) -> Facts:
    """What is known of aiops/cpu@1.0.0."""
    known: dict[str, Any] = {
        "kinds": frozenset({"model"}),
        "environment": "production" if gate == "promote" else None,
        "authors": frozenset({"op", "operator"}),
        "artifacts": (artifact(),),
        "at": AT,
    }
    return Facts(gate, "aiops/cpu@1.0.0", evidence=found, approvals=approvals, **(known | other))


def datum(name: str = "train", *records: dict[str, Any], **other: Any) -> DataFact:
    """A dataset with its records."""
    digest = digest_of(name.encode())
    return DataFact(name, digest, "training", tuple(evidence("dataset", record) for record in records), **other)


def waiver(rule: str, **other: Any) -> WaiverFact:
    """A waiver in force, of thirty days."""
    known: dict[str, Any] = {
        "subjects": frozenset({DIGEST}),
        "reason": "the old licence is in force until March",
        "approver": "vera",
        "role": "risk",
        "not_before": AT - 10 * DAY,
        "expires": AT + 20 * DAY,
    }
    return WaiverFact(digest_of(f"waiver {rule}{other}".encode()), rule, **(known | other))


def judge(rule: dict[str, Any], of: Facts) -> Finding:
    """What one rule says."""
    (finding,) = evaluate(parse_policy({"rules": [{"gate": of.gate, **rule}]}), of)
    return finding
