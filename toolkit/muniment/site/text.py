"""Text from others, made safe to show: nothing hides, nothing runs."""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit

_SPACE = frozenset("\n\t")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def visible(text: str) -> str:
    """The text with control, format and direction characters written as ⟨U+202E⟩; line ends and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(c) for c in text)


def web_link(text: object) -> str | None:
    """The text if it is an absolute http or https address without surprises, else None."""
    if not isinstance(text, str) or visible(text) != text or not text.isascii() or set(text) & set(" \"'<>\\^`{|}\n\t"):
        return None
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return None
    return text if known else None


def _shown(character: str) -> str:
    if character in _SPACE or unicodedata.category(character) not in _HIDDEN:
        return character
    return f"⟨U+{ord(character):04X}⟩"
