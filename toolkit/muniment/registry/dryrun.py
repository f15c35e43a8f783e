"""What a gate would say, asked without a signature and without changing anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from muniment.core.digest import Digest
from muniment.core.errors import Refused
from muniment.core.name import VersionId, parse_version_id
from muniment.evidence.check import check_evidence
from muniment.evidence.kinds import EVIDENCE, THIRD_PARTY, kind_of
from muniment.evidence.statement import Statement
from muniment.policy.document import Policy
from muniment.policy.engine import evaluate, failures
from muniment.policy.facts import Facts, SignerFact
from muniment.policy.finding import Finding, Status
from muniment.policy.gates import IN_ENVIRONMENTS, OF_VERSIONS
from muniment.registry import facts, propose
from muniment.registry.event import Promote, Release, ReleasedArtifact
from muniment.registry.judges.common import config_of, version_of
from muniment.registry.judges.movement import check_order
from muniment.registry.predicate import parse_event
from muniment.registry.sources import open_third_party
from muniment.registry.state import State
from muniment.signing.identity import Signed

ORDER = "docs/governance.md"
"""The page of docs that says in which order a version passes environments."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What another policy changes for one version at one gate.

    `rules` are (rule, finding before, finding after) of those whose status differs; None where a policy has no such
    rule. `admits` says whether the version passes before and after.
    """

    version: VersionId
    gate: str
    environment: str | None
    rules: tuple[tuple[str, Finding | None, Finding | None], ...]
    admits: tuple[bool, bool]


def facts_at(state: State, version: VersionId, gate: str, environment: str | None, at: datetime) -> Facts:
    """What is known of a released version at a gate, as if its event were submitted unapproved at `at`.

    Raises `Refused` where no event could be.
    """
    known = version_of(state, version)
    if gate in IN_ENVIRONMENTS:
        if environment not in config_of(state).environments:
            raise Refused(f"The environment {environment!r} is not configured.", "Choose a configured one.")
        if known.retired:
            raise Refused(f"{version} is retired.", "Choose a version that is not.")
    return facts.gather_version(state, gate, None, known, at, environment if gate in IN_ENVIRONMENTS else None)


def release_facts(
    state: State,
    version: VersionId,
    artifacts: tuple[ReleasedArtifact, ...],
    evidence: tuple[Digest, ...],
    at: datetime,
) -> Facts:
    """What is known at the gate release of a version that is not released yet. Raises `Refused` where none could be."""
    if version in state.versions:
        raise Refused(f"{version} is released already.", "Leave its artifacts out, or name another version.")
    if version.name.namespace not in config_of(state).namespaces:
        raise Refused(f"The namespace {version.name.namespace!r} is not configured.", "Choose a configured one.")
    event = parse_event(propose.release(state, version, artifacts, evidence, at))
    assert isinstance(event, Release)
    return facts.gather(state, "release", None, version, facts.release_evidence(state, event), artifacts, at)


def submitted_facts(state: State, brought: Signed, at: datetime) -> Facts:
    """What is known at the gate submit of a record that somebody signed. Raises `Refused` or `Malformed`."""
    kind, said = kind_of(brought.statement.predicate_type), brought
    if kind == THIRD_PARTY:
        kind, said = open_third_party(brought, config_of(state).sources)
    _check_evidence(said.statement, kind)
    return facts.gather_record(state, brought, facts.record_fact(state, said, str(kind), at), said.statement, at)


def unsigned_facts(state: State, statement: Statement, at: datetime) -> Facts:
    """What is known at the gate submit of a statement that nobody signed yet. Raises `Refused` or `Malformed`."""
    kind = kind_of(statement.predicate_type)
    _check_evidence(statement, kind)
    record = facts.said_fact(statement, str(kind), at, SignerFact("", "", ""))
    return facts.gather_record(state, None, record, statement, at)


def _check_evidence(statement: Statement, kind: str | None) -> None:
    if kind not in EVIDENCE:
        raise Refused(
            f"{kind or statement.predicate_type} is no evidence, and the gate submit is for evidence.",
            f"Give a record of one of: {', '.join(EVIDENCE)}.",
        )
    check_evidence(statement)


def try_gate(
    state: State,
    version: VersionId,
    gate: str,
    environment: str | None,
    at: datetime,
    policy: Policy | None = None,
) -> tuple[Finding, ...]:
    """What a policy, else the one in force, says of a released version at a gate. Raises `Refused`."""
    return evaluate(policy or config_of(state).policy, facts_at(state, version, gate, environment, at))


def out_of_order(state: State, subject: Facts) -> tuple[Finding, ...]:
    """What keeps a version from promotion whatever policy says: an environment required, where it never stood."""
    if subject.gate != Promote.kind or subject.environment is None:
        return ()
    try:
        check_order(state, parse_version_id(subject.subject), subject.environment)
    except Refused as error:
        said = (subject.subject, error.fact, error.remedy)
        return (Finding("requires", "It stood where it has to stand first", Status.FAIL, *said, page=ORDER),)
    return ()


def effects(state: State, before: Policy, after: Policy, at: datetime) -> Iterator[Effect]:
    """What changes between two policies, for every version that is not retired, at each of its gates everywhere."""
    for version in sorted(v.id for v in state.versions.values() if not v.retired):
        for gate in OF_VERSIONS:
            for environment in config_of(state).environments if gate in IN_ENVIRONMENTS else (None,):
                subject = facts_at(state, version, gate, environment, at)
                one, two = evaluate(before, subject), evaluate(after, subject)
                changed = tuple(_changed(one, two))
                if changed:
                    yield Effect(version, gate, environment, changed, (not failures(one), not failures(two)))


def _changed(
    before: tuple[Finding, ...], after: tuple[Finding, ...]
) -> Iterator[tuple[str, Finding | None, Finding | None]]:
    one, two = {f.rule: f for f in before}, {f.rule: f for f in after}
    for rule in dict.fromkeys([*one, *two]):
        old, new = one.get(rule), two.get(rule)
        if (old and old.status) != (new and new.status):
            yield rule, old, new
