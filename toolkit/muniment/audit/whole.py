"""The report on a registry: exceptions, what runs and who allowed it, populations, access, what it was made from."""

from __future__ import annotations

from typing import Any

from muniment.audit import records
from muniment.audit.assess import assess
from muniment.audit.controls import Framework
from muniment.audit.exceptions import exceptions
from muniment.core.instant import format_instant
from muniment.core.name import Name, VersionId
from muniment.evidence.kinds import EVENTS, EVIDENCE
from muniment.registry.state import Entry
from muniment.site.facts.book import Book
from muniment.site.facts.common import entry_facts, standing_facts
from muniment.site.facts.rules import policy_facts

Facts = dict[str, Any]


def registry_facts(at: records.Desk, framework: Framework) -> Facts:
    """All that the report on a registry says, without the facts of every report."""
    book = at.book
    return {
        "report": "registry",
        "environments": list(book.config.environments),
        "population": population(book),
        "exceptions": exceptions(book),
        "standing": [_standing(at, n, e) for n, e in sorted(book.state.stages, key=_order(book))],
        "versions": [_version(at, v, framework) for v in book.order],
        "framework": {
            "id": framework.id,
            "title": framework.title,
            "edition": framework.edition,
            "controls": [{"id": c.id, "title": c.title} for c in framework.controls],
        },
        "entries": [entry(at, e) for e in book.entries],
        "signers": _signers(book),
        "rules": _rules(at),
    }


def population(book: Book) -> Facts:
    """How many entries the log has, and of what: the three kinds add up to all."""
    events = sum(e.kind in EVENTS for e in book.entries)
    evidence = sum(e.kind in EVIDENCE for e in book.entries)
    return {
        "entries": len(book.entries),
        "events": events,
        "evidence": evidence,
        "batchEnds": len(book.entries) - events - evidence,
        "versions": len(book.order),
        "signers": len({e.record.identity.key for e in book.entries if e.record is not None}),
    }


def entry(at: records.Desk, found: Entry) -> Facts:
    """A line of the log: an event, a piece of evidence or the end of a batch."""
    if found.record is None:
        return {"entry": found.index, "kind": found.kind, "admittedAt": format_instant(found.admitted_at)}
    if found.event is not None:
        said = records.decision(at, found)
        return said | {
            "approvals": [a["entry"] for a in said["approvals"]],
            "findings": [f for f in said["findings"] if f["status"] != "not-applicable"],
        }
    about = entry_facts(at.book, found)["version"]
    return records.record(at, found) | {"version": about["id"] if about else None}


def _order(book: Book) -> Any:
    places = {e: n for n, e in enumerate(reversed(book.config.environments))}
    return lambda key: (places.get(key[1], len(places)), key[0])


def _standing(at: records.Desk, name: Name, environment: str) -> Facts:
    book = at.book
    tenure = book.state.stages[(name, environment)][-1]
    found = book.state.entries[tenure.index]
    return {
        "name": str(name),
        "environment": environment,
        "version": str(tenure.version),
        "page": book.page_of(tenure.version),
        "since": format_instant(tenure.since),
        "retired": book.state.versions[tenure.version].retired is not None,
        "by": records.decision(at, found),
    }


def _version(at: records.Desk, version: VersionId, framework: Framework) -> Facts:
    book = at.book
    found = book.state.versions[version]
    released = records.decision(at, book.state.entries[found.events[0]])
    return {
        "id": str(version),
        "name": str(version.name),
        "version": version.version,
        "kind": found.artifacts[0].kind,
        "page": book.page_of(version),
        "standing": standing_facts(book, version),
        "releasedAt": format_instant(found.released_at),
        "signer": released["signer"],
        "entry": released["entry"],
        "artifacts": [{"name": a.name, "kind": a.kind, "digest": str(a.digest)} for a in found.artifacts],
        "states": {row.id: row.state.value for row in assess(book.state, version, framework).rows},
    }


def _signers(book: Book) -> list[Facts]:
    """Every identity that signed something, with the roles it holds now and what it signed."""
    signed: dict[str, list[Entry]] = {}
    for found in book.entries:
        if found.record is not None:
            signed.setdefault(found.record.identity.key, []).append(found)
    return [_signer(book, entries) for entries in signed.values()]


def _signer(book: Book, entries: list[Entry]) -> Facts:
    last = entries[-1].record
    assert last is not None
    kinds: dict[str, int] = {}
    for found in entries:
        kinds[found.kind] = kinds.get(found.kind, 0) + 1
    times = [format_instant(e.record.signed_at) for e in entries if e.record is not None]
    bindings = [b for b in book.config.bindings if b.identity.matches(last.identity)]
    return {
        "signer": records.signer(book, last.identity),
        "roles": sorted({b.role for b in bindings}),
        "signed": [{"kind": kind, "count": count} for kind, count in kinds.items()],
        "first": min(times),
        "last": max(times),
    }


def _rules(at: records.Desk) -> Facts:
    said = policy_facts(at.book)
    changes = [e for e in at.book.entries if e.kind == "configure"]
    return {
        "configuration": said["configuration"],
        "rules": [rule | {"gate": gate["gate"]} for gate in said["gates"] for rule in gate["rules"]],
        "changes": [records.decision(at, e) for e in changes],
    }
