"""Which identities a line of registry.yaml means: issuer and subject to the letter, and claims that must hold.

A `*` stands for one or more of `A-Z a-z 0-9 . _ + -`, never for a slash, and only where it is spelled out as
`{pattern: ..., reason: ...}`: once, within the name of a tag or branch, because a reusable workflow's subject ends in
the tag or branch it was called at. Everything before `@refs/tags/` or `@refs/heads/` stays to the letter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muniment.core.errors import Malformed
from muniment.signing.identity import Identity

GITHUB = "https://token.actions.githubusercontent.com"
PINNED = (
    "sourceRepositoryIdentifier",
    "sourceRepositoryOwnerIdentifier",
    "runnerEnvironment",
    "buildTrigger",
    "sourceRepositoryRef",
)
_REF = re.compile(r"refs/(tags|heads)/[^*@]*\*[^*@]*")
_AT_REF = re.compile(r"[^*]+@refs/(tags|heads)/[^*@]*\*[^*@]*")
_WILD = {"subject": _AT_REF, "buildSignerURI": _AT_REF, "buildConfigURI": _AT_REF, "sourceRepositoryRef": _REF}


@dataclass(frozen=True, slots=True)
class Pattern:
    """What an identity must be: issuer, subject, and every claim named.

    `reasons` has a reason for each text with a wildcard, by `subject` or the claim's name.
    """

    issuer: str
    subject: str
    claims: tuple[tuple[str, str], ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()

    def matches(self, identity: Identity) -> bool:
        """Whether the identity is one of those described."""
        same = self.issuer == identity.issuer and _fits(self.subject, identity.subject)
        return same and all(_fits(value, identity.claim(name)) for name, value in self.claims)

    def includes(self, other: Pattern) -> bool:
        """Whether every identity that the other pattern matches is matched here too, as far as can be told."""
        theirs = dict(other.claims)
        same = self.issuer == other.issuer and _covers(self.subject, other.subject)
        return same and all(name in theirs and _covers(value, theirs[name]) for name, value in self.claims)

    @property
    def wild(self) -> bool:
        """Whether it holds a wildcard."""
        return bool(self.reasons)


def parse_pattern(value: Mapping[str, Any]) -> Pattern:
    """The identity that `{issuer, subject, claims}` describes. Raises `Malformed` for a bare wildcard."""
    reasons: list[tuple[str, str]] = []

    def text(name: str, given: Any) -> str:
        if isinstance(given, Mapping):
            reasons.append((name, given["reason"]))
            return _spelled_out(name, given["pattern"])
        if "*" in str(given):
            raise Malformed(
                f"The identity {value['subject']!r} holds a wildcard.",
                "Write issuer, subject and claims out; or, for a tag or branch, {pattern: ..., reason: ...}.",
            )
        return str(given)

    claims = tuple(sorted((str(k), text(str(k), v)) for k, v in value.get("claims", {}).items()))
    return Pattern(text("issuer", value["issuer"]), text("subject", value["subject"]), claims, tuple(sorted(reasons)))


def check_pinned(identity: Pattern, role: str) -> None:
    """Raises `Malformed` for a GitHub workflow that is not pinned by claims."""
    claims = dict(identity.claims)
    lacking = [claim for claim in PINNED if claim not in claims]
    if (identity.issuer == GITHUB or identity.issuer.startswith(f"{GITHUB}/")) and lacking:
        raise Malformed(
            f"The binding of {identity.subject!r} to {role} does not pin {', '.join(lacking)}.",
            "A GitHub subject is a workflow that other repositories can call: pin these claims too.",
        )


def _spelled_out(name: str, text: str) -> str:
    form = _WILD.get(name)
    if form is None or not form.fullmatch(text):
        raise Malformed(
            f"The pattern {text!r} is too wide for {name}.",
            "One * within the name of a tag or branch, as in ...@refs/tags/v*; write all else out.",
        )
    return text


def _fits(text: str, value: str | None) -> bool:
    if value is None or "*" not in text:
        return text == value
    before, _, after = text.partition("*")
    return re.fullmatch(f"{re.escape(before)}[A-Za-z0-9._+-]+{re.escape(after)}", value) is not None


def _covers(text: str, other: str) -> bool:
    return text == other or ("*" not in other and _fits(text, other))
