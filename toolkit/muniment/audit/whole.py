"""The report on a registry: exceptions, what runs and who allowed it, populations, signers, rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from muniment.audit import records
from muniment.audit.assess import assess
from muniment.audit.controls import Framework
from muniment.audit.desk import Desk
from muniment.audit.exceptions import exceptions
from muniment.core.instant import format_instant
from muniment.core.name import Name, VersionId
from muniment.evidence.kinds import DECISIONS, EVENTS
from muniment.registry.state import Entry
from muniment.site.facts.common import entry_facts, standing_facts
from muniment.site.facts.rules import policy_facts, review_facts

Facts = dict[str, Any]


def registry_facts(at: Desk, framework: Framework) -> Facts:
    """All that the report on a registry says, without the facts of every report."""
    return {
        "report": "registry",
        "environments": list(at.book.config.environments),
        "population": _population(at),
        "exceptions": exceptions(at),
        "standing": [records.standing(at, n, e) for n, e in sorted(at.state.stages, key=_order(at))],
        "versions": [_version(at, v, framework) for v in at.book.order],
        "framework": {
            "id": framework.id,
            "title": framework.title,
            "edition": framework.edition,
            "controls": [{"id": c.id, "title": c.title} for c in framework.controls],
        },
        "entries": [_entry(at, e) for e in at.history.entries],
        "signers": _signers(at),
        "rules": _rules(at),
        "access": _access(at),
    }


def _population(at: Desk) -> Facts:
    """How many entries the log has, and of what: the four kinds add up to all."""
    entries = at.history.entries
    events = sum(e.kind in EVENTS for e in entries)
    evidence = sum(e.is_evidence for e in entries)
    return {
        "entries": len(entries),
        "events": events,
        "evidence": evidence,
        "decisions": sum(e.kind in DECISIONS for e in entries),
        "batchEnds": sum(e.kind == "state" for e in entries),
        "versions": len(at.book.order),
        "signers": len({e.record.identity.key for e in entries if e.record is not None}),
    }


def _entry(at: Desk, found: Entry) -> Facts:
    """A line of the log: an event, a piece of evidence or the end of a batch."""
    if found.unproven is not None and found.record is None:
        return records.redacted(found) | {"version": _about(at, found)}
    if found.record is None:
        return {"entry": found.index, "kind": found.kind, "admittedAt": format_instant(found.admitted_at)}
    if found.event is not None:
        said = records.decision(at, found)
        asked = [f for f in said["findings"] if f["status"] != "not-applicable"]
        return said | {"approvals": [a["entry"] for a in said["approvals"]], "findings": asked}
    return records.record(at, found) | {"version": _about(at, found)}


def _about(at: Desk, found: Entry) -> str | None:
    about = entry_facts(at.book, found)["version"]
    return about["id"] if about else None


def _access(at: Desk) -> Facts | None:
    """The last access review, as signed and checked, with its decisions."""
    reviewed = review_facts(at.book)
    if reviewed is None:
        return None
    signed = records.decision(at, at.state.entries[reviewed["by"]["index"]])
    return {key: value for key, value in reviewed.items() if key != "by"} | {"by": signed}


def _order(at: Desk) -> Callable[[tuple[Name, str]], tuple[int, Name]]:
    """The last environment in front, names in alphabetical order."""
    places = {e: n for n, e in enumerate(reversed(at.book.config.environments))}
    return lambda key: (places.get(key[1], len(places)), key[0])


def _version(at: Desk, version: VersionId, framework: Framework) -> Facts:
    found = at.state.versions[version]
    released = records.record(at, at.state.entries[found.events[0]])
    return {
        "id": str(version),
        "name": str(version.name),
        "version": version.version,
        "kind": found.artifacts[0].kind,
        "page": at.book.page_of(version),
        "standing": standing_facts(at.book, version),
        "releasedAt": format_instant(found.released_at),
        "signer": released["signer"],
        "entry": released["entry"],
        "artifacts": [{"name": a.name, "kind": a.kind, "digest": str(a.digest)} for a in found.artifacts],
        "states": {row.id: row.state.value for row in assess(at.state, version, framework).rows},
    }


def _signers(at: Desk) -> list[Facts]:
    """Every identity that signed something, with the roles it holds now, what it signed, and who brought that in."""
    signed: dict[str, list[Entry]] = {}
    for found in at.history.entries:
        if found.record is not None:
            signed.setdefault(found.record.identity.key, []).append(found)
    return [_signer(at, entries) for entries in signed.values()]


def _signer(at: Desk, entries: list[Entry]) -> Facts:
    newest = [e.record for e in entries if e.record is not None]
    carriers = {e.carrier.identity.key: e.carrier.identity for e in entries if e.carrier is not None}
    kinds = [e.kind for e in entries]
    times = [format_instant(r.signed_at) for r in newest]
    config, identity = at.book.config, newest[-1].identity
    return {
        "signer": records.signer(config, identity),
        "broughtInBy": [records.signer(config, who) for who in carriers.values()],
        "roles": sorted({b.role for b in config.bindings if b.identity.matches(identity)}),
        "signed": [{"kind": kind, "count": kinds.count(kind)} for kind in dict.fromkeys(kinds)],
        "first": min(times),
        "last": max(times),
    }


def _rules(at: Desk) -> Facts:
    said = policy_facts(at.book)
    return {
        "configuration": said["configuration"],
        "rules": [rule | {"gate": gate["gate"]} for gate in said["gates"] for rule in gate["rules"]],
        "changes": [records.decision(at, e) for e in at.history.entries if e.kind == "configure"],
    }
