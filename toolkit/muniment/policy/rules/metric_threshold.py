"""A measured metric keeps to its bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.evidence.evaluation import metrics
from muniment.policy.facts import Facts, Verdict

NAME = "metric-threshold"
TITLE = "Metrics keep to their thresholds"
PARAMS: dict[str, Any] = {
    "type": "object",
    "required": ["metric"],
    "additionalProperties": False,
    "properties": {
        "metric": {"type": "string"},
        "slice": {"type": "string"},
        "min": {"type": "number"},
        "max": {"type": "number"},
    },
    "anyOf": [{"required": ["min"]}, {"required": ["max"]}],
}


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if the evidence measures the metric and every value measured lies within `min` and `max`."""
    name, part = params["metric"], params.get("slice")
    values = [
        m.value
        for e in facts.evidence
        if e.kind == "evaluation"
        for m in metrics(e.predicate)
        if m.metric == name and m.slice == part
    ]
    where = f" on {part}" if part else ""
    bounds = _bounds(params)
    if not values:
        return Verdict(False, f"No evaluation measures {name}{where}.", f"Evaluate {name}{where} and release with it.")
    bad = [v for v in values if not _within(v, params)]
    if not bad:
        return Verdict(True, f"{name}{where} is {values[0]:.4g}, {bounds}.")
    return Verdict(
        False, f"{name}{where} is {bad[0]:.4g}, not {bounds}.", "Release a version that meets the threshold."
    )


def _within(value: float, params: Mapping[str, Any]) -> bool:
    return bool(params.get("min", float("-inf")) <= value <= params.get("max", float("inf")))


def _bounds(params: Mapping[str, Any]) -> str:
    parts = [f"at least {params['min']}"] if "min" in params else []
    return " and ".join(parts + ([f"at most {params['max']}"] if "max" in params else []))
