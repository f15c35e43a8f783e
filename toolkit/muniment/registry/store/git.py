"""A registry on a branch of a git repository: what is committed is pushed, never by force, and so a compare-and-swap.

Submissions are pushed to a branch of their own, by people who may have no right to the registry's. Names there are
digests, so two submitters never change the same file.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from muniment.core.errors import Conflict, Missing, Usage
from muniment.registry.paths import INBOX
from muniment.registry.store import LIMIT
from muniment.registry.store.branch import Branch, Change, Lost, scrubbed
from muniment.registry.store.retry import RETRIES, again

# The largest file that is fetched from the inbox.
LARGEST = 16 * 1024 * 1024
_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9._/+-]*[A-Za-z0-9_+-])?"
_PLACE = re.compile(
    rf"git\+(?P<remote>(?:ssh|https|file)://[^#\s]+?)(?:#(?P<branch>{_NAME})?(?::(?P<folder>{_NAME}))?"
    rf"(?:,inbox=(?P<inbox>{_NAME}))?)?"
)


@dataclass(frozen=True, slots=True)
class GitPlace:
    """Where a registry is in a repository; `branch` is None for the remote's own choice, `folder` empty for its top."""

    remote: str
    branch: str | None
    folder: str
    inbox: str


def parse_git_place(text: str) -> GitPlace:
    """`git+<url>[#<branch>][:<folder>][,inbox=<branch>]`. Raises `Usage`."""
    match = _PLACE.fullmatch(text)
    if match is None or any(".." in part or "//" in part for part in match.groups("")[1:]):
        raise Usage(
            f"{scrubbed(text)} names no place in a git repository.",
            "Write git+https://HOST/REPO.git#BRANCH:FOLDER,inbox=BRANCH, all behind the # as needed; or git+ssh, "
            "git+file.",
        )
    if re.match(r"\w+://[^/@]*:[^/@]*@", match["remote"]):
        raise Usage("The address has a password in it.", "Leave it out: git's credential helper gives it to git.")
    return GitPlace(match["remote"], match["branch"], match["folder"] or "", match["inbox"] or INBOX)


class GitStore:
    """The files of a registry in a repository, and its inbox on a branch there. Others may push at any moment."""

    alone = False

    def __init__(self, place: GitPlace, retries: int = RETRIES) -> None:
        self._place, self._retries = place, retries
        self._registry = Branch(place.remote, place.branch, place.folder)
        shared = place.inbox == place.branch
        self._inbox = self._registry if shared else Branch(place.remote, place.inbox, place.folder, LARGEST)
        self._changes: dict[Branch, dict[str, Change]] = {}

    @property
    def place(self) -> str:
        """The address, with the branch and the folder."""
        return f"{self._registry.shown}#{self._registry.name or ''}:{self._place.folder}".rstrip("#:")

    def read(self, path: str, most: int = LIMIT) -> bytes:
        """The bytes of a file as it was fetched, or changed since. Raises `Missing` or `Unreachable`."""
        branch = self._branch(path)
        change = self._changes.get(branch, {}).get(path)
        data = branch.read(path, most) if change is None else change.new
        if data is None:
            raise Missing(f"{self.place}/{path} is missing.", "Check the branch and the folder.")
        return data

    def list(self, folder: str) -> list[str]:
        """The paths of the files directly in a folder."""
        branch = self._branch(f"{folder}/")
        changes = self._changes.get(branch, {})
        new = (path for path, change in changes.items() if change.new is not None and path.rpartition("/")[0] == folder)
        return sorted({*new, *(path for path in branch.names(folder) if path not in changes)})

    def put_new(self, path: str, data: bytes) -> None:
        """Puts a file there that never changes; whether another one is there is told by `commit`."""
        self._stage(path, None, data)

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        """Replaces what is there; whether it is `old` is told by `commit`."""
        self._stage(path, old, new)

    def remove(self, path: str) -> None:
        """Takes a file away, if it is there."""
        self._stage(path, None, None)

    def commit(self, message: str) -> None:
        """Pushes all changes, a commit a branch, again where others came first and changed none of these files.

        Raises `Conflict` where they did, or came first every time.
        """
        changes, self._changes = self._changes, {}
        for branch, staged in changes.items():
            try:
                again(partial(branch.push, list(staged.values()), message), self._retries, Lost)
            except Lost as error:
                raise Conflict(error.fact, error.remedy, soon=False) from error

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """What is read from here on is fetched anew."""
        self._registry.stale = self._inbox.stale = True
        self._changes = {}
        try:
            yield
        finally:
            self._changes = {}

    def _branch(self, path: str) -> Branch:
        return self._inbox if path.startswith(f"{INBOX}/") else self._registry

    def _stage(self, path: str, old: bytes | None, new: bytes | None) -> None:
        """Keeps a change for the commit; of two of one file what the first took it to hold counts."""
        staged = self._changes.setdefault(self._branch(path), {})
        before = staged.get(path)
        if before is not None and new not in (None, before.new) and old != before.new:
            raise Conflict(f"{self.place}/{path} was changed by this very run.", "Try again.", soon=False)
        staged[path] = Change(path, old if before is None else before.old, new)
