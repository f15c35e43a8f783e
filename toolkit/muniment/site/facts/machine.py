"""What machines read: pointers for deploy jobs, the search index's documents, the feed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from muniment.core.canonical import format_json
from muniment.core.instant import format_instant
from muniment.core.name import VersionId
from muniment.insight.lineage import records_of
from muniment.insight.standing import latest, verdict
from muniment.registry.state import Entry
from muniment.site import paths
from muniment.site.facts.book import Book
from muniment.site.facts.catalog import recent
from muniment.site.facts.common import label_of
from muniment.site.page import Page, Sheet
from muniment.site.search import Found

Facts = dict[str, Any]


def pointer_pages(book: Book) -> Iterator[Page]:
    """`latest` and one pointer an environment for every name; an environment where nothing stands has none."""
    for name, versions in book.shelves.items():
        newest = latest(book.state, versions)
        if newest is not None:
            yield Page(paths.pointer(name, "latest"), format_json(_pointer(book, newest, None)))
        for environment in book.config.environments:
            current = book.state.current(name, environment)
            if current is not None:
                yield Page(paths.pointer(name, environment), format_json(_pointer(book, current, environment)))


def documents(book: Book) -> Iterator[Found]:
    """Names first, then versions, the newest in front."""
    for name in book.shelves:
        kind = book.sections[name].removesuffix("s")
        yield Found(str(name), kind, book.page_of(name), (str(name), name.namespace, name.name, kind))
    for version in reversed(book.order):
        yield _document(book, version)


def feed_sheet(book: Book) -> Sheet:
    """The last events as an Atom feed."""
    entries = [{**e, "id": _urn(book, e["index"])} for e in recent(book)]
    updated = format_instant(book.state.admitted_at) if book.state.admitted_at else None
    return Sheet("feed.xml", "feed.xml", {"id": _urn(book, None), "updated": updated, "entries": entries})


def _pointer(book: Book, version: VersionId, environment: str | None) -> Facts:
    found = book.state.versions[version]
    index = book.state.stages[(version.name, environment)][-1].index if environment else found.events[0]
    entry = book.state.entries[index]
    return {
        "artifacts": [{"digest": str(a.digest), "kind": a.kind, "name": a.name} for a in found.artifacts],
        "entry": index,
        "environment": environment,
        "findings": _outcome(entry),
        "page": book.page_of(version),
        "registry": {"genesis": str(book.state.genesis), "origin": book.config.origin, "sandbox": book.config.sandbox},
        "retired": found.retired is not None,
        "since": format_instant(entry.admitted_at),
        "standing": verdict(book.state, version).standing.value,
        "version": str(version),
    }


def _outcome(entry: Entry) -> Facts:
    return {s: sum(f.status == s for f in entry.findings) for s in ("pass", "warn", "fail", "waived")}


def _document(book: Book, version: VersionId) -> Found:
    found = book.state.versions[version]
    digests = [a.digest.hex for a in found.artifacts]
    texts = [str(version), version.version, book.sections[version.name].removesuffix("s")]
    texts += [a.name for a in found.artifacts]
    for entry in records_of(book.state, version):
        if entry.record is not None:
            digests += [entry.record.statement_digest.hex, entry.record.bundle.hex]
            texts += [entry.kind, label_of(entry.record.identity)]
    standing = verdict(book.state, version).standing.value.replace("-", " ")
    where = ", ".join(book.state.environments_of(version))
    note = f"{standing}{': ' + where if where else ''}"
    return Found(str(version), note, book.page_of(version), tuple(texts), tuple(digests))


def _urn(book: Book, index: int | None) -> str:
    """An identifier that stays: a UUID of the log's genesis and the entry."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"muniment:{book.state.genesis}:{'' if index is None else index}").urn
