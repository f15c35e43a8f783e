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


def derive_leaf(signed: Signed) -> bytes:
    """The leaf of a verified record."""
    subjects = [{"name": s.name, "sha256": s.digest.hex} for s in signed.statement.subjects]
    few = len(subjects) <= MAX_SUBJECTS
    value: dict[str, Any] = {
        "bundle": str(signed.bundle),
        "signedAt": format_instant(signed.signed_at),
        "statement": str(signed.statement_digest),
        "type": signed.statement.predicate_type,
    }
    value |= {"subjects": subjects} if few else {"subjectsDigest": str(digest_of(format_json(subjects)))}
    return format_json(value)


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
