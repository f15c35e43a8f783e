"""Past states of the site: one row a published checkpoint, and the catalog as of the newest of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from muniment.core.instant import format_instant
from muniment.insight.standing import by_name
from muniment.registry.state import Entry, State
from muniment.site import paths
from muniment.site.facts.book import Book
from muniment.site.facts.catalog import row_at
from muniment.site.facts.common import entry_facts
from muniment.site.page import Sheet

Facts = dict[str, Any]
KEPT = 20


def past_sheet(book: Book, roots: Mapping[int, bytes]) -> Sheet:
    """The list of published sizes, newest first, with what changed in each; `roots` maps sizes to root hashes."""
    sizes = sorted(roots)
    kept = set(sizes[-KEPT:])
    rows = [
        _row(book, size, before, roots[size], size in kept) for size, before in zip(sizes, [0, *sizes], strict=False)
    ]
    return Sheet("versions/index.html", "past.html", {"page": "past", "rows": list(reversed(rows))})


def snapshot_sheet(book: Book, size: int, state: State, root: bytes, changed: Sequence[Entry]) -> Sheet:
    """The catalog as of a size. Its links lead to the pages of today."""
    assert state.config is not None
    facts = {
        "page": "snapshot",
        "size": size,
        "root": root.hex(),
        "admittedAt": format_instant(state.admitted_at) if state.admitted_at else None,
        "environments": list(state.config.environments),
        "rows": [row_at(book, n, state, versions) for n, versions in by_name(state).items()],
        "changed": [entry_facts(book, e) for e in changed if e.kind != "state"],
    }
    return Sheet(paths.snapshot_page(size), "snapshot.html", facts)


def _row(book: Book, size: int, before: int, root: bytes, kept: bool) -> Facts:
    changed = [e for e in book.entries[before:size] if e.event is not None]
    return {
        "size": size,
        "root": root.hex(),
        "admittedAt": format_instant(book.entries[size - 1].admitted_at),
        "entries": size - before,
        "changed": [entry_facts(book, e) for e in changed],
        "page": paths.snapshot_page(size) if kept else None,
    }
