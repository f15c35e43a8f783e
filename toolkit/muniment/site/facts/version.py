"""A version's page: the verdict first, then all that supports it."""

from __future__ import annotations

from typing import Any

from muniment.core.canonical import format_json
from muniment.core.instant import format_instant
from muniment.core.name import VersionId
from muniment.insight.lineage import concerns, ego, records_of
from muniment.insight.standing import Standing, Stay, approvals_for, last_stays, latest, stays, verdict, words_on
from muniment.registry.decision import decisions_on
from muniment.registry.documents import archive_document, stage_document, version_document
from muniment.registry.event import Rollback, stage_key, version_key
from muniment.registry.state import Entry, VersionState
from muniment.site.facts import said
from muniment.site.facts.book import Book
from muniment.site.facts.common import (
    approval_facts,
    event_facts,
    record_facts,
    version_link,
)
from muniment.site.facts.graph import graph_facts
from muniment.site.facts.running import deployments_of, observed_of
from muniment.site.facts.trouble import breaches_of, incidents_with
from muniment.site.page import Sheet
from muniment.site.proofs import Proofs

Facts = dict[str, Any]
PROVED = 40  # entries a page carries proofs for: a dataset that a thousand models were made from would be a large page


def version_sheet(book: Book, version: VersionId, proofs: Proofs) -> Sheet:
    """The page of one version."""
    facts = version_facts(book, version)
    return Sheet(book.page_of(version), "version.html", facts | {"check": check_facts(book, version, facts, proofs)})


def check_facts(book: Book, version: VersionId, facts: Facts, proofs: Proofs) -> Facts:
    """What the page proves itself with: the entries that it shows, and documents of the state tree.

    A stage's document goes with the version that stands there: its page changes with it in any case.
    """
    shown = _shown(facts)
    documents: dict[str, Any] = {version_key(version): version_document(book.state.versions[version])}
    for environment in book.state.environments_of(version):
        stage = book.state.stages[(version.name, environment)]
        documents[stage_key(version.name, environment)] = stage_document(stage)
    return {
        "page": "version",
        "subject": version_key(version),
        "documents": {subject: format_json(value).decode() for subject, value in documents.items()},
        "left": max(0, len(shown) - PROVED),
        **proofs.of_entries(shown[:PROVED]),
    }


def _shown(facts: Facts) -> list[int]:
    """The entries a page shows, those first that matter most: events, moves, approvals, evidence, decisions."""
    events = [*facts["history"], *facts["stages"]]
    records = [e.get("by", e) for e in events] + [a for e in events for a in e["approvals"]] + facts["evidence"]
    records += [decision for gate in facts["gates"] for decision in gate["decisions"]]
    return list(dict.fromkeys(record["index"] for record in records))


def version_facts(book: Book, version: VersionId) -> Facts:
    """All that a version's page says."""
    found = book.state.versions[version]
    records = list(records_of(book.state, version))
    own = [e for e in records if concerns(e, [a.digest for a in found.artifacts])]
    newest = latest(book.state, book.shelves[version.name])
    return {
        "page": "version",
        "section": book.sections[version.name],
        "kind": found.artifacts[0].kind,
        **version_link(book, version),
        "namePage": book.page_of(version.name),
        "newest": version_link(book, newest) if newest else None,
        "verdict": verdict_facts(book, version),
        "releasedAt": format_instant(found.released_at),
        "artifacts": [_artifact(book, version, a) for a in found.artifacts],
        "stages": [_stay(book, stay) for stay in stays(book.state, version)],
        "incidents": incidents_with(book, version),
        "breaches": breaches_of(book, version.name, version),
        "deployments": deployments_of(book, version.name, version),
        "observed": observed_of(book, version.name, version),
        "gates": _gates(book, found),
        "evidence": _evidence(book, version, records),
        "shaken": shaken_facts(book, version),
        **_said(book, own, records),
        "lineage": graph_facts(book, ego(book.lineage, version), version),
        "history": [_event(book, book.state.entries[i]) for i in reversed(found.events)],
    }


def verdict_facts(book: Book, version: VersionId) -> Facts:
    """The banner: standing, where and since when, why, and what to use instead."""
    judged = verdict(book.state, version)
    facts: Facts = {
        "standing": judged.standing.value,
        "stays": [_stay(book, s) for s in judged.stays],
        "reason": None,
        "incident": None,
        "instead": None,
        "index": book.state.versions[version].events[0],
        "also": [s.environment for s in last_stays(book.state, version) if s.ended_by is None],
    }
    if judged.standing is Standing.RETIRED:
        return facts | _retired(book, book.state.versions[version])
    if judged.standing is Standing.ROLLED_BACK:
        return facts | _rolled_back(book, judged.stays[-1])
    if judged.stays:
        facts["index"] = judged.stays[-1].tenure.index
    return facts


def _retired(book: Book, found: VersionState) -> Facts:
    event = found.retired
    assert event is not None
    other = event.replacement
    instead = version_link(book, other) if other is not None and other in book.state.versions else None
    kept = archive_document(event.archive) if event.archive else None
    said = {"reason": event.reason, "category": event.category, "archive": kept}
    return said | {"instead": instead, "index": found.events[-1]}


def _rolled_back(book: Book, stay: Stay) -> Facts:
    assert stay.ended_by is not None
    event = book.state.entries[stay.ended_by].event
    assert isinstance(event, Rollback)
    return {
        "reason": event.reason,
        "incident": event.incident,
        "instead": version_link(book, event.version),
        "index": stay.ended_by,
    }


def _artifact(book: Book, version: VersionId, artifact: Any) -> Facts:
    shared = [v for v in book.holders.get(artifact.digest, ()) if v != version]
    return {
        "name": artifact.name,
        "kind": artifact.kind,
        "digest": str(artifact.digest),
        "sharedWith": [version_link(book, v) for v in shared],
    }


def _stay(book: Book, stay: Stay) -> Facts:
    entry = book.state.entries[stay.tenure.index]
    return {
        "environment": stay.environment,
        "since": format_instant(stay.tenure.since),
        "until": format_instant(stay.until) if stay.until else None,
        "endedBy": stay.ended_by,
        "rolledBack": stay.rolled_back,
        "replaced": version_link(book, entry.event.replaces) if isinstance(entry.event, Rollback) else None,
        "incident": getattr(entry.event, "incident", None),
        "by": record_facts(book, entry),
        "approvals": [approval_facts(book, a) for a in approvals_for(book.state, entry.index)],
    }


def _gates(book: Book, found: VersionState) -> list[Facts]:
    """What policy said at each gate the version passed, newest first."""
    entries = [book.state.entries[i] for i in reversed(found.events)]
    gates = [_gate(book, entry) for entry in entries if _is_about(entry, found.id)]
    return [g for g in gates if g["findings"] or g["notApplicable"] or g["decisions"] or "unproven" in g]


def _gate(book: Book, entry: Entry) -> Facts:
    shown = [f for f in entry.findings if f.status != "not-applicable"]
    return {
        **event_facts(book, entry),
        "findings": [
            {
                "rule": f.rule,
                "title": f.title,
                "status": f.status.value,
                "reason": f.reason,
                "fix": f.fix,
                "waiver": f.waiver,
            }
            for f in shown
        ],
        "notApplicable": len(entry.findings) - len(shown),
        "decisions": [record_facts(book, e) for e in decisions_on(book.state, entry.index)],
    }


def _is_about(entry: Entry, version: VersionId) -> bool:
    return getattr(entry.event, "version", None) == version


def _evidence(book: Book, version: VersionId, bound: list[Entry]) -> list[Facts]:
    """Records the release is bound to, then those about its artifacts that came later or were not named."""
    known = {e.index for e in bound}
    digests = [a.digest for a in book.state.versions[version].artifacts]
    about = sorted({i for d in digests for i in book.state.about.get(d, ())} - known)
    others = [book.state.entries[i] for i in about]
    later = [e for e in others if e.is_evidence]
    return [_record(book, e, True) for e in bound] + [_record(book, e, False) for e in later]


def _record(book: Book, entry: Entry, bound: bool) -> Facts:
    bundle = book.bundle(entry.record.bundle) if entry.record else {}
    tlog = said.dig(bundle, "verificationMaterial", "tlogEntries", 0, "logIndex")
    known = {"bound": bound, "sigstoreIndex": said.text(tlog), "detail": said.detail_of(entry)}
    return record_facts(book, entry) | known


def shaken_facts(book: Book, version: VersionId) -> list[Facts]:
    """The reviews whose data changed afterwards, with the entries that say so."""
    return [
        {"kind": one.kind, "review": one.review, "data": one.data, "what": one.what, "change": one.change}
        for one in book.shaken.get(version, ())
    ]


def _said(book: Book, records: list[Entry], bound: list[Entry]) -> Facts:
    """What evidence about the version's own artifacts says; steps count wherever they lie on the way to it."""
    metrics = said.metric_facts(records)
    return {
        "bom": said.bom_facts(said.predicate_of(records, "bom")),
        "recipe": said.recipe_facts(book, said.predicate_of(records, "provenance")),
        "dataset": said.dataset_facts(said.predicate_of(records, "dataset")),
        "metrics": metrics,
        "slices": said.slice_facts(metrics),
        "evaluations": said.evaluation_facts(book, records),
        "steps": said.step_facts(bound),
        "files": said.file_facts(said.predicate_of(records, "signature")),
    }


def _event(book: Book, entry: Entry) -> Facts:
    approvals = [approval_facts(book, a) for a in words_on(book.state, entry.index)]
    return event_facts(book, entry) | {"approvals": approvals}
