"""What falls due, as values; and what all that ask for it look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from muniment.core.name import Name, VersionId
from muniment.registry.config import Config
from muniment.registry.judges.common import config_of
from muniment.registry.state import State
from muniment.verify.monitor import Waiting


@dataclass(frozen=True, slots=True)
class Due:
    """Something with a date: a fact about somebody or something, and what to do.

    `name` is whose it is, None where it is the whole registry's; `entry` the log's index of what it rests on. `used` is
    false where nothing that stands in an environment rests on it: then it is never overdue.
    """

    kind: str
    at: datetime
    about: str
    fact: str
    remedy: str
    name: Name | None = None
    entry: int | None = None
    used: bool = True

    def status(self, now: datetime) -> str:
        """`due`, and once its time has come `overdue`, or `lapsed` where nothing in use rests on it."""
        if now < self.at:
            return "due"
        return "overdue" if self.used else "lapsed"


@dataclass(frozen=True, slots=True)
class Glance:
    """A registry looked at: its state, the time, and what waits in the inbox (None where that cannot be seen)."""

    state: State
    at: datetime
    waiting: tuple[Waiting, ...] | None = None

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return config_of(self.state)

    def versions(self) -> Iterator[VersionId]:
        """The versions that are not retired, in order."""
        return (v for v in sorted(self.state.versions) if self.state.versions[v].retired is None)

    def index_of(self, version: VersionId) -> int:
        """The entry that released a version."""
        return self.state.versions[version].events[0]

    def used(self, version: VersionId) -> bool:
        """Whether a version stands in an environment."""
        return bool(self.state.environments_of(version))
