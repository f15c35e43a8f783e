"""A folder of states that were derived before, a file a log, so that their makers need not derive them at each step.

Whoever holds the log's key, or that of a witness who replays, seals what is kept and takes nothing else: who can write
to the folder, as jobs of a CI can to a shared one, must not be able to have a root signed or cosigned that no reader
would derive. Others read on the registry's own word anyway.
"""

from __future__ import annotations

import contextlib
import hmac

from muniment.core.digest import Digest
from muniment.core.errors import Unchecked
from muniment.log.note import Cosigner, NoteSigner
from muniment.registry.snapshot import format_snapshot, parse_snapshot
from muniment.registry.state import State
from muniment.registry.store.local import LocalStore


class Cache:
    """States in a folder, by their log's first entry; with a secret they are sealed, and kept apart from others."""

    def __init__(self, book: LocalStore, secret: bytes | None = None) -> None:
        self._book, self._secret = book, secret
        self._suffix = "state" if secret is None else "sealed"

    def load(self, origin: str, genesis: Digest) -> State | None:
        """The state kept of a log, None where there is none that can be used."""
        try:
            data = self._book.read(f"{genesis.hex}.{self._suffix}")
        except Unchecked:
            return None
        return parse_snapshot(data, origin, genesis, self._secret)

    def save(self, state: State) -> None:
        """Keeps a state, where the folder lets it."""
        assert state.genesis is not None
        with contextlib.suppress(Unchecked):
            self._book.write(f"{state.genesis.hex}.{self._suffix}", format_snapshot(state, self._secret))


def secret_of(signer: NoteSigner | Cosigner) -> bytes:
    """What seals the states of whoever holds a log's or a witness's key."""
    return hmac.digest(signer.seed, b"muniment cache", "sha256")
