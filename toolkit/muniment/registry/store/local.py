"""A registry in a folder: every write is temp, fsync, rename, fsync of the folder; one writer at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from muniment.core.errors import Conflict, Missing, Unreachable
from muniment.registry.store import LIMIT


class LocalStore:
    """The files below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.root)

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises `Missing` or `Unreachable`."""
        try:
            with (self.root / path).open("rb") as file:
                data = file.read(LIMIT + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise Missing(f"{self.root / path} is missing.", "Fetch the registry again, whole.") from error
        except OSError as error:
            raise Unreachable(
                f"{self.root / path} cannot be read: {error.strerror}.", "Check its permissions."
            ) from error
        if len(data) > LIMIT:
            raise Unreachable(f"{self.root / path} is larger than {LIMIT} bytes.", "No file of a registry is.")
        return data

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return os.path.isfile(self.root / path)

    def list(self, folder: str) -> list[str]:
        """The paths of the files directly in a folder, sorted; hidden and temporary ones left out."""
        try:
            names = os.listdir(self.root / folder) if os.path.isdir(self.root / folder) else []
        except OSError as error:
            raise Unreachable(
                f"{self.root / folder} cannot be read: {error.strerror}.", "Check its permissions."
            ) from error
        return sorted(f"{folder}/{n}" for n in names if not n.startswith(".") and self.exists(f"{folder}/{n}"))

    def write(self, path: str, data: bytes) -> None:
        """Puts a file there whole or not at all."""
        target = self.root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=".write-", dir=target.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.chmod(temporary, 0o644)
                os.replace(temporary, target)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
                raise
            _sync(target.parent)
        except OSError as error:
            raise Unreachable(
                f"{target} cannot be written: {error.strerror}.", "Check space and permissions."
            ) from error

    def remove(self, path: str) -> None:
        """Takes a file away, if it is there."""
        try:
            (self.root / path).unlink(missing_ok=True)
        except OSError as error:
            raise Unreachable(
                f"{self.root / path} cannot be removed: {error.strerror}.", "Check its permissions."
            ) from error

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the registry for one writer. Raises `Conflict` when another holds it."""
        handle = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise Conflict(f"Another run works on {self.root}.", "Let it end, then try again.") from error
        finally:
            os.close(handle)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
