"""The report on one version: who put it where, what it rests on, and how that answers each control."""

from __future__ import annotations

import shlex
from typing import Any

from muniment.audit import records
from muniment.audit.assess import assess
from muniment.audit.controls import Framework
from muniment.audit.desk import Desk
from muniment.core.name import VersionId
from muniment.insight.lineage import concerns, records_of
from muniment.registry.event import Approve
from muniment.registry.state import Entry
from muniment.site.facts import said
from muniment.site.facts.book import Book
from muniment.site.facts.tables import pairs
from muniment.site.facts.version import shaken_facts, verdict_facts

Facts = dict[str, Any]
MACHINE = (
    *(("hardware", key) for key in ("architecture", "processor", "cores", "memory", "accelerators")),
    *(("software", key) for key in ("system", "kernel", "implementation", "python")),
)


def version_facts(at: Desk, version: VersionId, framework: Framework) -> Facts:
    """All that the report on a version says, without the facts of every report."""
    found = at.state.versions[version]
    bound = list(records_of(at.state, version))
    own = [e for e in bound if concerns(e, [a.digest for a in found.artifacts])]
    where, evidence = at.state.environments_of(version), [*bound, *_later(at, version, bound)]
    return {
        "report": "version",
        "id": str(version),
        "name": str(version.name),
        "version": version.version,
        "kind": found.artifacts[0].kind,
        "verdict": _verdict(at.book, version),
        "standing": [records.standing(at, version.name, e) for e in where],
        "artifacts": [{"name": a.name, "kind": a.kind, "digest": str(a.digest)} for a in found.artifacts],
        "decisions": [records.decision(at, e) for e in _decisions(at, version)],
        "assessment": records.assessment(at, assess(at.state, version, framework)),
        "evidence": [_evidence(at, e, e in bound) for e in evidence if e.record is not None],
        "redacted": [records.redacted(e) for e in evidence if e.record is None],
        "shaken": shaken_facts(at.book, version),
        "evaluations": _evaluations(at.book, own),
        "licences": _licences(own),
        "recipe": _recipe(at.book, own),
        "steps": said.step_facts(bound),
    }


def _verdict(book: Book, version: VersionId) -> Facts:
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


def _decisions(at: Desk, version: VersionId) -> list[Entry]:
    """The events of a version in log order, without approvals, which stand with what they approve."""
    entries = (at.state.entries[i] for i in at.state.versions[version].events)
    return [e for e in entries if not isinstance(e.event, Approve)]


def _later(at: Desk, version: VersionId, bound: list[Entry]) -> list[Entry]:
    """Evidence about the artifacts that the release does not name."""
    known = {e.index for e in bound}
    digests = [a.digest for a in at.state.versions[version].artifacts]
    about = sorted({i for d in digests for i in at.state.about.get(d, ())} - known)
    return [e for e in (at.state.entries[i] for i in about) if e.is_evidence]


def _evidence(at: Desk, entry: Entry, named: bool) -> Facts:
    assert entry.record is not None
    tlog = said.dig(at.book.bundle(entry.record.bundle), "verificationMaterial", "tlogEntries", 0, "logIndex")
    return records.record(at, entry) | {
        "named": named,
        "subjects": [{"name": s.name, "digest": str(s.digest)} for s in entry.record.statement.subjects],
        "sigstoreIndex": said.text(tlog),
    }


def _evaluations(book: Book, own: list[Entry]) -> list[Facts]:
    """Each evaluation: what it was made on and with, and every number it reports."""
    numbers = said.metric_facts(own)
    return [
        {
            "entry": e["index"],
            "data": _named(e["data"]),
            "harness": _named(e["harness"]),
            "assurance": e["assurance"],
            "evaluatedAt": e["evaluatedAt"],
            "limitations": e["limitations"],
            "metrics": [{k: v for k, v in m.items() if k != "index"} for m in numbers if m["index"] == e["index"]],
        }
        for e in said.evaluation_facts(book, own)
    ]


def _named(thing: Facts) -> Facts:
    """A named thing without the site's page addresses."""
    return {"name": thing["name"], "digest": thing["digest"], "versions": [v["id"] for v in thing["versions"]]}


def _licences(own: list[Entry]) -> Facts:
    """The version's own licence and those of its components, from its ML-BOM and dataset record."""
    bom, dataset = said.bom_facts(said.predicate_of(own, "bom")), said.predicate_of(own, "dataset")
    main = bom["main"]["licence"] if bom and bom["main"] else None
    recorded = said.text(dataset[1].get("licence")) if dataset else None
    found = [c["licence"] or "not known" for c in bom["components"]] if bom else []
    return {
        "own": main or recorded,
        "entry": bom["index"] if bom else dataset[0].index if dataset else None,
        "components": [{"licence": name, "count": found.count(name)} for name in sorted(set(found))],
    }


def _recipe(book: Book, own: list[Entry]) -> Facts | None:
    """The recipe without its long tail of slices and packages, which the statement has."""
    found = said.predicate_of(own, "provenance")
    recipe = said.recipe_facts(book, found)
    if found is None or recipe is None:
        return None
    stated = said.dig(found[1], "buildDefinition", "externalParameters")
    ran = said.dig(found[1], "buildDefinition", "internalParameters")
    command = said.dig(stated, "command")
    return {
        "entry": found[0].index,
        **{key: recipe[key] for key in ("buildType", "builder", "startedOn", "finishedOn", "invocation")},
        "repository": said.text(said.dig(stated, "code", "repository")),
        "commit": said.text(said.dig(stated, "code", "commit")),
        "command": shlex.join(str(word) for word in command) if isinstance(command, list) else said.text(command),
        "inputs": [_named(i) | {"role": i["role"]} for i in recipe["inputs"]],
        "task": said.text(said.dig(stated, "task")),
        **{part: pairs(said.dig(stated, part) or {}) for part in ("hyperparameters", "seeds")},
        "machine": pairs({".".join(part): said.dig(ran, *part) for part in MACHINE}),
        "packages": len(said.dig(ran, "software", "distributions") or ()),
    }
