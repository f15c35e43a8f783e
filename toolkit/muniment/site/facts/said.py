"""What evidence says, read for showing: BOM, recipe, dataset, metrics, files.

Predicates are others' text: nothing is assumed of their form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from muniment.core.digest import Digest, parse_digest
from muniment.core.name import VersionId
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.link import materials_of
from muniment.insight.lineage import dependencies
from muniment.registry.state import Entry
from muniment.site.facts.book import Book
from muniment.site.facts.common import version_link
from muniment.site.facts.tables import layout, pairs, part
from muniment.site.facts.tables import text as text

# What decides how a model comes out, apart from code and data.
CHOSEN = ("hyperparameters", "seeds", "features", "preprocessing", "task")
Facts = dict[str, Any]
Predicate = Mapping[str, Any]


def dig(value: Any, *steps: str | int) -> Any:
    """What lies at a path of keys and indexes, or None."""
    for step in steps:
        if isinstance(value, Mapping) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step] if step < len(value) else None
        else:
            return None
    return value


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; nothing for what is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def predicate_of(entries: Iterable[Entry], kind: str) -> tuple[Entry, Predicate] | None:
    """The first record of a kind and what it says."""
    for entry in entries:
        if entry.record is not None and entry.record.statement.predicate_type == EVIDENCE[kind]:
            return entry, entry.record.statement.predicate
    return None


def bom_facts(found: tuple[Entry, Predicate] | None) -> Facts | None:
    """An ML-BOM: what it is about, counts and components, licences, the model card's parameters."""
    if found is None:
        return None
    entry, bom = found
    components = [_component(c) for c in objects(dig(bom, "components"))]
    main = dig(bom, "metadata", "component")
    card = dig(main, "modelCard") or next(
        (c["modelCard"] for c in objects(dig(bom, "components")) if "modelCard" in c), None
    )
    return {
        "index": entry.index,
        "format": f"{text(dig(bom, 'bomFormat')) or 'BOM'} {text(dig(bom, 'specVersion')) or ''}".strip(),
        "main": _component(main) if isinstance(main, Mapping) else None,
        "components": components,
        "counts": _counts(components),
        "licences": sorted({c["licence"] for c in components if c["licence"]}),
        "card": _card(card),
    }


def recipe_facts(book: Book, found: tuple[Entry, Predicate] | None) -> Facts | None:
    """A recipe: parameters the producer chose, the environment, what went in, who built it and when."""
    if found is None:
        return None
    entry, predicate = found
    definition, run = dig(predicate, "buildDefinition"), dig(predicate, "runDetails")
    stated = dig(definition, "externalParameters")
    parameters = stated if isinstance(stated, Mapping) else {}
    return {
        "index": entry.index,
        "buildType": text(dig(definition, "buildType")),
        "chosen": layout(part(parameters, CHOSEN)),
        "stated": layout(part(parameters, CHOSEN, others=True)),
        "environment": layout(dig(definition, "internalParameters") or {}),
        "inputs": _inputs(book, entry, objects(dig(definition, "resolvedDependencies"))),
        "builder": text(dig(run, "builder", "id")),
        "startedOn": text(dig(run, "metadata", "startedOn")),
        "finishedOn": text(dig(run, "metadata", "finishedOn")),
        "invocation": text(dig(run, "metadata", "invocationId")),
    }


def dataset_facts(found: tuple[Entry, Predicate] | None) -> Facts | None:
    """A dataset record: rows, and tables for its lists."""
    return None if found is None else {"index": found[0].index, **layout(found[1])}


def metric_facts(entries: Iterable[Entry]) -> list[Facts]:
    """Every number that the evaluations report."""
    rows: list[Facts] = []
    for entry in entries:
        if entry.record is not None and entry.record.statement.predicate_type == EVIDENCE["evaluation"]:
            rows += [_metric(entry, m) for m in objects(dig(entry.record.statement.predicate, "metrics"))]
    return rows


def slice_facts(metrics: list[Facts]) -> Facts | None:
    """The numbers that are of a part of the data as a table: a row a slice, a column a metric."""
    parts = [m for m in metrics if m["slice"] is not None]
    names = list(dict.fromkeys(m["metric"] for m in parts))
    cells: dict[str, dict[str, Facts]] = {}
    for metric in parts:
        cells.setdefault(metric["slice"], {})[metric["metric"]] = metric
    rows = [{"slice": name, "cells": [row.get(n) for n in names]} for name, row in cells.items()]
    return {"columns": names, "rows": rows} if rows else None


def detail_of(entry: Entry) -> str | None:
    """What tells a record from others of its kind: the step's name, the dataset's."""
    predicate = entry.record.statement.predicate if entry.record is not None else {}
    return text(predicate.get("name")) if entry.kind in ("link", "dataset") else None


def evaluation_facts(book: Book, entries: Iterable[Entry]) -> list[Facts]:
    """What each evaluation was made on and with, and what it says of its own worth."""
    rows: list[Facts] = []
    for entry in entries:
        if entry.record is not None and entry.record.statement.predicate_type == EVIDENCE["evaluation"]:
            report = entry.record.statement.predicate
            rows.append(
                {
                    "index": entry.index,
                    "data": _named(book, dig(report, "data")),
                    "harness": _named(book, dig(report, "harness")),
                    "assurance": (text(dig(report, "assuranceLevel")) or "").replace("_", "-"),
                    "evaluatedAt": text(dig(report, "evaluatedAt")),
                    "limitations": [str(line) for line in dig(report, "limitations") or ()],
                }
            )
    return rows


def step_facts(entries: Iterable[Entry]) -> list[Facts]:
    """The pipeline steps that in-toto links recorded, in the order in which one's products became another's materials.

    Name, command, counts of what went in and came out.
    """
    links = [e for e in entries if e.record is not None and e.record.statement.predicate_type == EVIDENCE["link"]]
    return [_step(entry) for entry in _in_order(links)]


def _in_order(links: list[Entry]) -> list[Entry]:
    """Links by what feeds what; where nothing tells, and within a circle, in the log's order."""
    makers: dict[Digest, set[int]] = {}
    for place, entry in enumerate(links):
        for digest in _made(entry):
            makers.setdefault(digest, set()).add(place)
    before = {at: {m for d in _used(entry) for m in makers.get(d, ())} - {at} for at, entry in enumerate(links)}
    done: list[Entry] = []
    while before:
        following = next((at for at, needed in before.items() if not needed), next(iter(before)))
        del before[following]
        for needed in before.values():
            needed.discard(following)
        done.append(links[following])
    return done


def _made(entry: Entry) -> set[Digest]:
    return {s.digest for s in entry.record.statement.subjects} if entry.record is not None else set()


def _used(entry: Entry) -> set[Digest]:
    return {d for _, d in materials_of(entry.record.statement.predicate)} if entry.record is not None else set()


def _step(entry: Entry) -> Facts:
    assert entry.record is not None
    said = entry.record.statement.predicate
    command = dig(said, "command")
    return {
        "index": entry.index,
        "name": text(dig(said, "name")) or "step",
        "command": " ".join(str(c) for c in command) if isinstance(command, list) else "",
        "materials": len(objects(dig(said, "materials"))),
        "products": len(entry.record.statement.subjects),
    }


def file_facts(found: tuple[Entry, Predicate] | None) -> list[Facts]:
    """The files that the model signature lists."""
    if found is None:
        return []
    resources = objects(dig(found[1], "resources"))
    return [{"name": text(r.get("name")) or "", "sha256": text(r.get("digest")) or ""} for r in resources]


def _component(component: Mapping[str, Any]) -> Facts:
    return {
        "type": text(component.get("type")) or "",
        "name": "/".join(filter(None, (text(component.get("group")), text(component.get("name"))))),
        "version": text(component.get("version")) or "",
        "licence": _licence(component),
    }


def _licence(component: Mapping[str, Any]) -> str:
    names = []
    for choice in objects(component.get("licenses")):
        name = choice.get("expression") or dig(choice, "license", "id") or dig(choice, "license", "name")
        names += [name] if isinstance(name, str) else []
    return " AND ".join(names)


def _counts(components: list[Facts]) -> list[Facts]:
    kinds = sorted({c["type"] for c in components})
    return [{"type": kind, "count": sum(c["type"] == kind for c in components)} for kind in kinds]


def _card(card: Any) -> list[Facts]:
    rows = pairs(dig(card, "modelParameters") or {}) + pairs(dig(card, "considerations") or {})
    return [row for row in rows if row["value"] and not row["key"].endswith(".ref")]


def _inputs(book: Book, entry: Entry, items: list[Mapping[str, Any]]) -> list[Facts]:
    held: dict[str, list[VersionId]] = {d.hex: list(book.holders.get(d, ())) for _, d, _ in dependencies(entry)}
    rows = []
    for item in items:
        digests = item.get("digest")
        algorithm = next(iter(sorted(digests)), "") if isinstance(digests, Mapping) else ""
        value = text(dig(item, "digest", "sha256")) or text(dig(item, "digest", algorithm)) or ""
        rows.append(
            {
                "name": text(item.get("name")) or text(item.get("uri")) or "",
                "uri": text(item.get("uri")),
                "role": text(dig(item, "annotations", "role")) or "dependency",
                "digest": f"{'sha256' if dig(item, 'digest', 'sha256') else algorithm}:{value}" if value else "",
                "versions": [version_link(book, v) for v in held.get(value, [])],
            }
        )
    return rows


def _named(book: Book, value: Any) -> Facts:
    """A named thing with a digest, and the versions here that have it."""
    digest = text(dig(value, "digest")) or ""
    held = book.holders.get(parse_digest(digest), ()) if digest else ()
    return {"name": text(dig(value, "name")) or "", "digest": digest, "versions": [version_link(book, v) for v in held]}


def _metric(entry: Entry, metric: Mapping[str, Any]) -> Facts:
    value, threshold = metric.get("value"), metric.get("threshold")
    return {
        "index": entry.index,
        "metric": text(metric.get("metric")) or text(metric.get("name")) or "",
        "slice": text(metric.get("slice")),
        "unit": text(metric.get("unit")),
        "sampleSize": text(metric.get("sampleSize")),
        "value": value if isinstance(value, int | float) else None,
        "threshold": threshold if isinstance(threshold, int | float) else None,
        "comparator": text(metric.get("comparator")),
        "passed": metric["passed"] if isinstance(metric.get("passed"), bool) else None,
    }
