"""The facts as expressions see them: JSON values under the names of `VARIABLES`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from muniment.core.errors import MunimentError
from muniment.core.instant import format_instant
from muniment.core.name import parse_version_id
from muniment.evidence.evaluation import metrics
from muniment.policy.facts import (
    ApprovalFact,
    ArtifactFact,
    DataFact,
    EvidenceFact,
    Facts,
    IncidentFact,
    SignerFact,
    StandingFact,
    TenureFact,
)
from muniment.policy.gates import SUBMIT


def variables(facts: Facts, names: Iterable[str]) -> dict[str, Any]:
    """Those of `VARIABLES` that are named; one is left out where a record is not as it should be."""
    found: dict[str, Any] = {}
    for name in names:
        try:
            found[name] = VARIABLES[name](facts)
        except (MunimentError, AttributeError, LookupError, TypeError, ValueError):
            continue
    return found


def measured(evaluations: Iterable[EvidenceFact]) -> dict[str, float]:
    """Each metric's number in the newest evaluation (given last) that has it; `f1[cpu]` for one on a slice."""
    found: dict[str, float] = {}
    for evaluation in evaluations:
        for metric in metrics(evaluation.predicate):
            found[metric.metric if metric.slice is None else f"{metric.metric}[{metric.slice}]"] = metric.value
    return found


def _version(subject: str) -> dict[str, str]:
    version = parse_version_id(subject)
    return {
        "id": subject,
        "namespace": version.name.namespace,
        "name": version.name.name,
        "version": version.version,
    }


def _artifact(artifact: ArtifactFact) -> dict[str, str]:
    """An artifact; `kind` is left out where it is not known, so that what asks for it fails."""
    kind = {"kind": artifact.kind} if artifact.kind else {}
    return {"name": artifact.name, **kind, "digest": str(artifact.digest)}


def _signer(signer: SignerFact) -> dict[str, Any]:
    return {
        "issuer": signer.issuer,
        "subject": signer.subject,
        "person": signer.person,
        "roles": list(signer.roles),
        "claims": dict(signer.claims),
        "grade": signer.grade,
    }


def _evidence(fact: EvidenceFact) -> dict[str, Any]:
    return {
        "kind": fact.kind,
        "predicate": fact.predicate,
        "signedAt": format_instant(fact.signed_at),
        "subjects": [str(d) for d in fact.subjects],
        "statement": str(fact.statement),
        "signer": _signer(fact.signer),
        "bound": fact.bound,
    }


def _approval(fact: ApprovalFact) -> dict[str, Any]:
    at = format_instant(fact.at) if fact.at else None
    return {"role": fact.role, "person": fact.person, "grade": fact.grade, "approvedAt": at}


def _bom(evidence: Iterable[EvidenceFact]) -> Any:
    """The ML-BOM that the release names; null where there is none, and where several leave it open which is meant."""
    boms = [e.predicate for e in evidence if e.kind == "bom" and e.bound]
    return boms[0] if len(boms) == 1 else None


def _data(fact: DataFact) -> dict[str, Any]:
    return {
        "name": fact.name,
        "digest": str(fact.digest),
        "role": fact.role,
        "records": [_evidence(e) for e in fact.records],
        "version": fact.version,
        "retired": fact.retired,
    }


def _standing(fact: StandingFact) -> dict[str, Any]:
    evaluations = [e for e in fact.evidence if e.kind == "evaluation"]
    return {
        "version": _version(fact.version),
        "since": format_instant(fact.since),
        "artifacts": [_artifact(a) for a in fact.artifacts],
        "evidence": [_evidence(e) for e in fact.evidence],
        "metrics": measured(sorted(evaluations, key=lambda e: (e.signed_at, e.statement.hex))),
        "bom": _bom(fact.evidence),
    }


def _tenure(fact: TenureFact) -> dict[str, Any]:
    until = format_instant(fact.until) if fact.until else None
    return {"version": fact.version, "since": format_instant(fact.since), "until": until}


def _incident(fact: IncidentFact) -> dict[str, str]:
    return {"id": fact.id, "version": fact.version, "openedAt": format_instant(fact.opened)}


VARIABLES: dict[str, Callable[[Facts], Any]] = {
    "gate": lambda facts: facts.gate,
    "version": lambda facts: _version(facts.subject),
    "kinds": lambda facts: sorted(facts.kinds),
    "environment": lambda facts: facts.environment or "",
    "now": lambda facts: format_instant(facts.at),
    "author": lambda facts: _signer(facts.author) if facts.author else None,
    "artifacts": lambda facts: [_artifact(a) for a in facts.artifacts],
    "evidence": lambda facts: [_evidence(e) for e in facts.evidence],
    # Without those of the authors, so that none can be counted by mistake.
    "approvals": lambda facts: [_approval(a) for a in facts.approvals if not {a.signer, a.person} & facts.authors],
    "metrics": lambda facts: measured(facts.of_kind("evaluation")),
    "bom": lambda facts: _bom(facts.evidence),
    "data": lambda facts: [_data(d) for d in facts.data],
    "current": lambda facts: _standing(facts.current) if facts.current else None,
    "standing": lambda facts: {s.environment: _standing(s) for s in facts.standing},
    "history": lambda facts: [_tenure(t) for t in facts.history],
    "incidents": lambda facts: [_incident(i) for i in facts.incidents],
    "retired": lambda facts: facts.retired,
}
"""What an expression may name; docs/policy.md says what each holds. Moments are RFC 3339 text: `timestamp(now)`."""
AT_SUBMIT = ("gate", "now", "author", "artifacts", "evidence", "metrics", "bom", "data")
"""Those that are known of a record which no version stands on yet."""


def known_at(gate: str) -> tuple[str, ...]:
    """The variables that an expression at a gate may name."""
    return AT_SUBMIT if gate == SUBMIT else tuple(VARIABLES)
