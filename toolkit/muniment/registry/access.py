"""The access review: who may do what by the configuration in force, and a person's decision on each binding of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muniment.core.digest import Digest
from muniment.evidence.statement import Subject
from muniment.registry.config import Config
from muniment.registry.event import Event

ACCESS_KEY = "access-review"
DECISIONS = ("keep", "remove", "change")


@dataclass(frozen=True, slots=True)
class Granted:
    """A binding as registry.yaml has it, the kinds of record that its role may sign, and what is decided of it."""

    binding: Mapping[str, Any]
    may: tuple[str, ...]
    decision: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessReview(Event):
    """Confirms or contests who may do what, as of `size` entries; the next review is due at `next_review_by`.

    `configuration` is the digest of the whole configuration that was reviewed; `granted` its bindings in their order.
    """

    kind = "access-review"
    time = "reviewedAt"

    size: int
    configuration: Digest
    next_review_by: datetime
    granted: tuple[Granted, ...]
    summary: str | None = None

    def acts_on(self, signer: str) -> str:
        """Access to the registry: a review follows the one before."""
        return ACCESS_KEY

    def subjects(self) -> tuple[Subject, ...]:
        """The configuration."""
        return (Subject("configuration", self.configuration),)


def grants(config: Config) -> list[tuple[Mapping[str, Any], tuple[str, ...]]]:
    """Every binding as it is written, with the kinds of record that its role may sign, sorted."""
    written = config.source["registry"]["bindings"]
    return [(binding, tuple(sorted(config.roles[binding["role"]]))) for binding in written]
