"""Facts that both reports share: signers, records, decisions, findings, the checkpoint a report is made from."""

from __future__ import annotations

from typing import Any

from muniment import __version__
from muniment.audit.assess import Assessment, Evidence
from muniment.audit.conditions import is_workflow
from muniment.audit.desk import Desk
from muniment.core.instant import format_instant
from muniment.core.name import Name, VersionId
from muniment.insight.standing import approvals_for
from muniment.policy.finding import Finding
from muniment.registry.config import Config
from muniment.registry.event import Promote
from muniment.registry.leaf import parse_line
from muniment.registry.state import Entry
from muniment.signing.identity import Identity
from muniment.site.facts.common import event_facts, label_of, workflow_of

Facts = dict[str, Any]


def heading(at: Desk) -> Facts:
    """Facts of every report."""
    config = at.book.config
    return {
        "generator": f"muniment {__version__}",
        "title": config.title,
        "origin": config.origin,
        "sandbox": config.sandbox,
        "basis": _basis(at),
    }


def signer(config: Config, identity: Identity) -> Facts:
    """Who signed, as the certificate says; `person` is whom a configuration maps the identity to."""
    claims = dict(identity.claims)
    return {
        "person": config.person_of(identity),
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
    """A record: where it stands in the log, who signed it and when, and what was checked of it.

    Of a third party's `broughtInBy` is who signed it for this log.
    """
    assert entry.record is not None
    config, carrier = at.config_at(entry.index), entry.carrier
    said = {"broughtInBy": signer(config, carrier.identity)} if carrier is not None else {}
    return said | {
        "entry": entry.index,
        "kind": entry.kind,
        "detail": _detail(entry),
        "predicateType": entry.record.statement.predicate_type,
        "statement": str(entry.record.statement_digest),
        "bundle": str(entry.record.bundle),
        "signedAt": format_instant(entry.record.signed_at),
        "admittedAt": format_instant(entry.admitted_at),
        "signer": signer(config, entry.record.identity),
        "roles": roles_of(at, entry),
        "verification": at.checked(entry),
    }


def redacted(entry: Entry) -> Facts:
    """What is left of a record whose bundle is gone: its leaf, and the entry since which the rest is unproven."""
    line = parse_line(entry.leaf)
    return {
        "entry": entry.index,
        "kind": entry.kind,
        "predicateType": line.type,
        "statement": str(line.statement),
        "bundle": str(line.bundle),
        "signedAt": format_instant(line.signed_at),
        "admittedAt": format_instant(entry.admitted_at),
        "redactedBy": entry.unproven,
    }


def _detail(entry: Entry) -> str | None:
    """What tells a step or a dataset from others of its kind: the name it gives itself."""
    assert entry.record is not None
    named = entry.record.statement.predicate.get("name")
    return named if entry.kind in ("link", "dataset") and isinstance(named, str) else None


def decision(at: Desk, entry: Entry) -> Facts:
    """An event: the record, what it did, why, who approved it and what the rules said."""
    said = event_facts(at.book, entry)
    return record(at, entry) | {
        "deed": said["deed"],
        "version": said["version"]["id"] if said["version"] else None,
        "environment": said["environment"],
        "reason": said["reason"],
        "incident": said["incident"],
        "approvals": approvals(at, entry),
        "findings": [finding(f) for f in entry.findings],
    }


def approvals(at: Desk, entry: Entry) -> list[Facts]:
    """The approvals of an event."""
    return [
        record(at, at.state.entries[a.index])
        | {"role": a.event.role, "decision": a.event.decision, "reason": a.event.reason, "usedBy": a.consumed_by}
        for a in approvals_for(at.state, entry.index)
    ]


def standing(at: Desk, name: Name, environment: str) -> Facts:
    """What stands in an environment, who put it there, and for what was put back, who had let it in before."""
    tenures = at.state.stages[(name, environment)]
    version = tenures[-1].version
    entry = at.state.entries[tenures[-1].index]
    before = [at.state.entries[t.index] for t in tenures[:-1] if t.version == version]
    let_in = next((e for e in reversed(before) if isinstance(e.event, Promote)), None)
    return {
        "name": str(name),
        "environment": environment,
        "version": str(version),
        "page": at.book.page_of(version),
        "since": format_instant(tenures[-1].since),
        "by": decision(at, entry),
        "before": decision(at, let_in) if let_in and not isinstance(entry.event, Promote) else None,
    }


def roles_of(at: Desk, entry: Entry) -> list[str]:
    """The roles by which the signer was allowed to sign such a record when it was admitted."""
    assert entry.record is not None
    version = getattr(entry.event, "version", None)
    namespace = version.name.namespace if isinstance(version, VersionId) else None
    return list(
        at.config_at(entry.index).roles_of(
            entry.record.identity, entry.kind, namespace, entry.record.signed_at, entry.admitted_at
        )
    )


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
    rows = [
        {
            "id": row.id,
            "title": row.title,
            "asks": row.asks,
            "state": row.state.value,
            "reason": row.reason,
            "limit": row.limit,
            "evidence": [_evidence(at, e) for e in row.evidence],
        }
        for row in found.rows
    ]
    about = {"framework": found.framework, "title": found.title, "edition": found.edition}
    return {**about, "judgedAt": format_instant(found.at), "rows": rows}


def _evidence(at: Desk, item: Evidence) -> Facts:
    """A record that a row rests on."""
    return {
        "kind": item.kind,
        "statement": str(item.statement),
        "entry": item.index,
        "signer": item.signer,
        "issuer": item.issuer,
        "broughtInBy": item.brought_in_by,
        "signedAt": format_instant(item.signed_at),
        "verifiedBy": item.verified_by,
        "verification": at.checked(at.state.entries[item.index]),
    }


def _basis(at: Desk) -> Facts:
    """What a report was made from: the signed checkpoint and the pins to compare with one's own."""
    head, config, until = at.history.checkpoint, at.book.config, at.state.admitted_at
    return {
        "size": head.size,
        "redacted": len(at.state.absent),
        "root": head.root.hex(),
        "note": at.history.note.decode("utf-8", "replace"),
        "from": format_instant(at.history.entries[0].admitted_at),
        "until": format_instant(until) if until else None,
        "genesis": str(at.state.genesis),
        "logKeys": list(config.log_keys),
        "trustedRoot": str(config.root),
        "configuration": str(config.digest),
        "configuredAt": at.state.configured_at,
    }
