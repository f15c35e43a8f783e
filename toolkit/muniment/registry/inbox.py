"""The inbox: bundles that wait to be put in the log, each named by the digest of its canonical form."""

from __future__ import annotations

from dataclasses import dataclass

from muniment.core.errors import MunimentError
from muniment.registry.fold import open_bundle
from muniment.registry.paths import INBOX, SUFFIX, inbox_path
from muniment.registry.store import Store
from muniment.signing.bundle import Bundle

MAX_ITEMS = 10_000


@dataclass(frozen=True, slots=True)
class Item:
    """A file in the inbox: its bundle, or what is wrong with it."""

    path: str
    bundle: Bundle | None
    error: MunimentError | None = None


def submit(store: Store, data: bytes) -> str:
    """Puts a bundle in the inbox in canonical form and gives its path. Raises `Malformed`."""
    bundle = open_bundle(data)
    path = inbox_path(bundle.digest)
    store.write(path, bundle.data)
    return path


def read_inbox(store: Store) -> list[Item]:
    """What waits, at most 10,000 items, in the order of their names."""
    paths = [path for path in store.list(INBOX) if path.endswith(SUFFIX)]
    return [_read(store, path) for path in paths[:MAX_ITEMS]]


def _read(store: Store, path: str) -> Item:
    try:
        return Item(path, open_bundle(store.read(path)))
    except MunimentError as error:
        return Item(path, None, error)
