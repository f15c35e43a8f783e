"""Where a registry's files are: one Protocol, one module a kind of place."""

from __future__ import annotations

from typing import Protocol

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
    """Reads and writes a registry."""

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""

    def list(self, folder: str) -> list[str]:
        """The paths of the files directly in a folder, sorted; nothing if it does not exist."""

    def write(self, path: str, data: bytes) -> None:
        """Puts a file there whole or not at all, replacing what was there."""

    def remove(self, path: str) -> None:
        """Takes a file away, if it is there."""
