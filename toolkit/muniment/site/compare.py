"""A served site held against the pages that its replayed log gives: what its host altered or left out shows.

Compared are the pages with all that they load, and what machines read. Tiles and proof files are not: they prove
themselves to whoever uses them. Pages that no build makes are not looked for, as a site has no list of its files.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from muniment.core.canonical import parse_json
from muniment.core.digest import Digest
from muniment.core.errors import Malformed, Missing
from muniment.registry.fold import History, blob_reader
from muniment.registry.paths import checkpoint_path
from muniment.registry.store import Reader
from muniment.site.manifest import RENDERER, ROOT
from muniment.site.paths import is_own
from muniment.site.proofs import false_notes
from muniment.site.render import render

AT_ONCE = 8
CHUNK = 64
PROVE_THEMSELVES = ("tile/", "proof/")
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Compared:
    """How many pages were compared, and the paths of those that are missing or have other bytes."""

    pages: int
    differing: tuple[str, ...]


def compare_site(history: History, reader: Reader, told: Told = lambda _: None) -> Compared:
    """Renders the pages of a history that was verified and compares those that `reader` serves.

    `told` hears now and then how many are done. Raises `Unchecked`: `Missing` where no site is or another renderer
    built it, `Unreachable` where a page cannot be had; a page that the site does not have differs.
    """
    _check_renderer(reader)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        notes, false = _checkpoints(history, reader, pool)
        if false:
            return Compared(0, false)
        blobs = _blobs(history, reader, pool)
        rendered = (page for page in render(history, blobs, notes) if _is_page(page.path))
        done, differing = 0, list[str]()
        while chunk := list(islice(rendered, CHUNK)):
            served = pool.map(lambda page: _read(reader, page.path), chunk)
            differing += [page.path for page, data in zip(chunk, served, strict=True) if data != page.data]
            done += len(chunk)
            told(done)
    return Compared(done, tuple(differing))


def _is_page(path: str) -> bool:
    return not is_own(path) and not path.startswith(PROVE_THEMSELVES)


def _check_renderer(reader: Reader) -> None:
    try:
        value = parse_json(reader.read(ROOT), ROOT)
    except Missing as error:
        raise Missing(
            f"{reader.place} holds no built site: {ROOT} is missing.", "Build one with muniment site, or name another."
        ) from error
    renderer = value.get("renderer") if isinstance(value, dict) else None
    if not isinstance(renderer, str):
        raise Malformed(f"{ROOT} does not say what built the site.", "Ask who hosts it.")
    if renderer != RENDERER:
        raise Missing(f"The site was built by {renderer[:80]}, and this is {RENDERER}.", "Install that version.")


def _checkpoints(history: History, reader: Reader, pool: Executor) -> tuple[dict[int, bytes], tuple[str, ...]]:
    """The published checkpoints by size, and the paths of those that are not of this log. Every batch may have one."""
    sizes = [entry.index + 1 for entry in history.entries if entry.kind == "state"]
    served = pool.map(lambda size: _read(reader, checkpoint_path(size)), sizes)
    notes = {size: note for size, note in zip(sizes, served, strict=True) if note is not None}
    return notes, tuple(map(checkpoint_path, false_notes(history, notes)))


def _blobs(history: History, reader: Reader, pool: Executor) -> Callable[[Digest], bytes]:
    """The bundles, fetched side by side; pages ask for them one by one, and more than once."""
    read = blob_reader(reader)

    def fetch(digest: Digest) -> bytes | None:
        try:
            return read(digest)
        except Missing:
            return None

    digests = list(dict.fromkeys(e.record.bundle for e in history.entries if e.record is not None))
    found = dict(zip(digests, pool.map(fetch, digests), strict=True))

    def blob(digest: Digest) -> bytes:
        data = found.get(digest)
        if data is None:
            raise Missing(f"There is no blob {digest}.", "It may have been redacted.")
        return data

    return blob


def _read(reader: Reader, path: str) -> bytes | None:
    try:
        return reader.read(path)
    except Missing:
        return None
