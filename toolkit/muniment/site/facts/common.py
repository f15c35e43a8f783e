"""Facts that many pages share: signers, records, events, versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.core.digest import Digest, parse_digest
from muniment.core.instant import format_instant
from muniment.core.name import VersionId
from muniment.evidence.kinds import EVENTS
from muniment.insight.standing import Standing, verdict
from muniment.registry.access import AccessReview
from muniment.registry.decision import decided
from muniment.registry.deletion import Redact, RequestDeletion
from muniment.registry.event import Approve, Configure, Event, Promote, Release, Retire, Rollback, RotateKey
from muniment.registry.leaf import parse_line
from muniment.registry.oversight import Incident, Revoke, Waive
from muniment.registry.runtime import Deploy, Observe
from muniment.registry.state import Approval, Entry
from muniment.signing.identity import Identity
from muniment.site import paths
from muniment.site.facts.book import Book

Facts = dict[str, Any]


def registry_facts(book: Book) -> Facts:
    """Facts of every page. Nothing that changes with an entry belongs here: every page would change."""
    return {"origin": book.config.origin, "title": book.config.title, "sandbox": book.config.sandbox}


def signer_facts(book: Book, identity: Identity) -> Facts:
    """A signer: the certificate's words, a short label, and the person if one is mapped."""
    claims = dict(identity.claims)
    return {
        "label": label_of(identity),
        "subject": identity.subject,
        "issuer": identity.issuer,
        "person": book.config.person_of(identity),
        "claims": claims,
        "workflow": workflow_of(claims) or None,
        "run": claims.get("runInvocationURI"),
    }


def label_of(identity: Identity) -> str:
    """A signer in few words: an address, or `owner/repository · workflow file`."""
    workflow = workflow_of(dict(identity.claims))
    if workflow:
        return f"{workflow['repository']} · {workflow['file']}"
    return identity.subject


def workflow_of(claims: Mapping[str, str]) -> dict[str, str]:
    """Repository, workflow file, ref and commit of a CI identity; empty for a person's."""
    repository = claims.get("sourceRepositoryURI", "")
    if not repository:
        return {}
    config = claims.get("buildConfigURI", claims.get("buildSignerURI", ""))
    file = config.rpartition("@")[0].rpartition("/")[2] or config
    ref = claims.get("sourceRepositoryRef", "")
    return {
        "repository": "/".join(repository.rstrip("/").split("/")[-2:]),
        "file": file,
        "ref": ref.removeprefix("refs/heads/").removeprefix("refs/tags/"),
        "commit": claims.get("sourceRepositoryDigest", ""),
        "url": repository,
    }


def record_facts(book: Book, entry: Entry) -> Facts:
    """A record: its place in the log, what it is, who signed it and when, where its bundle lies.

    Of a third party's `broughtInBy` is who signed it for this log. Of a redacted one what its leaf says, without signer
    and bundle.
    """
    facts: Facts = {
        "index": entry.index,
        "kind": entry.kind,
        "admittedAt": format_instant(entry.admitted_at),
        "page": paths.entry_anchor(entry.index),
    }
    if entry.unproven is not None:
        facts["unproven"] = {"index": entry.unproven, "page": paths.entry_anchor(entry.unproven)}
    if entry.carrier is not None:
        facts["broughtInBy"] = signer_facts(book, entry.carrier.identity)
    record = entry.record
    if record is None:
        return facts | (_left(entry) if entry.unproven is not None else {})
    return facts | {
        "predicateType": record.statement.predicate_type,
        "statement": str(record.statement_digest),
        "bundle": str(record.bundle),
        "bundlePath": paths.blob_path(record.bundle),
        "signedAt": format_instant(record.signed_at),
        "signer": signer_facts(book, record.identity),
        "subjects": [{"name": s.name, "digest": str(s.digest)} for s in record.statement.subjects],
    }


def _left(entry: Entry) -> Facts:
    line = parse_line(entry.leaf)
    assert not isinstance(line.subjects, Digest)
    return {
        "predicateType": line.type,
        "statement": str(line.statement),
        "bundle": str(line.bundle),
        "signedAt": format_instant(line.signed_at),
        "subjects": [{"name": s.name, "digest": str(s.digest)} for s in line.subjects],
    }


def version_link(book: Book, version: VersionId) -> Facts:
    """A version and its page."""
    return {"id": str(version), "version": version.version, "name": str(version.name), "page": book.page_of(version)}


def event_facts(book: Book, entry: Entry) -> Facts:
    """An event: the record, what it did in words, its reason, its version."""
    assert entry.event is not None
    target = target_entry(book, entry.event)
    version = getattr((target or entry).event, "version", None)
    deed = deed_of(entry.event)
    if target is not None and target.event is not None:
        deed = f"{deed}: {deed_of(target.event)[0].lower()}{deed_of(target.event)[1:]}"
    return record_facts(book, entry) | {
        "event": True,
        "deed": deed,
        "target": target.index if target else None,
        "reason": getattr(entry.event, "reason", None),
        "environment": getattr(entry.event, "environment", None),
        "incident": getattr(entry.event, "incident", None),
        "version": version_link(book, version) if version is not None else None,
    }


def target_entry(book: Book, event: Event) -> Entry | None:
    """The event that an approval approves, once it is in the log."""
    if not isinstance(event, Approve):
        return None
    indexes = book.state.statements.get(event.target, ())
    return book.state.entries[indexes[0]] if indexes else None


def entry_facts(book: Book, entry: Entry) -> Facts:
    """Any entry: an event, a piece of evidence or the end of a batch."""
    if entry.event is not None:
        return event_facts(book, entry)
    if entry.kind == "state":
        return record_facts(book, entry) | {"event": False, "deed": "", "version": None}
    facts, on = record_facts(book, entry), decided(entry)
    if on is not None:
        event = event_facts(book, book.entries[on])
        return facts | {"event": False, "deed": f"Decided on entry {on}", "version": event["version"], "on": event}
    about = [v for s in facts["subjects"] for v in book.holders.get(parse_digest(s["digest"]), ())]
    about += book.bound.get(parse_digest(facts["statement"]), ())
    version = version_link(book, about[0]) if about else None
    return facts | {"event": False, "deed": "Evidence", "version": version}


def deed_of(event: Event) -> str:
    """What an event did, in a few words."""
    match event:
        case Configure():
            return "Configured the registry"
        case RotateKey(log_keys=keys, trusted_root=root):
            what = ["the log's keys"] * (keys is not None) + ["the Sigstore root"] * (root is not None)
            return f"Rotated {' and '.join(what)}"
        case Release(artifacts=artifacts):
            return f"Released {_count(len(artifacts), 'artifact')}"
        case Approve(role=role, decision=decision):
            return f"{decision.capitalize()} as {role}"
        case Promote(environment=environment):
            return f"Promoted to {environment}"
        case Rollback(environment=environment, replaces=replaces):
            return f"Rolled back in {environment}, replacing {replaces.version}"
        case Deploy(environment=environment, status=status, instance=instance):
            where = f"{environment}, instance {instance}" if instance else environment
            return f"{status.capitalize()} in {where}"
        case Observe(environment=environment, samples=samples):
            return f"Observed in {environment} on {_count(samples, 'sample')}"
        case Revoke():
            return "Took a word back"
        case Waive(rule=rule, expires=expires):
            return f"Waived {rule} until {format_instant(expires)}"
        case Incident(action=action, incident=incident):
            return f"Incident {incident} {action}"
        case AccessReview(granted=granted):
            return f"Reviewed access: {_count(len(granted), 'binding')}"
        case Retire(category=category):
            return f"Retired: {category}"
        case RequestDeletion(basis=basis, statements=statements):
            return f"Asked that {_count(len(statements), 'record')} be deleted: {basis}"
        case Redact(bundles=bundles):
            return f"Redacted {_count(len(bundles), 'record')}"
    return type(event).__name__


def approval_facts(book: Book, approval: Approval) -> Facts:
    """An approval: who, in which role, when, why."""
    entry = book.state.entries[approval.index]
    return record_facts(book, entry) | {
        "role": approval.event.role,
        "decision": approval.event.decision,
        "reason": approval.event.reason,
        "person": approval.person,
        "consumedBy": approval.consumed_by,
        "revokedBy": approval.revoked_by,
    }


def standing_facts(book: Book, version: VersionId) -> Facts:
    """A version's standing for lists: a word and the environments where it stands."""
    word = verdict(book.state, version).standing
    environments = list(book.state.environments_of(version))
    text = "rolled back" if word is Standing.ROLLED_BACK else word.value
    return {
        "standing": word.value,
        "text": ", ".join(environments) if word is Standing.IN_FORCE else text,
        "environments": environments,
    }


def is_event(entry: Entry) -> bool:
    """Whether an entry is an event."""
    return entry.kind in EVENTS


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
