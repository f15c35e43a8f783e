"""Leaf files: 256 leaves a file, one a line, so that a diff shows exactly the new entries.

Leaf i is line i mod 256 of `log/<i div 256 in groups of three digits>.jsonl`. A line is the leaf's bytes and U+000A;
what a leaf says is not looked at here.
"""

from __future__ import annotations

from collections.abc import Sequence

from muniment.core.errors import Malformed, Usage
from muniment.log.tiles import MAX_ENTRY, WIDTH, path_number

LEAVES = WIDTH


def leaf_file(index: int) -> str:
    """The path of the file that holds leaf `index`: `log/000.jsonl` for 0 to 255, `log/x001/000.jsonl` from 256000."""
    if index < 0:
        raise Usage(f"There is no leaf {index}.", "Give an index of 0 or more.")
    return f"log/{path_number(index // LEAVES)}.jsonl"


def format_lines(leaves: Sequence[bytes]) -> bytes:
    """The bytes of a leaf file. Raises `Malformed` for leaves that it cannot hold."""
    data = b"".join(leaf + b"\n" for leaf in leaves)
    if parse_lines(data, "The leaf file") != list(leaves):
        raise Malformed("A leaf holds a line break.", "Write leaves as canonical JSON.")
    return data


def parse_lines(data: bytes, what: str) -> list[bytes]:
    """The leaves of a leaf file: 1 to 256 lines, none empty, each of at most 65,535 bytes and ended by U+000A.

    `what` names the file in the error. Raises `Malformed` with the line number, from 1.
    """
    leaves = data.split(b"\n")
    if leaves.pop() != b"":
        raise Malformed(f"{what}, line {len(leaves) + 1}, has no end.", "It is cut off: restore the file.")
    if not 1 <= len(leaves) <= LEAVES:
        raise Malformed(f"{what} has {len(leaves)} lines; a leaf file has 1 to {LEAVES}.", "Restore the file.")
    for number, leaf in enumerate(leaves, 1):
        if not 1 <= len(leaf) <= MAX_ENTRY:
            raise Malformed(f"{what}, line {number}, has {len(leaf)} bytes.", f"A leaf has 1 to {MAX_ENTRY} bytes.")
    return leaves
