"""What pages prove themselves with: audit paths to the first checkpoint over their entries, which never changes again.

No page but the log's own follows the newest checkpoint. The way from a page's checkpoint to the newest lies in scripts
that only a reader who asks loads: `log/head.js`, the hashes of the tree in `log/hashes/`, the state tree in `state/`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from muniment.core.errors import Malformed, Rejected
from muniment.log.checkpoint import open_checkpoint
from muniment.log.merkle import MemoryTree, leaf_hash, prove_inclusion, prove_range
from muniment.log.note import Note, format_note, parse_note, parse_vkey
from muniment.log.proof import TlogProof, format_proof
from muniment.log.statetree import StateTree, format_leaf
from muniment.log.text import format_base64
from muniment.log.tiles import tiles
from muniment.registry.documents import state_tree
from muniment.registry.fold import History, tree_of
from muniment.site import paths
from muniment.site.page import Page
from muniment.site.shard import shard

Facts = dict[str, Any]
STATE_SHARD = 256
EARLIER = 20


class Proofs:
    """A log's tree and its published checkpoints (signed notes by size)."""

    def __init__(self, history: History, notes: Mapping[int, bytes]) -> None:
        self.tree = tree_of(history.leaves)
        self.sizes = sorted(notes)
        self._history = history
        self._notes = notes

    def size_over(self, index: int) -> int:
        """The smallest published size that covers an entry."""
        return self.sizes[bisect_right(self.sizes, index)]

    def checkpoint(self, size: int) -> Facts:
        """A checkpoint with the log's own signatures, and the log's keys in force at its size."""
        return {
            "origin": self._history.checkpoint.origin,
            "keys": list(keys_at(self._history, size)),
            "checkpoint": self.signed(size).decode(),
        }

    def of_entries(self, indexes: Collection[int]) -> Facts:
        """Entries with their leaves and audit paths, under one checkpoint."""
        size = self.size_over(max(indexes))
        entries = [
            {
                "index": index,
                "leaf": self._history.leaves[index].decode(),
                "hashes": _texts(prove_inclusion(self.tree, index, size)),
            }
            for index in sorted(indexes)
        ]
        return self.checkpoint(size) | {"entries": entries}

    def of_range(self, first: int, end: int) -> Facts:
        """The hashes that join entries [first, end), whose leaves the page shows, to the root of one checkpoint."""
        size = self.size_over(end - 1)
        return self.checkpoint(size) | {"first": first, "hashes": _texts(prove_range(self.tree, first, end, size))}

    def of_log(self) -> Facts:
        """The newest checkpoint, those before it, and the log's keys from which entry on."""
        before = self.sizes[-1 - EARLIER : -1]
        return self.checkpoint(self.sizes[-1]) | {
            "earlier": [self.signed(size).decode() for size in before],
            "eras": [[era.index, list(era.log_keys)] for era in self._history.state.eras],
            "genesis": str(self._history.state.genesis),
        }

    def files(self) -> Iterator[Page]:
        """A C2SP proof file for every entry, to the first checkpoint over it as it was published."""
        for index in range(len(self._history.leaves)):
            size = self.size_over(index)
            proof = TlogProof(index, prove_inclusion(self.tree, index, size), self._notes[size])
            yield Page(paths.proof_file(index), format_proof(proof))

    def scripts(self) -> Iterator[Page]:
        """The newest checkpoint with the log's last leaf, all hashes of the tree, and the state tree that it states."""
        state = list(shards_of(state_tree(self._history.state)))
        head = {
            "leaf": self._history.leaves[-1].decode(),
            "shards": [[lines[0][0], root] for root, lines in state],
        }
        yield shard("log/head", self.checkpoint(self.sizes[-1]) | head)
        for path, data in tiles(self.tree, self.sizes[-1:]):
            number = path.removeprefix("tile/").partition(".p/")[0]
            yield shard(f"log/hashes/{number}", format_base64(data))
        for root, lines in state:
            yield shard(f"state/{root[:2]}/{root}", lines)

    def signed(self, size: int) -> bytes:
        """The note without cosignatures, which may come later: pages must not change with them."""
        note, keys = parse_note(self._notes[size]), [parse_vkey(text) for text in keys_at(self._history, size)]
        own = tuple(s for s in note.signatures if any(key.made(s) for key in keys))
        return format_note(Note(note.text, own or note.signatures))


def keys_at(history: History, size: int) -> tuple[str, ...]:
    """The log's keys in force at a size: a batch that rotates them is signed with the new ones."""
    return [era.log_keys for era in history.state.eras if era.index < size][-1]


def false_notes(history: History, notes: Mapping[int, bytes]) -> list[int]:
    """The sizes, up to the history's own, under which a note stands that no key in force then signed of its past."""
    tree = tree_of(history.leaves)
    return [s for s, note in sorted(notes.items()) if s <= tree.size and not _is_of(history, s, tree.root(s), note)]


def _is_of(history: History, size: int, root: bytes, note: bytes) -> bool:
    try:
        keys = [parse_vkey(key) for key in keys_at(history, size)]
        checkpoint = open_checkpoint(note, history.checkpoint.origin, keys)
    except (Rejected, Malformed):
        return False
    return (checkpoint.size, checkpoint.root) == (size, root)


def shards_of(state: StateTree) -> Iterator[tuple[str, list[list[str]]]]:
    """The state tree's lines, 256 at a time, each time with the root over them in hex."""
    leaves = state.leaves
    for start in range(0, len(leaves), STATE_SHARD):
        part = leaves[start : start + STATE_SHARD]
        root = MemoryTree(leaf_hash(format_leaf(leaf)) for leaf in part).root()
        yield root.hex(), [[leaf.subject, leaf.document.hex] for leaf in part]


def _texts(hashes: Collection[bytes]) -> list[str]:
    return [format_base64(value) for value in hashes]
