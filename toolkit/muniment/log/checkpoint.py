"""Checkpoints: how many leaves a log has and under which root, in a signed note. Source: C2SP tlog-checkpoint v1.

The text is `<origin>\\n<size in decimal>\\n<base64 of the root>\\n`, then extension lines; Muniment writes none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from muniment.core.errors import Malformed, Untrusted, Usage
from muniment.log.merkle import EMPTY_ROOT, HASH_SIZE
from muniment.log.note import ED25519, NoteSigner, NoteVerifier, parse_note, sign_note, verify_note
from muniment.log.text import format_base64, parse_base64, parse_decimal


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log commits to: its origin, its size in leaves, and the 32-byte root over them."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """The text that is signed. Raises `Malformed` for a value that it cannot hold, `Untrusted` as parsing does."""
    lines = (checkpoint.origin, str(checkpoint.size), format_base64(checkpoint.root), *checkpoint.extensions)
    text = "".join(f"{line}\n" for line in lines)
    if parse_checkpoint(text) != checkpoint:
        raise Malformed("The checkpoint cannot be written.", "Give an origin of one line, a size and a 32-byte root.")
    return text


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint that a note's text holds. Raises `Malformed`, and `Untrusted` for an empty log with leaves."""
    lines = text.split("\n")
    if lines.pop() != "" or len(lines) < 3 or not all(lines) or any(c < " " for line in lines for c in line):
        raise Malformed("The text is not a checkpoint: origin, size and root on a line each.", "Fetch it again.")
    size = parse_decimal(lines[1], "The size of the checkpoint")
    root = parse_base64(lines[2], "The root of the checkpoint", HASH_SIZE)
    if size == 0 and root != EMPTY_ROOT:
        raise Untrusted("The checkpoint of an empty log has the root of another tree.", "Do not use it.")
    return Checkpoint(lines[0], size, root, tuple(lines[3:]))


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> bytes:
    """The note of a checkpoint, signed by the log's key, whose name must be the origin (`Usage` otherwise).

    Never sign a size before its leaves are written for good: two checkpoints that disagree convict the log.
    """
    if signer.name != checkpoint.origin:
        raise Usage(f"The key {signer.name} is not the log {checkpoint.origin}'s.", "Sign with the key of that name.")
    return sign_note(format_checkpoint(checkpoint), signer)


def open_checkpoint(note: bytes, origin: str, verifiers: Iterable[NoteVerifier]) -> Checkpoint:
    """The checkpoint of the log `origin`, signed by one of its keys; cosignatures alone do not count.

    Raises `Malformed` for its form; `Untrusted` for another origin, for no signature by a known log key, and for a
    false signature by any known key.
    """
    opened = parse_note(note)
    verified = verify_note(opened, verifiers)
    if not any(verifier.type == ED25519 for verifier, _ in verified):
        raise Untrusted("No known log key signed the checkpoint.", "Check the log keys in your trust file.")
    checkpoint = parse_checkpoint(opened.text)
    if checkpoint.origin != origin:
        raise Untrusted(f"The checkpoint is of the log {checkpoint.origin}, not {origin}.", "Give the right log.")
    return checkpoint
