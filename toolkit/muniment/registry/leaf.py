"""Leaves: the canonical JSON line that stands in the log for a record or for the end of a batch.

Every field of a record's leaf is derived from its bundle, and no field names a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muniment.core.canonical import format_json, parse_canonical
from muniment.core.digest import Digest, digest_of, parse_digest
from muniment.core.errors import Malformed
from muniment.core.instant import format_instant, parse_instant
from muniment.evidence.kinds import STATE
from muniment.evidence.statement import Subject
from muniment.signing.identity import Signed

MAX_SUBJECTS = 64


@dataclass(frozen=True, slots=True)
class StateLeaf:
    """The end of a batch: when it was admitted and the root of the state tree over all entries before it."""

    admitted_at: datetime
    root: Digest


@dataclass(frozen=True, slots=True)
class RecordLeaf:
    """A record's place in the log; `bundle` finds the bundle it is derived from."""

    bundle: Digest
    data: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """All that a record's leaf says; `subjects` is the digest of their list where the leaf has no room for it."""

    bundle: Digest
    signed_at: datetime
    statement: Digest
    type: str
    subjects: tuple[Subject, ...] | Digest


def derive_leaf(signed: Signed) -> bytes:
    """The leaf of a verified record."""
    said = signed.statement
    few = len(said.subjects) <= MAX_SUBJECTS
    subjects = said.subjects if few else digest_of(format_json(_subjects(said.subjects)))
    return format_line(
        Line(signed.bundle, signed.signed_at, signed.statement_digest, said.predicate_type, subjects),
    )


def format_line(line: Line) -> bytes:
    """The leaf of a record."""
    value: dict[str, Any] = {
        "bundle": str(line.bundle),
        "signedAt": format_instant(line.signed_at),
        "statement": str(line.statement),
        "type": line.type,
    }
    if isinstance(line.subjects, Digest):
        return format_json(value | {"subjectsDigest": str(line.subjects)})
    return format_json(value | {"subjects": _subjects(line.subjects)})


def parse_line(data: bytes) -> Line:
    """What a record's leaf says, by itself. Raises `Malformed` for fields it must not have."""
    value = parse_canonical(data, "A leaf of the log")
    try:
        few = "subjects" in value
        line = Line(
            parse_digest(value["bundle"]),
            parse_instant(value["signedAt"], "signedAt"),
            parse_digest(value["statement"]),
            str(value["type"]),
            tuple(Subject(s["name"], Digest(s["sha256"])) for s in value["subjects"])
            if few
            else parse_digest(value["subjectsDigest"]),
        )
    except (KeyError, TypeError) as error:
        raise Malformed("A leaf of the log lacks a field.", "The log was altered; fetch it again.") from error
    listed = not isinstance(line.subjects, tuple) or 0 < len(line.subjects) <= MAX_SUBJECTS
    if not listed or format_line(line) != data:
        raise Malformed("A record's leaf has fields it must not have.", "The log was altered; fetch it again.")
    return line


def _subjects(subjects: tuple[Subject, ...]) -> list[dict[str, str]]:
    return [{"name": s.name, "sha256": s.digest.hex} for s in subjects]


def format_state_leaf(leaf: StateLeaf) -> bytes:
    """The leaf that ends a batch."""
    return format_json({"admittedAt": format_instant(leaf.admitted_at), "root": str(leaf.root), "type": STATE})


def parse_leaf(data: bytes) -> StateLeaf | RecordLeaf:
    """What a line of the log is. Raises `Malformed`; a record's other fields are compared by re-deriving them."""
    value = parse_canonical(data, "A leaf of the log")
    if not isinstance(value, dict):
        raise Malformed("A leaf of the log is not an object.", "The log was altered; fetch it again.")
    if value.get("type") == STATE:
        leaf = StateLeaf(parse_instant(value.get("admittedAt"), "admittedAt"), parse_digest(value.get("root")))
        if format_state_leaf(leaf) != data:
            raise Malformed("A state leaf has fields it must not have.", "The log was altered; fetch it again.")
        return leaf
    if "bundle" not in value:
        raise Malformed("A leaf of the log names no bundle.", "The log was altered; fetch it again.")
    return RecordLeaf(parse_digest(value.get("bundle")), data)
