"""A version stands on a record of every kind that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.evidence.kinds import EVIDENCE
from muniment.policy.facts import Facts, Verdict

NAME = "evidence-required"
TITLE = "Required evidence is present"
PARAMS: dict[str, Any] = {
    "type": "object",
    "required": ["evidence"],
    "additionalProperties": False,
    "properties": {"evidence": {"type": "array", "minItems": 1, "items": {"enum": sorted(EVIDENCE)}}},
}


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if each kind in `evidence` is among what the release names; at later gates also what came in since."""
    present = {e.kind for e in facts.evidence if e.bound or facts.gate != "release"}
    lacking = [kind for kind in params["evidence"] if kind not in present]
    if not lacking:
        return Verdict(True, f"The release stands on {', '.join(params['evidence'])}.")
    return Verdict(
        False,
        f"The release stands on no {' and no '.join(lacking)}.",
        f"Make it (muniment attest {lacking[0]} …), submit it, and name it in the release.",
    )
