"""Writes a site to a folder: only files that changed; stale derived ones go; the registry's own stay untouched."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from muniment.core.canonical import parse_json
from muniment.core.errors import Malformed, Mismatch, Unreachable, Usage
from muniment.registry.fold import History, blob_reader
from muniment.registry.paths import ANCHOR, CHECKPOINTS, SUFFIX, checkpoint_path
from muniment.registry.store import Store
from muniment.site import manifest
from muniment.site.page import Page
from muniment.site.paths import is_own
from muniment.site.proofs import false_notes
from muniment.site.render import history_at, render


@dataclass(frozen=True, slots=True)
class Written:
    """What a build did to the folder, in files."""

    written: int
    same: int
    removed: int


def build_site(store: Store, history: History, out: Path, at: int | None = None) -> Written:
    """Renders the site of a registry, as it is or as it was at the published size `at`, and writes it to `out`.

    `out` may be the registry's folder itself. Raises `Usage` for a folder with other things in it, `Missing` for a size
    that was never published, `Mismatch` for a published checkpoint that is false: pages would prove nothing by it.
    """
    notes = read_notes(store)
    for size in false_notes(history, notes):
        raise Mismatch(
            f"{store.place}/{checkpoint_path(size)} is no checkpoint of this log.",
            "It was altered, or put there: restore it, or take it away where there never was one.",
        )
    shown = history if at is None else history_at(history, notes, at)
    pages = render(shown, blob_reader(store), notes, read_notes(store, SUFFIX))
    return write_site(pages, out, Path(store.place))


def read_notes(store: Store, suffix: str = "") -> dict[int, bytes]:
    """Every published checkpoint, or with their suffix its anchors, by size."""
    paths = (path for path in store.list(CHECKPOINTS) if path.endswith(suffix))
    found = ((path.rpartition("/")[2].removesuffix(suffix), path) for path in paths)
    return {int(name): store.read(path) for name, path in found if name.isascii() and name.isdigit()}


def write_site(pages: Iterable[Page], out: Path, registry: Path) -> Written:
    """Makes a folder hold the pages. `registry` is where the registry lies; there, its own files are left alone."""
    in_place = out.exists() and registry.exists() and out.samefile(registry)
    _check_folder(out, in_place)
    before = {path for path in _listed(out) if not (in_place and is_own(path))}
    if not in_place and not (out / manifest.ROOT).is_file():
        _write(out, Page(manifest.ROOT, b"{}"))  # by which a build that died is known for one
    now: set[str] = set()
    written = 0
    for page in pages:
        now.add(page.path)
        if not (in_place and is_own(page.path)):
            written += _write(out, page)
    stale = sorted(before - now)
    removed = sum(_remove(out, path) for path in stale)
    return Written(written, len(now) - written, removed)


def _check_folder(out: Path, in_place: bool) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise Usage(f"{out} is not a folder.", "Name a folder for the site.")
    if out.exists() and any(out.iterdir()) and not in_place and not (out / manifest.ROOT).is_file():
        raise Usage(
            f"{out} is not empty and holds no site that muniment built.", "Name an empty folder or a built site."
        )


def _listed(out: Path) -> Iterator[str]:
    """The files an earlier build wrote: those its manifest names, and what the manifest leaves out."""
    try:
        root = parse_json((out / manifest.ROOT).read_bytes(), manifest.ROOT)
    except (OSError, Malformed):
        return
    shards = root.get("shards") if isinstance(root, dict) else None
    for key in shards if isinstance(shards, dict) else ():
        path = f"manifest/{key}.json"
        yield path
        with contextlib.suppress(OSError, Malformed):
            yield from (p for p in parse_json((out / path).read_bytes(), path) if _is_inside(p))
    yield ANCHOR
    for folder in ("versions", CHECKPOINTS, "proof"):
        yield from (p.relative_to(out).as_posix() for p in (out / folder).rglob("*") if p.is_file())


def _is_inside(path: object) -> bool:
    if not isinstance(path, str) or "\\" in path or "\0" in path:
        return False
    parts = PurePosixPath(path)
    return bool(path) and not parts.is_absolute() and ".." not in parts.parts


def _write(out: Path, page: Page) -> bool:
    """Whether the file had to be written."""
    target = out / page.path
    try:
        if not target.is_symlink() and target.is_file() and target.read_bytes() == page.data:
            return False
        _make_folder(out, target.parent)
        _replace(target, page.data)
    except OSError as error:
        raise Unreachable(f"{target} cannot be written: {error.strerror}.", "Check space and permissions.") from error
    return True


def _replace(target: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".write-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _make_folder(out: Path, folder: Path) -> None:
    """Makes a folder below `out`; a link on the way could lead the site out of its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    inside = folder.relative_to(out).parts
    if any((out / Path(*inside[: n + 1])).is_symlink() for n in range(len(inside))):
        raise Usage(f"{folder} leads through a symbolic link.", "Remove the link, or name another folder.")


def _remove(out: Path, path: str) -> bool:
    target = out / path
    try:
        target.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    with contextlib.suppress(OSError):
        for parent in target.relative_to(out).parents:
            (out / parent).rmdir()
    return True
