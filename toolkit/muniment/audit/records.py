"""Facts that both reports share: signers, records, decisions, findings, the checkpoint a report is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muniment.audit.assess import Assessment, Evidence
from muniment.audit.conditions import is_workflow
from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Mismatch, Missing, Untrusted
from muniment.core.instant import format_instant
from muniment.core.name import VersionId
from muniment.insight.standing import approvals_for
from muniment.log.merkle import MemoryTree, check_inclusion, leaf_hash, prove_inclusion
from muniment.policy.finding import Finding
from muniment.registry.fold import Blob, History, tree_of
from muniment.registry.state import Entry
from muniment.signing.identity import Identity
from muniment.site.facts.book import Book
from muniment.site.facts.common import event_facts, label_of, workflow_of

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """What a report is written from: a history that was replayed, with its tree, as a book."""

    history: History
    book: Book
    tree: MemoryTree


def desk(history: History, blob: Blob) -> Desk:
    """The desk for a history; `blob` reads a blob of the registry by its digest."""
    return Desk(history, Book(history.entries, history.state, blob), tree_of(history.leaves))


def verification(at: Desk, entry: Entry) -> Facts:
    """What was checked of a record: its signature by replay, its place in the log and its bundle's bytes now."""
    assert entry.record is not None
    checkpoint = at.history.checkpoint
    proof = prove_inclusion(at.tree, entry.index, checkpoint.size)
    try:
        check_inclusion(leaf_hash(entry.leaf), entry.index, checkpoint.size, proof, checkpoint.root)
        log = "included"
    except Untrusted:
        log = "not included"
    bundle = _bundle(at, entry.record.bundle)
    good = log == "included" and bundle == "held"
    return {"signature": "verified", "log": log, "bundle": bundle, "result": "verified" if good else "failed"}


def _bundle(at: Desk, digest: Digest) -> str:
    try:
        return "held" if digest_of(at.book.read(digest)) == digest else "altered"
    except Missing:
        return "missing"
    except Mismatch:
        return "altered"


def signer(book: Book, identity: Identity) -> Facts:
    """Who signed, as the certificate says; `person` is whom the registry maps the identity to."""
    claims = dict(identity.claims)
    return {
        "person": book.config.person_of(identity),
        "label": label_of(identity),
        "subject": identity.subject,
        "issuer": identity.issuer,
        "means": "workflow" if is_workflow(identity) else "person",
        "workflow": workflow_of(claims) or None,
        "runner": claims.get("runnerEnvironment"),
        "run": claims.get("runInvocationURI"),
        "deploymentEnvironment": claims.get("deploymentEnvironment"),
    }


def record(at: Desk, entry: Entry) -> Facts:
    """A record: where it stands in the log, who signed it and when, and what verified it."""
    assert entry.record is not None
    return {
        "entry": entry.index,
        "kind": entry.kind,
        "predicateType": entry.record.statement.predicate_type,
        "statement": str(entry.record.statement_digest),
        "bundle": str(entry.record.bundle),
        "signedAt": format_instant(entry.record.signed_at),
        "admittedAt": format_instant(entry.admitted_at),
        "signer": signer(at.book, entry.record.identity),
        "verification": verification(at, entry),
    }


def decision(at: Desk, entry: Entry) -> Facts:
    """An event: the record, what it did, why, who approved it and what the rules said."""
    said = event_facts(at.book, entry)
    assert entry.record is not None
    return record(at, entry) | {
        "deed": said["deed"],
        "version": said["version"]["id"] if said["version"] else None,
        "environment": said["environment"],
        "reason": said["reason"],
        "incident": said["incident"],
        "roles": roles_of(at.book, entry),
        "approvals": approvals(at, entry),
        "findings": [finding(f) for f in entry.findings],
    }


def approvals(at: Desk, entry: Entry) -> list[Facts]:
    """The approvals of an event."""
    return [
        record(at, at.book.state.entries[a.index])
        | {"role": a.event.role, "decision": a.event.decision, "reason": a.event.reason, "usedBy": a.consumed_by}
        for a in approvals_for(at.book.state, entry.index)
    ]


def roles_of(book: Book, entry: Entry) -> list[str]:
    """The roles by which the signer may sign such a record under the configuration in force now."""
    assert entry.record is not None
    version = getattr(entry.event, "version", None)
    namespace = version.name.namespace if isinstance(version, VersionId) else None
    return list(book.config.roles_of(entry.record.identity, entry.kind, namespace))


def finding(said: Finding) -> Facts:
    """What a rule said at a gate."""
    return {
        "rule": said.rule,
        "title": said.title,
        "status": said.status.value,
        "reason": said.reason,
        "fix": said.fix,
        "waiver": said.waiver,
    }


def assessment(at: Desk, found: Assessment) -> Facts:
    """A framework held against a version."""
    return {
        "framework": found.framework,
        "title": found.title,
        "edition": found.edition,
        "rows": [
            {
                "id": row.id,
                "title": row.title,
                "asks": row.asks,
                "state": row.state.value,
                "reason": row.reason,
                "limit": row.limit,
                "evidence": [evidence(at, e) for e in row.evidence],
            }
            for row in found.rows
        ],
    }


def evidence(at: Desk, item: Evidence) -> Facts:
    """A record that a row rests on."""
    return {
        "kind": item.kind,
        "statement": str(item.statement),
        "entry": item.index,
        "signer": item.signer,
        "issuer": item.issuer,
        "signedAt": format_instant(item.signed_at),
        "verifiedBy": item.verified_by,
        "verification": verification(at, at.book.state.entries[item.index]),
    }


def basis(at: Desk) -> Facts:
    """What a report was made from: the signed checkpoint and the pins to compare with one's own."""
    history, book = at.history, at.book
    until = book.state.admitted_at
    return {
        "origin": history.checkpoint.origin,
        "size": history.checkpoint.size,
        "root": history.checkpoint.root.hex(),
        "note": history.note.decode("utf-8", "replace"),
        "from": format_instant(book.entries[0].admitted_at),
        "until": format_instant(until) if until else None,
        "genesis": str(book.state.genesis),
        "logKeys": list(book.config.log_keys),
        "trustedRoot": str(book.config.root),
        "configuration": str(book.config.digest),
        "configuredAt": book.state.configured_at,
    }


def heading(at: Desk) -> Facts:
    """Facts of every report."""
    return {
        "title": at.book.config.title,
        "origin": at.book.config.origin,
        "sandbox": at.book.config.sandbox,
        "basis": basis(at),
    }
