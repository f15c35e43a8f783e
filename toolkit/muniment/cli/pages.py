"""The pages of a verified site, rendered again and compared with those that are served."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from muniment.cli import output
from muniment.core.errors import Mismatch, Missing, Unchecked, Usage

if TYPE_CHECKING:
    from muniment.registry.store import Reader
    from muniment.site.compare import Compared
    from muniment.verify.target import Verified

UNCHECKED = "the site's pages"
NAMED = 5
TELL_EVERY = 5.0


def with_pages(done: Verified, wanted: bool | None) -> Verified:
    """What verification established, and that the pages are those of the log; or that nobody looked.

    `wanted` None compares the pages of an address where that can be done, True wherever they are or fails. Raises
    `Mismatch` naming the pages that differ, and where pages are wanted `Usage` for a pack, `Unchecked` for no site.
    """
    from muniment.registry.store.places import is_site
    from muniment.site.manifest import ROOT
    from muniment.verify.target import reader_of

    reader = reader_of(done.target)
    if reader is None or done.history is None:
        if wanted:
            raise Usage("A pack has no pages.", "Leave out --pages, or give the site's address.")
        return done
    if wanted or (wanted is None and is_site(done.target)):
        return _compared(done, reader, must=bool(wanted))
    return _unchecked(done, UNCHECKED) if is_site(done.target) or _has(reader, ROOT) else done


def _compared(done: Verified, reader: Reader, must: bool) -> Verified:
    from muniment.site.compare import compare_site

    assert done.history is not None
    try:
        compared = compare_site(done.history, reader, _progress())
    except Unchecked as error:
        if must:
            raise
        return _unchecked(done, f"{UNCHECKED}: {error.fact}")
    if compared.differing:
        raise _differ(compared)
    return replace(done, facts=(*done.facts, f"{compared.pages} pages rendered again; those served are the same"))


def _differ(compared: Compared) -> Mismatch:
    count = len(compared.differing)
    more = f" and {count - NAMED} more" if count > NAMED else ""
    named = f"{', '.join(compared.differing[:NAMED])}{more}"
    verb = "is not what the log gives" if count == 1 else "are not what the log gives"
    return Mismatch(
        f"{named} {verb}.", "The records hold, the pages do not: ask who hosts them, or build them yourself."
    )


def _unchecked(done: Verified, what: str) -> Verified:
    return replace(done, not_checked=(*done.not_checked, what))


def _has(reader: Reader, path: str) -> bool:
    try:
        reader.read(path)
    except Missing:
        return False
    return True


def _progress() -> Callable[[int], None]:
    last = time.monotonic()

    def told(count: int) -> None:
        nonlocal last
        if time.monotonic() - last >= TELL_EVERY:
            last = time.monotonic()
            output.say(f"{count} pages compared")

    return told
