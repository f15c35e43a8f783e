"""The report on one version: who put it where, what it rests on, and how that answers each control."""

from __future__ import annotations

from typing import Any

from muniment.audit import records
from muniment.audit.assess import assess
from muniment.audit.controls import Framework
from muniment.core.instant import format_instant
from muniment.core.name import VersionId
from muniment.evidence.kinds import EVIDENCE
from muniment.insight.lineage import concerns, records_of
from muniment.insight.standing import stays
from muniment.registry.event import Approve
from muniment.registry.state import Entry
from muniment.site.facts import said
from muniment.site.facts.book import Book
from muniment.site.facts.version import verdict_facts

Facts = dict[str, Any]


def version_facts(at: records.Desk, version: VersionId, framework: Framework) -> Facts:
    """All that the report on a version says, without the facts of every report."""
    book = at.book
    found = book.state.versions[version]
    bound = list(records_of(book.state, version))
    own = [e for e in bound if concerns(e, [a.digest for a in found.artifacts])]
    return {
        "report": "version",
        "id": str(version),
        "name": str(version.name),
        "version": version.version,
        "kind": found.artifacts[0].kind,
        "verdict": verdict(book, version),
        "artifacts": [{"name": a.name, "kind": a.kind, "digest": str(a.digest)} for a in found.artifacts],
        "decisions": [records.decision(at, e) for e in decisions(book, version)],
        "stays": [_stay(s) for s in stays(book.state, version)],
        "assessment": records.assessment(at, assess(book.state, version, framework)),
        "evidence": [_evidence(at, e, version, bound) for e in [*bound, *_later(book, version, bound)]],
        **_said(book, own, bound),
    }


def verdict(book: Book, version: VersionId) -> Facts:
    """The word for where a version stands, why, and what to use instead."""
    judged = verdict_facts(book, version)
    instead = judged["instead"]
    return {
        "standing": judged["standing"],
        "environments": [s["environment"] for s in judged["stays"]],
        "also": judged["also"],
        "reason": judged["reason"],
        "incident": judged["incident"],
        "category": judged.get("category"),
        "instead": instead["id"] if instead else None,
        "entry": judged["index"],
    }


def decisions(book: Book, version: VersionId) -> list[Entry]:
    """The events of a version in log order, without approvals, which stand with what they approve."""
    entries = (book.state.entries[i] for i in book.state.versions[version].events)
    return [e for e in entries if not isinstance(e.event, Approve)]


def licences(book: Book, own: list[Entry]) -> Facts:
    """The version's own licence and those of its components, from its ML-BOM and dataset record."""
    bom = said.bom_facts(said.predicate_of(own, "bom"))
    dataset = said.predicate_of(own, "dataset")
    main = bom["main"]["licence"] if bom and bom["main"] else ""
    counts: dict[str, int] = {}
    for component in bom["components"] if bom else ():
        licence = component["licence"] or "not known"
        counts[licence] = counts.get(licence, 0) + 1
    return {
        "own": main or (said.text(dataset[1].get("licence")) if dataset else None) or None,
        "components": [{"licence": name, "count": counts[name]} for name in sorted(counts)],
        "entry": bom["index"] if bom else dataset[0].index if dataset else None,
    }


def _stay(stay: Any) -> Facts:
    return {
        "environment": stay.environment,
        "since": format_instant(stay.tenure.since),
        "until": format_instant(stay.until) if stay.until else None,
        "entry": stay.tenure.index,
        "endedBy": stay.ended_by,
        "rolledBack": stay.rolled_back,
    }


def _later(book: Book, version: VersionId, bound: list[Entry]) -> list[Entry]:
    """Evidence about the artifacts that the release does not name."""
    known = {e.index for e in bound}
    digests = [a.digest for a in book.state.versions[version].artifacts]
    about = sorted({i for d in digests for i in book.state.about.get(d, ())} - known)
    return [e for e in (book.state.entries[i] for i in about) if e.kind in EVIDENCE]


def _evidence(at: records.Desk, entry: Entry, version: VersionId, bound: list[Entry]) -> Facts:
    assert entry.record is not None
    digests = [a.digest for a in at.book.state.versions[version].artifacts]
    tlog = said.dig(at.book.bundle(entry.record.bundle), "verificationMaterial", "tlogEntries", 0, "logIndex")
    return records.record(at, entry) | {
        "named": entry in bound,
        "speaksOf": "the artifacts" if concerns(entry, digests) else "what led to them",
        "subjects": [{"name": s.name, "digest": str(s.digest)} for s in entry.record.statement.subjects],
        "sigstoreIndex": said.text(tlog),
    }


def _said(book: Book, own: list[Entry], bound: list[Entry]) -> Facts:
    recipe = said.recipe_facts(book, said.predicate_of(own, "provenance"))
    return {
        "metrics": said.metric_facts(own),
        "evaluations": [_plain(e) for e in said.evaluation_facts(book, own)],
        "licences": licences(book, own),
        "recipe": _brief(recipe) if recipe else None,
        "steps": said.step_facts(bound),
    }


def _brief(recipe: Facts) -> Facts:
    """A recipe without its long tail of slices and packages, which the site and the statement have."""
    stated = {row["key"]: row["value"] for row in recipe["stated"]}
    packages = sum(row["key"].startswith("software.distributions.") for row in recipe["environment"])
    return {
        "entry": recipe["index"],
        "buildType": recipe["buildType"],
        "builder": recipe["builder"],
        "startedOn": recipe["startedOn"],
        "finishedOn": recipe["finishedOn"],
        "invocation": recipe["invocation"],
        "command": stated.get("command"),
        "repository": stated.get("code.repository"),
        "commit": stated.get("code.commit"),
        "inputs": [
            {"name": i["name"], "role": i["role"], "digest": i["digest"], "versions": [v["id"] for v in i["versions"]]}
            for i in recipe["inputs"]
        ],
        "chosen": [row for row in recipe["chosen"] if row["key"].startswith(("hyperparameters", "seeds", "task"))],
        "environment": [row for row in recipe["environment"] if not row["key"].startswith("software.distributions.")],
        "packages": packages,
    }


def _plain(evaluation: Facts) -> Facts:
    """An evaluation without the site's page addresses."""
    named = {
        key: {
            "name": evaluation[key]["name"],
            "digest": evaluation[key]["digest"],
            "versions": [v["id"] for v in evaluation[key]["versions"]],
        }
        for key in ("data", "harness")
    }
    return {key: value for key, value in evaluation.items() if key != "index"} | named | {"entry": evaluation["index"]}
