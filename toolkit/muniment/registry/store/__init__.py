"""Where a registry's files are: one Protocol, one module a kind of place."""

from __future__ import annotations

from typing import Protocol


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
