"""A lineage graph as a drawing: boxes and curves with coordinates, left to right. Templates write it as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from muniment.site import layers

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 178, 44, 54, 16, 6
LETTERS = 24


def drawing(graph: Mapping[str, Any]) -> dict[str, Any]:
    """The drawing of graph facts: `width`, `height`, `boxes` (one a node, in order), `curves`; lengths in pixels."""
    nodes = graph["nodes"]
    edges = layers.acyclic(len(nodes), [(e["from"], e["to"]) for e in graph["edges"]])
    layer, chains = layers.with_bends(layers.layering(len(nodes), edges), edges)
    room = [BOX_HEIGHT + GAP_Y if n < len(nodes) else GAP_Y + 4 for n in range(len(layer))]
    y = layers.positions(layers.ordering(layer, chains), chains, room)
    spots = [(MARGIN + column * (BOX_WIDTH + GAP_X), MARGIN + y[n]) for n, column in enumerate(layer)]
    return {
        "width": 2 * MARGIN + (max(layer, default=0) + 1) * (BOX_WIDTH + GAP_X) - GAP_X,
        "height": round(2 * MARGIN + max((y[n] + room[n] / 2 for n in range(len(layer))), default=0)),
        "boxes": [_box(node, *spots[n]) for n, node in enumerate(nodes)],
        "curves": [_curve(chain, spots, len(nodes)) for chain in chains],
    }


def _box(node: Mapping[str, Any], x: float, y: float) -> dict[str, Any]:
    return {
        **node,
        "x": _number(x),
        "y": _number(y - BOX_HEIGHT / 2),
        "label": _fit(node["title"]),
        "sub": _fit(node["note"]),
    }


def _curve(chain: Sequence[int], spots: Sequence[tuple[float, float]], boxes: int) -> str:
    """An SVG path from the right side of the first box to the left side of the last, through its bends."""
    x, y = spots[chain[0]][0] + BOX_WIDTH, spots[chain[0]][1]
    path = [f"M{_number(x)} {_number(y)}"]
    for node in chain[1:]:
        to_x, to_y = spots[node]
        middle = _number((x + to_x) / 2)
        path.append(f"C{middle} {_number(y)} {middle} {_number(to_y)} {_number(to_x)} {_number(to_y)}")
        x, y = to_x, to_y
        if node >= boxes:
            x += BOX_WIDTH
            path.append(f"H{_number(x)}")
    return "".join(path)


def _fit(text: str) -> str:
    return text if len(text) <= LETTERS else text[: LETTERS - 1] + "…"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
