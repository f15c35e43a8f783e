"""DER, as little as timestamps and certificate extensions need: definite lengths, low tag numbers.

Source: ITU-T X.690.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from muniment.core.errors import Malformed

BOOLEAN, INTEGER, OCTET_STRING, OID, UTF8_STRING, TIME = 0x01, 0x02, 0x04, 0x06, 0x0C, 0x18
SEQUENCE, SET = 0x30, 0x31
Element = tuple[int, bytes]  # tag and content
_GET_AGAIN = "Get the whole of it again."
_TIME_FORM = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{0,5}[1-9]))?Z")


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
    """(tag, content, what follows) of the first element, whose length is written as DER wants. Raises `Malformed`."""
    tag, start, end = _bounds(data, 0)
    return tag, data[start:end], data[end:]


def decode_all(content: bytes) -> list[Element]:
    """The elements that follow each other. Raises `Malformed`."""
    elements, end, size = [], 0, len(content)
    while end < size:
        tag, start, end = _bounds(content, end)
        elements.append((tag, content[start:end]))
    return elements


def open_element(element: Element, tag: int) -> list[Element]:
    """The elements inside one that has this tag. Raises `Malformed`."""
    if element[0] != tag:
        raise Malformed(f"The DER has an element of tag {element[0]} where {tag} belongs.", _GET_AGAIN)
    return decode_all(element[1])


def open_time(element: Element) -> datetime:
    """The moment that a GeneralizedTime in its DER form states, to the microsecond. Raises `Malformed`."""
    match = _TIME_FORM.fullmatch(element[1])
    if element[0] == TIME and match is not None:
        year, month, day, hour, minute, second, fraction = match.groups(b"")
        micro = int(fraction.ljust(6, b"0"))
        try:
            return datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micro, UTC)
        except ValueError:
            pass
    raise Malformed("A time in the DER is not written in its one form.", _GET_AGAIN)


def _bounds(data: bytes, at: int) -> tuple[int, int, int]:
    """The tag of the element at a place, and where its content starts and ends."""
    start, whole = at + 2, len(data)
    if start > whole:
        raise Malformed("The DER ends too early.", _GET_AGAIN)
    tag, size = data[at], data[at + 1]
    if size >= 0x80:
        start += size - 0x80
        size = int.from_bytes(data[at + 2 : start], "big")
        if size < 0x80 or data[at + 2] == 0:
            raise Malformed("A length in the DER is not written in its one form.", _GET_AGAIN)
    if start + size > whole:
        raise Malformed("The DER ends too early.", _GET_AGAIN)
    if tag & 0x1F == 0x1F:
        raise Malformed("The DER has a tag above 30.", _GET_AGAIN)
    return tag, start, start + size


def _base128(arc: int) -> bytes:
    digits = [arc & 0x7F]
    while arc := arc >> 7:
        digits.append(0x80 | (arc & 0x7F))
    return bytes(reversed(digits))
