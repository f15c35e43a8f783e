"""Tiles: the tree and its entries as immutable files of 256 items. Source: C2SP tlog-tiles.

`tile/<L>/<N>[.p/<W>]` holds the roots of the complete subtrees of 256^L leaves numbered 256 N to 256 N + 255, 32 bytes
each; `tile/entries/<N>[.p/<W>]` holds the leaves themselves, each after its length as a big-endian uint16.
N is written in groups of three digits, all but the last with an `x` before it; W (1 to 255) is the width of a partial
tile, at the right edge of a tree. Each published size has its partial tiles until the full tile stands, which holds all
that they did; clients then ask for that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from muniment.core.errors import Malformed, Missing, Usage
from muniment.log.merkle import HASH_SIZE, MemoryTree, node_hash
from muniment.log.text import MAX_NUMBER

WIDTH = 256
MAX_ENTRY = 65535
_HEIGHT = 8
_NUMBER = re.compile(r"(?:x[0-9]{3}/){0,6}[0-9]{3}")


def path_number(n: int) -> str:
    """A number in groups of three digits: 0 is `000`, 1234067 is `x001/x234/067`."""
    if not 0 <= n <= MAX_NUMBER:
        raise Usage(f"{n} cannot number a tile.", "Give a number of 0 or more.")
    digits = str(n)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def parse_path_number(text: str) -> int:
    """The number that `path_number` writes so. Raises `Malformed`."""
    if _NUMBER.fullmatch(text):
        n = int(text.replace("x", "").replace("/", ""))
        if n <= MAX_NUMBER and path_number(n) == text:
            return n
    raise Malformed(f"{text[:80]!r} does not number a tile.", "Write it as in x001/x234/067.")


def tile_path(level: int, n: int, width: int = WIDTH) -> str:
    """The path of a tile of hashes."""
    if not 0 <= level <= 63:
        raise Usage(f"There is no tile level {level}.", "Give a level from 0 to 63.")
    return f"tile/{level}/{path_number(n)}{_suffix(width)}"


def entries_path(n: int, width: int = WIDTH) -> str:
    """The path of an entry bundle."""
    return f"tile/entries/{path_number(n)}{_suffix(width)}"


def tiles(tree: MemoryTree, sizes: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every tile of hashes that the published sizes need, each once.

    They are the full tiles of the largest size, and beyond these the partial ones of each. Sizes are at most the
    tree's (`Usage`).
    """
    published = _published(sizes, tree.size)
    for level in range(64):
        counts = [size >> (_HEIGHT * level) for size in published]
        if not any(counts):
            return
        for n, width in _cuts(counts):
            hashes = (tree.read(_HEIGHT * level, n * WIDTH + at) for at in range(width))
            yield tile_path(level, n, width), b"".join(hashes)


def entry_bundles(entries: Sequence[bytes], sizes: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every entry bundle that the published sizes need, each once; see `tiles`."""
    for n, width in _cuts(_published(sizes, len(entries))):
        yield entries_path(n, width), format_entry_bundle(entries[n * WIDTH : n * WIDTH + width])


def format_entry_bundle(entries: Sequence[bytes]) -> bytes:
    """1 to 256 entries, each after its length as a big-endian uint16. Raises `Malformed`."""
    if not 1 <= len(entries) <= WIDTH:
        raise Malformed(f"An entry bundle cannot hold {len(entries)} entries.", "Give 1 to 256.")
    long = max(map(len, entries))
    if long > MAX_ENTRY:
        raise Malformed(f"An entry has {long} bytes; at most {MAX_ENTRY} fit.", "Log a digest in its place.")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_entry_bundle(data: bytes) -> tuple[bytes, ...]:
    """The entries of a bundle. Raises `Malformed`."""
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        entries.append(data[start:at])
    if at != len(data) or not 1 <= len(entries) <= WIDTH:
        raise Malformed("The entry bundle is cut off, empty or too long.", "Fetch it again.")
    return tuple(entries)


class TileReader:
    """A `HashReader` over the tiles of a tree of `size` leaves; each tile is fetched once.

    `fetch` gives the bytes at a path and raises `Missing` where there are none. Where a partial tile is gone, the full
    one is asked for. What it yields is as true as its source: compare a root with a checkpoint before use.
    """

    __slots__ = ("_fetch", "_tiles", "size")

    def __init__(self, fetch: Callable[[str], bytes], size: int) -> None:
        self.size = size
        self._fetch = fetch
        self._tiles: dict[tuple[int, int], bytes] = {}

    def read(self, level: int, index: int) -> bytes:
        """The root of one complete subtree. Raises `Missing`, and `Malformed` for a tile of another size."""
        if level < 0 or index < 0 or (index + 1) << level > self.size:
            raise Missing(f"The tree of {self.size} leaves has no subtree {index} at level {level}.", "Ask within it.")
        row, height = divmod(level, _HEIGHT)
        n, first = divmod(index << height, WIDTH)
        tile = self._tile(row, n)
        hashes = [tile[at * HASH_SIZE :][:HASH_SIZE] for at in range(first, first + (1 << height))]
        while len(hashes) > 1:
            hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
        return hashes[0]

    def _tile(self, row: int, n: int) -> bytes:
        if (row, n) not in self._tiles:
            width = min((self.size >> (_HEIGHT * row)) - n * WIDTH, WIDTH)
            self._tiles[row, n] = self._whole(row, n, width)
        return self._tiles[row, n]

    def _whole(self, row: int, n: int, width: int) -> bytes:
        path = tile_path(row, n, width)
        try:
            tile = self._fetch(path)
        except Missing as gone:
            if width == WIDTH:
                raise
            path, width = tile_path(row, n), WIDTH
            try:
                tile = self._fetch(path)
            except Missing:
                raise gone from None
        if len(tile) != width * HASH_SIZE:
            raise Malformed(f"{path} has {len(tile)} bytes, not {width * HASH_SIZE}.", "Fetch it again.")
        return tile


def _suffix(width: int) -> str:
    if not 1 <= width <= WIDTH:
        raise Usage(f"A tile cannot be {width} wide.", "Give 1 to 256.")
    return "" if width == WIDTH else f".p/{width}"


def _published(sizes: Iterable[int], limit: int) -> list[int]:
    published = sorted(set(sizes))
    if published and not 0 <= published[0] <= published[-1] <= limit:
        raise Usage(f"A size is not within 0 to {limit}.", "Give sizes the tree has had.")
    return published


def _cuts(counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Number and width of the tiles over rows of these lengths: full ones of the longest, partial ones of the rest."""
    edge = max(counts, default=0) // WIDTH
    yield from ((n, WIDTH) for n in range(edge))
    yield from ((edge, width) for width in sorted({count - edge * WIDTH for count in counts}) if width > 0)
