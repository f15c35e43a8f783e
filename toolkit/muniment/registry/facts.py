"""The plain facts that policy judges, gathered from the state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from muniment.core.digest import Digest
from muniment.core.errors import Refused
from muniment.core.name import VersionId
from muniment.evidence import link, oms, recipe
from muniment.evidence.kinds import EVIDENCE, kind_of
from muniment.evidence.statement import Statement
from muniment.policy.facts import ApprovalFact, EvidenceFact, Facts
from muniment.registry.event import Release, ReleasedArtifact
from muniment.registry.state import Entry, State, VersionState
from muniment.signing.identity import Identity, Signed


@dataclass(frozen=True, slots=True)
class Reach:
    """Digests a release's evidence may speak of: `own` are its artifacts, `back` what led to them."""

    own: frozenset[Digest]
    back: frozenset[Digest]


def gather(
    state: State,
    gate: str,
    signed: Signed,
    version: VersionId,
    evidence: tuple[EvidenceFact, ...],
    artifacts: tuple[ReleasedArtifact, ...],
    at: datetime,
    environment: str | None = None,
) -> Facts:
    """What is known of a version at a gate; approvals are those whose role the approver holds now, in its namespace."""
    authors = _authors(state, signed, version)
    approvals = approvals_for(state, signed.statement_digest, version.name.namespace)
    return Facts(gate, str(version), kinds_of(artifacts), environment, at, evidence, approvals, authors)


def kinds_of(artifacts: Iterable[ReleasedArtifact]) -> frozenset[str]:
    """The kinds of a version's artifacts."""
    return frozenset(a.kind for a in artifacts)


def approvals_for(state: State, target: Digest, namespace: str) -> tuple[ApprovalFact, ...]:
    """The approvals of a statement that hold now, by the persons and roles of the configuration in force."""
    assert state.config is not None
    return tuple(
        ApprovalFact(a.event.role, state.config.person_of(_signer(state, a.index)), a.signer)
        for a in state.approvals.get(target, ())
        if a.event.role in state.config.roles_of(_signer(state, a.index), "approve", namespace)
    )


def administrators(state: State, signed: Signed) -> frozenset[str]:
    """The persons behind a configure event: its signer and those who approved it as administrators of configuration."""
    assert state.config is not None
    own = state.config.person_of(signed.identity)
    others = {
        state.config.person_of(who)
        for a in state.approvals.get(signed.statement_digest, ())
        if a.event.role in state.config.roles_of(who := _signer(state, a.index), "approve")
        and a.event.role in state.config.roles_of(who, "configure")
    }
    return frozenset(p for p in (own, *others) if p is not None)


def release_evidence(state: State, event: Release) -> tuple[EvidenceFact, ...]:
    """The evidence a release names: admitted, about its artifacts, by signers who may sign it in its namespace.

    Raises `Refused`.
    """
    entries = [_admitted(state, digest, event) for digest in event.evidence]
    known = reach(entries, event.artifacts)
    for entry in entries:
        if not concerns(entry, known):
            raise Refused(
                f"{event.version} names evidence (entry {entry.index}, {entry.kind}) about other artifacts.",
                "Name only evidence about the artifacts that are released.",
            )
    return tuple(_fact(entry) for entry in entries)


def bound_evidence(state: State, version: VersionState) -> tuple[EvidenceFact, ...]:
    """The evidence a released version is bound to."""
    found = (state.entries[state.statements[digest][0]] for digest in version.evidence)
    return tuple(_fact(entry) for entry in found)


def evidence_about(state: State, artifacts: tuple[ReleasedArtifact, ...]) -> tuple[Digest, ...]:
    """The statement digests of all evidence in the log that concerns the artifacts, in log order."""
    evidence = [e for e in state.entries.values() if e.kind in EVIDENCE]
    known = reach(evidence, artifacts)
    found = sorted((e.index, e.record.statement_digest) for e in evidence if e.record and concerns(e, known))
    return tuple(dict.fromkeys(digest for _, digest in found))


def reach(evidence: Iterable[Entry], artifacts: Iterable[ReleasedArtifact]) -> Reach:
    """The artifacts, their files, and for links and datasets all that recorded steps and provenance lead back to."""
    statements = [(e.kind, e.record.statement) for e in evidence if e.record is not None]
    own = {a.digest for a in artifacts}
    signatures = [s for _, s in statements if any(oms.covers(s, d) for d in own)]
    files = {f.digest for s in signatures for f in oms.signed_files(s.predicate)}
    back, size = own | files, -1
    while len(back) > size:
        size = len(back)
        for kind, statement in statements:
            if {s.digest for s in statement.subjects} & back:
                back |= _sources(kind, statement)
    return Reach(frozenset(own), frozenset(back))


def concerns(entry: Entry, known: Reach) -> bool:
    """Whether a record speaks of what is released, or as a link or dataset of what led to it or was done with it."""
    assert entry.record is not None
    statement = entry.record.statement
    named = {s.digest for s in statement.subjects}
    if entry.kind == "link":
        return bool((named | _sources("link", statement)) & known.back)
    if entry.kind == "dataset":
        return bool(named & known.back)
    return bool(named & known.own) or any(oms.covers(statement, d) for d in known.own)


def _sources(kind: str, statement: Statement) -> set[Digest]:
    if kind == "link":
        return {digest for _, digest in link.materials_of(statement.predicate)}
    if kind == "provenance":
        return {d.digest for d in recipe.dependencies(statement.predicate)}
    return set()


def _admitted(state: State, digest: Digest, event: Release) -> Entry:
    indexes = state.statements.get(digest, ())
    if not indexes:
        raise Refused(
            f"{event.version} names evidence {digest} that is not in the log.", "Submit and publish the evidence first."
        )
    namespace = event.version.name.namespace
    if state.entries[indexes[0]].kind not in EVIDENCE:
        raise Refused(f"{event.version} names entry {indexes[0]}, which is no evidence.", "Name only evidence.")
    trusted = [i for i in indexes if _may(state, i, namespace)]
    if not trusted:
        raise Refused(
            f"{event.version} names evidence (entry {indexes[0]}) whose signer may not sign it in {namespace}.",
            "Have it signed by an identity with a role there.",
        )
    return state.entries[trusted[0]]


def _may(state: State, index: int, namespace: str) -> bool:
    assert state.config is not None
    return bool(state.config.roles_of(_signer(state, index), state.entries[index].kind, namespace))


def _signer(state: State, index: int) -> Identity:
    record = state.entries[index].record
    assert record is not None
    return record.identity


def _fact(entry: Entry) -> EvidenceFact:
    record = entry.record
    assert record is not None
    subjects = tuple(s.digest for s in record.statement.subjects)
    kind = kind_of(record.statement.predicate_type) or ""
    return EvidenceFact(kind, record.statement.predicate, subjects, record.statement_digest, record.signed_at)


def _authors(state: State, signed: Signed, version: VersionId) -> frozenset[str]:
    """Signer and person of the event itself and of the version's release."""
    assert state.config is not None
    identities = [signed.identity]
    released = state.versions.get(version)
    record = state.entries[released.events[0]].record if released else None
    if record is not None:
        identities.append(record.identity)
    persons = (state.config.person_of(i) for i in identities)
    return frozenset([i.key for i in identities] + [p for p in persons if p])
