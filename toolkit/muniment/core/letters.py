"""Characters that every interpreter knows alike: those of Unicode 3.2, whose tables Python keeps beside its own.

What `repr` shows as it is, what is a letter and what has a lower case changes with the tables of each release.
"""

from __future__ import annotations

import unicodedata


def is_known(character: str) -> bool:
    """Whether a character was there in Unicode 3.2."""
    return character.isascii() or unicodedata.ucd_3_2_0.category(character) != "Cn"


def spelled_out(text: str) -> str:
    """The text with all other characters written as `repr` writes what it cannot show, in words that a log repeats."""
    return text if text.isascii() else "".join(c if is_known(c) else _escape(ord(c)) for c in text)


def quoted(text: str) -> str:
    """The text in quotes, alike in every interpreter."""
    return spelled_out(repr(text))


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
