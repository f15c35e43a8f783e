"""CEL text as tokens. Source: CEL language definition, "Syntax" and "String and Bytes Values"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from muniment.policy.cel.values import INT_MAX, INT_MIN

MAX_TEXT = 4096
RESERVED = frozenset(
    {
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package"),
        *("namespace", "return", "var", "void", "while"),
    }
)
LITERALS = {"true": True, "false": False, "null": None}

_NUMBER_END = r"(?![A-Za-z0-9_])"
_TOKEN = re.compile(
    r"""(?P<space>[ \t\n\f\r]+|//[^\n]*)
    |(?P<string>[rRbB]{0,2}(?:"{3}(?:[^\\]|\\[^\0])*?"{3}|'{3}(?:[^\\]|\\[^\0])*?'{3}
        |"(?:[^"\\\n\r]|\\[^\n\r])*"|'(?:[^'\\\n\r]|\\[^\n\r])*'))
    |(?P<double>(?:[0-9]+\.[0-9]+|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"""
    rf"""{_NUMBER_END}|[0-9]+[eE][+-]?[0-9]+{_NUMBER_END})
    |(?P<int>0[xX][0-9a-fA-F]+{_NUMBER_END}|[0-9]+{_NUMBER_END})
    |(?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-<>+*/%!?:.,()\[\]{{}}])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(
    r"\\(?:([\\?\"'`abfnrtv])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))|\\"
)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class Problem(Exception):
    """What is wrong with an expression, and where: `at` counts characters from 0."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at, self.message = at, message


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text: `kind` is sign, name, reserved, literal, int, double, string or end."""

    kind: str
    at: int
    text: str
    value: object = None

    def negated(self, at: int) -> Token:
        """A number with the minus before it. Raises `Problem`."""
        assert isinstance(self.value, int | float)
        return replace(self, at=at, value=_in_range(at, -self.value))


def tokens(text: str) -> list[Token]:
    """The tokens of an expression, the last one of kind `end`. Raises `Problem`."""
    if len(text) > MAX_TEXT:
        raise Problem(MAX_TEXT, f"it has more than {MAX_TEXT} characters")
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Problem(at, f"{text[at]!r} begins nothing that is part of semantics 1")
        if match.lastgroup != "space":
            found.append(_token(match.lastgroup or "", at, match[0]))
        at = match.end()
    found.append(Token("end", at, ""))
    # A number too large is only told once a minus before it was seen: the least int has no positive twin.
    for first, second in zip([Token("end", 0, ""), *found], found, strict=False):
        if second.kind == "int" and first.text != "-":
            _in_range(second.at, second.value)
    return found


def _token(kind: str, at: int, text: str) -> Token:
    match kind:
        case "name" if text in LITERALS:
            return Token("literal", at, text, LITERALS[text])
        case "name" if text == "in":
            return Token("sign", at, text)
        case "name" if text in RESERVED:
            return Token("reserved", at, text)
        case "int":
            return Token(kind, at, text, int(text, 16 if text[:2] in ("0x", "0X") else 10))
        case "double":
            return Token(kind, at, text, _in_range(at, float(text)))
        case "string":
            return Token(kind, at, text, _string(at, text))
    return Token(kind, at, text)


def _in_range(at: int, value: object) -> object:
    assert isinstance(value, int | float)
    fits = INT_MIN <= value <= INT_MAX if isinstance(value, int) else math.isfinite(value)
    if not fits:
        raise Problem(at, "the number is out of range")
    return value


def _string(at: int, text: str) -> str:
    prefix = text[: min(text.find(q) for q in "\"'" if q in text)].lower()
    if prefix not in ("", "r"):
        raise Problem(at, "bytes are not part of semantics 1")
    body = text[len(prefix) :]
    quotes = 3 if len(body) >= 6 and body[:3] in ('"""', "'''") else 1
    body = body[quotes:-quotes]
    return body if prefix else _ESCAPE.sub(lambda m: _unescape(at, m), body)


def _unescape(at: int, match: re.Match[str]) -> str:
    if match[1]:
        return _PLAIN.get(match[1], match[1])
    digits, base = next(((d, 8 if i == 5 else 16) for i in (2, 3, 4, 5) if (d := match[i])), ("", 0))
    code = int(digits, base) if digits else 0x110000
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise Problem(at, "the string holds an escape that is none")
    return chr(code)
