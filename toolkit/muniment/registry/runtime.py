"""Events about what runs: its status in an environment."""

from __future__ import annotations

from dataclasses import dataclass

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
