"""Writes the reports, a pure function of history and blobs: HTML to read and print, JSON, populations as CSV."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path

from muniment.audit import records, tables
from muniment.audit.controls import Framework, load_framework
from muniment.audit.desk import Desk, open_desk
from muniment.audit.draw import STYLES, Press
from muniment.audit.version import version_facts
from muniment.audit.whole import registry_facts
from muniment.core.canonical import format_json
from muniment.core.errors import Missing, Usage
from muniment.core.name import VersionId
from muniment.core.resources import resource_root
from muniment.registry.fold import Blob, History
from muniment.registry.store.local import LocalStore
from muniment.site.page import Page

SHIPPED = {
    STYLES: "report/report.css",
    "assets/muniment.css": "assets/muniment.css",
    "assets/seal.svg": "assets/seal.svg",
}


def write_reports(history: History, blob: Blob, out: Path, only: VersionId | None = None) -> list[Path]:
    """Writes the report on the registry and on every version, or with `only` on that version alone; gives the pages.

    Raises `Usage` for a folder that holds other things, `Missing` for a version that is not released, `Unreachable`
    where the folder cannot be written.
    """
    _check_folder(out)
    pages = list(report_pages(history, blob, only))
    for page in pages:
        _write(out, page)
    return [out / page.path for page in pages if page.path.endswith(".html")]


def report_pages(history: History, blob: Blob, only: VersionId | None = None) -> Iterator[Page]:
    """Every file of the reports, the registry's first."""
    at, framework, press = open_desk(history, blob), load_framework("slsa"), Press()
    if only is not None and only not in at.book.state.versions:
        raise Missing(f"{only} is not released.", "Name a version that is in the log.")
    for path, source in SHIPPED.items():  # first, for they tell the folder of a report, also of one that died
        yield Page(path, (resource_root("templates") / source).read_bytes())
    if only is None:
        yield from _registry(at, framework, press)
    for version in at.book.order if only is None else (only,):
        yield from _version(at, version, framework, press, only is None)


def _registry(at: Desk, framework: Framework, press: Press) -> Iterator[Page]:
    facts = records.heading(at) | registry_facts(at, framework)
    yield Page("index.html", press.html("of-registry.html", "index.html", facts, True))
    yield Page("report.json", format_json(facts))
    yield Page("entries.csv", tables.entries_csv(facts))
    yield Page("versions.csv", tables.versions_csv(facts))


def _version(at: Desk, version: VersionId, framework: Framework, press: Press, whole: bool) -> Iterator[Page]:
    path = at.book.page_of(version)
    facts = records.heading(at) | version_facts(at, version, framework)
    yield Page(path, press.html("of-version.html", path, facts, whole))
    yield Page(posixpath.join(posixpath.dirname(path), "report.json"), format_json(facts))


def _check_folder(out: Path) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise Usage(f"{out} is not a folder.", "Name a folder for the report.")
    if out.exists() and any(out.iterdir()) and not (out / STYLES).is_file():
        raise Usage(f"{out} is not empty and holds no report.", "Name a new or empty folder, or that of a report.")


def _write(out: Path, page: Page) -> None:
    target = out / page.path
    inside = target.parent.relative_to(out).parts
    if target.is_symlink() or any((out / Path(*inside[: n + 1])).is_symlink() for n in range(len(inside))):
        raise Usage(f"{target} leads through a symbolic link.", "Remove the link, or name another folder.")
    LocalStore(out).write(page.path, page.data)
