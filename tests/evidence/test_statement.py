"""Payloads that are no statement, each told by what it lacks."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.core.canonical import format_json
from muniment.core.errors import Malformed
from muniment.evidence.statement import parse_statement

GOOD: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "predicateType": "https://example.org/p/v1",
    "subject": [{"name": "a", "digest": {"sha256": "00" * 32}}],
    "predicate": {},
}


def test_a_statement_is_read() -> None:
    assert parse_statement(format_json(GOOD)).predicate_type == GOOD["predicateType"]


@pytest.mark.parametrize(
    ("value", "fact"),
    [
        ([], "not an in-toto Statement"),
        ("x", "not an in-toto Statement"),
        (GOOD | {"_type": "https://in-toto.io/Statement/v0.1"}, "not an in-toto Statement"),
        (GOOD | {"predicateType": 7}, "no predicateType"),
        (GOOD | {"predicateType": ""}, "no predicateType"),
        (GOOD | {"predicate": []}, "no predicate object"),
        (GOOD | {"subject": {"a": 1}}, "no subject"),
        (GOOD | {"subject": []}, "no subject"),
    ],
)
def test_what_is_none(value: Any, fact: str) -> None:
    with pytest.raises(Malformed, match=fact):
        parse_statement(format_json(value))
