"""The inbox: bundles that wait to be put in the log, each named by the digest of its canonical form.

Anybody who may submit may write anything here, under any name, as often as they like. So what one publish takes is
bounded, and it takes it in an order that nobody can foresee: names and times of files are the submitter's choice, and
any order by them would let a flood keep everybody else waiting for ever.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from muniment.core.errors import Malformed, Missing, MunimentError
from muniment.registry.fold import MAX_BUNDLE, open_bundle
from muniment.registry.paths import INBOX, SUFFIX, inbox_path
from muniment.registry.store import Store
from muniment.signing.bundle import Bundle

# Braces, brackets and commas; a bundle has a few hundred. Many more are JSON that takes 25 times its size in memory.
MAX_MARKS = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of the inbox one publish takes: files, bytes read, and bytes of verified bundles held at once."""

    files: int = 10_000
    read: int = 1 << 30
    held: int = 1 << 27


@dataclass(frozen=True, slots=True)
class Item:
    """A file in the inbox: its bundle, or what is wrong with it; `size` counts the bytes that were read."""

    path: str
    bundle: Bundle | None
    error: MunimentError | None = None
    size: int = 0


def submit(store: Store, *bundles: bytes) -> list[str]:
    """Puts bundles in the inbox in canonical form and gives their paths. Raises `Malformed` before any is put there."""
    opened = [open_bundle(data) for data in bundles]
    for bundle in opened:
        store.put_new(inbox_path(bundle.digest), bundle.data)
    store.commit(f"Submit {len(opened)} {'bundle' if len(opened) == 1 else 'bundles'}")
    return [inbox_path(bundle.digest) for bundle in opened]


def choose(store: Store, most: int) -> tuple[list[str], int]:
    """The paths of at most so many submissions, in an order left to chance, and how many more there are."""
    paths = [path for path in store.list(INBOX) if path.endswith(SUFFIX)]
    chosen = random.SystemRandom().sample(paths, min(most, len(paths)))
    return chosen, len(paths) - len(chosen)


def read_item(store: Store, path: str) -> Item | None:
    """What a submission holds; None where another publish took it away since it was listed."""
    size = 0
    try:
        data = store.read(path, MAX_BUNDLE)
        size = len(data)
        if sum(map(data.count, (b"{", b"[", b","))) > MAX_MARKS:
            raise Malformed(f"{path} has more parts than a bundle has.", "Give a *.sigstore.json file.")
        return Item(path, open_bundle(data), None, size)
    except Missing:
        return None
    except MunimentError as error:
        return Item(path, None, error, size)
