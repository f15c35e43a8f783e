"""SHA-256 digests, written `sha256:<64 lower-case hex digits>`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from muniment.core.errors import Malformed

_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A SHA-256 digest; `hex` is 64 lower-case hex digits."""

    hex: str

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.hex):
            raise Malformed(f"{self.hex[:80]!r} is not a SHA-256 digest.", "Give 64 lower-case hex digits.")

    def __str__(self) -> str:
        return f"sha256:{self.hex}"

    @property
    def raw(self) -> bytes:
        """The 32 bytes."""
        return bytes.fromhex(self.hex)


def digest_of(data: bytes) -> Digest:
    """The SHA-256 of bytes."""
    return Digest(hashlib.sha256(data).hexdigest())


def parse_digest(text: object) -> Digest:
    """The digest that `sha256:<hex>` names. Raises `Malformed`."""
    if not isinstance(text, str) or not text.startswith("sha256:"):
        raise Malformed(f"{str(text)[:80]!r} is not a digest.", "Write it as sha256: and 64 lower-case hex digits.")
    return Digest(text.removeprefix("sha256:"))
