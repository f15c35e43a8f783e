"""What runs of a name, as was last said of each instance, and what was observed of it."""

from __future__ import annotations

from typing import Any

from muniment.core.instant import format_instant
from muniment.core.name import Name, VersionId
from muniment.registry.state import Observation
from muniment.site.facts.book import Book
from muniment.site.facts.common import event_facts, version_link

Facts = dict[str, Any]


def deployments_of(book: Book, name: Name, version: VersionId | None = None) -> list[Facts]:
    """What was last said of each instance of a name, or of those where a version was last; by environment."""
    order = {environment: place for place, environment in enumerate(book.config.environments)}
    found = [d for (of, *_), d in book.state.deployments.items() if of == name and version in (None, d.version)]
    return [
        {
            "environment": d.environment,
            "instance": d.instance,
            "version": version_link(book, d.version),
            "status": d.status,
            "since": format_instant(d.since),
            "stands": book.state.current(name, d.environment) == d.version,
            "event": event_facts(book, book.state.entries[d.index]),
        }
        for d in sorted(found, key=lambda d: (order.get(d.environment, len(order)), d.environment, d.instance))
    ]


def observed_of(book: Book, name: Name, version: VersionId | None = None) -> list[Facts]:
    """What was observed of the versions that stand, or of one version, by environment: newest windows and triggers."""
    order = {environment: place for place, environment in enumerate(book.config.environments)}
    chosen = [
        (e, v, o)
        for (v, e), o in book.state.observed.items()
        if v.name == name and (v == version or (version is None and book.state.current(name, e) == v))
    ]
    return [
        {
            "environment": environment,
            "version": version_link(book, of),
            "windows": [_window(book, window) for window in reversed(observed.windows)],
            "triggers": [
                {"id": r.trigger, "title": r.title, "severity": r.severity, "alarm": r.alarm.value, "reason": r.reason}
                for r in observed.readings
            ],
        }
        for environment, of, observed in sorted(chosen, key=lambda c: (order.get(c[0], len(order)), c[0], c[1]))
    ]


def _window(book: Book, window: Observation) -> Facts:
    return {
        "begins": format_instant(window.begins),
        "ends": format_instant(window.ends),
        "samples": window.samples,
        "metrics": [{"name": n, "value": v} for n, v in sorted(window.metrics.items())],
        "drift": [{"name": n, "value": v} for n, v in sorted(window.drift.items())],
        "event": event_facts(book, book.state.entries[window.index]),
    }
