"""Text from others, made safe to show: nothing hides, nothing runs."""

from __future__ import annotations

import re

from muniment.core.address import parse_address

# Control, format, surrogate and private characters and separators of lines but for line end and tab, and what no XML
# can hold: written out, because pages of one log must not change with the Unicode tables of an interpreter.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u2064\u2066-\u206f\ud800-\uf8ff\ufeff\ufff9-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f\U000f0000-\U000ffffd\U00100000-\U0010fffd]"
)


def visible(text: str) -> str:
    """The text with control, format and direction characters written as ⟨U+202E⟩; line ends and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return _HIDDEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)


def web_link(text: object) -> str | None:
    """The text if it is an absolute http or https address without surprises, else None."""
    if not isinstance(text, str) or visible(text) != text or not text.isascii() or set(text) & set(" \"'<>\\^`{|}\n\t"):
        return None
    parts = parse_address(text)
    return text if parts is not None and parts.scheme in ("https", "http") else None
