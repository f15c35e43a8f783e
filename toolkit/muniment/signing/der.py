"""DER, as little as timestamps and certificate extensions need: definite lengths, low tag numbers.

Source: ITU-T X.690.
"""

from __future__ import annotations

from datetime import UTC, datetime

from muniment.core.errors import Malformed

BOOLEAN, INTEGER, OCTET_STRING, OID, UTF8_STRING, TIME = 0x01, 0x02, 0x04, 0x06, 0x0C, 0x18
SEQUENCE, SET = 0x30, 0x31


def explicit(number: int) -> int:
    """The tag of a constructed context-specific element `[number]`."""
    return 0xA0 | number


def encode(tag: int, *parts: bytes) -> bytes:
    """One element: tag, length and the parts as content."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def encode_set(tag: int, *elements: bytes) -> bytes:
    """A SET OF: its elements in the order of their encodings."""
    return encode(tag, *sorted(elements))


def encode_integer(value: int) -> bytes:
    """A non-negative INTEGER."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def encode_oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER written `1.2.840...`."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return encode(OID, *(_base128(arc) for arc in (first * 40 + second, *rest)))


def encode_time(moment: datetime) -> bytes:
    """A GeneralizedTime; fractions of a second without trailing zeros, as DER wants."""
    whole = moment.astimezone(UTC).strftime("%Y%m%d%H%M%S")
    fraction = f".{moment.microsecond:06}".rstrip("0").rstrip(".")
    return encode(TIME, f"{whole}{fraction}Z".encode())


def decode(data: bytes) -> tuple[int, bytes, bytes]:
    """(tag, content, what follows) of the first element. Raises `Malformed`."""
    if len(data) < 2:
        raise Malformed("The DER ends too early.", "Get the whole of it again.")
    tag, size, start = data[0], data[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start], "big")
    if start + size > len(data):
        raise Malformed("The DER ends too early.", "Get the whole of it again.")
    return tag, data[start : start + size], data[start + size :]


def decode_all(content: bytes) -> list[tuple[int, bytes]]:
    """The (tag, content) pairs of the elements that follow each other. Raises `Malformed`."""
    elements = []
    while content:
        tag, inner, content = decode(content)
        elements.append((tag, inner))
    return elements


def _base128(arc: int) -> bytes:
    digits = [arc & 0x7F]
    while arc := arc >> 7:
        digits.append(0x80 | (arc & 0x7F))
    return bytes(reversed(digits))
