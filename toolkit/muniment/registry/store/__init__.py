"""Where a registry's files are: one Protocol, one module a kind of place.

Every change says what it takes the place to hold (compare-and-swap), so that of two writers one always learns that it
was not alone. `docs/places.md` says what each kind of place makes of it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from muniment.core.errors import Missing

# No file of a registry is larger: 256 leaves of at most 65,535 bytes, or a bundle of at most 16 MiB.
LIMIT = 64 * 1024 * 1024


class Reader(Protocol):
    """Reads a registry; paths are relative, with forward slashes."""

    @property
    def place(self) -> str:
        """The folder or address, for messages."""

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises `Missing` or `Unreachable`."""


class Store(Reader, Protocol):
    """Reads and writes a registry. What is read within a turn is no older than the turn, or was written in it."""

    @property
    def alone(self) -> bool:
        """Whether a turn keeps every other writer out; else somebody may be between commit and checkpoint."""

    def read(self, path: str, most: int = LIMIT) -> bytes:
        """The bytes of a file. Raises `Missing`, `Unreachable`, or `Malformed` for a link or more than `most` bytes."""

    def list(self, folder: str) -> list[str]:
        """The paths of the files directly in a folder, sorted; hidden ones left out; nothing if it does not exist."""

    def put_new(self, path: str, data: bytes) -> None:
        """Puts a file there that never changes. Raises `Conflict` where another one is."""

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        """Replaces what is there whole, if it is `old` (None: nothing). Raises `Conflict` where it is something else.

        Where `new` is there already, nothing is left to do.
        """

    def remove(self, path: str) -> None:
        """Takes a file away, if it is there."""

    def commit(self, message: str) -> None:
        """Makes all changes stand, at the latest now. Raises `Conflict` like the change itself would."""

    def turn(self) -> AbstractContextManager[None]:
        """The time of one writer; changes that were not committed at its end are forgotten. Raises `Conflict`."""


def read_if(reader: Reader, path: str) -> bytes | None:
    """The bytes of a file, None where there is none. Raises `Unreachable`."""
    try:
        return reader.read(path)
    except Missing:
        return None
