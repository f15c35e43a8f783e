"""What the pages' scripts are tested with: the vectors of tests/vectors, and cases that muniment.log made."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from muniment.log.checkpoint import Checkpoint, sign_checkpoint
from muniment.log.merkle import MemoryTree, leaf_hash, prove_consistency, prove_inclusion, prove_range
from muniment.log.note import NoteSigner
from muniment.log.proof import TlogProof, format_proof
from muniment.log.statetree import StateTree
from muniment.log.tiles import tiles
from muniment.site.proofs import shards_of

TESTS = Path(__file__).parents[1]
ASSETS = TESTS.parent / "templates" / "assets"
SIZES = (1, 2, 3, 7, 8, 9, 64, 100, 256, 257)
SIZE = 66000
NAMES = ["a", "a/b", "a0", "config", "\ue000", "\uffee", "\U00010000", "\U0001f600"]


def vectors() -> dict[str, Any]:
    """All that `runVectors` wants."""
    files = (TESTS / "vectors").glob("*.json")
    return {path.stem: json.loads(path.read_text("utf-8")) for path in files} | {"made": made()}


def made() -> dict[str, Any]:
    """Cases from this project's own tree, which other tests hold to RFC 6962."""
    tree = MemoryTree(leaf_hash(b"entry %d" % i) for i in range(SIZE))
    named = {path.removeprefix("tile/").partition(".p/")[0]: _text(data) for path, data in tiles(tree, [SIZE])}
    sizes = [(index, size) for size in SIZES for index in {0, size // 3, size - 1}]
    return {
        "size": SIZE,
        "tiles": named,
        "inclusion": [
            _inclusion(tree, i, n) for i, n in [*sizes, (0, SIZE), (65535, SIZE), (65537, SIZE), (300, SIZE)]
        ],
        "consistency": [_consistency(tree, i + 1, n) for i, n in [*sizes, (0, SIZE), (65535, SIZE), (300, SIZE)]],
        "ranges": [
            _range(tree, b, e, n) for b, e, n in ((0, 1, 1), (0, 7, 7), (3, 5, 9), (256, 512, 777), (99, 100, 100))
        ],
        "signed": _signed(tree),
        "state": _state(),
        "sorted": sorted(NAMES),
        "digests": [
            [n, hashlib.sha256(bytes(i * 7 % 256 for i in range(n))).hexdigest()] for n in (*range(200), 70001)
        ],
    }


def _inclusion(tree: MemoryTree, index: int, size: int) -> dict[str, Any]:
    proof = [_text(h) for h in prove_inclusion(tree, index, size)]
    return {
        "index": index,
        "size": size,
        "leaf": _text(tree.read(0, index)),
        "root": _text(tree.root(size)),
        "proof": proof,
    }


def _consistency(tree: MemoryTree, old: int, size: int) -> dict[str, Any]:
    proof = [_text(h) for h in prove_consistency(tree, old, size)]
    return {"old": old, "size": size, "oldRoot": _text(tree.root(old)), "root": _text(tree.root(size)), "proof": proof}


def _range(tree: MemoryTree, begin: int, end: int, size: int) -> dict[str, Any]:
    leaves = [_text(tree.read(0, i)) for i in range(begin, end)]
    proof = [_text(h) for h in prove_range(tree, begin, end, size)]
    return {"begin": begin, "size": size, "leaves": leaves, "root": _text(tree.root(size)), "proof": proof}


def _signed(tree: MemoryTree) -> dict[str, Any]:
    key = NoteSigner("example.org/log", bytes(range(32)))
    note = sign_checkpoint(Checkpoint(key.name, 9, tree.root(9)), key)
    proof = format_proof(TlogProof(4, prove_inclusion(tree, 4, 9), note)).decode()
    return {
        "origin": key.name,
        "vkey": key.vkey,
        "note": note.decode(),
        "proof": proof,
        "leaf": _text(tree.read(0, 4)),
    }


def _state() -> dict[str, Any]:
    documents = {f"version/a/b{n}/1": f'{{"n":"é{n}"}}' for n in range(700)}
    tree = StateTree({subject: text.encode() for subject, text in documents.items()})
    parts = list(shards_of(tree))
    return {
        "root": tree.root.hex(),
        "documents": documents,
        "shards": [[lines[0][0], root] for root, lines in parts],
        "lines": dict(parts),
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
