"""Web addresses taken apart by a grammar of our own: what `urllib` makes of odd ones changes with the interpreter."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOST = r"[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\]"
_ADDRESS = re.compile(
    rf"(?:([A-Za-z][A-Za-z0-9+.-]*):)?//(({_HOST})(?::[0-9]{{1,5}})?)(/[^?#]*)?(?:[?#].*)?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address: `scheme` and `host` in lower case, `netloc` the host and port as they are written."""

    scheme: str
    host: str
    netloc: str
    path: str


def parse_address(text: str) -> Address | None:
    """The parts of `scheme://host:port/path` or `//host`; None for any other text, also where it names a user."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    scheme, netloc, host, path = match.groups()
    return Address((scheme or "").lower(), host.lower().strip("[]"), netloc, path or "")
