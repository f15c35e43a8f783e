"""Text forms the log formats share: strict Base64 (RFC 4648, section 4) and strict decimals."""

from __future__ import annotations

import base64
import re

from muniment.core.errors import Malformed

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
MAX_NUMBER = 2**63 - 1


def format_base64(data: bytes) -> str:
    """The standard Base64 text, padded."""
    return base64.b64encode(data).decode("ascii")


def parse_base64(text: str, what: str, length: int | None = None) -> bytes:
    """The bytes that canonical Base64 holds: padded, no line breaks, no stray bits in the last digit.

    `what` names the text in the error, `length` is the number of bytes it must have. Raises `Malformed`.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Malformed(
            f"{what} is not Base64.", "Write it again from its source; it may have been altered."
        ) from error
    if format_base64(data) != text:
        raise Malformed(f"{what} is not canonical Base64.", "Write it again from its source; it may have been altered.")
    if length is not None and len(data) != length:
        raise Malformed(f"{what} holds {len(data)} bytes, not {length}.", "Write it again from its source.")
    return data


def parse_decimal(text: str, what: str) -> int:
    """The number, 0 to 2^63-1, that ASCII digits without leading zeroes write. Raises `Malformed`."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_NUMBER:
        raise Malformed(
            f"{what} {text[:40]!r} is not a number.", "Write it in decimal, without sign or leading zeroes."
        )
    return int(text)
