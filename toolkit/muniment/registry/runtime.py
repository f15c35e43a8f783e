"""Events about what runs: its status in an environment, and what was observed of it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from muniment.core.errors import Malformed
from muniment.core.instant import format_instant
from muniment.core.name import Name, VersionId
from muniment.registry.event import Event, name_key

RUNNING, STOPPED = "running", "stopped"
STATUSES = (RUNNING, STOPPED)
INSTANCE = "default"
"""The instance that is meant where none is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploy(Event):
    """Says that a version runs in an environment, or runs there no more; `instance` tells several places apart."""

    kind = "deploy"
    time = "statedAt"

    version: VersionId
    environment: str
    status: str
    instance: str | None = None
    reason: str | None = None

    def acts_on(self, signer: str) -> str:
        """The instance: what runs in one place."""
        return deployment_key(self.version.name, self.environment, self.instance or INSTANCE)


def deployment_key(name: Name, environment: str, instance: str) -> str:
    """The key of what runs of a name at one instance in an environment."""
    return f"{name_key(name)}/deployment/{environment}/{instance}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe(Event):
    """Numbers observed of a version in an environment from `begins` until just before `ends`, on `samples` samples.

    `drift` is how far the features it names are from what the version was trained on, by whatever measure the observer
    keeps to.
    """

    kind = "observe"
    time = "observedAt"

    version: VersionId
    environment: str
    begins: datetime
    ends: datetime
    samples: int
    metrics: Mapping[str, float]
    drift: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.ends <= self.begins:
            raise Malformed("The window ends before it begins.", "Let it end later.")

    def acts_on(self, signer: str) -> str:
        """The window: those of a version follow one another by their times, so that a pack may leave old ones out."""
        return f"{observed_key(self.version, self.environment)}/{format_instant(self.begins)}"


def observed_key(version: VersionId, environment: str) -> str:
    """The key of what was observed of a version in an environment."""
    return f"{name_key(version.name)}/observed/{environment}/{version.version}"
