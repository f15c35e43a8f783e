"""Gates as an organisation has them, asked over and over: five rules, ten thousand times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from muniment.core.digest import digest_of
from muniment.policy.document import Policy, parse_policy
from muniment.policy.engine import evaluate
from muniment.policy.facts import ApprovalFact, ArtifactFact, EvidenceFact, Facts, SignerFact, StandingFact
from muniment.policy.finding import Status

TIMES = 10_000
AT = datetime(2026, 1, 31, 8, 5, tzinfo=UTC)
EXPRESSIONS = (
    "metrics['roc-auc'] >= 0.8 && metrics.f1 > 0.6",
    "evidence.exists(e, e.kind == 'provenance' && 'trainer' in e.signer.roles)",
    "evidence.all(e, timestamp(now) - timestamp(e.signedAt) < duration('2160h'))",
    "approvals.filter(a, a.role == 'reviewer' && a.grade != 'declared').size() >= 2",
    "current == null || metrics.f1 >= current.metrics.f1 - 0.01",
)
BUILT_IN: tuple[dict[str, Any], ...] = (
    {"rule": "evidence-required", "with": {"evidence": ["provenance", "bom", "evaluation"]}},
    {"rule": "metric-threshold", "with": {"metric": "f1", "min": 0.6}},
    {"rule": "approvals-required", "with": {"roles": [{"role": "reviewer", "count": 2}], "grade": "environment-gated"}},
    {"rule": "evidence-age", "with": {"evidence": ["evaluation"], "maxDays": 90}},
    {"rule": "licence-allowed", "with": {"allow": ["MIT", "Apache-2.0"], "components": ["model"]}},
)


def policies() -> dict[str, Policy]:
    """Five expressions, and five built-in rules."""
    own = [
        {"id": f"own-{n}", "gate": "promote", "title": "It holds", "require": text, "message": "It does not."}
        for n, text in enumerate(EXPRESSIONS)
    ]
    built_in = [rule | {"gate": "promote"} for rule in BUILT_IN]
    return {"five expressions": parse_policy({"rules": own}), "five built-in rules": parse_policy({"rules": built_in})}


def subject(number: int, libraries: int = 200) -> Facts:
    """A model with five records, whose ML-BOM lists some libraries, two approvals and a predecessor in production."""
    bom = {
        "metadata": {"component": {"type": "machine-learning-model", "name": "m", "licenses": [{"expression": "MIT"}]}},
        "components": [{"type": "library", "name": f"l{n}", "version": str(n)} for n in range(libraries)],
    }
    scores = {"metrics": [{"metric": "roc-auc", "value": 0.9}, {"metric": "f1", "value": 0.7}]}
    kinds = {
        "provenance": {},
        "bom": bom,
        "evaluation": scores,
        "signature": {},
        "dataset": {"licence": "MIT", "name": "d"},
    }
    digest = digest_of(b"%d" % number)
    evidence = tuple(_record(kind, predicate, digest) for kind, predicate in kinds.items())
    approvals = tuple(ApprovalFact("reviewer", who, who, "personal-signature", AT) for who in ("ann", "bob"))
    artifacts = (ArtifactFact("model", "model", digest),)
    standing = (StandingFact("production", "a/m@0", AT, artifacts, evidence[2:3]),)
    authors = frozenset({"operator"})
    return Facts(
        "promote",
        f"a/m@{number}",
        frozenset({"model"}),
        "production",
        AT,
        evidence,
        approvals,
        authors,
        artifacts,
        standing=standing,
    )


def ask(policy: Policy, subjects: list[Facts]) -> None:
    """One evaluation a subject; all must pass, or something else is measured than is meant."""
    for facts in subjects:
        assert all(f.status is Status.PASS for f in evaluate(policy, facts))


def _record(kind: str, predicate: dict[str, Any], digest: Any) -> EvidenceFact:
    trainer = SignerFact("t", "i", "s", None, ("trainer",))
    return EvidenceFact(kind, predicate, (digest,), digest_of(kind.encode()), AT - timedelta(days=3), trainer)
