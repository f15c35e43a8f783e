"""The ML-BOM says what the G7's minimum elements ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.evidence.bom.minimum import CLUSTERS, ELEMENTS, missing
from muniment.policy.facts import Facts, Verdict
from muniment.policy.reading import some

NAME = "bom-completeness"
TITLE = "The ML-BOM has the minimum elements"
_ELEMENT = {"enum": list(ELEMENTS)}
PARAMS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "clusters": {"type": "array", "minItems": 1, "items": {"enum": list(CLUSTERS)}},
        "elements": {"type": "array", "minItems": 1, "items": _ELEMENT},
        "except": {"type": "array", "items": _ELEMENT},
    },
    "anyOf": [{"required": ["clusters"]}, {"required": ["elements"]}],
}


def reads(params: Mapping[str, Any]) -> frozenset[str]:
    """ML-BOMs."""
    return frozenset({"bom"})


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if every ML-BOM that the release names has all `elements`, and those of all `clusters` but `except`."""
    boms = [e for e in facts.of_kind("bom") if e.bound]
    if not boms:
        return Verdict(False, "The release stands on no ML-BOM.", "Make one with muniment bom and release with it.")
    clusters, left_out = params.get("clusters", ()), params.get("except", ())
    wanted = [e for e in ELEMENTS if ELEMENTS[e].cluster in clusters and e not in left_out]
    wanted += [e for e in params.get("elements", ()) if e not in wanted]
    lacking = list(dict.fromkeys(e for bom in boms for e in missing(bom.predicate, wanted)))
    if not lacking:
        return Verdict(True, f"The ML-BOM has all {len(wanted)} elements that are asked for.")
    where = ELEMENTS[lacking[0]].where
    return Verdict(
        False,
        f"The ML-BOM lacks {some(lacking, 5)}.",
        f"Add it to model.yaml or to the ML-BOM ({lacking[0]} stands at {where}), and make it again.",
    )
