"""The version is no worse than the one that stands in the environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from muniment.evidence.evaluation import exact, metrics
from muniment.policy.facts import EvidenceFact, Facts, Verdict

NAME = "no-regression"
TITLE = "No worse than what stands there"
PARAMS: dict[str, Any] = {
    "type": "object",
    "required": ["metric", "better"],
    "additionalProperties": False,
    "properties": {
        "metric": {"type": "string", "minLength": 1},
        "slice": {"type": "string", "minLength": 1},
        "better": {"enum": ["higher", "lower"]},
        "tolerance": {"type": "number", "minimum": 0},
        "environment": {"type": "string", "minLength": 1},
        "sameData": {"type": "boolean"},
        "unmeasured": {"enum": ["accept", "fail"]},
    },
}

Measured = tuple[float, str]


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if the worst measurement here is at most `tolerance` worse than the best there.

    `environment` is the gate's where it is left out. With `sameData` only measurements on data that both were measured
    on are compared. Where what stands there was never measured the rule fails, unless `unmeasured` is accept.
    """
    where = params.get("environment", facts.environment)
    if where is None:
        return Verdict(False, "The gate has no environment to compare with.", "Name one under `with`.")
    standing = next((s for s in facts.standing if s.environment == where), None)
    if standing is None or standing.version == facts.subject:
        return Verdict(True, f"No other version stands in {where}.")
    here, there = _common(_found(facts.evidence, params), _found(standing.evidence, params), params)
    name = params["metric"] + (f" on {params['slice']}" if "slice" in params else "")
    if not there and params.get("unmeasured", "fail") == "accept":
        return Verdict(True, f"{standing.version} in {where} was never measured by {name}.")
    if not here or not there:
        who = facts.subject if not here else f"{standing.version} in {where}"
        same = " on the same data" if params.get("sameData") else ""
        return Verdict(False, f"{name} of {who} was not measured{same}.", f"Evaluate {who} by {name}.", waits=True)
    return _compared(name, min if params["better"] == "higher" else max, here, there, standing.version, params)


def _compared(
    name: str, worst: Any, here: list[Measured], there: list[Measured], version: str, params: Mapping[str, Any]
) -> Verdict:
    mine = worst(v for v, _ in here)
    theirs = (max if worst is min else min)(v for v, _ in there)
    loss = exact(theirs) - exact(mine) if worst is min else exact(mine) - exact(theirs)
    said, allowed = f"{name} is {mine:.4g}, and {theirs:.4g} for {version}", params.get("tolerance", 0)
    if loss <= exact(allowed):
        return Verdict(True, f"{said}.")
    return Verdict(False, f"{said}: worse by {float(loss):.4g}, {allowed} allowed.", "Release a better one.")


def _found(evidence: Iterable[EvidenceFact], params: Mapping[str, Any]) -> list[Measured]:
    return [
        (m.value, e.predicate["data"]["digest"])
        for e in evidence
        if e.kind == "evaluation"
        for m in metrics(e.predicate)
        if m.metric == params["metric"] and m.slice == params.get("slice")
    ]


def _common(
    here: list[Measured], there: list[Measured], params: Mapping[str, Any]
) -> tuple[list[Measured], list[Measured]]:
    if not params.get("sameData"):
        return here, there
    both = {d for _, d in here} & {d for _, d in there}
    return [m for m in here if m[1] in both], [m for m in there if m[1] in both]
