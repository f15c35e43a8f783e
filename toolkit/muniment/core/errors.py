"""One tree of errors, each with its exit code; a message is a fact and a remedy.

`Rejected` (exit 1): it was checked and is false or not allowed.
`Unchecked` (exit 3): it could not be checked. The two never share a class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class MunimentError(Exception):
    """Base of every error muniment raises on purpose."""

    exit_code = 70

    def __init__(self, fact: str, remedy: str = "") -> None:
        super().__init__(fact)
        self.fact = fact
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.fact} {self.remedy}".rstrip()


class Rejected(MunimentError):
    """Checked, and false or refused."""

    exit_code = 1


class Untrusted(Rejected):
    """A signature, identity, proof or history that the reader's trust does not support."""


class Mismatch(Rejected):
    """Bytes that differ from the digest or the record that names them."""


class Refused(Rejected):
    """A record the registry's rules do not admit; `findings` say why (`policy.finding.Finding`)."""

    def __init__(self, fact: str, remedy: str = "", findings: Sequence[Any] = (), waits: bool = False) -> None:
        super().__init__(fact, remedy)
        self.findings = tuple(findings)
        self.waits = waits


class Usage(MunimentError):
    """A command or call that is put wrongly."""

    exit_code = 2


class Unchecked(MunimentError):
    """It could not be checked; nothing is said about truth."""

    exit_code = 3


class Missing(Unchecked):
    """A file, entry or value that should be there is not."""


class Malformed(Unchecked):
    """Bytes that do not have the form they must have."""


class Unreachable(Unchecked):
    """A service or address that does not answer."""


class Conflict(MunimentError):
    """Somebody else wrote first; `soon` says whether the same may go through when it is tried again at once."""

    exit_code = 4

    def __init__(self, fact: str, remedy: str = "", soon: bool = True) -> None:
        super().__init__(fact, remedy)
        self.soon = soon
