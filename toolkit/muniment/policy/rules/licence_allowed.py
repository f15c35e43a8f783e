"""Every licence of model, data and software is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muniment.evidence import spdx
from muniment.evidence.bom import licences
from muniment.policy.facts import Facts, Verdict
from muniment.policy.reading import some

NAME = "licence-allowed"
TITLE = "Licences are allowed"
PARAMS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "allow": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
        "deny": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[A-Za-z0-9.+-]+\\*?$"}},
        "components": {"type": "array", "items": {"enum": ["model", "dataset", "library"]}},
        "unknown": {"enum": ["fail", "accept"]},
    },
    "anyOf": [{"required": ["allow"]}, {"required": ["deny"]}],
}


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    kind: str
    licence: str | None


def reads(params: Mapping[str, Any]) -> frozenset[str]:
    """ML-BOMs."""
    return frozenset({"bom"})


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if each licence expression can be met with licences that are allowed and not denied.

    `components` limits it to models, datasets or libraries, and where it names models there must be one: a model under
    another type would pass unseen. Without it all but devices count. No licence at all fails unless `unknown` is
    accept. Datasets are those of the ML-BOM and those with a record.
    """
    boms = facts.of_kind("bom")
    if not boms:
        return Verdict(
            False, "There is no ML-BOM, so no licence is known.", "Make one with muniment bom and release with it."
        )
    found = [i for bom in boms for i in licences.licences(bom.predicate, lambda kind: _asked(kind, params))]
    named = [_Item(i.name, i.kind, i.licence) for i in found]
    lacking = _lacking({i.kind for i in named}, params)
    if lacking:
        return Verdict(False, f"The ML-BOM names no {lacking}.", "Make it again with muniment bom.")
    records = facts.of_kind("dataset") if _asked("dataset", params) else ()
    recorded = [_Item(e.predicate["name"], "dataset", e.predicate["licence"]) for e in records]
    refused = [i for i in (*named, *recorded) if not _allowed(i.licence, params)]
    if not refused:
        return Verdict(True, "Every licence is allowed.")
    return Verdict(
        False,
        f"Not allowed: {some(_said(i) for i in refused)}.",
        "Replace the component, or have its licence added to the rule's list.",
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
    allowed = frozenset(params["allow"]) if "allow" in params else None
    return spdx.satisfied(expression, allowed, params.get("deny", ()))


def _said(item: _Item) -> str:
    return f"{item.name} ({item.licence or 'no licence'})"
