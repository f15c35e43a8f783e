"""Names of versions and the selectors of the command line.

`namespace/name@version`; segments `[a-z0-9][a-z0-9._-]{0,63}`, version `[A-Za-z0-9][A-Za-z0-9._+-]{0,63}`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from muniment.core.digest import Digest, parse_digest
from muniment.core.errors import Malformed

SEGMENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """What versions are versions of: `namespace/name`."""

    namespace: str
    name: str

    def __post_init__(self) -> None:
        for segment in (self.namespace, self.name):
            if not SEGMENT.fullmatch(segment) or segment.endswith("."):
                raise Malformed(
                    f"{segment[:80]!r} is not a name segment.",
                    "Use 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit; do not end with a dot.",
                )

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class VersionId:
    """One version of a name: `namespace/name@version`."""

    name: Name
    version: str

    def __post_init__(self) -> None:
        if not VERSION.fullmatch(self.version) or self.version == "latest" or self.version.endswith("."):
            raise Malformed(
                f"{self.version[:80]!r} is not a version.",
                "Use 1 to 64 of A-Z a-z 0-9 . _ + - and begin with a letter or digit; 'latest' is taken.",
            )

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Latest:
    """`namespace/name@latest`: the version released last that is not retired."""

    name: Name


@dataclass(frozen=True, slots=True)
class InEnvironment:
    """`namespace/name#environment`: the version that stands there now."""

    name: Name
    environment: str


Selector = VersionId | Latest | InEnvironment | Digest


def parse_name(text: str) -> Name:
    """The name that `namespace/name` writes. Raises `Malformed`."""
    namespace, slash, name = text.partition("/")
    if not slash:
        raise Malformed(f"{text[:80]!r} is not a name.", "Write namespace/name, as in aiops/cpu-anomaly.")
    return Name(namespace, name)


def parse_version_id(text: object) -> VersionId:
    """The version that `namespace/name@version` writes. Raises `Malformed`."""
    if isinstance(text, str) and "@" in text:
        name, _, version = text.partition("@")
        return VersionId(parse_name(name), version)
    raise Malformed(
        f"{str(text)[:80]!r} does not name a version.", "Write namespace/name@version, as in aiops/cpu-anomaly@1.2.0."
    )


def parse_selector(text: str) -> Selector:
    """What a selector on the command line means. Raises `Malformed`."""
    if text.startswith("sha256:"):
        return parse_digest(text)
    if "#" in text:
        name, _, environment = text.partition("#")
        if not SEGMENT.fullmatch(environment):
            raise Malformed(f"{environment[:80]!r} is not an environment.", "Write namespace/name#production.")
        return InEnvironment(parse_name(name), environment)
    if text.endswith("@latest"):
        return Latest(parse_name(text.removesuffix("@latest")))
    return parse_version_id(text)
