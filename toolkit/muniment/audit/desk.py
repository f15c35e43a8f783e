"""What a report is written from: a replayed history, the rules in force at each entry, and what was checked of each."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Mismatch, Missing, Untrusted
from muniment.log.merkle import MemoryTree, check_inclusion, leaf_hash, prove_inclusion
from muniment.registry.config import Config, parse_config
from muniment.registry.event import Configure
from muniment.registry.fold import Blob, History, tree_of
from muniment.registry.state import Entry, State
from muniment.site.facts.book import Book


@dataclass(frozen=True, slots=True)
class Desk:
    """A history with its tree, as a book; `configs` are the configurations with the entries that set them."""

    history: History
    book: Book
    tree: MemoryTree
    configs: tuple[tuple[int, Config], ...]
    _checked: dict[int, dict[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def state(self) -> State:
        """What the history adds up to."""
        return self.history.state

    def config_at(self, index: int) -> Config:
        """The configuration by which the entry at an index was judged; the first entry brings its own."""
        before = bisect_right(self.configs, index - 1, key=lambda pair: pair[0])
        return self.configs[max(0, before - 1)][1]

    def checked(self, entry: Entry) -> dict[str, Any]:
        """What was checked of a record: its signature by replay, its place in the log and its bundle's bytes now."""
        if entry.index not in self._checked:
            self._checked[entry.index] = _check(self, entry)
        return self._checked[entry.index]


def open_desk(history: History, blob: Blob) -> Desk:
    """The desk for a history; `blob` reads a blob of the registry by its digest."""
    configs = tuple(
        (e.index, parse_config(e.event.configuration)) for e in history.entries if isinstance(e.event, Configure)
    )
    return Desk(history, Book(history.entries, history.state, blob), tree_of(history.leaves), configs)


def _check(desk: Desk, entry: Entry) -> dict[str, Any]:
    assert entry.record is not None
    log, bundle = _log(desk, entry), _bundle(desk, entry.record.bundle)
    good = log == "included" and bundle == "held"
    return {"signature": "verified", "log": log, "bundle": bundle, "result": "verified" if good else "failed"}


def _log(desk: Desk, entry: Entry) -> str:
    head = desk.history.checkpoint
    try:
        proof = prove_inclusion(desk.tree, entry.index, head.size)
        check_inclusion(leaf_hash(entry.leaf), entry.index, head.size, proof, head.root)
    except Untrusted:
        return "not included"
    return "included"


def _bundle(desk: Desk, digest: Digest) -> str:
    try:
        return "held" if digest_of(desk.book.read(digest)) == digest else "altered"
    except Missing:
        return "missing"
    except Mismatch:
        return "altered"
