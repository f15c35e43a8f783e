"""Cases of a team's own policy: facts as they write them down, and what they expect of each rule.

Schema: schemas/policy-test.json. What a case leaves out is taken from `defaults`, else it is the least that is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from muniment.core.canonical import format_json
from muniment.core.digest import Digest, digest_of, parse_digest
from muniment.core.errors import Malformed
from muniment.core.instant import parse_instant
from muniment.core.name import parse_version_id
from muniment.policy.document import Policy
from muniment.policy.engine import evaluate, failures
from muniment.policy.facts import (
    GRADES,
    ApprovalFact,
    ArtifactFact,
    DataFact,
    EvidenceFact,
    Facts,
    IncidentFact,
    SignerFact,
    StandingFact,
    TenureFact,
    WaiverFact,
)
from muniment.policy.finding import Finding
from muniment.policy.gates import IN_ENVIRONMENTS, SUBMIT

_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tried:
    """One case, tried: `wrong` says each expectation that was not met."""

    name: str
    findings: tuple[Finding, ...]
    wrong: tuple[str, ...]


def try_cases(policy: Policy, document: Mapping[str, Any]) -> tuple[Tried, ...]:
    """Every case of a document that holds to its schema. Raises `Malformed` for a case about no rule."""
    defaults = document.get("defaults", {})
    return tuple(_try(policy, case, {**defaults, **case.get("facts", {})}) for case in document["cases"])


def read_facts(value: Mapping[str, Any]) -> Facts:
    """The facts that a case writes down. Raises `Malformed`."""
    at = _time(value["now"]) if "now" in value else _NOW
    version = str(parse_version_id(value.get("version", "team/model@1.0.0")))
    gate = value.get("gate", "release")
    artifacts = tuple(_artifact(a, gate) for a in value.get("artifacts", [{"kind": "model"}]))
    about = frozenset(a.digest for a in artifacts)
    author = _signer(value.get("author", {}), "author")
    return Facts(
        gate,
        artifacts[0].name if gate == SUBMIT else version,
        frozenset(a.kind for a in artifacts if a.kind),
        value.get("environment", "production") if gate in IN_ENVIRONMENTS else None,
        at,
        _evidence(value.get("evidence", ()), about, at),
        tuple(_approval(a, n, at) for n, a in enumerate(value.get("approvals", ()))),
        frozenset({author.key} | ({author.person} if author.person else set())),
        artifacts,
        author,
        tuple(_standing(e, s, at) for e, s in value.get("standing", {}).items()),
        tuple(_tenure(t) for t in value.get("history", ())),
        tuple(_data(d, at) for d in value.get("data", ())),
        tuple(_waiver(w, about) for w in value.get("waivers", ())),
        tuple(IncidentFact(i["id"], i["version"], _time(i.get("openedAt"), at)) for i in value.get("incidents", ())),
        value.get("retired", False),
    )


def _try(policy: Policy, case: Mapping[str, Any], value: Mapping[str, Any]) -> Tried:
    facts = read_facts(value)
    findings = evaluate(policy, facts)
    found = {f.rule: f for f in findings}
    unknown = next((rule for rule in case["expect"] if rule not in found), None)
    if unknown is not None:
        raise Malformed(
            f"The case {case['name']!r} expects something of {unknown!r}, which is no rule at the gate {facts.gate}.",
            f"There is {', '.join(found) or 'none'}; facts/gate says which gate is tried.",
        )
    wrong = [said for rule, expected in case["expect"].items() for said in _wrong(found[rule], expected)]
    admits = not failures(findings)
    if case.get("admits", admits) != admits:
        why = ", ".join(f.rule for f in failures(findings)) or "no rule fails"
        wrong.append(f"expected {'to be admitted' if case['admits'] else 'not to be admitted'}: {why}")
    return Tried(case["name"], findings, tuple(wrong))


def _wrong(found: Finding, expected: Any) -> Iterator[str]:
    wanted = expected if isinstance(expected, dict) else {"status": expected}
    if found.status != wanted["status"]:
        yield f"{found.rule}: expected {wanted['status']}, got {found.status.value}: {found.reason}"
    elif wanted.get("reason", "") not in found.reason:
        yield f"{found.rule}: expected the reason to hold {wanted['reason']!r}, got: {found.reason}"


def _time(text: str | None, otherwise: datetime = _NOW) -> datetime:
    if text is None:
        return otherwise
    return parse_instant(f"{text}T00:00:00Z" if len(text) == 10 else text)


def _digest(value: Mapping[str, Any], name: str) -> Digest:
    return parse_digest(value["digest"]) if "digest" in value else digest_of(name.encode())


def _artifact(value: Mapping[str, Any], gate: str) -> ArtifactFact:
    name = value.get("name", value["kind"])
    return ArtifactFact(name, "" if gate == SUBMIT else value["kind"], _digest(value, name))


def _signer(value: Mapping[str, Any], person: str) -> SignerFact:
    who = value.get("person", person)
    subject = value.get("subject", f"{who or person}@example.org")
    claims = tuple(sorted(value.get("claims", {}).items()))
    grade = value.get("grade", GRADES[0])
    return SignerFact(subject, value.get("issuer", ""), subject, who, tuple(value.get("roles", ())), claims, grade)


def _evidence(values: Any, about: frozenset[Digest], at: datetime) -> tuple[EvidenceFact, ...]:
    return tuple(
        EvidenceFact(
            value["kind"],
            value["predicate"],
            tuple(sorted(about, key=lambda d: d.hex)),
            digest_of(format_json([number, value["predicate"]])),
            _time(value.get("signedAt"), at - timedelta(hours=1)),
            _signer(value.get("signer", {}), "trainer"),
            value.get("bound", True),
        )
        for number, value in enumerate(values)
    )


def _approval(value: Mapping[str, Any], number: int, at: datetime) -> ApprovalFact:
    person = value.get("person", f"approver {number + 1}")
    key = f"{person}@example.org" if person else f"nobody {number + 1}"
    return ApprovalFact(value["role"], person, key, value.get("grade", GRADES[0]), _time(value.get("approvedAt"), at))


def _standing(environment: str, value: Mapping[str, Any], at: datetime) -> StandingFact:
    artifact = ArtifactFact("model", "model", digest_of(value["version"].encode()))
    evidence = _evidence(value.get("evidence", ()), frozenset({artifact.digest}), at)
    return StandingFact(environment, value["version"], _time(value.get("since"), at), (artifact,), evidence)


def _tenure(value: Mapping[str, Any]) -> TenureFact:
    return TenureFact(value["version"], _time(value["since"]), _time(value["until"]) if "until" in value else None)


def _data(value: Mapping[str, Any], at: datetime) -> DataFact:
    digest = _digest(value, value["name"])
    records = [{"kind": "dataset", "predicate": predicate} for predicate in value.get("records", ())]
    known = _evidence(records, frozenset({digest}), at)
    role = value.get("role", "training")
    return DataFact(value["name"], digest, role, known, value.get("version"), value.get("retired"))


def _waiver(value: Mapping[str, Any], about: frozenset[Digest]) -> WaiverFact:
    return WaiverFact(
        digest_of(format_json(dict(value))),
        value["rule"],
        about,
        value.get("reason", "no reason given"),
        value.get("approver", "somebody"),
        value.get("role", "approver"),
        _time(value.get("from"), datetime(1970, 1, 1, tzinfo=UTC)),
        _time(value["until"]),
        value.get("ticket", ""),
    )
