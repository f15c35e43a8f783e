"""Witnesses: who cosigns that a log only grows. Source: C2SP tlog-witness, `add-checkpoint`.

A request is `old <size>\\n`, a line of Base64 for each hash of the consistency proof (at most 63), `\\n`, and the note
of the new checkpoint. A witness remembers one checkpoint a log, the last it cosigned; its read half serves that note,
with the log's signature and its own, at `<hex SHA-256 of the origin>/checkpoint`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from muniment.core.errors import Conflict, Malformed, Missing, MunimentError, Untrusted
from muniment.log.checkpoint import Checkpoint, parse_checkpoint
from muniment.log.merkle import HASH_SIZE, check_consistency
from muniment.log.note import Cosigner, Note, NoteVerifier, format_note, format_signature, parse_note, verify_note
from muniment.log.text import format_base64, parse_base64, parse_decimal

MAX_PROOF = 63
_FORM = "Send `old <size>`, the proof's hashes, an empty line and the checkpoint."


@dataclass(frozen=True, slots=True)
class Request:
    """What a log asks of a witness: the size it takes to be cosigned last, the proof from it, and the new note."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The witness's answer: status and body of the HTTP response, and for any status but 200 the error behind it.

    `note` is the one to remember and serve, before anybody sees the body.
    """

    status: int
    body: bytes
    error: MunimentError | None = None
    note: bytes = b""

    def cosigned(self) -> bytes:
        """The note with the cosignature. Raises the error where there is none."""
        if self.error is not None:
            raise self.error
        return self.note


def read_path(origin: str) -> str:
    """Where a witness's read half serves the checkpoint of a log."""
    return f"{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"


def format_request(request: Request) -> bytes:
    """The body of a request. Raises `Malformed` for one that it cannot hold."""
    lines = [f"old {request.old}", *map(format_base64, request.proof), ""]
    data = "".join(f"{line}\n" for line in lines).encode() + request.note
    if parse_request(data) != request:
        raise Malformed("The request cannot be written.", _FORM)
    return data


def parse_request(data: bytes) -> Request:
    """The request that a body holds; its note is not read yet. Raises `Malformed`."""
    head, blank, note = data.partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    word, _, size = lines[0].partition(" ")
    if not blank or word != "old" or len(lines) > 1 + MAX_PROOF:
        raise Malformed("The request does not begin with an old size and at most 63 hashes.", _FORM)
    old = parse_decimal(size, "The old size")
    return Request(old, tuple(parse_base64(line, "A hash of the proof", HASH_SIZE) for line in lines[1:]), note)


def add_checkpoint(
    body: bytes,
    logs: Mapping[str, Collection[NoteVerifier]],
    last: Mapping[str, Checkpoint],
    cosigner: Cosigner,
    time: int,
) -> Reply:
    """The answer to a request; `logs` has the keys of each known log and `last` what was cosigned last, by origin.

    200 with the cosignature's line; 400 for its form; 403 for no, a malformed or a false signature; 404 for an unknown
    log; 409 with the size cosigned last for another old size; 422 for a checkpoint that does not continue the last.
    """
    try:
        request = parse_request(body)
        checkpoint = _claimed(request.note)
    except Malformed as error:
        return _refusal(400, error)
    except Untrusted as error:
        return _refusal(422, error)
    if checkpoint.origin not in logs:
        return _refusal(404, Missing(f"The log {checkpoint.origin} is not known here.", "Add its key."))
    try:
        signed = log_signed(parse_note(request.note), logs[checkpoint.origin])
    except (Malformed, Untrusted) as error:
        return _refusal(403, error)
    known = last.get(checkpoint.origin)
    return _judge(request, checkpoint, known) or _cosign(signed, cosigner, time)


def log_signed(note: Note, keys: Collection[NoteVerifier]) -> Note:
    """The note with no other signatures than those of the log. Raises `Untrusted` for none, or a false one."""
    signatures = tuple(signature for _, signature in verify_note(note, keys))
    if not signatures:
        raise Untrusted("No known log key signed the checkpoint.", "Check which keys the log has.")
    return Note(note.text, signatures)


def check_continues(last: Checkpoint | None, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Holds if the tree of `new` begins with that of `last`; else `Untrusted`. Anything continues the empty tree."""
    if last is not None and last.size:
        check_consistency(last.size, last.root, new.size, new.root, proof)
    elif proof:
        raise Untrusted("The empty tree needs no consistency proof.", "Send none.")


def _claimed(note: bytes) -> Checkpoint:
    """The checkpoint in a note whose signature lines are not read yet."""
    text, blank, _ = note.rpartition(b"\n\n")
    return parse_checkpoint((text + blank[:1]).decode("utf-8", "replace"))


def _judge(request: Request, checkpoint: Checkpoint, last: Checkpoint | None) -> Reply | None:
    """Why a signed checkpoint is not cosigned, if it is not."""
    if request.old > checkpoint.size:
        error = Malformed(f"The old size {request.old} is above the new one.", "A log does not shrink.")
        return _refusal(400, error)
    known = last.size if last else 0
    if request.old != known:
        conflict = Conflict(f"The size cosigned last is {known}, not {request.old}.", "Prove from that size.")
        return Reply(409, f"{known}\n".encode(), conflict)
    try:
        check_continues(last, checkpoint, request.proof)
    except Untrusted as error:
        return _refusal(422, error)
    return None


def _cosign(signed: Note, cosigner: Cosigner, time: int) -> Reply:
    signature = cosigner.cosign(signed.text, time)
    note = format_note(Note(signed.text, (*signed.signatures, signature)))
    return Reply(200, format_signature(signature).encode(), None, note)


def _refusal(status: int, error: MunimentError) -> Reply:
    return Reply(status, f"{error}\n".encode(), error)
