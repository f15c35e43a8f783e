"""Directed graphs in layers: which column a node stands in and in which order (Sugiyama, Tagawa, Toda 1981).

Nodes are numbers 0..n-1, edges pairs of them. Equal input gives an equal drawing: what `sum` makes of floats depends
on the interpreter, and `fsum` does not.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import fsum

Edge = tuple[int, int]
SWEEPS = 8
BENDS = 400


def acyclic(count: int, edges: Sequence[Edge]) -> list[Edge]:
    """The edges with those turned round that close a cycle; loops fall away."""
    forward, state = _outgoing(count, edges), [0] * count
    turned: set[Edge] = set()
    for root in range(count):
        stack = [(root, 0)] if not state[root] else []
        while stack:
            node, at = stack.pop()
            state[node] = 1
            if at == len(forward[node]):
                state[node] = 2
                continue
            stack.append((node, at + 1))
            target = forward[node][at]
            if state[target] == 1:
                turned.add((node, target))
            elif not state[target]:
                stack.append((target, 0))
    flipped = ((b, a) if (a, b) in turned else (a, b) for a, b in edges if a != b)
    return list(dict.fromkeys(flipped))


def layering(count: int, edges: Sequence[Edge]) -> list[int]:
    """The column of each node of an acyclic graph: after all its sources, and no further left than its targets need."""
    layer, into = [0] * count, _outgoing(count, [(b, a) for a, b in edges])
    order = _topological(count, edges)
    for node in order:
        layer[node] = max((layer[s] + 1 for s in into[node]), default=0)
    out = _outgoing(count, edges)
    for node in reversed(order):
        if out[node] and not into[node]:
            layer[node] = min(layer[t] for t in out[node]) - 1
    return layer


def with_bends(layer: list[int], edges: Sequence[Edge]) -> tuple[list[int], list[list[int]]]:
    """The layers with a bend for every column an edge passes through, and each edge as the chain of nodes it visits.

    Of more than `BENDS` the longest edges go without: whoever names all others as sources would keep a build for hours.
    """
    layer, chains, bent = list(layer), [], _bent(layer, edges)
    for number, (source, target) in enumerate(edges):
        chain = [source]
        for column in range(layer[source] + 1, layer[target]) if number in bent else ():
            chain.append(len(layer))
            layer.append(column)
        chains.append([*chain, target])
    return layer, chains


def _bent(layer: Sequence[int], edges: Sequence[Edge]) -> set[int]:
    """The edges, by their numbers, that get bends: the shortest ones, as far as there are bends for them."""
    bends = [max(0, layer[target] - layer[source] - 1) for source, target in edges]
    shortest = sorted(range(len(edges)), key=bends.__getitem__)
    used = itertools.accumulate(bends[number] for number in shortest)
    return {number for number, total in zip(shortest, used, strict=True) if total <= BENDS}


def ordering(layer: Sequence[int], chains: Sequence[Sequence[int]]) -> list[list[int]]:
    """Each column's nodes from top to bottom: of all sweeps of barycentres the order with the fewest crossings."""
    columns: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    for node, column in enumerate(layer):
        columns[column].append(node)
    links = [(a, b) for chain in chains for a, b in itertools.pairwise(chain)]
    into, out = _outgoing(len(layer), [(b, a) for a, b in links]), _outgoing(len(layer), links)
    best, fewest = [list(c) for c in columns], _crossings(columns, out)
    for sweep in range(SWEEPS):
        _sweep(columns, into if sweep % 2 == 0 else out, backwards=sweep % 2 == 1)
        crossings = _crossings(columns, out)
        if crossings < fewest:
            best, fewest = [list(c) for c in columns], crossings
    return best


def positions(columns: Sequence[Sequence[int]], chains: Sequence[Sequence[int]], room: Sequence[float]) -> list[float]:
    """The height of each node's middle, near its neighbours and `room[node]` from the next; the uppermost edge is 0."""
    y = [0.0] * len(room)
    near: list[list[int]] = [[] for _ in room]
    for chain in chains:
        for a, b in itertools.pairwise(chain):
            near[a].append(b)
            near[b].append(a)
    for column in columns:
        _spread(column, [float(n) * room[node] for n, node in enumerate(column)], room, y)
    for sweep in range(SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = [fsum(y[m] for m in near[n]) / len(near[n]) if near[n] else y[n] for n in column]
            _spread(column, wanted, room, y)
    least = min((y[n] - room[n] / 2 for n in range(len(room))), default=0.0)
    return [value - least for value in y]


def _spread(column: Sequence[int], wanted: Sequence[float], room: Sequence[float], y: list[float]) -> None:
    """Places a column as near to what is wanted as its order and the room allow."""
    placed: list[float] = []
    for n, node in enumerate(column):
        floor = placed[-1] + (room[node] + room[column[n - 1]]) / 2 if placed else wanted[0]
        placed.append(max(wanted[n], floor))
    shift = fsum(w - p for w, p in zip(wanted, placed, strict=True)) / len(placed) if placed else 0.0
    for node, value in zip(column, placed, strict=True):
        y[node] = round(value + shift, 1)


def _sweep(columns: list[list[int]], near: Sequence[Sequence[int]], backwards: bool) -> None:
    numbers = range(len(columns) - 2, -1, -1) if backwards else range(1, len(columns))
    for number in numbers:
        before = columns[number + 1 if backwards else number - 1]
        place = {node: n for n, node in enumerate(before)}
        columns[number] = sorted(columns[number], key=_barycentre(columns[number], near, place).__getitem__)


def _barycentre(column: list[int], near: Sequence[Sequence[int]], place: dict[int, int]) -> dict[int, float]:
    middle: dict[int, float] = {}
    for n, node in enumerate(column):
        known = [place[m] for m in near[node] if m in place]
        middle[node] = sum(known) / len(known) if known else float(n)
    return middle


def _crossings(columns: Sequence[Sequence[int]], out: Sequence[Sequence[int]]) -> int:
    total = 0
    for left, right in itertools.pairwise(columns):
        place = {node: n for n, node in enumerate(right)}
        ends = [place[t] for node in left for t in sorted(out[node], key=lambda t: place.get(t, 0)) if t in place]
        total += _inversions(ends)[0]
    return total


def _inversions(values: list[int]) -> tuple[int, list[int]]:
    """How many pairs stand in the wrong order, by merge sort."""
    if len(values) < 2:
        return 0, values
    half = len(values) // 2
    (a, left), (b, right) = _inversions(values[:half]), _inversions(values[half:])
    count, merged, n = a + b, [], 0
    for value in left:
        while n < len(right) and right[n] < value:
            merged.append(right[n])
            n += 1
        merged.append(value)
        count += n
    return count, merged + right[n:]


def _topological(count: int, edges: Sequence[Edge]) -> list[int]:
    waiting = [0] * count
    for _, target in edges:
        waiting[target] += 1
    out, ready, order = _outgoing(count, edges), [n for n in range(count) if not waiting[n]], []
    while ready:
        node = ready.pop(0)
        order.append(node)
        for target in out[node]:
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return order


def _outgoing(count: int, edges: Sequence[Edge]) -> list[list[int]]:
    out: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        out[source].append(target)
    return out
