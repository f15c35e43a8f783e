"""The sandbox's files: only their owner reads them, and writers of one folder take turns."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from muniment.core.errors import Missing


def write_private(path: Path, data: bytes) -> None:
    """Writes a new file of mode 0600."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def replace_private(path: Path, data: bytes) -> None:
    """Puts a file of mode 0600 in the place of another at once; call it under `locked`."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    write_private(temporary, data)
    temporary.replace(path)


def read_private(path: Path) -> bytes:
    """The bytes of a file of the sandbox. Raises `Missing`."""
    try:
        return path.read_bytes()
    except OSError as error:
        remedy = "Create the sandbox again in an empty folder, or restore it."
        raise Missing(f"The sandbox has no readable {path.name}: {error.strerror}.", remedy) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keeps other threads and processes out until the end; the lock file must exist. Raises `Missing`."""
    try:
        # A lock belongs to the open file, so each writer opens its own; closing lets go of it.
        descriptor = os.open(path, os.O_RDWR)
    except OSError as error:
        raise Missing(f"The sandbox has no {path.name} file.", "Create the sandbox again.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
