"""in-toto Statement v1: subjects, a predicate type and a predicate.

Source: in-toto attestation framework, spec/v1/statement.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from muniment.core.canonical import format_json, parse_json
from muniment.core.digest import Digest
from muniment.core.errors import Malformed

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
# What cosign still writes: the same fields with the same meaning.
OLD_STATEMENT_TYPE = "https://in-toto.io/Statement/v0.1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
# Schemas are checked by recursion: deeper text would end a reader, or be judged by how deep its stack happens to be.
MAX_DEPTH = 64


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What is spoken of: a name and a SHA-256."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing said about its subjects; `predicate` is JSON."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: Mapping[str, Any]


def format_statement(statement: Statement) -> bytes:
    """The canonical JSON bytes that are signed."""
    return format_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": s.name, "digest": {"sha256": s.digest.hex}} for s in statement.subjects],
            "predicateType": statement.predicate_type,
            "predicate": statement.predicate,
        }
    )


def parse_statement(payload: bytes, types: Collection[str] = (STATEMENT_TYPE,)) -> Statement:
    """The statement of one of the types that a payload holds; it need not be canonical JSON. Raises `Malformed`."""
    value = parse_json(payload, "The statement")
    check_depth(value)
    if not isinstance(value, dict) or value.get("_type") not in types:
        raise Malformed("The payload is not an in-toto Statement v1.", f"Its _type must be {STATEMENT_TYPE}.")
    predicate_type, predicate = value.get("predicateType"), value.get("predicate", {})
    if not isinstance(predicate_type, str) or not predicate_type or not isinstance(predicate, dict):
        raise Malformed("The statement has no predicateType or no predicate object.", "Write both.")
    subjects = value.get("subject")
    if not isinstance(subjects, list) or not subjects:
        raise Malformed("The statement has no subject.", "Name at least one artifact with its sha256.")
    return Statement(tuple(_parse_subject(s) for s in subjects), predicate_type, predicate)


def check_depth(value: Any) -> None:
    """Raises `Malformed` for JSON nested deeper than `MAX_DEPTH`."""
    level, depth = [value], 0
    while level:
        if depth > MAX_DEPTH:
            raise Malformed(f"The statement is nested more than {MAX_DEPTH} deep.", "Write it flatter.")
        level = [inner for outer in level for inner in _members(outer)]
        depth += 1


def _members(value: Any) -> Collection[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _parse_subject(value: Any) -> Subject:
    if isinstance(value, dict) and isinstance(value.get("digest"), dict):
        name, sha256 = value.get("name"), value["digest"].get("sha256")
        if isinstance(name, str) and name and isinstance(sha256, str):
            return Subject(name, Digest(sha256))
    raise Malformed("A subject of the statement has no name or no sha256.", "Give every subject both.")
