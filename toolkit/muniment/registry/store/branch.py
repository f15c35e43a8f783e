"""One branch of a remote git repository, through the `git` command (2.29 or newer), in a bare clone of its own.

Nothing is ever checked out, so what a repository holds (links, attributes, filters, hooks) is bytes here and nothing
more. The clone is shallow and goes with the process; what counts is what was pushed. Credentials are those of the
user's git. Source: git's own manual pages; `git-fast-import` for the form of a commit.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from muniment.core.errors import Conflict, Malformed, Missing, Unreachable

HEAD = "refs/muniment/head"
NEW = "refs/muniment/new"
PATIENCE = 600  # seconds a command may take
NOBODY = "muniment <muniment@users.noreply.github.com>"
# What ties a command to another repository than the one it is started for.
_TIES = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
    *("GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE"),
}
# What the remote says of a push that came second. A lock is another push at the same moment.
_RACED = ("fetch first", "non-fast-forward", "cannot lock ref", "failed to update ref", "reference already exists")


class Lost(Conflict):
    """A push came second: the branch moved since it was fetched."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a path: `new` in place of `old`, None for nothing; what is taken away may be anything."""

    path: str
    old: bytes | None
    new: bytes | None


@dataclass(frozen=True, slots=True)
class _Blob:
    oid: str
    link: bool


class Branch:
    """The files below `top` on a branch, as they were when it was fetched last.

    `name` is None for the remote's own choice. Files of more than `largest` bytes are not fetched where the remote can
    leave them out.
    """

    def __init__(self, remote: str, name: str | None, top: str = "", largest: int | None = None) -> None:
        self.remote, self.name, self.top, self.largest = remote, name, top, largest
        self.shown = scrubbed(remote)
        self.stale = True
        self._head: str | None = None
        self._listed: dict[str, _Blob] | None = None

    def read(self, path: str, most: int) -> bytes | None:
        """The bytes of a file, None where there is none. Raises `Malformed` for a link and for too large a file."""
        blob = self._blobs().get(path)
        if blob is None:
            return None
        if blob.link:
            raise Malformed(f"{path} is a link.", "Put the file itself there.")
        kind, size = self._sizes.ask(blob.oid)
        if kind == "missing" or size > most:
            raise Malformed(f"{path} is larger than {most} bytes.", "No such file of a registry is.")
        return self._contents.read(blob.oid)

    def names(self, folder: str) -> list[str]:
        """The paths of the files and links directly in a folder, sorted; hidden ones left out."""
        parts = ((path.rpartition("/"), path) for path in self._blobs())
        return sorted(path for (above, _, name), path in parts if above == folder and not name.startswith("."))

    def push(self, changes: Sequence[Change], message: str) -> None:
        """Commits and pushes changes, once. Raises `Conflict` where something else is there, `Lost` after a race.

        What stands already is left out: it may have been pushed before, and only the reply been lost.
        """
        left = [change for change in changes if not self._stands(change)]
        if not left:
            return
        commit = self._commit(left, message)
        done = self._run("push", "--porcelain", "--no-verify", "--", self.remote, f"{commit}:refs/heads/{self.name}")
        if done.returncode == 0:
            self._move(commit)
            return
        self.stale, refusal = True, self._refusal(done)
        if isinstance(refusal, Lost) or not all(map(self._stands, left)):
            raise refusal

    def _blobs(self) -> dict[str, _Blob]:
        if self.stale:
            self._fetch()
        if self._listed is None:
            self._listed = dict(self._entries())
        return self._listed

    def _fetch(self) -> None:
        if self.name is None:
            self.name = self._default()
        config = self._clone / "config"
        before = config.read_bytes()
        left_out = [f"--filter=blob:limit={self.largest + 1}"] if self.largest else []
        options = ("--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", *left_out)
        done = self._run("fetch", *options, "--", self.remote, f"+refs/heads/{self.name}:{HEAD}")
        config.write_bytes(before)  # else git would fetch one by one, and unasked, what was left out
        if done.returncode == 0:
            self._move(self._output("rev-parse", HEAD))
        elif b"couldn't find remote ref" in done.stderr:
            self._move(None)
        else:
            raise _unreachable(f"{self.shown} cannot be fetched", done)

    def _default(self) -> str:
        done = self._run("ls-remote", "--symref", "--", self.remote, "HEAD")
        if done.returncode != 0:
            raise _unreachable(f"{self.shown} cannot be read", done)
        first = done.stdout.decode("utf-8", "replace").partition("\t")[0]
        if not first.startswith("ref: refs/heads/"):
            raise Missing(f"{self.shown} has no branch of its own choice.", "Name one, as in #main.")
        return first.removeprefix("ref: refs/heads/")

    def _move(self, head: str | None) -> None:
        self._head, self._listed, self.stale = head, None, False

    def _entries(self) -> list[tuple[str, _Blob]]:
        if self._head is None or self._sizes.ask(f"{self._head}:{self.top}")[0] != "tree":
            return []
        listed = self._output("ls-tree", "-r", "-z", f"{self._head}:{self.top}").split("\0")
        rows = (line.partition("\t") for line in listed if line)
        found = ((about.split(" "), path) for about, _, path in rows)
        return [(path, _Blob(oid, mode == "120000")) for (mode, kind, oid), path in found if kind == "blob"]

    def _stands(self, change: Change) -> bool:
        blob = self._blobs().get(change.path)
        if change.new is None:
            return blob is None
        known = None if blob is None else self._contents.read(blob.oid)
        if known == change.new:
            return True
        if known != change.old:
            raise Conflict(f"{change.path} in {self.shown} was changed by somebody else.", "Try again.")
        return False

    def _commit(self, changes: Sequence[Change], message: str) -> str:
        text = message.encode()
        start = f"from {self._head}\n" if self._head else ""
        header = f"commit {NEW}\ncommitter {self._committer} now\ndata {len(text)}\n".encode()
        stream = b"".join([header, text, b"\n", start.encode(), *(self._line(c) for c in changes), b"\n"])
        done = self._run("fast-import", "--quiet", "--force", "--date-format=now", given=stream)
        if done.returncode != 0:
            raise _unreachable("The commit cannot be made", done)
        return self._output("rev-parse", NEW)

    def _refusal(self, done: subprocess.CompletedProcess[bytes]) -> Lost | Unreachable:
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        if any(word in said for word in _RACED):
            return Lost(f"{self.shown} was pushed to by others, each time first.", "Try again later.")
        reasons = [line.rpartition("\t")[2] for line in said.splitlines() if line.startswith("!")]
        return _unreachable(f"{self.shown} refused the push", done, *reasons)

    def _line(self, change: Change) -> bytes:
        path = _quoted(f"{self.top}/{change.path}".lstrip("/"))
        if change.new is None:
            return b"D %s\n" % path
        return b"M 100644 inline %s\ndata %d\n%s\n" % (path, len(change.new), change.new)

    @cached_property
    def _keeper(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="muniment-git-", ignore_cleanup_errors=True)

    @cached_property
    def _clone(self) -> Path:
        clone = Path(self._keeper.name) / "clone"
        done = _git("init", "--quiet", "--bare", "--template=", str(clone))
        if done.returncode != 0:
            raise _unreachable("A clone cannot be made", done)
        return clone

    @cached_property
    def _committer(self) -> str:
        done = self._run("var", "GIT_COMMITTER_IDENT")
        name = done.stdout.decode("utf-8", "replace").rpartition(">")[0]
        return f"{name}>" if done.returncode == 0 and " <" in name else NOBODY

    @cached_property
    def _sizes(self) -> _Objects:
        return _Objects(self._clone, "--batch-check")

    @cached_property
    def _contents(self) -> _Objects:
        return _Objects(self._clone, "--batch")

    def _run(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return _git(f"--git-dir={self._clone}", *arguments, given=given)

    def _output(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode != 0:
            raise _unreachable("The clone cannot be read", done)
        return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")


class _Objects:
    """A running `git cat-file`, asked for one object after another."""

    def __init__(self, clone: Path, mode: str) -> None:
        command = ["git", f"--git-dir={clone}", "cat-file", mode]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environ()
        )

    def ask(self, name: str) -> tuple[str, int]:
        """Type (`missing` for none) and size of an object. No name holds a line end: what does is asked by its id."""
        assert "\n" not in name
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(name.encode("utf-8", "surrogateescape") + b"\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline().decode("utf-8", "replace").split(" ")
        return ("missing", 0) if len(said) != 3 or not said[2].strip().isdecimal() else (said[1], int(said[2]))

    def read(self, oid: str) -> bytes:
        """The bytes of an object."""
        kind, size = self.ask(oid)
        if kind == "missing":
            raise Unreachable(f"The object {oid} is not in the clone.", "Try again.")
        assert self.process.stdout is not None
        data = self.process.stdout.read(size)
        self.process.stdout.read(1)
        return data

    def __del__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self.process.kill()
            self.process.wait()


def _git(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", *arguments], input=given, capture_output=True, timeout=PATIENCE, env=_environ(), check=False
        )
    except FileNotFoundError as error:
        raise Unreachable("There is no git command.", "Install git, 2.29 or newer.") from error
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"git {arguments[1]} took more than {PATIENCE} seconds.", "Try again later.") from error


def _environ() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _TIES}
    return kept | {"LC_ALL": "C", "GIT_ALLOW_PROTOCOL": "file:https:ssh"}


def _unreachable(fact: str, done: subprocess.CompletedProcess[bytes], *reasons: str) -> Unreachable:
    """What git said last, behind the fact."""
    said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    told = "; ".join(reasons) or (said[-1] if said else f"git ended with {done.returncode}")
    return Unreachable(f"{fact}: {scrubbed(told)}.", "Check the address, your rights there and the network.")


def scrubbed(text: str) -> str:
    """Text without the names and passwords in its addresses; a token may be either."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", text)


def _quoted(path: str) -> bytes:
    """A path as fast-import reads it, whatever bytes it holds."""
    plain = frozenset(range(0x20, 0x7F)) - {0x22, 0x5C}
    escaped = (b"%c" % byte if byte in plain else b"\\%03o" % byte for byte in path.encode("utf-8", "surrogateescape"))
    return b'"' + b"".join(escaped) + b'"'
