"""Vectors of other implementations (`tests/vectors`), and small things the tests of this room share."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from muniment.log.merkle import MemoryTree, leaf_hash

FOLDER = Path(__file__).parents[1] / "vectors"


def vectors(name: str) -> dict[str, Any]:
    """The whole value of one vector file."""
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of one vector file."""
    return vectors(name)["cases"]


def unbase64(text: str | None) -> bytes:
    """The bytes of Base64 text; Go writes an absent slice as null."""
    return base64.b64decode(text or "")


def tree_of(size: int) -> MemoryTree:
    """The tree over `entry 0`, `entry 1`, …"""
    return MemoryTree(leaf_hash(b"entry %d" % i) for i in range(size))


def flipped(data: bytes, bit: int = 0) -> bytes:
    """The bytes with one bit changed."""
    at = bit // 8 % len(data)
    return data[:at] + bytes([data[at] ^ (1 << bit % 8)]) + data[at + 1 :]
