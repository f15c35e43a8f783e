"""What all pages are written from: the history with the questions that many pages ask answered once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from muniment.core.canonical import parse_json
from muniment.core.digest import Digest
from muniment.core.errors import Missing
from muniment.core.name import Name, VersionId
from muniment.insight.lineage import Graph, folded, in_release_order, lineage
from muniment.insight.rests import Shaken, shaken
from muniment.insight.standing import by_name
from muniment.registry.config import Config
from muniment.registry.state import Entry, State
from muniment.site import paths

Read = Callable[[Digest], bytes]


@dataclass(frozen=True)
class Book:
    """A registry at one size of its log. `read` gives a blob by its digest and raises `Missing` for one that is gone.

    Not slotted: it keeps answers.
    """

    entries: tuple[Entry, ...]
    state: State
    read: Read
    _bundles: dict[Digest, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def config(self) -> Config:
        """The configuration in force."""
        assert self.state.config is not None
        return self.state.config

    @cached_property
    def lineage(self) -> Graph:
        """What was made from what."""
        return lineage(self.state)

    @cached_property
    def folded(self) -> Graph:
        """The same with one node a name."""
        return folded(self.lineage)

    @cached_property
    def shelves(self) -> dict[Name, list[VersionId]]:
        """The versions of each name, the one released last in front."""
        return by_name(self.state)

    @cached_property
    def order(self) -> tuple[VersionId, ...]:
        """All versions, the one released first in front."""
        return tuple(in_release_order(self.state))

    @cached_property
    def sections(self) -> dict[Name, str]:
        """Each name's part of the site, by the kind of its first version's first artifact: it never changes."""
        sections: dict[Name, str] = {}
        for version in self.order:
            kind = self.state.versions[version].artifacts[0].kind
            sections.setdefault(version.name, paths.SECTIONS.get(kind, "configs"))
        return sections

    @cached_property
    def holders(self) -> dict[Digest, tuple[VersionId, ...]]:
        """The versions bound to each artifact."""
        holders: dict[Digest, tuple[VersionId, ...]] = {}
        for version in self.order:
            for artifact in self.state.versions[version].artifacts:
                holders[artifact.digest] = (*holders.get(artifact.digest, ()), version)
        return holders

    @cached_property
    def bound(self) -> dict[Digest, tuple[VersionId, ...]]:
        """The versions whose release names each statement."""
        bound: dict[Digest, tuple[VersionId, ...]] = {}
        for version in self.order:
            for statement in self.state.versions[version].evidence:
                bound[statement] = (*bound.get(statement, ()), version)
        return bound

    @cached_property
    def shaken(self) -> dict[VersionId, list[Shaken]]:
        """The reviews of each version whose data changed afterwards."""
        found: dict[VersionId, list[Shaken]] = {}
        for one in shaken(self.state):
            found.setdefault(one.version, []).append(one)
        return found

    def page_of(self, thing: VersionId | Name) -> str:
        """The page of a version or a name."""
        if isinstance(thing, Name):
            return paths.name_page(self.sections[thing], thing)
        return paths.version_page(self.sections[thing.name], thing)

    def bundle(self, digest: Digest) -> Mapping[str, Any]:
        """A bundle as JSON; empty where its blob is gone."""
        if digest not in self._bundles:
            try:
                value = parse_json(self.read(digest), "The bundle")
            except Missing:
                value = {}
            self._bundles[digest] = value if isinstance(value, dict) else {}
        return self._bundles[digest]
