"""Lineage as facts: nodes with their pages, edges by position."""

from __future__ import annotations

from typing import Any

from muniment.core.name import Name
from muniment.insight.lineage import Graph, Material, Thing
from muniment.site import paths
from muniment.site.facts.book import Book
from muniment.site.facts.common import standing_facts

Facts = dict[str, Any]


def graph_facts(book: Book, graph: Graph, centre: Thing | None = None) -> Facts:
    """Nodes in the graph's order; an edge names its ends by their place among them."""
    place = {node: n for n, node in enumerate(graph.nodes)}
    return {
        "nodes": [_node(book, node) | {"centre": node == centre} for node in graph.nodes],
        "edges": [
            {
                "from": place[edge.source],
                "to": place[edge.target],
                "role": edge.role,
                "index": edge.index,
                "page": paths.entry_anchor(edge.index),
            }
            for edge in graph.edges
        ],
    }


def _node(book: Book, thing: Thing) -> Facts:
    if isinstance(thing, Material):
        return {"title": thing.name, "note": "not in this registry", "kind": "outside", "page": None, "standing": None}
    if isinstance(thing, Name):
        count = len(book.shelves[thing])
        note = f"{count} version" + ("s" if count != 1 else "")
        return {
            "title": str(thing),
            "note": note,
            "kind": _kind(book, thing),
            "page": book.page_of(thing),
            "standing": None,
        }
    return {
        "title": str(thing.name),
        "note": thing.version,
        "kind": _kind(book, thing.name),
        "page": book.page_of(thing),
        "standing": standing_facts(book, thing),
    }


def _kind(book: Book, name: Name) -> str:
    return book.sections[name].removesuffix("s")
