"""The plain facts that policy judges, gathered from the state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Refused
from muniment.core.name import VersionId
from muniment.evidence import recipe
from muniment.evidence.bom import licences
from muniment.evidence.kinds import EVIDENCE, THIRD_PARTY, kind_of
from muniment.evidence.statement import Statement, format_statement, parse_statement
from muniment.policy.facts import (
    ArtifactFact,
    DataFact,
    EvidenceFact,
    Facts,
    SignerFact,
    StandingFact,
    TenureFact,
)
from muniment.policy.gates import SUBMIT
from muniment.registry.config import Config, parse_config
from muniment.registry.event import Configure, Release, ReleasedArtifact
from muniment.registry.predicate import parse_event
from muniment.registry.reach import concerns, reach
from muniment.registry.state import Entry, State, VersionState
from muniment.registry.words import (
    approvals_for,
    authors,
    incidents_of,
    names_of,
    roles_of,
    signer_fact,
    waivers_for,
)
from muniment.signing.identity import Signed


def gather(
    state: State,
    gate: str,
    signed: Signed | None,
    version: VersionId,
    evidence: tuple[EvidenceFact, ...],
    artifacts: tuple[ReleasedArtifact, ...],
    at: datetime,
    environment: str | None = None,
) -> Facts:
    """What is known of a version at a gate; approvals are those whose role the approver holds now, in its namespace.

    `signed` is the event that is judged, None where nobody signed it yet; `evidence` what the release names. Beside it
    counts what the log holds about the artifacts by signers of the namespace: a bad review cannot be left out.
    """
    config, known = state.config, state.versions.get(version)
    assert config is not None
    namespace = version.name.namespace
    return Facts(
        gate,
        str(version),
        kinds_of(artifacts),
        environment,
        at,
        evidence=_with_later(state, evidence, artifacts, namespace),
        approvals=approvals_for(state, signed.statement_digest, namespace, at) if signed else (),
        authors=authors(state, signed, version),
        artifacts=_artifacts(artifacts),
        author=signer_fact(
            config, signed.identity, config.roles_of(signed.identity, gate, namespace, signed.signed_at, at)
        )
        if signed
        else None,
        standing=tuple(_standing(state, version, e) for e in config.environments if state.current(version.name, e)),
        history=_history(state, version, environment),
        data=training_data(state, evidence, namespace),
        waivers=waivers_for(state, signed, version),
        incidents=incidents_of(state, version.name),
        retired=known is not None and known.retired is not None,
        escalation=_escalation(config, namespace),
    )


def gather_version(
    state: State, gate: str, signed: Signed | None, version: VersionState, at: datetime, environment: str | None
) -> Facts:
    """The same of a version that is released, on the evidence it is bound to."""
    return gather(state, gate, signed, version.id, bound_evidence(state, version), version.artifacts, at, environment)


def gather_record(
    state: State, brought: Signed | None, record: EvidenceFact, statement: Statement, at: datetime
) -> Facts:
    """What is known of a record at the gate submit: itself, its subjects, and the data it names.

    `brought` is what was signed for this log, None where nobody signed it yet.
    """
    config = state.config
    assert config is not None
    return Facts(
        SUBMIT,
        statement.subjects[0].name,
        frozenset(),
        None,
        at,
        evidence=(record,),
        approvals=(),
        authors=names_of(state, brought.identity) if brought else frozenset(),
        artifacts=tuple(ArtifactFact(s.name, "", s.digest) for s in statement.subjects),
        author=_submitter(config, brought, record.kind, at) if brought else None,
        data=_own_data(record, statement) or training_data(state, (record,), None),
    )


def record_fact(state: State, said: Signed, kind: str, at: datetime) -> EvidenceFact:
    """A record that is not in the log yet, with the roles by which it would be admitted."""
    config = state.config
    assert config is not None
    roles = config.roles_of(said.identity, kind, None, said.signed_at, at)
    return said_fact(said.statement, kind, said.signed_at, signer_fact(config, said.identity, roles))


def said_fact(statement: Statement, kind: str, at: datetime, signer: SignerFact) -> EvidenceFact:
    """A statement of a kind of evidence, as rules see it."""
    subjects = tuple(s.digest for s in statement.subjects)
    return EvidenceFact(kind, statement.predicate, subjects, digest_of(format_statement(statement)), at, signer)


def _submitter(config: Config, brought: Signed, kind: str, at: datetime) -> SignerFact:
    """Who signed a record for this log: of a third party's, whoever brings it in."""
    own = kind_of(brought.statement.predicate_type) or kind
    roles = config.roles_of(brought.identity, own, None, brought.signed_at, at)
    return signer_fact(config, brought.identity, roles)


def _own_data(record: EvidenceFact, statement: Statement) -> tuple[DataFact, ...]:
    """What a dataset record is of."""
    if record.kind != "dataset":
        return ()
    return tuple(DataFact(s.name, s.digest, "", (record,)) for s in statement.subjects)


def kinds_of(artifacts: Iterable[ReleasedArtifact]) -> frozenset[str]:
    """The kinds of a version's artifacts."""
    return frozenset(a.kind for a in artifacts)


def release_evidence(state: State, event: Release) -> tuple[EvidenceFact, ...]:
    """The evidence a release names: admitted, about its artifacts, by signers who may sign it in its namespace.

    Raises `Refused`.
    """
    entries = [_trusted(state, digest, event) for digest in event.evidence]
    known = reach(entries, event.artifacts)
    for entry in entries:
        if not concerns(entry, known):
            raise Refused(
                f"{event.version} names evidence (entry {entry.index}, {entry.kind}) about other artifacts.",
                "Name only evidence about the artifacts that are released.",
            )
    return tuple(_fact(state, entry, event.version.name.namespace) for entry in entries if _counts(state, entry))


def bound_evidence(state: State, version: VersionState) -> tuple[EvidenceFact, ...]:
    """The evidence a released version is bound to, as far as it counts."""
    found = (state.entries[state.statements[digest][0]] for digest in version.evidence)
    return tuple(_fact(state, entry, version.id.name.namespace) for entry in found if _counts(state, entry))


def _counts(state: State, entry: Entry) -> bool:
    """Whether evidence is there, and nothing of its kind about the same artifact was redacted since.

    What is gone may have spoken against it: no deletion turns a no into a yes, so the rest has to be said again. Of a
    third party's record that is gone nobody knows the kind.
    """
    if entry.record is None or not state.redacted:
        return entry.record is not None
    gone = (r for s in entry.record.statement.subjects for r in state.redacted.get(s.digest, ()) if r.by > entry.index)
    return not any(state.entries[r.entry].kind in (entry.kind, THIRD_PARTY) for r in gone)


def data_of(statement: Statement) -> frozenset[Digest]:
    """The datasets that a statement names, if it is provenance or an ML-BOM: gates look at all records about them."""
    kind = kind_of(statement.predicate_type) or ""
    return frozenset(digest for _, digest, _ in _named_data(kind, statement.predicate))


def check_named(state: State, event: Release) -> None:
    """Raises `Refused` unless all that a release names is evidence in the log that was not redacted."""
    for digest in event.evidence:
        _named(state, digest, event)


def _named(state: State, digest: Digest, event: Release) -> tuple[int, ...]:
    indexes = state.statements.get(digest, ())
    if not indexes:
        raise Refused(
            f"{event.version} names evidence {digest} that is not in the log.", "Submit and publish the evidence first."
        )
    if not state.entries[indexes[0]].is_evidence:
        raise Refused(f"{event.version} names entry {indexes[0]}, which is no evidence.", "Name only evidence.")
    by = state.absent.get(indexes[0], state.size)
    if by < state.size:
        raise Refused(f"{event.version} names evidence (entry {indexes[0]}) that entry {by} redacted.", "Leave it out.")
    return indexes


def _trusted(state: State, digest: Digest, event: Release) -> Entry:
    indexes, namespace = _named(state, digest, event), event.version.name.namespace
    trusted = [i for i in indexes if _may(state, i, namespace)]
    if not trusted:
        raise Refused(
            f"{event.version} names evidence (entry {indexes[0]}) whose signer may not sign it in {namespace}.",
            "Have it signed by an identity with a role there.",
        )
    return state.entries[trusted[0]]


def _may(state: State, index: int, namespace: str) -> bool:
    assert state.config is not None
    return bool(roles_of(state, state.config, index, state.entries[index].kind, namespace))


def _fact(state: State, entry: Entry, namespace: str | None, bound: bool = True) -> EvidenceFact:
    record, config = entry.record, state.config
    assert record is not None
    assert config is not None
    subjects = tuple(s.digest for s in record.statement.subjects)
    kind = kind_of(record.statement.predicate_type) or ""
    signer = signer_fact(config, record.identity, _roles_then(state, entry, namespace))
    return EvidenceFact(
        kind, record.statement.predicate, subjects, record.statement_digest, record.signed_at, signer, bound
    )


def _roles_then(state: State, entry: Entry, namespace: str | None) -> tuple[str, ...]:
    """The roles by which a record was admitted: a leaver's binding ends without touching what they signed before."""
    roots = tuple(e.root for e in state.eras if e.index <= entry.index)
    return roles_of(state, replace(config_at(state, entry.index), roots=roots), entry.index, entry.kind, namespace)


def config_at(state: State, index: int) -> Config:
    """The configuration in force at an entry, with the Sigstore root that was in force when it was written."""
    return rules_at(state, index)[1]


def rules_at(state: State, index: int) -> tuple[int, Config]:
    """The configure entry in force at an entry, and the configuration it carries."""
    at = state.configured_at
    while at > index or not isinstance(state.entries[at].event, Configure):
        event = state.entries[at].event
        assert event is not None
        if event.after is None:
            break
        at = event.after
    rules = state.entries[at].record
    assert rules is not None
    return at, _parsed(rules.payload)


@lru_cache(maxsize=64)
def _parsed(payload: bytes) -> Config:
    event = parse_event(parse_statement(payload))
    assert isinstance(event, Configure)
    return parse_config(event.configuration)


def _with_later(
    state: State, named: tuple[EvidenceFact, ...], artifacts: tuple[ReleasedArtifact, ...], namespace: str
) -> tuple[EvidenceFact, ...]:
    """The evidence named, and what else the log holds about the artifacts, in the log's order."""
    bound = {e.statement for e in named}
    indexes = sorted({i for a in artifacts for i in state.about.get(a.digest, ())})
    later: dict[Digest, EvidenceFact] = {}
    for index in indexes:
        entry = state.entries[index]
        if entry.record is None or entry.kind not in EVIDENCE or entry.record.statement_digest in bound:
            continue
        if not _counts(state, entry):
            continue
        fact = _fact(state, entry, namespace, bound=False)
        if fact.signer.roles:
            later.setdefault(fact.statement, fact)
    return (*named, *later.values())


def training_data(state: State, evidence: tuple[EvidenceFact, ...], namespace: str | None) -> tuple[DataFact, ...]:
    """The datasets that provenance and ML-BOMs name, each digest once, with what the log knows of it.

    Dataset records count where their signer may sign them in the namespace (None: in any).
    """
    found: dict[Digest, tuple[str, str]] = {}
    for fact in evidence:
        for name, digest, role in _named_data(fact.kind, fact.predicate):
            found.setdefault(digest, (name, role))
    return tuple(data_fact(state, name, digest, role, namespace) for digest, (name, role) in found.items())


def _named_data(kind: str, predicate: Mapping[str, Any]) -> Iterator[tuple[str, Digest, str]]:
    if kind == "provenance":
        for item in recipe.dependencies(predicate):
            if item.role in recipe.DATA_ROLES:
                yield item.name, item.digest, item.role
    if kind == "bom":
        for component in licences.components(predicate):
            for one in component.get("hashes", ()) if component.get("type") == "data" else ():
                if one.get("alg") == "SHA-256":
                    yield component["name"], Digest(one["content"].lower()), "training"


def data_fact(state: State, name: str, digest: Digest, role: str, namespace: str | None) -> DataFact:
    """A dataset by its digest: its records by signers of the namespace, the version it is, whether that was retired."""
    records: list[EvidenceFact] = []
    version = retired = None
    for index in state.about.get(digest, ()):
        entry = state.entries[index]
        if entry.kind == "dataset" and _counts(state, entry):
            fact = _fact(state, entry, namespace, bound=False)
            records += [fact] if fact.signer.roles else []
        if isinstance(entry.event, Release):
            version = str(entry.event.version)
            gone = state.versions[entry.event.version].retired
            retired = gone.category if gone else retired
    return DataFact(name, digest, role, tuple(records), version, retired)


def _standing(state: State, version: VersionId, environment: str) -> StandingFact:
    tenure = state.stages[(version.name, environment)][-1]
    found = state.versions[tenure.version]
    evidence = _with_later(state, bound_evidence(state, found), found.artifacts, version.name.namespace)
    return StandingFact(environment, str(tenure.version), tenure.since, _artifacts(found.artifacts), evidence)


def _history(state: State, version: VersionId, environment: str | None) -> tuple[TenureFact, ...]:
    tenures = state.stages.get((version.name, environment), ()) if environment else ()
    ends = [*(t.since for t in tenures[1:]), None]
    return (
        tuple(TenureFact(str(t.version), t.since, end) for t, end in zip(tenures, ends, strict=True)) if tenures else ()
    )


def _artifacts(artifacts: tuple[ReleasedArtifact, ...]) -> tuple[ArtifactFact, ...]:
    return tuple(ArtifactFact(a.name, a.kind, a.digest) for a in artifacts)


def _escalation(config: Config, namespace: str) -> str:
    """Whom a namespace names to turn to, else its owners."""
    about = config.namespaces.get(namespace, {})
    return str(about.get("escalation") or ", ".join(about.get("owners", ())))
