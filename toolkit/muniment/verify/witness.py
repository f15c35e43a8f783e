"""Witnessing: what a job in somebody else's repository does for a log, and the memory that keeps it honest.

The state is a folder with one below it for each log, named by the hex SHA-256 of its origin:

    checkpoint             the last note cosigned: the read half, served as it is (C2SP tlog-witness)
    cosigned.json          that note, the log keys it was checked by, and whether this witness replays; written last
    evidence/<id>/seen     what was cosigned last when `shown`, signed by the log and not cosigned, was served
    evidence/<id>/shown

Both of the first two are read, and the newer counts: wherever a run ends, the next goes on from every cosignature that
anybody may have seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from muniment.core.canonical import format_json, parse_canonical
from muniment.core.digest import digest_of
from muniment.core.errors import Malformed, Missing, MunimentError, Unreachable, Untrusted, Usage
from muniment.log.checkpoint import Checkpoint, parse_checkpoint
from muniment.log.merkle import HashReader, prove_consistency, root_at
from muniment.log.note import Cosigner, NoteVerifier, parse_note, parse_vkey, verify_note
from muniment.log.policy import without_witnesses
from muniment.log.tiles import TileReader
from muniment.log.witness import Request, add_checkpoint, check_continues, format_request, read_path
from muniment.registry.cache import Cache
from muniment.registry.fold import read_leaves, tree_of
from muniment.registry.paths import CHECKPOINT
from muniment.registry.store import Reader
from muniment.registry.store.local import LocalStore
from muniment.verify.memory import departure
from muniment.verify.replay import NOTHING, Known, verify_registry
from muniment.verify.trust import Trust

_ROTATED = (
    "If the log rotated its key, give the new one with --log-key once you have it from its makers; "
    "--trust with --replay follows rotations in the log itself."
)


@dataclass(frozen=True, slots=True)
class Pins:
    """Which log is witnessed: its origin and keys; with `trust` the whole log is replayed from these pins."""

    origin: str
    log_keys: tuple[str, ...]
    trust: Trust | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a witness remembers of a log: its last cosigned note, the log keys in force, and whether it replays."""

    checkpoint: Checkpoint
    note: bytes
    log_keys: tuple[str, ...] = ()
    replays: bool | None = None


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint that was cosigned at `time` (POSIX seconds), and what was cosigned before it; `path` serves it."""

    checkpoint: Checkpoint
    previous: Checkpoint | None
    time: int
    replayed: bool
    path: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a log serves, as far as it was checked: keys that may have signed it, and its tree under the root."""

    log_keys: tuple[str, ...]
    tree: HashReader
    remarks: tuple[str, ...] = ()


def witness(
    place: Reader,
    book: LocalStore,
    cosigner: Cosigner,
    pins: Pins,
    time: int,
    processes: int = 1,
    cache: Cache | None = None,
) -> Cosigned:
    """Cosigns the checkpoint at a place if it continues what the witness cosigned last, and remembers it in `book`.

    A witness that replays begins from the state that it left in the `cache`. Raises `Untrusted` for a fork, an older
    checkpoint or what replay refutes, `Missing` for what is withheld; what the log signed is kept as evidence. Raises
    `Usage` for a key that cosigned by other rules.
    """
    seen = recall(book, pins.origin, cosigner)
    _check_same_rules(seen, pins)
    note = place.read(CHECKPOINT)
    try:
        new = _claimed(note, pins.origin)
        shown = _examine(place, note, new, pins, seen, processes, cache)
        last = seen.checkpoint if seen else None
        reply = add_checkpoint(
            format_request(Request(last.size if last else 0, _proof(shown.tree, last, new), note)),
            {pins.origin: _verifiers(shown.log_keys)},
            {pins.origin: last} if last else {},
            cosigner,
            time,
        )
        cosigned = reply.cosigned()
    except Unreachable:
        raise
    except MunimentError as error:
        _keep(book, note, seen, pins, error)
        raise
    path = read_path(pins.origin)
    book.write(path, cosigned)
    book.write(_memory(pins.origin), _format_seen(cosigned, shown.log_keys, pins.trust is not None))
    return Cosigned(new, last, time, pins.trust is not None, path, shown.remarks)


def recall(book: LocalStore, origin: str, cosigner: Cosigner) -> Seen | None:
    """What this witness cosigned last of a log, by its read half and its memory. Raises `Untrusted` for another's."""
    path, memory = read_path(origin), _memory(origin)
    found = []
    if book.exists(path):
        found.append(_own(book.read(path), path, origin, cosigner))
    if book.exists(memory):
        value = _parse_seen(book.read(memory), memory)
        own = _own(value["checkpoint"].encode(), memory, origin, cosigner)
        found.append(Seen(own.checkpoint, own.note, tuple(value["logKeys"]), value["replays"]))
    if not found:
        return None
    newest = max(found, key=lambda seen: (seen.checkpoint.size, seen.replays is not None))
    if any(s.checkpoint.size == newest.checkpoint.size and s.checkpoint.root != newest.checkpoint.root for s in found):
        raise Untrusted(
            f"{book.place}/{path} and {memory} hold two checkpoints of {newest.checkpoint.size} entries, both "
            "cosigned by this key.",
            "This witness equivocated: tell its readers and retire the key.",
        )
    known = found[-1]
    return Seen(newest.checkpoint, newest.note, known.log_keys, known.replays)


def _own(note: bytes, where: str, origin: str, cosigner: Cosigner) -> Seen:
    opened = parse_note(note)
    checkpoint = parse_checkpoint(opened.text)
    if checkpoint.origin != origin or not verify_note(opened, [cosigner.verifier]):
        raise Untrusted(
            f"{where} was not cosigned for {origin} by {cosigner.vkey}.",
            "Give the key that made it. A new key needs a new folder, and begins without memory.",
        )
    return Seen(checkpoint, note)


def _check_same_rules(seen: Seen | None, pins: Pins) -> None:
    """Raises `Usage` where the same key would mean two things: who replays and who does not have two keys."""
    if seen is None or seen.replays in (None, pins.trust is not None):
        return
    did, does = ("replayed", "without --replay") if seen.replays else ("did not replay", "with --replay")
    raise Usage(
        f"This witness {did} when it cosigned, and is run {does} now.",
        "Run it as before; for other rules make another key, with a folder of its own.",
    )


def _claimed(note: bytes, origin: str) -> Checkpoint:
    checkpoint = parse_checkpoint(parse_note(note).text)
    if checkpoint.origin != origin:
        raise Untrusted(f"The checkpoint is of the log {checkpoint.origin}, not {origin}.", "Give the right place.")
    return checkpoint


def _examine(
    place: Reader, note: bytes, new: Checkpoint, pins: Pins, seen: Seen | None, processes: int, cache: Cache | None
) -> _Shown:
    """The tree that a place serves under a checkpoint; it begins with the tree of what was cosigned last."""
    last = seen.checkpoint if seen else None
    if pins.trust is not None:
        shown = _replay(place, note, pins.trust, processes, cache)
        _check_start(last, new, note, lambda size: root_at(shown.tree, size))
        return shown
    if not verify_note(parse_note(note), _verifiers(pins.log_keys)):
        raise Untrusted(f"No pinned key of the log {pins.origin} signed the checkpoint.", _ROTATED)
    tree, remarks = _served(place, last, new, note)
    return _Shown(pins.log_keys, tree, remarks)


def _replay(place: Reader, note: bytes, trust: Trust, processes: int, cache: Cache | None) -> _Shown:
    """The whole log, derived again or derived before. Witnesses come before the quorum, so none is asked for."""
    alone = Trust(trust.origin, trust.genesis, without_witnesses(trust.policy), trust.trusted_root, (), trust.anchor)
    known = Known(state=cache.load(trust.origin, trust.genesis)) if cache is not None else NOTHING
    history = verify_registry(_Held(place, note), alone, known=known, processes=processes).history
    if cache is not None:
        cache.save(history.state)
    return _Shown(history.state.eras[-1].log_keys, tree_of(history.leaves))


def _served(place: Reader, last: Checkpoint | None, new: Checkpoint, note: bytes) -> tuple[HashReader, tuple[str, ...]]:
    """The tree under a root, from tiles, or where one is missing from leaf files, and what is to be said of that.

    Tiles that contradict `last` may be a host's doing: whether the log itself forked is told by all its leaves.
    """
    _check_start(last, new, note, lambda _: None)
    try:
        tiles = TileReader(place.read, new.size)
        _check_root(tiles, new, "tiles")
        if _continues(tiles, last, new):
            return tiles, ()
        remarks: tuple[str, ...] = ()
    except Missing as gone:
        remarks = (f"{gone.fact} Leaf files were read in its place.",)
    leaves = tree_of(read_leaves(place, new.size))
    _check_root(leaves, new, "leaf files")
    _check_start(last, new, note, leaves.root)
    if not remarks:
        raise Untrusted("The tiles contradict the leaf files.", "The host altered them; the log itself is whole.")
    return leaves, remarks


def _check_root(tree: HashReader, new: Checkpoint, what: str) -> None:
    if root_at(tree, new.size) != new.root:
        raise Untrusted(
            f"The {what} do not hash to the signed checkpoint.", "They were altered, or the log signed what it hides."
        )


def _check_start(last: Checkpoint | None, new: Checkpoint, note: bytes, root_of: Callable[[int], bytes | None]) -> None:
    """Raises `Departed` where a checkpoint is older than the last or, as far as is known, does not continue it."""
    departed = departure(last, new, note, root_of)
    if departed is not None:
        raise departed


def _continues(tree: HashReader, last: Checkpoint | None, new: Checkpoint) -> bool:
    """Whether what a tree's hashes prove holds; a false one among them proves nothing."""
    try:
        check_continues(last, new, _proof(tree, last, new))
    except Untrusted:
        return False
    return True


def _proof(tree: HashReader, last: Checkpoint | None, new: Checkpoint) -> tuple[bytes, ...]:
    return prove_consistency(tree, last.size, new.size) if last is not None and last.size else ()


def _verifiers(log_keys: tuple[str, ...]) -> tuple[NoteVerifier, ...]:
    return tuple(parse_vkey(key) for key in log_keys)


def _keep(book: LocalStore, note: bytes, seen: Seen | None, pins: Pins, error: MunimentError) -> None:
    """Keeps a note that a known key of the log signed and this witness does not cosign, and says where."""
    keys = _verifiers(tuple({*pins.log_keys, *(seen.log_keys if seen else ())}))
    try:
        if not verify_note(parse_note(note), keys):
            return
    except MunimentError:
        return
    folder = f"{read_path(pins.origin).removesuffix(CHECKPOINT)}evidence/{digest_of(note).hex[:16]}"
    if seen is not None:
        book.write(f"{folder}/seen", seen.note)
    book.write(f"{folder}/shown", note)
    error.remedy = f"{error.remedy} What was signed is kept in {book.place}/{folder}.".lstrip()


def _memory(origin: str) -> str:
    return f"{read_path(origin).removesuffix(CHECKPOINT)}cosigned.json"


def _format_seen(note: bytes, log_keys: tuple[str, ...], replays: bool) -> bytes:
    return format_json({"checkpoint": note.decode(), "logKeys": list(log_keys), "replays": replays})


def _parse_seen(data: bytes, where: str) -> dict[str, Any]:
    value = parse_canonical(data, where)
    kinds = {"checkpoint": str, "logKeys": list, "replays": bool}
    if not isinstance(value, dict) or {key: type(item) for key, item in value.items()} != kinds:
        raise Malformed(f"{where} is no memory of a witness.", "Restore it from its history.")
    _verifiers(tuple(map(str, value["logKeys"])))
    return value


@dataclass(frozen=True, slots=True)
class _Held:
    """A place whose checkpoint is the one already read, so that what is replayed is what is cosigned."""

    reader: Reader
    note: bytes

    @property
    def place(self) -> str:
        """The folder or address."""
        return self.reader.place

    def read(self, path: str) -> bytes:
        """The bytes of a file."""
        return self.note if path == CHECKPOINT else self.reader.read(path)
