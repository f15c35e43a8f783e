"""Places with other writers in them, and a log key that remembers all it ever signed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from muniment.log.checkpoint import parse_checkpoint, sign_checkpoint
from muniment.log.lines import LEAVES, format_lines, leaf_file, parse_lines
from muniment.log.note import NoteSigner, Signature
from muniment.registry.fold import tree_of
from muniment.registry.paths import CHECKPOINT, checkpoint_path
from muniment.registry.store.local import LocalStore


class Recorder:
    """A log key that writes every checkpoint it signs to a file before it gives the signature away."""

    def __init__(self, key: NoteSigner, record: Path) -> None:
        self.key, self.record = key, record
        self.name, self.vkey = key.name, key.vkey

    def sign(self, text: str) -> Signature:
        signature = self.key.sign(text)
        with self.record.open("a") as file:
            file.write(text.replace("\n", "\t") + "\n")
        return signature


def check_prefixes(records: Sequence[Path], leaves: Sequence[bytes]) -> int:
    """Every checkpoint that was ever signed is one of the log in the end, and so a prefix of the others; how many."""
    tree = tree_of(leaves)
    texts = [line for record in records if record.exists() for line in record.read_text().splitlines()]
    for text in texts:
        checkpoint = parse_checkpoint(text.replace("\t", "\n"))
        assert tree.root(checkpoint.size) == checkpoint.root, text
    return len(texts)


class SharedStore(LocalStore):
    """A folder that several write to without a lock; before a swap of a path others may do something."""

    alone = False

    def __init__(self, root: Path, before: dict[str, Callable[[], object]] | None = None) -> None:
        super().__init__(root)
        self.before = before or {}

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        self.before.pop(path, lambda: None)()
        super().swap(path, old, new)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        yield


def fill(store: LocalStore, key: NoteSigner, size: int) -> None:
    """Lengthens a fresh log to `size` leaves by batches of nothing, dated as its last one."""
    lines = parse_lines(store.read(leaf_file(0)), "the log")
    lines += [lines[-1]] * (size - len(lines))
    for first in range(0, size, LEAVES):
        store.write(leaf_file(first), format_lines(lines[first : first + LEAVES]))
    old = parse_checkpoint(store.read(CHECKPOINT).decode().partition("\n\n")[0] + "\n")
    note = sign_checkpoint(type(old)(old.origin, size, tree_of(lines).root()), key)
    for path in (CHECKPOINT, checkpoint_path(size)):
        store.write(path, note)
