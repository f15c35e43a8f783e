"""Which kind of place a text names: the one function that decides it for every command."""

from __future__ import annotations

import re
from pathlib import Path

from muniment.core.errors import Usage
from muniment.registry.store import Reader, Store
from muniment.registry.store.bucket import BucketStore, parse_bucket_place
from muniment.registry.store.git import GitStore, parse_git_place
from muniment.registry.store.http import HttpReader
from muniment.registry.store.local import LocalStore
from muniment.registry.store.retry import RETRIES

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SITES = ("http", "https")


def open_store(place: str, retries: int = RETRIES) -> Store:
    """The registry at a place that can be written to; nothing is read yet. Raises `Usage`."""
    scheme = _scheme(place)
    if scheme is None:
        return LocalStore(Path(place))
    if scheme.startswith("git+"):
        return GitStore(parse_git_place(place), retries)
    if scheme == "s3":
        return BucketStore(*parse_bucket_place(place))
    if scheme in _SITES:
        raise Usage("A site can be read and not written to.", "Give the folder, repository or bucket it is built from.")
    raise Usage(
        f"{scheme}:// is no kind of place that a registry can be in.",
        "Give a folder, git+https://..., git+ssh://..., git+file://..., s3://..., or to read it an http address.",
    )


def open_reader(place: str) -> Reader:
    """The registry at a place, to be read. Raises `Usage`."""
    return HttpReader(place) if is_site(place) else open_store(place)


def is_site(place: str) -> bool:
    """Whether a place is a site's address."""
    return _scheme(place) in _SITES


def is_address(place: str) -> bool:
    """Whether a place is somewhere else than in this machine's folders."""
    return _scheme(place) is not None


def _scheme(place: str) -> str | None:
    match = _SCHEME.match(place)
    return match[1].lower() if match else None
