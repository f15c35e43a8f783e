"""Proof files: that one entry is in a log, verifiable offline. Source: C2SP tlog-proof v1. The suffix is `.tlog-proof`.

c2sp.org/tlog-proof@v1
extra <base64>                      only where there is extra data; nothing vouches for it
index <decimal>
<base64 hash>                       the audit path, from the leaf's sibling up; none in a log of one
                                    (an empty line)
<the checkpoint, byte for byte>
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from muniment.core.errors import Malformed
from muniment.log.checkpoint import Checkpoint, open_checkpoint
from muniment.log.merkle import HASH_SIZE, check_inclusion
from muniment.log.note import NoteVerifier
from muniment.log.text import format_base64, parse_base64, parse_decimal

HEADER = "c2sp.org/tlog-proof@v1"
MAX_HASHES = 63
_AGAIN = "Fetch the proof again; it may have been altered."


@dataclass(frozen=True, slots=True)
class TlogProof:
    """An entry's index, its audit path, the signed note of the checkpoint it leads to, and extra data nobody signed."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""


def format_proof(proof: TlogProof) -> bytes:
    """The bytes of a proof file. Raises `Malformed` for a value that it cannot hold."""
    lines = [HEADER]
    if proof.extra:
        lines.append(f"extra {format_base64(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines.extend(format_base64(value) for value in proof.hashes)
    data = "".join(f"{line}\n" for line in lines).encode() + b"\n" + proof.checkpoint
    if parse_proof(data) != proof:
        raise Malformed("The proof cannot be written.", "Give an index of 0 or more, hashes and a checkpoint.")
    return data


def parse_proof(data: bytes) -> TlogProof:
    """The proof that a file holds; neither proof nor checkpoint is verified. Raises `Malformed`."""
    head, _, checkpoint = data.partition(b"\n\n")
    if not checkpoint.endswith(b"\n") or not head.isascii():
        raise Malformed("The proof has no checkpoint after its first empty line.", _AGAIN)
    lines = head.decode("ascii").split("\n")
    if lines.pop(0) != HEADER:
        raise Malformed(f"The file is not a proof: its first line is not {HEADER}.", "Give a .tlog-proof file.")
    extra = _parse_extra(lines.pop(0)) if lines and lines[0].startswith("extra ") else b""
    if not lines or not lines[0].startswith("index "):
        raise Malformed("The proof has no index line.", _AGAIN)
    index = parse_decimal(lines.pop(0).removeprefix("index "), "The index of the proof")
    if len(lines) > MAX_HASHES:
        raise Malformed(f"The proof has {len(lines)} hashes; at most {MAX_HASHES} can be.", _AGAIN)
    hashes = tuple(parse_base64(line, "A hash of the proof", HASH_SIZE) for line in lines)
    return TlogProof(index, hashes, checkpoint, extra)


def check_proof(proof: TlogProof, leaf: bytes, origin: str, verifiers: Iterable[NoteVerifier]) -> Checkpoint:
    """The checkpoint, signed by a key of the log `origin`, under which the leaf hash stands at the proof's index.

    Raises `Untrusted` where that does not hold, `Malformed` for a checkpoint without its form.
    """
    checkpoint = open_checkpoint(proof.checkpoint, origin, verifiers)
    check_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return checkpoint


def _parse_extra(line: str) -> bytes:
    extra = parse_base64(line.removeprefix("extra "), "The extra data of the proof")
    if not extra:
        raise Malformed("The proof has an extra line without data.", _AGAIN)
    return extra
