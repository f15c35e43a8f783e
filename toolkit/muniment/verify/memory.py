"""What a reader remembers of a log, so that it is never shown another past, and need not verify anything twice.

    seen.json                    the newest checkpoint that was verified, and the digest of the snapshot beside it
    seen.json.state              the state as it was at some checkpoint up to that one (`registry.snapshot`)
    seen.json.evidence/<id>/     `seen` and `shown`: two signed checkpoints of which the second departs from the first

The memory is written last, and only when all that was asked for holds. It is as trusted as the pins are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from muniment.core.canonical import format_json, parse_canonical
from muniment.core.digest import Digest, digest_of, parse_digest
from muniment.core.errors import Malformed, Untrusted, Usage
from muniment.log.checkpoint import Checkpoint, parse_checkpoint
from muniment.log.note import parse_note
from muniment.log.text import format_base64
from muniment.registry.snapshot import format_snapshot, parse_snapshot
from muniment.registry.state import State
from muniment.registry.store import read_if
from muniment.registry.store.local import LocalStore
from muniment.verify.trust import Trust


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint that was verified, with its signed note; `snapshot` names the state kept beside it, if one is."""

    checkpoint: Checkpoint
    genesis: Digest
    note: bytes
    snapshot: Digest | None = None


class Departed(Untrusted):
    """A checkpoint, in the signed note `shown`, that does not continue the one that is remembered."""

    def __init__(self, fact: str, remedy: str, shown: bytes) -> None:
        super().__init__(fact, remedy)
        self.shown = shown


class Memory:
    """The memory of one log in a file of a folder."""

    def __init__(self, book: LocalStore, name: str) -> None:
        self._book, self._name = book, name
        self.place = f"{book.place}/{name}"

    def recall(self, trust: Trust) -> Seen | None:
        """What is remembered, None before the first time. Raises `Usage` for the memory of another log."""
        data = read_if(self._book, self._name)
        if data is None:
            return None
        seen = parse_seen(data, self.place)
        if (seen.checkpoint.origin, seen.genesis) != (trust.origin, trust.genesis):
            raise Usage(
                f"{self.place} remembers the log {seen.checkpoint.origin} with the first entry {seen.genesis}.",
                "Give each log, as trust.json pins it, a memory of its own.",
            )
        return seen

    def snapshot(self, seen: Seen | None) -> State | None:
        """The state kept beside the memory, if it is the one that the memory names; else None."""
        if seen is None or seen.snapshot is None:
            return None
        data = read_if(self._book, f"{self._name}.state")
        if data is None or digest_of(data) != seen.snapshot:
            return None
        return parse_snapshot(data, seen.checkpoint.origin, seen.genesis)

    def keep(self, seen: Seen, departed: Departed) -> None:
        """Keeps both checkpoints of a departure beside the memory, and says where in its remedy."""
        folder = f"{self._name}.evidence/{digest_of(departed.shown).hex[:16]}"
        self._book.write(f"{folder}/seen", seen.note)
        self._book.write(f"{folder}/shown", departed.shown)
        departed.remedy += f" Both signed checkpoints are kept in {self._book.place}/{folder}."

    def remember(self, trust: Trust, note: bytes, state: State | None = None) -> None:
        """Remembers a verified checkpoint, and the state there. One that was remembered meanwhile is not taken back."""
        before, now = read_if(self._book, self._name), self.recall(trust)
        checkpoint = parse_checkpoint(parse_note(note).text)
        if now is not None and now.checkpoint.size > checkpoint.size:
            return
        kept = now.snapshot if now is not None else None
        if state is not None:
            data = format_snapshot(state)
            kept = digest_of(data)
            self._book.write(f"{self._name}.state", data)
        self._book.swap(self._name, before, format_seen(Seen(checkpoint, trust.genesis, note, kept)))


def departure(
    last: Checkpoint | None, checkpoint: Checkpoint, note: bytes, root_of: Callable[[int], bytes | None]
) -> Departed | None:
    """What is to be said of a checkpoint that does not continue the one remembered `last`, None where nothing is.

    `root_of` gives the root of the checkpoint's log at a size up to its own, None where it is not known.
    """
    if last is None:
        return None
    shown, remembered = _spell(checkpoint), _spell(last)
    if checkpoint.size < last.size:
        return Departed(
            f"The log went back: {shown} is shown, and {remembered} is remembered.",
            "It may come from a cache that is behind: try again later. If it stays so, an older registry was put back.",
            note,
        )
    if root_of(last.size) in (None, last.root):
        return None
    return Departed(
        f"The log forked: {shown} is shown and does not continue {remembered}, which is remembered.",
        "One log shows two histories: tell its readers.",
        note,
    )


def format_seen(seen: Seen) -> bytes:
    """`seen.json`: canonical JSON; origin, size and root stand there as the note says them."""
    value = {
        "checkpoint": seen.note.decode(),
        "genesis": str(seen.genesis),
        "origin": seen.checkpoint.origin,
        "root": format_base64(seen.checkpoint.root),
        "size": seen.checkpoint.size,
    }
    return format_json(value | ({"snapshot": str(seen.snapshot)} if seen.snapshot else {})) + b"\n"


def parse_seen(data: bytes, where: str) -> Seen:
    """The memory that bytes hold. Raises `Malformed`."""
    value: Any = parse_canonical(data.removesuffix(b"\n"), where)
    wrong = Malformed(f"{where} is no memory of a log.", "Restore it from its history; without it the past is unknown.")
    if not isinstance(value, dict) or not all(isinstance(value.get(key), str) for key in ("checkpoint", "genesis")):
        raise wrong
    note = value["checkpoint"].encode()
    kept = parse_digest(value["snapshot"]) if "snapshot" in value else None
    seen = Seen(parse_checkpoint(parse_note(note).text), parse_digest(value["genesis"]), note, kept)
    if format_seen(seen) != data:
        raise wrong
    return seen


def _spell(checkpoint: Checkpoint) -> str:
    return f"the checkpoint of {checkpoint.size} entries with the root {format_base64(checkpoint.root)}"
