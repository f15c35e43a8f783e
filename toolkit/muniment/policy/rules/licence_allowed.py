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
    another type would pass unseen. Without it all but devices count. No licence at all fails unless `unknown` is
    accept.
    """
    boms = [e for e in facts.evidence if e.kind == "bom"]
    if not boms:
        return Verdict(
            False, "There is no ML-BOM, so no licence is known.", "Make one with muniment bom and release with it."
        )
    items = [i for bom in boms for i in licences.licences(bom.predicate) if _asked(i.kind, params)]
    lacking = _lacking({i.kind for i in items}, params)
    if lacking:
        return Verdict(False, f"The ML-BOM names no {lacking}.", "Make it again with muniment bom.")
    refused = [f"{i.name} ({i.licence or 'no licence'})" for i in items if not _allowed(i.licence, params)]
    if not refused:
        return Verdict(True, "Every licence in the ML-BOM is allowed.")
    more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
    return Verdict(
        False,
        f"Not on the allow-list: {', '.join(refused[:3])}{more}.",
        "Replace the component, or have its licence added to the rule's allow-list.",
    )


def _asked(kind: str, params: Mapping[str, Any]) -> bool:
    return kind in params["components"] if "components" in params else kind != "device"


def _lacking(kinds: set[str], params: Mapping[str, Any]) -> str:
    """What there must be and is not."""
    if "components" not in params:
        return "" if kinds else "component"
    return "model" if "model" in params["components"] and "model" not in kinds else ""


def _allowed(expression: str | None, params: Mapping[str, Any]) -> bool:
    if expression is None:
        return bool(params.get("unknown", "fail") == "accept")
    return licences.satisfied(expression, frozenset(params["allow"]))
