"""Every licence named in the ML-BOM is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.evidence.bom import licences
from muniment.policy.facts import Facts, Verdict

NAME = "licence-allowed"
TITLE = "Licences are on the allow-list"
PARAMS: dict[str, Any] = {
    "type": "object",
    "required": ["allow"],
    "additionalProperties": False,
    "properties": {
        "allow": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        "components": {"type": "array", "items": {"enum": ["model", "dataset", "library"]}},
        "unknown": {"enum": ["fail", "accept"]},
    },
}


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if each component's licence expression can be met with allowed licences alone.

    `components` limits it to models, datasets or libraries, and where it names models there must be one: a model under
    another type would pass unseen. No licence at all fails unless `unknown` is accept.
    """
    boms = [e for e in facts.evidence if e.kind == "bom"]
    if not boms:
        return Verdict(
            False, "There is no ML-BOM, so no licence is known.", "Make one with muniment bom and release with it."
        )
    wanted, items = params.get("components"), [item for bom in boms for item in licences.licences(bom.predicate)]
    lacking = "component" if not items else "model" if wanted and "model" in wanted else ""
    if lacking and not any(item.kind == lacking for item in items):
        return Verdict(False, f"The ML-BOM names no {lacking}.", "Make it again with muniment bom.")
    refused = [
        f"{item.name} ({item.licence or 'no licence'})"
        for item in items
        if (wanted is None or item.kind in wanted) and not _allowed(item.licence, params)
    ]
    if not refused:
        return Verdict(True, "Every licence in the ML-BOM is allowed.")
    more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
    return Verdict(
        False,
        f"Not on the allow-list: {', '.join(refused[:3])}{more}.",
        "Replace the component, or have its licence added to the rule's allow-list.",
    )


def _allowed(expression: str | None, params: Mapping[str, Any]) -> bool:
    if expression is None:
        return bool(params.get("unknown", "fail") == "accept")
    return licences.satisfied(expression, frozenset(params["allow"]))
