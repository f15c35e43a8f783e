"""A name's page: what runs where, all versions, how the numbers moved, who decided."""

from __future__ import annotations

from typing import Any

from muniment.core.instant import format_instant
from muniment.core.name import Name, VersionId
from muniment.insight.lineage import concerns, ego, records_of
from muniment.insight.standing import approvals_for, latest, stays_in
from muniment.site.facts import said
from muniment.site.facts.book import Book
from muniment.site.facts.common import approval_facts, event_facts, record_facts, standing_facts, version_link
from muniment.site.facts.graph import graph_facts
from muniment.site.facts.running import deployments_of, observed_of
from muniment.site.facts.trouble import breaches_of, incidents_of
from muniment.site.page import Sheet

Facts = dict[str, Any]


def name_sheet(book: Book, name: Name) -> Sheet:
    """The page of one name."""
    return Sheet(book.page_of(name), "name.html", name_facts(book, name))


def name_facts(book: Book, name: Name) -> Facts:
    """All that a name's page says."""
    versions = book.shelves[name]
    newest = latest(book.state, versions)
    return {
        "page": "name",
        "section": book.sections[name],
        "name": str(name),
        "namespace": name.namespace,
        "newest": version_link(book, newest) if newest else None,
        "environments": [_environment(book, name, e) for e in book.config.environments],
        "versions": [_version(book, v) for v in versions],
        "incidents": incidents_of(book, name),
        "breaches": breaches_of(book, name),
        "deployments": deployments_of(book, name),
        "observed": observed_of(book, name),
        "trend": _trend(book, list(reversed(versions))),
        "lineage": graph_facts(book, ego(book.folded, name, 3), name),
        "history": [event_facts(book, book.state.entries[i]) for i in _history(book, versions)],
    }


def _environment(book: Book, name: Name, environment: str) -> Facts:
    stood = stays_in(book.state, name, environment)
    now = stood[-1] if stood else None
    return {
        "environment": environment,
        "version": version_link(book, now.tenure.version) if now else None,
        "since": format_instant(now.tenure.since) if now else None,
        "by": record_facts(book, book.state.entries[now.tenure.index]) if now else None,
        "approvals": [approval_facts(book, a) for a in approvals_for(book.state, now.tenure.index)] if now else [],
        "stays": len(stood),
    }


def _version(book: Book, version: VersionId) -> Facts:
    found = book.state.versions[version]
    return {
        **version_link(book, version),
        **standing_facts(book, version),
        "releasedAt": format_instant(found.released_at),
        "digest": str(found.artifacts[0].digest),
        "evidence": len(found.evidence),
        "index": found.events[0],
        "log": record_facts(book, book.state.entries[found.events[0]])["page"],
    }


def _trend(book: Book, versions: list[VersionId]) -> list[Facts]:
    """Each whole-set metric over the versions that report it, for metrics that two versions or more report."""
    rows: dict[str, list[Facts]] = {}
    for version in versions:
        own = [a.digest for a in book.state.versions[version].artifacts]
        records = (e for e in records_of(book.state, version) if concerns(e, own))
        for metric in said.metric_facts(records):
            if metric["slice"] is None and metric["value"] is not None:
                point = {"version": version.version, "page": book.page_of(version), "value": metric["value"]}
                rows.setdefault(metric["metric"], []).append(point)
    return [{"metric": metric, "points": points} for metric, points in sorted(rows.items()) if len(points) > 1]


def _history(book: Book, versions: list[VersionId]) -> list[int]:
    return sorted({i for v in versions for i in book.state.versions[v].events}, reverse=True)
