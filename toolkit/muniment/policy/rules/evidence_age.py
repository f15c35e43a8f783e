"""Evidence is recent enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from muniment.evidence.kinds import EVIDENCE
from muniment.policy.facts import EvidenceFact, Facts, Verdict
from muniment.policy.gates import SUBMIT
from muniment.policy.reading import DAYS, age, is_older, some

NAME = "evidence-age"
TITLE = "Evidence is recent"
PARAMS: dict[str, Any] = {
    "type": "object",
    "required": ["evidence", "maxDays"],
    "additionalProperties": False,
    "properties": {"evidence": {"type": "array", "minItems": 1, "items": {"enum": sorted(EVIDENCE)}}, "maxDays": DAYS},
}


def reads(params: Mapping[str, Any]) -> frozenset[str]:
    """The kinds that are named."""
    return frozenset(params["evidence"])


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if of each kind in `evidence` the newest record was signed at most `maxDays` ago.

    At the gate submit the record that is submitted is asked for its age alone.
    """
    asked = [kind for kind in params["evidence"] if facts.gate != SUBMIT or facts.of_kind(kind)]
    newest = {kind: facts.of_kind(kind)[-1:] for kind in asked}
    fix = "Make the record anew and publish it."
    missing = [kind for kind, found in newest.items() if not found]
    if missing:
        return Verdict(False, f"There is no {some(missing)}.", fix, waits=True)
    old = [
        f"{kind} is {age(facts.at, found[0].signed_at)} old"
        for kind, found in newest.items()
        if is_older(facts.at, found[0].signed_at, params["maxDays"])
    ]
    if old:
        return Verdict(False, f"The newest {some(old)}, and {params['maxDays']} are allowed.", fix, waits=True)
    return Verdict(True, f"{some(asked)}: none is older than {params['maxDays']} days.")


def ends(facts: Facts, params: Mapping[str, Any]) -> Iterator[tuple[str, EvidenceFact, datetime]]:
    """When the newest record of each kind in `evidence` gets too old."""
    for kind in params["evidence"]:
        for newest in facts.of_kind(kind)[-1:]:
            yield f"its {kind}", newest, newest.signed_at + timedelta(days=params["maxDays"])
