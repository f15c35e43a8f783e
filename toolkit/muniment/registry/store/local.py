"""A registry in a folder: every write is temp, fsync, rename, fsync of the folder; one writer at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from muniment.core.errors import Conflict, Malformed, Missing, Unreachable
from muniment.registry.store import LIMIT, read_if


class LocalStore:
    """The files below `root`. A turn is a lock on the folder, so its writer is alone."""

    alone = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self._locked = False

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.root)

    def read(self, path: str, most: int = LIMIT) -> bytes:
        """The bytes of a plain file: a link is not followed, a pipe not waited for. Raises as the Protocol says."""
        target = self.root / path
        try:
            with open(target, "rb", opener=_open_plain) as file:
                about = os.fstat(file.fileno())
                if not stat.S_ISREG(about.st_mode):
                    raise Malformed(f"{target} is no plain file.", "No file of a registry is anything else.")
                data = file.read(most + 1) if about.st_size <= most else None
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise Missing(f"{target} is missing.", "Fetch the registry again, whole.") from error
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise Malformed(f"{target} is a link.", "Put the file itself there.") from error
            raise Unreachable(f"{target} cannot be read: {error.strerror}.", "Check its permissions.") from error
        if data is None or len(data) > most:
            raise Malformed(f"{target} is larger than {most} bytes.", "No such file of a registry is.")
        return data

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return os.path.isfile(self.root / path)

    def list(self, folder: str) -> list[str]:
        """The paths of what is directly in a folder and no folder itself, sorted; hidden ones left out.

        Raises `Malformed` for a link: what is listed may be removed, wherever it is.
        """
        place = self.root / folder
        if os.path.islink(place):
            raise Malformed(f"{place} is a link.", "Put the folder itself there.")
        try:
            with os.scandir(place) as found:
                names = [f.name for f in found if not f.name.startswith(".") and not f.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return []
            raise Unreachable(f"{place} cannot be read: {error.strerror}.", "Check its permissions.") from error
        return sorted(f"{folder}/{name}" for name in names)

    def put_new(self, path: str, data: bytes) -> None:
        """Puts a file there that never changes. Raises `Conflict` where another one is."""
        found = read_if(self, path)
        if found is None:
            self.write(path, data)
        elif found != data:
            raise Conflict(f"{self.root / path} holds something else.", "It was altered: restore it from a good copy.")

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        """Replaces what is there, if it is `old`. Raises `Conflict`. Only within a turn nobody comes between."""
        found = read_if(self, path)
        if found == new:
            return
        if found != old:
            raise Conflict(f"{self.root / path} was changed by somebody else.", "Try again.")
        self.write(path, new)

    def write(self, path: str, data: bytes) -> None:
        """Puts a file there whole or not at all."""
        target = self.root / path
        try:
            _make_folder(target.parent)
            handle, temporary = self._temporary(target)
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

    def commit(self, message: str) -> None:
        """Nothing: every change stands when it is made."""

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Holds the registry for one writer. Raises `Conflict` at once when another holds it."""
        handle = os.open(self.root, os.O_RDONLY)
        try:
            _lock(handle, self.place)
            self._locked = True
            yield
        finally:
            self._locked = False
            os.close(handle)

    def _temporary(self, target: Path) -> tuple[int, str]:
        """A new file beside `target`; within a turn always the same, so that one who died leaves no litter for ever."""
        if not self._locked:
            return tempfile.mkstemp(prefix=".write-", dir=target.parent)
        path = target.with_name(f".{target.name}.new")
        path.unlink(missing_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), str(path)


def _open_plain(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _lock(handle: int, place: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Conflict(f"Another run works on {place}.", "Let it end, then try again.", soon=False) from error


def _make_folder(folder: Path) -> None:
    """Makes a folder and those above it; each new one is held by the one above it for good."""
    new = [path for path in (folder, *folder.parents) if not os.path.isdir(path)]
    folder.mkdir(parents=True, exist_ok=True)
    for path in new:
        _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
