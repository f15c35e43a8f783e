"""Lineage: what was made from what, by the digests that the provenance of a release names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from muniment.core.digest import Digest
from muniment.core.name import Name, VersionId
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.oms import covered
from muniment.registry.state import Entry, State

# What a training run used without being made of it.
TOOL_ROLES = frozenset({"code", "lockfile", "container", "dependency"})


@dataclass(frozen=True, slots=True, order=True)
class Material:
    """Bytes that provenance names and no version here is bound to."""

    name: str
    digest: Digest

    def __str__(self) -> str:
        return self.name


Thing = VersionId | Material | Name


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` went into `target` in a role, as the record at log `index` says."""

    source: Thing
    target: Thing
    role: str
    index: int


@dataclass(frozen=True)
class Graph:
    """Nodes and edges; the order of both is that of the log. Not slotted: it keeps what its questions share."""

    nodes: tuple[Thing, ...]
    edges: tuple[Edge, ...]

    @cached_property
    def place(self) -> dict[Thing, int]:
        """Where each node stands among the nodes."""
        return {node: n for n, node in enumerate(self.nodes)}

    @cached_property
    def into(self) -> dict[Thing, list[Edge]]:
        """The edges that end in a node."""
        return _grouped((e.target, e) for e in self.edges)

    @cached_property
    def out(self) -> dict[Thing, list[Edge]]:
        """The edges that begin in a node."""
        return _grouped((e.source, e) for e in self.edges)


def lineage(state: State) -> Graph:
    """Every released version and what went into it."""
    holders = _holders(state)
    ordered = in_release_order(state)
    edges = tuple(edge for version in ordered for edge in _edges_into(state, version, holders))
    outside = {edge.source: None for edge in edges if isinstance(edge.source, Material)}
    return Graph((*ordered, *outside), edges)


def ancestors(graph: Graph, thing: Thing) -> tuple[Thing, ...]:
    """All that went into a thing, nearest first."""
    return tuple(_back(graph, thing, len(graph.nodes)))[1:]


def descendants(graph: Graph, thing: Thing) -> tuple[Thing, ...]:
    """All that was made from a thing, nearest first."""
    return tuple(_forth(graph, thing, len(graph.nodes)))[1:]


def ego(graph: Graph, thing: Thing, hops: int = 3) -> Graph:
    """A thing with what went into it and what was made from it, at most `hops` steps away on either side."""
    kept = {*_back(graph, thing, hops), *_forth(graph, thing, hops)}
    nodes = sorted(kept, key=graph.place.__getitem__)
    return Graph(tuple(nodes), tuple(e for n in nodes for e in graph.into.get(n, ()) if e.source in kept))


def folded(graph: Graph) -> Graph:
    """One node a name: edges between versions of one name fall away, parallel edges become one."""
    nodes = {_fold(node): None for node in graph.nodes}
    edges: dict[tuple[Thing, Thing], Edge] = {}
    for edge in graph.edges:
        pair = (_fold(edge.source), _fold(edge.target))
        if pair[0] != pair[1]:
            edges.setdefault(pair, Edge(*pair, edge.role, edge.index))
    return Graph(tuple(nodes), tuple(edges.values()))


def in_release_order(state: State) -> list[VersionId]:
    """All versions, the one released first in front."""
    return sorted(state.versions, key=lambda v: state.versions[v].events[0])


def records_of(state: State, version: VersionId) -> Iterator[Entry]:
    """The evidence a release is bound to, in the order the release names it; a statement signed twice comes twice."""
    found = state.versions[version]
    for digest in found.evidence:
        for index in state.statements.get(digest, ()):
            if index < found.events[0]:
                yield state.entries[index]


def concerns(entry: Entry, artifacts: Collection[Digest]) -> bool:
    """Whether a record speaks of one of the artifacts, as subject or as a model signature that covers it."""
    if entry.record is None:
        return False
    statement = entry.record.statement
    return any(s.digest in artifacts for s in statement.subjects) or not covered(statement).isdisjoint(artifacts)


def _holders(state: State) -> dict[Digest, list[VersionId]]:
    holders: dict[Digest, list[VersionId]] = {}
    for version in in_release_order(state):
        for artifact in state.versions[version].artifacts:
            holders.setdefault(artifact.digest, []).append(version)
    return holders


def _edges_into(state: State, version: VersionId, holders: Mapping[Digest, list[VersionId]]) -> Iterator[Edge]:
    seen: set[Thing] = {version}
    own = [a.digest for a in state.versions[version].artifacts]
    for entry in records_of(state, version):
        for name, digest, role in dependencies(entry) if concerns(entry, own) else ():
            outside = [] if role in TOOL_ROLES else [Material(name, digest)]
            for source in holders.get(digest, outside):
                if source not in seen:
                    seen.add(source)
                    yield Edge(source, version, role, entry.index)


def dependencies(entry: Entry) -> Iterator[tuple[str, Digest, str]]:
    """(name, digest, role) of each dependency with a SHA-256 that a provenance record names; none for other records."""
    if entry.record is None or entry.record.statement.predicate_type != EVIDENCE["provenance"]:
        return
    definition = entry.record.statement.predicate.get("buildDefinition")
    items = definition.get("resolvedDependencies") if isinstance(definition, dict) else None
    for item in items if isinstance(items, list) else []:
        parsed = _dependency(item)
        if parsed is not None:
            yield parsed


def _dependency(item: Any) -> tuple[str, Digest, str] | None:
    if not isinstance(item, dict) or not isinstance(item.get("digest"), dict):
        return None
    sha256 = item["digest"].get("sha256")
    notes = item.get("annotations")
    role = notes.get("role") if isinstance(notes, dict) else None
    name = item.get("name") or item.get("uri") or sha256
    if not isinstance(sha256, str) or not _is_hex(sha256):
        return None
    return str(name), Digest(sha256), role if isinstance(role, str) else "dependency"


def _is_hex(text: str) -> bool:
    return len(text) == 64 and not set(text) - set("0123456789abcdef")


def _back(graph: Graph, thing: Thing, hops: int) -> list[Thing]:
    return _reach(thing, lambda t: (e.source for e in graph.into.get(t, ())), hops)


def _forth(graph: Graph, thing: Thing, hops: int) -> list[Thing]:
    return _reach(thing, lambda t: (e.target for e in graph.out.get(t, ())), hops)


def _grouped(pairs: Iterable[tuple[Thing, Edge]]) -> dict[Thing, list[Edge]]:
    groups: dict[Thing, list[Edge]] = {}
    for key, edge in pairs:
        groups.setdefault(key, []).append(edge)
    return groups


def _reach(start: Thing, step: Callable[[Thing], Iterable[Thing]], hops: int) -> list[Thing]:
    found: dict[Thing, None] = {start: None}
    edge: list[Thing] = [start]
    for _ in range(hops):
        edge = list(dict.fromkeys(n for thing in edge for n in step(thing) if n not in found))
        found.update(dict.fromkeys(edge))
        if not edge:
            break
    return list(found)


def _fold(thing: Thing) -> Thing:
    return thing.name if isinstance(thing, VersionId) else thing
