"""The Merkle tree of RFC 6962, section 2.1, over SHA-256: roots, and proofs of inclusion, consistency and ranges.

A leaf hashes to SHA-256(0x00 || data), a node to SHA-256(0x01 || left || right), the empty tree to SHA-256("").
A tree of n > 1 leaves splits after the largest power of two below n. Hashes are 32 bytes.
Every proof is made from the complete subtrees that a `HashReader` yields, so a proof costs O(log n) reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from muniment.core.errors import Malformed, Missing, Untrusted, Usage

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf: SHA-256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class HashReader(Protocol):
    """Where the hashes of complete subtrees come from: memory, tiles, a site."""

    def read(self, level: int, index: int) -> bytes:
        """The root of leaves [index * 2^level, (index + 1) * 2^level). Raises `Missing` where the tree has none."""
        ...


class MemoryTree:
    """A tree that grows at its right edge and keeps the hash of every complete subtree; a `HashReader`."""

    __slots__ = ("_levels",)

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for value in leaf_hashes:
            self.append(value)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0])

    def append(self, leaf_hash: bytes) -> int:
        """Adds a leaf by its hash and returns its index. Raises `Malformed` unless the hash has 32 bytes."""
        _require_hashes((leaf_hash,), "A leaf hash")
        self._levels[0].append(leaf_hash)
        for level, row in enumerate(self._levels):
            if len(row) % 2:
                return self.size - 1
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(node_hash(row[-2], row[-1]))
        raise AssertionError("the top row of a tree is never even")

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves, all by default."""
        return root_at(self, self.size if size is None else size)

    def read(self, level: int, index: int) -> bytes:
        """The root of one complete subtree. Raises `Missing`."""
        if 0 <= level < len(self._levels) and 0 <= index < len(self._levels[level]):
            return self._levels[level][index]
        raise Missing(
            f"The tree of {self.size} leaves has no subtree {index} at level {level}.", "Ask within its size."
        )


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a tree: the roots of its complete subtrees from left to right, O(log n) of them.

    It is all that is needed to append leaves and to know the root.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def append(self, leaf_hash: bytes) -> Edge:
        """The edge after one more leaf, given by its hash. Raises `Malformed` unless the hash has 32 bytes."""
        _require_hashes((leaf_hash,), "A leaf hash")
        hashes, rest = [*self.hashes, leaf_hash], self.size
        while rest % 2:
            right = hashes.pop()
            hashes.append(node_hash(hashes.pop(), right))
            rest //= 2
        return Edge(self.size + 1, tuple(hashes))

    def root(self) -> bytes:
        """The root; `EMPTY_ROOT` for no leaves."""
        return _joined(self.hashes) if self.hashes else EMPTY_ROOT


def root_at(reader: HashReader, size: int) -> bytes:
    """The root of the first `size` leaves; `EMPTY_ROOT` for none."""
    if size < 0:
        raise Usage(f"A tree cannot have {size} leaves.", "Give a size of 0 or more.")
    return _span_root(reader, 0, size) if size else EMPTY_ROOT


def prove_inclusion(reader: HashReader, index: int, size: int) -> tuple[bytes, ...]:
    """The audit path of leaf `index` in the tree of `size` leaves, from the leaf's sibling up (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        raise Usage(f"A tree of {size} leaves has no leaf {index}.", "Ask for an index below the size.")
    return tuple(_span_root(reader, lo, hi) for lo, hi, _ in _siblings(index, size))


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Holds if the leaf hash `leaf` is leaf `index` of the tree of `size` leaves under `root`; else `Untrusted`.

    Raises `Malformed` for a hash that has not 32 bytes.
    """
    _require_hashes((leaf, root, *proof), "A hash of the inclusion proof")
    if not 0 <= index < size:
        raise Untrusted(f"A tree of {size} leaves has no leaf {index}.", "Do not use this proof.")
    path = _siblings(index, size)
    if len(path) != len(proof):
        raise Untrusted(f"The inclusion proof has {len(proof)} hashes, not {len(path)}.", "Do not use this proof.")
    computed = leaf
    for (_, _, on_left), sibling in zip(path, proof, strict=True):
        computed = node_hash(sibling, computed) if on_left else node_hash(computed, sibling)
    if computed != root:
        raise Untrusted(f"Leaf {index} is not in the tree of {size} leaves with this root.", "Do not use this proof.")


def prove_consistency(reader: HashReader, old: int, new: int) -> tuple[bytes, ...]:
    """The proof that the first `old` of `new` leaves are unchanged (RFC 6962, 2.1.2); empty for equal sizes.

    Refuses `old` 0 (`Usage`): every tree continues the empty one, so there is nothing to prove.
    """
    if not 1 <= old <= new:
        raise Usage(
            f"There is no consistency proof from size {old} to {new}.", "Ask from 1 or more up to a later size."
        )
    path = _siblings(old - 1, new, stop=old)
    hashes = [_span_root(reader, lo, hi) for lo, hi, _ in path]
    start = max((hi for _, hi, on_left in path if on_left), default=0)
    return tuple([_span_root(reader, start, old), *hashes] if start else hashes)


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Holds if the tree (new, new_root) begins with the tree (old, old_root); else `Untrusted`.

    Refuses `old` 0 and `old` above `new`. Raises `Malformed` for a hash that has not 32 bytes.
    """
    compared = (old_root, new_root) if old < new else ()  # equal sizes hash nothing: their roots are the same or not
    _require_hashes((*compared, *proof), "A hash of the consistency proof")
    if not 1 <= old <= new:
        raise Untrusted(f"Nothing proves that size {new} continues size {old}.", "Do not use this proof.")
    path = _siblings(old - 1, new, stop=old)
    seeded = int(any(on_left for _, _, on_left in path))
    if len(proof) != len(path) + seeded:
        raise Untrusted(
            f"The consistency proof has {len(proof)} hashes, not {len(path) + seeded}.", "Do not use this proof."
        )
    first = then = proof[0] if seeded else old_root
    for (_, _, on_left), sibling in zip(path, proof[seeded:], strict=True):
        first = node_hash(sibling, first) if on_left else first
        then = node_hash(sibling, then) if on_left else node_hash(then, sibling)
    if first != old_root or then != new_root:
        raise Untrusted(
            f"The tree of size {new} does not continue the tree of size {old}.", "One log shows two histories."
        )


def prove_range(reader: HashReader, begin: int, end: int, size: int) -> tuple[bytes, ...]:
    """The hashes that join leaves [begin, end) to the root of `size` leaves, from left to right.

    An empty range is provable in the empty tree only (`Usage` otherwise).
    """
    if begin == end == size == 0:
        return ()
    if not 0 <= begin < end <= size:
        raise Usage(f"A tree of {size} leaves has no range {begin} to {end}.", "Ask for one leaf or more within it.")
    return tuple(_span_root(reader, lo, hi) for lo, hi in _outside(begin, end, 0, size))


def check_range(leaves: Sequence[bytes], begin: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Holds if the leaf hashes stand side by side from index `begin` of the tree of `size` leaves; else `Untrusted`.

    The root fixes that nothing stands between them, and that nothing stands before the first when `begin` is 0 or
    after the last when the range ends at `size`, even where `size` itself is only claimed.
    """
    _require_hashes((root, *leaves, *proof), "A hash of the range proof")
    end = begin + len(leaves)
    if size == 0 and begin == 0 and not leaves and not proof and root == EMPTY_ROOT:
        return
    if not 0 <= begin < end <= size < 2**63:
        raise Untrusted(f"A tree of {size} leaves has no range {begin} to {end}.", "Do not use this proof.")
    hashes = iter(proof)
    try:
        computed = _range_root(leaves, begin, hashes, 0, size)
    except StopIteration:
        raise Untrusted("The range proof has too few hashes.", "Do not use this proof.") from None
    if next(hashes, None) is not None or computed != root:
        raise Untrusted(f"Leaves {begin} to {end} are not in the tree with this root.", "Do not use this proof.")


def _require_hashes(hashes: Iterable[bytes], what: str) -> None:
    for value in hashes:
        if len(value) != HASH_SIZE:
            raise Malformed(f"{what} has {len(value)} bytes, not {HASH_SIZE}.", "Give SHA-256 hashes.")


def _split(count: int) -> int:
    """The largest power of two below `count` (2 or more): where RFC 6962 splits a tree."""
    return 1 << ((count - 1).bit_length() - 1)


def _span_root(reader: HashReader, lo: int, hi: int) -> bytes:
    """The root of leaves [lo, hi), a subtree of RFC 6962's recursion: its complete subtrees joined from the right."""
    parts: list[bytes] = []
    while lo < hi:
        level = (hi - lo).bit_length() - 1
        parts.append(reader.read(level, lo >> level))
        lo += 1 << level
    return _joined(parts)


def _joined(parts: Sequence[bytes]) -> bytes:
    """The root over complete subtrees, given from left to right, each smaller than the one before."""
    *rest, computed = parts
    while rest:
        computed = node_hash(rest.pop(), computed)
    return computed


def _siblings(index: int, size: int, stop: int = 0) -> list[tuple[int, int, bool]]:
    """The siblings (lo, hi, stands on the left) on the way from leaf `index` up to the root, lowest first.

    The way begins at the leaf, or at the highest subtree that ends at `stop` where that comes sooner.
    """
    lo, hi = 0, size
    path: list[tuple[int, int, bool]] = []
    while hi - lo > 1 and hi != stop:
        middle = lo + _split(hi - lo)
        on_left = index >= middle
        path.append((lo, middle, True) if on_left else (middle, hi, False))
        lo, hi = (middle, hi) if on_left else (lo, middle)
    return path[::-1]


def _outside(begin: int, end: int, lo: int, hi: int) -> Iterator[tuple[int, int]]:
    """The highest subtrees of [lo, hi) that hold no leaf of [begin, end), from left to right."""
    if hi <= begin or end <= lo:
        yield lo, hi
    elif lo < begin or end < hi:
        middle = lo + _split(hi - lo)
        yield from _outside(begin, end, lo, middle)
        yield from _outside(begin, end, middle, hi)


def _range_root(leaves: Sequence[bytes], begin: int, hashes: Iterator[bytes], lo: int, hi: int) -> bytes:
    """The root of [lo, hi): from the leaves inside the range, from the proof outside it."""
    if hi <= begin or begin + len(leaves) <= lo:
        return next(hashes)
    if hi - lo == 1:
        return leaves[lo - begin]
    middle = lo + _split(hi - lo)
    left = _range_root(leaves, begin, hashes, lo, middle)
    return node_hash(left, _range_root(leaves, begin, hashes, middle, hi))
