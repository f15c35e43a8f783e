"""A privacy review approves the version, and is in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.policy.facts import Facts, Verdict
from muniment.policy.reviews import PARAMS as SHARED
from muniment.policy.reviews import judge_review

NAME = "privacy-review"
TITLE = "A privacy review is in force"
PARAMS = SHARED


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if the newest privacy review that counts approves."""
    return judge_review(NAME, facts, params)
