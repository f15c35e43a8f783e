"""The site: `pages = render(history)`. Equal log, blobs and renderer give equal bytes.

Nothing here reads the clock, or any file but the package's own templates and schemas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType

from muniment.core.digest import Digest
from muniment.core.errors import Mismatch, Missing
from muniment.core.resources import resource_root
from muniment.insight.past import states_at
from muniment.log.checkpoint import Checkpoint, format_checkpoint
from muniment.log.lines import leaf_file
from muniment.log.tiles import entry_bundles, tiles
from muniment.registry.fold import Blob, History, tree_of
from muniment.registry.paths import ANCHOR, CHECKPOINT, anchor_path, blob_path, checkpoint_path
from muniment.site import paths
from muniment.site.draw import Pen
from muniment.site.facts.book import Book
from muniment.site.facts.catalog import catalog_sheet, section_sheets
from muniment.site.facts.common import registry_facts
from muniment.site.facts.graph import graph_facts
from muniment.site.facts.log import checkpoint_facts, log_sheets
from muniment.site.facts.machine import documents, feed_sheet, pointer_pages
from muniment.site.facts.name import name_sheet
from muniment.site.facts.past import KEPT, past_sheet, snapshot_sheet
from muniment.site.facts.rules import rules_sheets
from muniment.site.facts.version import version_sheet
from muniment.site.manifest import with_manifest
from muniment.site.page import Page, Sheet
from muniment.site.proofs import Proofs
from muniment.site.search import search_pages

Notes = Mapping[int, bytes]
_NONE: Notes = MappingProxyType({})


def render(history: History, blob: Blob, notes: Notes, anchors: Notes = _NONE) -> Iterator[Page]:
    """Every file of the built site.

    `blob` reads a blob of the registry by its digest; `notes` are the signed checkpoints published so far, by size, and
    `anchors` those of them that are signed keyless as well.
    """
    checkpoint = history.checkpoint
    yield from with_manifest(_files(history, blob, notes, anchors), checkpoint.origin, checkpoint.size)


def _files(history: History, blob: Blob, notes: Notes, anchors: Notes) -> Iterator[Page]:
    book = Book(history.entries, history.state, blob)
    published = {size: note for size, note in notes.items() if size <= history.checkpoint.size}
    published[history.checkpoint.size] = history.note
    yield from own_files(history, blob, published)
    yield from anchor_files(history.checkpoint.size, anchors)
    proofs = Proofs(history, published)
    yield from (Page(path, data) for path, data in tiles(proofs.tree, proofs.sizes))
    yield from (Page(path, data) for path, data in entry_bundles(history.leaves, proofs.sizes))
    yield from proofs.files()
    yield from proofs.scripts()
    pen = Pen(registry_facts(book))
    for sheet in sheets(book, history, proofs):
        yield from pen.draw(sheet)
    yield from machine_files(book, pen)
    yield from shipped_files()


def history_at(history: History, notes: Notes, size: int) -> History:
    """The history as it was at a published size. Raises `Missing`, or `Mismatch` for a note of another history."""
    if size == history.checkpoint.size:
        return history
    if size not in notes or not 0 < size < history.checkpoint.size:
        known = ", ".join(str(s) for s in sorted(notes)[-5:])
        raise Missing(f"No checkpoint of size {size} was published.", f"Choose a published size: …, {known}.")
    root = tree_of(history.leaves[:size]).root()
    checkpoint = Checkpoint(history.checkpoint.origin, size, root)
    if not notes[size].startswith(format_checkpoint(checkpoint).encode() + b"\n"):
        raise Mismatch(
            f"The checkpoint of size {size} is not of this log.", "The registry was altered; fetch it again."
        )
    return replace(
        history,
        entries=history.entries[:size],
        state=states_at(history.entries, [size])[size],
        checkpoint=checkpoint,
        note=notes[size],
        leaves=history.leaves[:size],
    )


def own_files(history: History, blob: Blob, notes: Notes) -> Iterator[Page]:
    """The registry's own files up to the checkpoint, without the inbox; a blob that is gone is left out."""
    yield Page(CHECKPOINT, history.note)
    for size in sorted(notes):
        yield Page(checkpoint_path(size), notes[size])
    numbered = enumerate(history.leaves)
    for path, lines in groupby(numbered, key=lambda pair: leaf_file(pair[0])):
        yield Page(path, b"".join(leaf + b"\n" for _, leaf in lines))
    bundles: dict[Digest, None] = {e.record.bundle: None for e in history.entries if e.record is not None}
    for digest in bundles:
        try:
            yield Page(blob_path(digest), blob(digest))
        except Missing:
            continue


def anchor_files(newest: int, anchors: Notes) -> Iterator[Page]:
    """The anchors of the checkpoints up to the newest, and the newest one's under the name that says so."""
    for size in sorted(size for size in anchors if size <= newest):
        yield Page(anchor_path(size), anchors[size])
    if newest in anchors:
        yield Page(ANCHOR, anchors[newest])


def sheets(book: Book, history: History, proofs: Proofs) -> Iterator[Sheet]:
    """Every page that people read."""
    head = checkpoint_facts(book, history.checkpoint, proofs.signed(history.checkpoint.size))
    yield catalog_sheet(book, head)
    for section in paths.SECTIONS.values():
        if section in ("models", "datasets") or section in book.sections.values():
            yield from section_sheets(book, section)
    yield from (name_sheet(book, name) for name in book.shelves)
    yield from (version_sheet(book, version, proofs) for version in book.order)
    yield from log_sheets(book, head, proofs)
    yield Sheet("lineage/index.html", "lineage.html", {"page": "lineage", "lineage": graph_facts(book, book.folded)})
    yield from rules_sheets(book)
    yield from past_sheets(book, proofs)
    yield Sheet("404.html", "404.html", {"page": "missing"})


def past_sheets(book: Book, proofs: Proofs) -> Iterator[Sheet]:
    """The list of past sizes and the catalogs of the newest."""
    sizes = proofs.sizes
    roots = {size: proofs.tree.root(size) for size in sizes}
    yield past_sheet(book, roots)
    kept = sizes[-KEPT:]
    states = states_at(book.entries, kept)
    for size in kept:
        before = max((s for s in sizes if s < size), default=0)
        yield snapshot_sheet(book, size, states[size], roots[size], book.entries[before:size])


def machine_files(book: Book, pen: Pen) -> Iterator[Page]:
    """Pointers, search index, feed and headers."""
    yield from pointer_pages(book)
    yield from search_pages(documents(book))
    feed = feed_sheet(book)
    yield Page(feed.path, pen.html(feed))
    yield Page("_headers", pen.html(Sheet("_headers", "_headers", {})))


def shipped_files() -> Iterator[Page]:
    """Assets and JSON Schemas, as the package ships them."""
    for kind, folder in (("assets", resource_root("templates") / "assets"), ("schemas", resource_root("schemas"))):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.name.startswith("."):
                yield Page(f"{kind}/{file.relative_to(folder).as_posix()}", file.read_bytes())
