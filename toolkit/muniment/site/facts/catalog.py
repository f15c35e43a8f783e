"""The first page, and the lists of models, datasets and other kinds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from muniment.core.instant import format_instant
from muniment.core.name import Name, VersionId
from muniment.insight.lineage import concerns, records_of
from muniment.insight.standing import Standing, latest, stays_in, verdict
from muniment.registry.state import State
from muniment.site import paths
from muniment.site.facts import said
from muniment.site.facts.book import Book
from muniment.site.facts.common import entry_facts, is_event, version_link
from muniment.site.page import Sheet

Facts = dict[str, Any]
ROWS_A_PAGE = 250
FIRST_ROWS = 60
RECENT = 20


def catalog_sheet(book: Book, checkpoint: Facts) -> Sheet:
    """The first page. It and the log's pages alone print totals and the tree head."""
    shown = list(book.shelves)
    models = [n for n in shown if book.sections[n] == "models"]
    facts = {
        "page": "catalog",
        "environments": list(book.config.environments),
        "counts": _counts(book, shown),
        "models": [name_row(book, n) for n in models[:FIRST_ROWS]],
        "others": [name_row(book, n) for n in shown if book.sections[n] != "models"][:FIRST_ROWS],
        "modelsTotal": len(models),
        "attention": list(_attention(book, shown)),
        "recent": recent(book),
        "checkpoint": checkpoint,
    }
    return Sheet("index.html", "catalog.html", facts)


def section_sheets(book: Book, section: str) -> Iterator[Sheet]:
    """The list of all names of one kind, on as many pages as it takes, at least one."""
    rows = [name_row(book, n) for n in book.shelves if book.sections[n] == section]
    pages = max(1, -(-len(rows) // ROWS_A_PAGE))
    for number in range(1, pages + 1):
        facts = {
            "page": "section",
            "section": section,
            "environments": list(book.config.environments),
            "rows": rows[(number - 1) * ROWS_A_PAGE : number * ROWS_A_PAGE],
            "pages": [{"number": n, "page": paths.section_page(section, n)} for n in range(1, pages + 1)],
            "number": number,
        }
        yield Sheet(paths.section_page(section, number), "section.html", facts)


def name_row(book: Book, name: Name) -> Facts:
    """A name in a list: its newest version, what stands in each environment, its licence."""
    return row_at(book, name, book.state, book.shelves[name])


def row_at(book: Book, name: Name, at: State, versions: list[VersionId]) -> Facts:
    """A name in a list as of a state in which it has `versions`, the newest in front."""
    newest, last = latest(at, versions), versions[0]
    return {
        "name": str(name),
        "page": book.page_of(name),
        "section": book.sections[name],
        "newest": version_link(book, newest) if newest else None,
        "newestAt": format_instant(at.versions[last].released_at),
        "environments": [_cell(book, at, name, e) for e in (at.config or book.config).environments],
        "licences": _licences(at, newest),
    }


def recent(book: Book) -> list[Facts]:
    """The last events, newest first."""
    events = [e for e in reversed(book.entries) if is_event(e)][:RECENT]
    return [entry_facts(book, e) for e in events]


def _cell(book: Book, state: State, name: Name, environment: str) -> Facts | None:
    current = state.current(name, environment)
    if current is None:
        return None
    rolled = state.stages[(name, environment)][-1].index
    entry = state.entries[rolled]
    return {**version_link(book, current), "environment": environment, "byRollback": entry.kind == "rollback"}


def _licences(state: State, newest: VersionId | None) -> str:
    if newest is None:
        return ""
    own = [a.digest for a in state.versions[newest].artifacts]
    records = [e for e in records_of(state, newest) if concerns(e, own)]
    bom = said.bom_facts(said.predicate_of(records, "bom"))
    if bom and bom["main"] and bom["main"]["licence"]:
        return str(bom["main"]["licence"])
    dataset = said.predicate_of(records, "dataset")
    return said.text(dataset[1].get("licence")) or "" if dataset else ""


def _counts(book: Book, shown: list[Name]) -> list[Facts]:
    """What is here: names of each kind, then how many names have something in each environment."""
    kinds = [(s, sum(book.sections[n] == s for n in shown)) for s in paths.SECTIONS.values()]
    environments = [(e, sum(book.state.current(n, e) is not None for n in shown)) for e in book.config.environments]
    return [{"label": s, "count": c, "page": paths.section_page(s)} for s, c in kinds if c or s == "models"] + [
        {"label": f"in {e}", "count": c, "page": None} for e, c in environments
    ]


def _attention(book: Book, shown: list[Name]) -> Iterator[Facts]:
    """What a person should look at: rollbacks in force, warnings of policy, retired versions that still stand."""
    for name in shown:
        for environment in book.config.environments:
            stood = stays_in(book.state, name, environment)
            if not stood:
                continue
            entry = book.state.entries[stood[-1].tenure.index]
            link = version_link(book, stood[-1].tenure.version)
            if entry.kind == "rollback":
                yield {
                    **entry_facts(book, entry),
                    "what": "rollback in force",
                    "text": f"{environment} runs {link['version']}",
                    "link": link,
                }
            for finding in entry.findings:
                if finding.status in ("warn", "waived"):
                    yield {
                        **entry_facts(book, entry),
                        "what": finding.status.value,
                        "text": f"{finding.title}: {finding.reason}",
                        "link": link,
                    }
            if verdict(book.state, stood[-1].tenure.version).standing is Standing.RETIRED:
                yield {
                    **entry_facts(book, entry),
                    "what": "retired, in force",
                    "text": f"{environment} runs it",
                    "link": link,
                }
