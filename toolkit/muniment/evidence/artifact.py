"""Digests of artifacts: a file by its bytes, a directory by its OpenSSF Model Signing manifest.

A directory's digest is the SHA-256 of the raw SHA-256 of each file, in code point order of their posix relative paths.
Source: OpenSSF Model Signing specification v1.0, serialization method `files`.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from muniment.core.digest import Digest
from muniment.core.errors import Malformed, Missing

_BUFFER = 1 << 20
_DOCUMENT_LIMIT = 64 << 20
# O_NONBLOCK: a FIFO put in a file's place since the walk must not hang the reader.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_UNSHOWABLE = {"Cc", "Cs", "Zl", "Zp"}
# Bidirectional controls make a name look like another one on a page.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


@dataclass(frozen=True, slots=True)
class MeasuredFile:
    """One file of an artifact: posix path relative to it (a lone file's is its name), SHA-256, bytes."""

    path: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Measured:
    """An artifact as it was read: `size` in bytes over all files, which are in code point order of their paths.

    `links` says that a file was reached through a symbolic link that stays inside the directory.
    """

    name: str
    digest: Digest
    size: int
    files: tuple[MeasuredFile, ...]
    directory: bool
    links: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A file that the walk met, not yet read."""

    path: str
    source: str
    link: bool


def measure(path: Path) -> Measured:
    """The digest of a file or a directory.

    Raises `Missing` (not there, not readable) and `Malformed` (a link that leads out or to a directory, a FIFO, socket
    or device, nothing in it, a name that cannot be shown).
    """
    name = artifact_name(path)
    if not is_directory(path):
        only = _read_all([Found(name, str(path), False)])[0]
        if only.size == 0:
            raise Malformed(f"{path} is empty.", "Give the file that holds the artifact.")
        return Measured(name, only.digest, only.size, (only,), False)
    found = walk(path)
    files = tuple(_read_all(found))
    size = sum(f.size for f in files)
    if size == 0:
        raise Malformed(f"{path} holds no bytes.", "Give the directory that holds the artifact.")
    return Measured(name, manifest_digest(f.digest for f in files), size, files, True, any(f.link for f in found))


def manifest_digest(digests: Iterable[Digest]) -> Digest:
    """The SHA-256 of the concatenated raw digests, in the order given."""
    return Digest(hashlib.sha256(b"".join(d.raw for d in digests)).hexdigest())


def part(measured: Measured, path: str) -> Digest:
    """The digest of a file or folder inside a measured directory, as if measured by itself. Raises `Missing`."""
    inside = path.rstrip("/")
    for file in measured.files:
        if file.path == inside:
            return file.digest
    below = sorted((f for f in measured.files if f.path.startswith(inside + "/")), key=lambda f: f.path)
    if not below:
        raise Missing(f"{measured.name} holds no {path!r}.", "Give the path relative to it.")
    return manifest_digest(f.digest for f in below)


def artifact_name(path: Path) -> str:
    """The last part of a path, `.` and `..` resolved. Raises `Malformed` for one that cannot be shown."""
    name = path.name if path.name not in ("", "..") else path.resolve().name
    check_member(name, "The artifact's name")
    return name


def is_directory(path: Path) -> bool:
    """Whether a path is a directory rather than a file. Raises `Missing`, and `Malformed` for what is neither."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise Malformed(f"{str(path)[:80]!r} is not a path.", "Give a path without a null character.") from error
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise Malformed(f"{path} is {_what(mode)}, not a file or a directory.", "Give a file or a directory.")
    return stat.S_ISDIR(mode)


def walk(root: Path) -> list[Found]:
    """The files under a directory in code point order of their posix relative paths, unread.

    A link to a file inside is followed; no other link is. Raises as `measure` does.
    """
    found = sorted(_descend(root), key=lambda f: f.path)
    if not found:
        raise Malformed(f"{root} is an empty directory.", "Give the directory that holds the artifact.")
    return found


def check_member(path: str, what: str = "A file's name") -> None:
    """Raises `Malformed` unless a posix relative path stays inside its directory and can be shown as it is."""
    if not path or path.startswith("/") or any(part in ("", ".", "..") for part in path.split("/")):
        raise Malformed(
            f"{what} {path[:80]!r} leads out of the artifact.", "Use relative paths without . and .. parts."
        )
    if not path.isprintable() and any(c in _TURNING or unicodedata.category(c) in _UNSHOWABLE for c in path):
        raise Malformed(f"{what} {path[:80]!r} has control characters or is not UTF-8.", "Rename the file.")


def read_document(path: Path) -> bytes:
    """The bytes of a document that people wrote, at most 64 MiB. Raises `Missing` and `Malformed`."""
    if is_directory(path):
        raise Malformed(f"{path} is a directory.", "Give the document's file.")
    try:
        with path.open("rb") as file:
            data = file.read(_DOCUMENT_LIMIT + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > _DOCUMENT_LIMIT:
        raise Malformed(f"{path} is larger than 64 MiB.", "Give the document, not the data it describes.")
    return data


def _descend(root: Path) -> Iterator[Found]:
    real = Path(os.path.realpath(root))
    pending = [(str(root), "")]
    while pending:
        folder, prefix = pending.pop()
        try:
            with os.scandir(folder) as entries:
                members = list(entries)
        except OSError as error:
            raise _unreadable(Path(folder), error) from error
        for member in members:
            check_member(member.name)
            path = prefix + member.name
            if member.is_dir(follow_symlinks=False):
                pending.append((member.path, path + "/"))
            else:
                yield _file(member, path, real)


def _file(member: os.DirEntry[str], path: str, real: Path) -> Found:
    link = member.is_symlink()
    if link:
        _check_link(Path(member.path), real)
    elif not member.is_file(follow_symlinks=False):
        kind = _what(member.stat(follow_symlinks=False).st_mode)
        raise Malformed(f"{member.path} is {kind}, not a file.", "Remove it from the artifact.")
    return Found(path, member.path, link)


def _check_link(link: Path, real: Path) -> None:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise Malformed(f"{link} is a symbolic link to nothing.", "Replace it by the file.") from error
    if not target.is_relative_to(real):
        raise Malformed(f"{link} is a symbolic link that leads out of the artifact.", "Replace it by the file.")
    if not target.is_file():
        raise Malformed(f"{link} is a symbolic link to something that is no file.", "Replace it by what it points to.")


def _read_all(found: Sequence[Found]) -> list[MeasuredFile]:
    """Reads files in as many threads as there are processors, up to four, each with one buffer of its own."""
    workers = min(4, os.cpu_count() or 1, len(found))
    if workers == 1:
        return _read_some(found)
    # Few large files are spread one by one; of many small ones a thread takes a run, which costs less than a task each.
    run = max(1, min(64, len(found) // (workers * 4)))
    runs = [found[i : i + run] for i in range(0, len(found), run)]
    with ThreadPoolExecutor(workers) as pool:
        return [file for part in pool.map(_read_some, runs) for file in part]


def _read_some(found: Sequence[Found]) -> list[MeasuredFile]:
    buffer = memoryview(bytearray(_BUFFER))
    return [_read(f, buffer) for f in found]


def _read(found: Found, buffer: memoryview) -> MeasuredFile:
    state, size = hashlib.sha256(), 0
    try:
        with io.FileIO(os.open(found.source, _READ)) as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise Malformed(f"{found.source} is {_what(before.st_mode)}, not a file.", "Give a file.")
            while count := file.readinto(buffer):
                state.update(buffer[:count])
                size += count
    except OSError as error:
        raise _unreadable(Path(found.source), error) from error
    if size != before.st_size:
        raise Malformed(f"{found.source} changed while it was read.", "Wait until it is written, then try again.")
    return MeasuredFile(found.path, Digest(state.hexdigest()), size)


def _unreadable(path: Path, error: OSError) -> Missing:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Missing(f"{path} does not exist.", "Check the path.")
    return Missing(f"{path} cannot be read: {error.strerror}.", "Check what it is and its permissions.")


def _what(mode: int) -> str:
    kinds = (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((text for test, text in kinds if test(mode)), "a special file")
