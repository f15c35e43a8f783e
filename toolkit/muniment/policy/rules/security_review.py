"""A security review approves the version, and is in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from muniment.policy.facts import EvidenceFact, Facts, Verdict
from muniment.policy.reviews import PARAMS as SHARED
from muniment.policy.reviews import judge_review, review_ends

NAME = "security-review"
TITLE = "A security review is in force"
PARAMS = SHARED


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if the newest security review that counts approves."""
    return judge_review(NAME, facts, params)


def ends(facts: Facts, params: Mapping[str, Any]) -> Iterator[tuple[str, EvidenceFact, datetime]]:
    """When the newest security review that counts gets older than `maxDays`."""
    return review_ends(NAME, facts, params)
