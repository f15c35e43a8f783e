"""What runs of a name, as was last said of each instance."""

from __future__ import annotations

from typing import Any

from muniment.core.instant import format_instant
from muniment.core.name import Name, VersionId
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
