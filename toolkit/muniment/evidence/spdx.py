"""SPDX licence expressions: `AND`, `OR`, `WITH`, parentheses, identifiers.

Parsing and `satisfied` need no list of licences: what policy decided once is decided so for ever, whichever lists are
installed. `known` and `canonical` use the `license-expression` package's list, for writers.
Source: SPDX specification, annex "SPDX license expressions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from muniment.core.errors import Malformed

_TOKEN = re.compile(r"\s*(\(|\)|(?:DocumentRef-[A-Za-z0-9.-]+:)?[A-Za-z0-9.-]+\+?)")
_OPERATORS = ("AND", "OR", "WITH")
_LIMIT = 4096
_NESTING = 50

# Names in package metadata that mean exactly one SPDX licence.
_NAMES = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mit no attribution license (mit-0)": "MIT-0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "psfl": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense",
    "zero-clause bsd (0bsd)": "0BSD",
    "zlib/libpng license": "Zlib",
}


_BSD = (
    "redistributions of source code must retain the above copyright notice",
    "redistributions in binary form must reproduce the above copyright notice",
)
# Sentences that only the licence's own text has.
_MARKS = (
    ("MIT", ("permission is hereby granted, free of charge, to any person obtaining a copy", "substantial portions")),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose with or without fee",)),
    ("BSD-2-Clause", _BSD),
    ("BSD-3-Clause", (*_BSD, "may be used to endorse or promote products derived from")),
    ("Apache-2.0", ("apache license version 2.0, january 2004", "terms and conditions for use, reproduction")),
)
_FOREIGN = ("gnu general public", "gnu lesser", "mozilla public", "creative commons", "all advertising materials")


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence, with its exception where there is one."""

    id: str
    exception: str | None = None

    def __str__(self) -> str:
        return f"{self.id} WITH {self.exception}" if self.exception else self.id


@dataclass(frozen=True, slots=True)
class Combined:
    """Two or more parts joined by `AND` or `OR`."""

    operator: str
    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return f" {self.operator} ".join(_inside(p, self.operator) for p in self.parts)


Expression = Licence | Combined


def parse_expression(text: str) -> Expression:
    """The expression a text holds; operators are upper case. Raises `Malformed`."""
    parser = _Parser(text)
    found = parser.alternatives(0)
    if parser.tokens:
        raise parser.problem(f"{parser.tokens[0]!r} is in the wrong place")
    return found


def satisfied(text: str, allowed: frozenset[str] | None, denied: Sequence[str] = ()) -> bool:
    """Whether the expression can be met with licences that are allowed (None: any) and not denied, whatever their case.

    An allowed text may name an exception (`GPL-2.0-only WITH Classpath-exception-2.0`); a denied one is an identifier,
    or the beginning of some before `*`, and denies it with any exception. False for no expression.
    """
    try:
        found = parse_expression(text)
    except Malformed:
        return False
    accepted = None if allowed is None else {" ".join(a.split()).lower() for a in allowed}
    refused = [d.lower() for d in denied]

    def fine(licence: Licence) -> bool:
        name = licence.id.lower()
        if any(name.startswith(d[:-1]) if d.endswith("*") else name == d for d in refused):
            return False
        return accepted is None or str(licence).lower() in accepted

    return _holds(found, fine)


def known(text: str) -> str | None:
    """The canonical SPDX expression of a text or of a licence's usual name; None where it is not certain."""
    named = _NAMES.get(text.strip().lower())
    if named is not None:
        return named
    try:
        return canonical(text)
    except Malformed:
        return None


def recognise(text: str) -> str | None:
    """The licence whose whole text, or whose first part, this is; None unless its telling sentences are all there.

    Knows MIT, ISC, the two BSD licences and Apache-2.0. Text of a second licence makes it uncertain: None.
    """
    plain = " ".join(text.lower().split())
    found = {name for name, marks in _MARKS if all(mark in plain for mark in marks)}
    found -= {"BSD-2-Clause"} if "BSD-3-Clause" in found else set()
    foreign = any(word in plain for word in _FOREIGN)
    return found.pop() if len(found) == 1 and not foreign else None


def canonical(text: str) -> str:
    """The expression with identifiers as SPDX writes them; `LicenseRef-` ones stay. Raises `Malformed`."""
    upper = re.sub(r"(?<=\s)(and|or|with)(?=\s)", lambda m: m[1].upper(), text)
    return str(_rename(parse_expression(upper)))


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._split()

    def _split(self) -> list[str]:
        tokens, at, text = [], 0, self.text.strip()
        if not text or len(text) > _LIMIT:
            raise self.problem("it is empty" if not text else "it is too long")
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.problem(f"{text[at:].split()[0][:40]!r} is not a licence identifier")
            tokens.append(match[1])
            at = match.end()
        return tokens

    def problem(self, what: str) -> Malformed:
        return Malformed(
            f"{self.text[:80]!r} is not an SPDX licence expression: {what}.",
            "Write identifiers from spdx.org/licenses, as in Apache-2.0 OR MIT; LicenseRef-<name> for one of your own.",
        )

    def alternatives(self, depth: int) -> Expression:
        return self._joined("OR", lambda: self._joined("AND", lambda: self._single(depth)))

    def _joined(self, operator: str, part: Callable[[], Expression]) -> Expression:
        parts = [part()]
        while self.tokens[:1] == [operator]:
            self.tokens.pop(0)
            parts.append(part())
        return parts[0] if len(parts) == 1 else Combined(operator, tuple(parts))

    def _single(self, depth: int) -> Expression:
        if depth > _NESTING:
            raise self.problem("it is nested too deeply")
        if self._take() == "(":
            inner = self.alternatives(depth + 1)
            if self._take() != ")":
                raise self.problem("a parenthesis is not closed")
            return inner
        name = self._identifier()
        if self.tokens[:1] != ["WITH"]:
            return Licence(name)
        self._take()
        self._take()
        return Licence(name, self._identifier())

    def _take(self) -> str:
        if not self.tokens:
            raise self.problem("it ends too early")
        self.last = self.tokens.pop(0)
        return self.last

    def _identifier(self) -> str:
        if self.last in _OPERATORS or self.last in "()":
            raise self.problem(f"{self.last!r} is in the wrong place")
        return self.last


def _inside(part: Expression, operator: str) -> str:
    loose = isinstance(part, Combined) and part.operator != operator
    return f"({part})" if loose else str(part)


def _holds(expression: Expression, test: Callable[[Licence], bool]) -> bool:
    if isinstance(expression, Licence):
        return test(expression)
    together = all if expression.operator == "AND" else any
    return together(_holds(p, test) for p in expression.parts)


def _rename(expression: Expression) -> Expression:
    if isinstance(expression, Combined):
        return Combined(expression.operator, tuple(_rename(p) for p in expression.parts))
    exception = _known_id(expression.exception) if expression.exception else None
    return Licence(_known_id(expression.id), exception)


def _known_id(name: str) -> str:
    if "LicenseRef-" in name:
        return name
    symbol = _symbols().get(name.lower())
    if symbol is None:
        raise Malformed(
            f"{name[:80]!r} is not an SPDX licence identifier.",
            "Take one from spdx.org/licenses, or write LicenseRef-<name> for one of your own.",
        )
    return str(symbol.key)


@cache
def _symbols() -> dict[str, Any]:
    from license_expression import get_spdx_licensing

    symbols = get_spdx_licensing().known_symbols.values()
    return {alias.lower(): s for s in symbols for alias in (*(s.aliases or ()), s.key) if " " not in alias}
