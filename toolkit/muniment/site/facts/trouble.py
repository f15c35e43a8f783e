"""What went wrong with a name and what answered it: incidents, rollbacks, and approvals that emergencies owe."""

from __future__ import annotations

from typing import Any

from muniment.core.instant import format_instant
from muniment.core.name import Name, VersionId
from muniment.registry.event import Rollback
from muniment.registry.state import Breach, IncidentState
from muniment.site.facts.book import Book
from muniment.site.facts.common import event_facts, version_link

Facts = dict[str, Any]


def incidents_of(book: Book, name: Name) -> list[Facts]:
    """The incidents of a name, the one opened last in front."""
    found = [i for i in book.state.incidents.values() if i.name == name]
    return [_incident(book, i) for i in sorted(found, key=lambda i: i.events[0], reverse=True)]


def incidents_with(book: Book, version: VersionId) -> list[Facts]:
    """The incidents that are located to a version, or because of which it was replaced or put back."""
    return [i for i in incidents_of(book, version.name) if str(version) in i["concerns"]]


def breaches_of(book: Book, name: Name, version: VersionId | None = None) -> list[Facts]:
    """The emergency rollbacks of a name, or to one version, that went without approvals; the last one in front."""
    found = [b for (of, _), b in book.state.breaches.items() if of == name and version in (None, b.version)]
    return [_breach(book, b) for b in sorted(found, key=lambda b: b.index, reverse=True)]


def _breach(book: Book, breach: Breach) -> Facts:
    by = None if breach.settled_by is None else book.state.entries[breach.settled_by]
    settled = breach.settled_at
    return {
        "version": version_link(book, breach.version),
        "environment": breach.environment,
        "role": breach.role,
        "missing": list(breach.missing),
        "deadline": format_instant(breach.deadline),
        "event": event_facts(book, book.state.entries[breach.index]),
        "settledAt": format_instant(settled) if settled else None,
        "late": settled is not None and breach.is_overdue(settled),
        "settledBy": event_facts(book, by) if by else None,
    }


def _incident(book: Book, incident: IncidentState) -> Facts:
    moves = [book.state.entries[i] for i in incident.rollbacks]
    moved = [v for e in moves if isinstance(e.event, Rollback) for v in (e.event.version, e.event.replaces)]
    return {
        "id": incident.id,
        "severity": incident.severity,
        "environment": incident.environment,
        "openedAt": format_instant(incident.opened_at),
        "resolved": incident.resolved,
        "version": version_link(book, incident.version) if incident.version else None,
        "events": [event_facts(book, book.state.entries[i]) for i in incident.events],
        "rollbacks": [event_facts(book, entry) for entry in moves],
        "concerns": sorted({str(v) for v in (*moved, *filter(None, [incident.version]))}),
    }
