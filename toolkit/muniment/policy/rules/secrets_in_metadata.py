"""No record holds a password, key or token.

Patterns of tokens that are told by their form alone; digests, checksums and random names have none of these forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from muniment.evidence.kinds import EVIDENCE
from muniment.policy.facts import Facts, Verdict
from muniment.policy.reading import some

NAME = "secrets-in-metadata"
TITLE = "No secret in any record"

# Each is linear: no repetition within a repetition. Bounds keep tokens apart from longer text that contains them.
PATTERNS: dict[str, str] = {
    "aws-key": r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])",
    "azure-key": r"AccountKey=[A-Za-z0-9+/]{86}==",
    "github-token": r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60})",
    "gitlab-token": r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20}",
    "google-key": r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])",
    "huggingface-token": r"(?<![A-Za-z0-9])hf_[A-Za-z]{34}(?![A-Za-z0-9])",
    "jwt": r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{20}",
    "npm-token": r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])",
    "openai-key": r"(?<![A-Za-z0-9])sk-(?:proj-|svcacct-|ant-)?[A-Za-z0-9_-]{40}",
    "password-in-url": r"[a-z][a-z0-9+.-]{1,20}://[^\s/:@'\"<>]{1,100}:[^\s/:@'\"<>$*{]{3,100}@[A-Za-z0-9.-]{1,100}",
    "private-key": r"-----BEGIN (?:[A-Z]{2,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----",
    "pypi-token": r"(?<![A-Za-z0-9])pypi-AgEI[A-Za-z0-9_-]{50}",
    "slack-token": r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{20}",
    "stripe-key": r"(?<![A-Za-z0-9])[rs]k_live_[A-Za-z0-9]{24}",
}
PARAMS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"except": {"type": "array", "items": {"enum": list(PATTERNS)}}},
}
_ALL = re.compile("|".join(f"(?P<{name.replace('-', '_')}>{text})" for name, text in PATTERNS.items()), re.ASCII)


def reads(params: Mapping[str, Any]) -> frozenset[str]:
    """All evidence."""
    return frozenset(EVIDENCE)


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if no text in any record about the version has the form of a secret; `except` names forms to pass over."""
    passed = set(params.get("except", ()))
    found = [
        f"{name} in {record.kind} at {path}"
        for record in facts.evidence
        for path, text in _texts(record.predicate)
        for name in _forms(text)
        if name not in passed
    ]
    if not found:
        return Verdict(True, f"No secret in {len(facts.evidence)} records.")
    return Verdict(
        False,
        f"{some(dict.fromkeys(found))}.",
        "Revoke the secret now: the record is public. Then make the record without it and release with that one.",
    )


def _forms(text: str) -> Iterator[str]:
    return (str(match.lastgroup).replace("_", "-") for match in _ALL.finditer(text))


def _texts(predicate: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every text of a predicate, keys too, with where it stands; a key that holds a secret is not repeated there."""
    pending: list[tuple[str, Any]] = [("", predicate)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            yield from ((f"{path or '/'} (a key)", key) for key in value)
            pending += [(f"{path}/{_step(key)}", inner) for key, inner in reversed(value.items())]
        elif isinstance(value, list):
            pending += [(f"{path}/{index}", inner) for index, inner in reversed(list(enumerate(value)))]


def _step(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,30}", key) and not _ALL.search(key) else "…"
