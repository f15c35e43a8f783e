"""Cosignatures of witnesses, brought into the notes of published checkpoints: lines are only ever added.

A witness serves the note that it cosigned last at `<hex SHA-256 of the origin>/checkpoint` of its place. A line of a
configured witness over exactly the text of a published checkpoint joins `checkpoints/<size>`, and `checkpoint` while
that is the newest: after the lines that were there, sorted by name and id, one a key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from muniment.core.errors import MunimentError, Unchecked, Unreachable, Untrusted, Usage
from muniment.log.checkpoint import parse_checkpoint
from muniment.log.note import MAX_SIGNATURES, Note, Signature, cosigned_at, format_note, parse_note
from muniment.log.policy import NO_QUORUM, Policy, Witness, check_quorum, cosigned_by
from muniment.log.witness import read_path
from muniment.registry.judges.common import SKEW
from muniment.registry.paths import CHECKPOINT, checkpoint_path
from muniment.registry.store import Reader, Store, read_if


@dataclass(frozen=True, slots=True)
class Gathered:
    """The newest checkpoint after its cosignatures came in, and what is to be said of the places asked.

    `witnesses` has the POSIX times that configured witnesses state, by name; `added` counts new lines, those of older
    checkpoints included; `unread` counts places that gave nothing because they could not be read.
    """

    note: bytes
    policy: Policy
    witnesses: Mapping[str, int]
    added: int
    unread: int
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Word:
    """What a place says: the true cosignatures of configured witnesses over one text, or why there are none."""

    place: str
    text: str = ""
    lines: tuple[Signature, ...] = ()
    remarks: tuple[str, ...] = ()
    unread: bool = False


def gather(store: Store, origin: str, policy: Policy, places: Sequence[Reader], now: datetime) -> Gathered:
    """Asks witnesses' places and keeps what they cosigned. Places that cannot be read are remarks, no errors.

    Raises `Conflict` where another writer came between.
    """
    latest = int((now + SKEW).timestamp())
    words = [_ask(place, origin, policy.witnesses, latest) for place in places]
    remarks = [remark for word in words for remark in word.remarks]
    added = 0
    with store.turn():
        for word in words:
            if word.lines:
                more, remark = _take(store, word, policy.witnesses)
                added += more
                remarks += remark
        note = store.read(CHECKPOINT)
        if names := sorted({line.name for word in words for line in word.lines}):
            store.commit(f"Cosignatures of {', '.join(names)}")
    witnesses = cosigned_by(parse_note(note), policy)
    return Gathered(note, policy, witnesses, added, sum(word.unread for word in words), tuple(remarks))


def require_quorum(gathered: Gathered) -> None:
    """Raises `Untrusted` where the newest checkpoint lacks its quorum, `Unreachable` where an unread place may help."""
    if gathered.policy.quorum == NO_QUORUM:
        raise Usage("The registry asks for no quorum.", "Name witnesses and a quorum in registry.yaml, witnessPolicy.")
    try:
        check_quorum(gathered.policy, gathered.witnesses)
    except Untrusted as error:
        if gathered.unread:
            raise Unreachable(error.fact, "Some witnesses could not be read: try again later.") from error
        raise


def _ask(place: Reader, origin: str, witnesses: Collection[Witness], latest: int) -> _Word:
    try:
        note = parse_note(place.read(read_path(origin)))
        checkpoint = parse_checkpoint(note.text)
    except MunimentError as error:
        remark = f"{place.place}: no cosignature: {error.fact}"
        return _Word(place.place, remarks=(remark,), unread=isinstance(error, Unchecked))
    if checkpoint.origin != origin:
        return _Word(place.place, remarks=(f"{place.place}: it is of the log {checkpoint.origin}.",))
    lines: list[Signature] = []
    remarks: list[str] = []
    for signature in note.signatures:
        witness = next((w for w in witnesses if w.key.made(signature)), None)
        if witness is not None:
            fault = _fault(witness, note.text, signature, latest)
            remarks += [f"{place.place}: {fault}"] if fault else []
            lines += [] if fault else [signature]
    if not lines and not remarks:
        remarks = [f"{place.place}: no configured witness cosigned it."]
    return _Word(place.place, note.text, tuple(lines), tuple(remarks))


def _fault(witness: Witness, text: str, signature: Signature, latest: int) -> str:
    """What is wrong with a witness's line, if anything is: a false one would make readers refuse the whole note."""
    try:
        witness.key.verify(text, signature)
    except Untrusted as error:
        return f"dropped: {error.fact}"
    return f"dropped: {witness.name} states a time that is still to come." if cosigned_at(signature) > latest else ""


def _take(store: Store, word: _Word, witnesses: Collection[Witness]) -> tuple[int, list[str]]:
    """Keeps lines over a published checkpoint; how many were new, and what is to be said where none was published."""
    size = parse_checkpoint(word.text).size
    path = checkpoint_path(size)
    kept, newest = read_if(store, path), store.read(CHECKPOINT)
    if kept is None:
        return 0, [f"{word.place}: dropped: no checkpoint of {size} entries was published here."]
    if parse_note(kept).text != word.text:
        return 0, [
            f"{word.place}: dropped: it cosigned another checkpoint of {size} entries than was published here: the log "
            "forked, or the witness lies."
        ]
    joined = _join(kept, word.lines, witnesses)
    store.swap(path, kept, joined)
    if parse_note(newest).text == word.text:
        store.swap(CHECKPOINT, newest, _join(newest, parse_note(joined).signatures, witnesses))
    return len(parse_note(joined).signatures) - len(parse_note(kept).signatures), []


def _join(data: bytes, lines: Sequence[Signature], witnesses: Collection[Witness]) -> bytes:
    """A note with more lines, as far as one note holds them; of a key that signed it already none is added."""
    note = parse_note(data)
    marks = {(s.name, s.key_id) for s in note.signatures}
    fresh = {(s.name, s.key_id): s for s in reversed(lines) if (s.name, s.key_id) not in marks}
    room = MAX_SIGNATURES - len(note.signatures)
    everything = [*note.signatures, *sorted(fresh.values(), key=lambda s: (s.name, s.key_id))[:room]]
    own = [s for s in everything if not any(w.key.made(s) for w in witnesses)]
    theirs = sorted((s for s in everything if s not in own), key=lambda s: (s.name, s.key_id))
    return format_note(Note(note.text, (*own, *theirs)))
