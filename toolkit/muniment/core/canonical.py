"""Canonical JSON (RFC 8785): one byte string for one value; strict parsing beside it."""

from __future__ import annotations

import json
from typing import Any

import rfc8785

from muniment.core.errors import Malformed


def format_json(value: Any) -> bytes:
    """The RFC 8785 bytes of a JSON value, without a trailing newline.

    Raises `Malformed` for what JSON cannot carry: NaN, integers beyond 2^53, keys that are not strings.
    """
    try:
        return _encoder.encode(value).encode() if _plain(value) else rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise Malformed(
            f"The value cannot be written as JSON: {error}.", "Use text for what JSON cannot hold."
        ) from error


def parse_json(data: bytes, what: str) -> Any:
    """The value of UTF-8 JSON text in which no object repeats a key and no number is NaN or infinite.

    `what` names the text in the error. Raises `Malformed` with line and column.
    """
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Malformed(
            f"{what} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.", "Correct the file."
        ) from error
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Malformed(f"{what} is not strict JSON: {error}.", "Correct the file.") from error


def parse_canonical(data: bytes, what: str) -> Any:
    """Like `parse_json`, and the bytes must be the canonical form of their value."""
    value = parse_json(data, what)
    if format_json(value) != data:
        raise Malformed(f"{what} is not canonical JSON (RFC 8785).", "Write it with muniment; it may be altered.")
    return value


# What RFC 8785 asks for, as long as there is no float and no key beyond ASCII; several times as fast as `rfc8785`.
_encoder = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False)
_LIMIT = 2**53


def _plain(value: Any) -> bool:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return bool(-_LIMIT < value < _LIMIT)
    if kind is dict:
        return all(type(key) is str and key.isascii() and _plain(item) for key, item in value.items())
    return kind in (list, tuple) and all(map(_plain, value))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object repeats a key")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
