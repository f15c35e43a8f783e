"""The log's pages: the tree head with its note, and the entries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from muniment.core.instant import format_instant
from muniment.log.checkpoint import Checkpoint
from muniment.log.merkle import leaf_hash
from muniment.registry.state import Entry
from muniment.site import paths
from muniment.site.facts.book import Book
from muniment.site.facts.common import entry_facts
from muniment.site.page import Sheet
from muniment.site.proofs import Proofs

Facts = dict[str, Any]


def checkpoint_facts(book: Book, checkpoint: Checkpoint, note: bytes) -> Facts:
    """A tree head: how many entries, the root hash, when its last batch was admitted, the note as the log signed it."""
    last = book.state.admitted_at
    return {
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "admittedAt": format_instant(last) if last else None,
        "note": note.decode(),
        "genesis": str(book.state.genesis),
    }


def log_sheets(book: Book, checkpoint: Facts, proofs: Proofs) -> Iterator[Sheet]:
    """The log's first page and the pages of entries."""
    per = paths.ENTRIES_A_PAGE
    total = -(-len(book.entries) // per)
    pages = [
        {"first": n * per, "last": min(len(book.entries), (n + 1) * per) - 1, "page": paths.entries_page(n)}
        for n in range(total)
    ]
    facts = {
        "page": "log",
        "checkpoint": checkpoint,
        "published": len(proofs.sizes),
        "batches": list(reversed(_batches(book)))[:50],
        "pages": list(reversed(pages)),
        "keys": list(book.config.log_keys),
        "configuration": str(book.config.digest),
        "trustedRoot": str(book.config.root),
        "check": {"page": "log"} | proofs.of_log(),
    }
    yield Sheet("log/index.html", "log.html", facts)
    for number in range(total):
        yield _entries_sheet(book, number, total, proofs)


def _entries_sheet(book: Book, number: int, total: int, proofs: Proofs) -> Sheet:
    per = paths.ENTRIES_A_PAGE
    chunk = book.entries[number * per : (number + 1) * per]
    facts = {
        "page": "entries",
        "number": number,
        "first": chunk[0].index,
        "full": len(chunk) == per,
        "older": paths.entries_page(number - 1) if number else None,
        "newer": paths.entries_page(number + 1) if number + 1 < total else None,
        "leaves": f"log/{_number(number)}.jsonl",
        "entries": [_entry(book, e) for e in chunk],
        "check": {"page": "entries"} | proofs.of_range(chunk[0].index, chunk[-1].index + 1),
    }
    return Sheet(paths.entries_page(number), "entries.html", facts)


def _entry(book: Book, entry: Entry) -> Facts:
    return entry_facts(book, entry) | {
        "leafHash": leaf_hash(entry.leaf).hex(),
        "leaf": entry.leaf.decode("utf-8", "replace"),
        "proof": paths.proof_file(entry.index),
    }


def _batches(book: Book) -> list[Facts]:
    """Each batch: the entries since the last state leaf."""
    batches: list[Facts] = []
    first = 0
    for entry in book.entries:
        if entry.kind == "state":
            count = entry.index - first
            last = {
                "first": first,
                "last": entry.index,
                "count": count,
                "admittedAt": format_instant(entry.admitted_at),
            }
            batches.append(last | {"page": paths.entry_anchor(first)})
            first = entry.index + 1
    return batches


def _number(number: int) -> str:
    from muniment.log.tiles import path_number

    return path_number(number)
