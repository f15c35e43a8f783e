"""The built-in rules: one rule, one file, one test, one page of docs.

A rule module has NAME, TITLE, PARAMS (a JSON Schema of `with`) and judge(facts, params) -> Verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from muniment.policy.facts import Facts, Verdict
from muniment.policy.rules import approvals_required, evidence_required, licence_allowed, metric_threshold


@dataclass(frozen=True, slots=True)
class Rule:
    """A built-in rule."""

    name: str
    title: str
    params: Mapping[str, Any]
    judge: Callable[[Facts, Mapping[str, Any]], Verdict]

    def check_params(self, params: Mapping[str, Any]) -> str:
        """What is wrong with the parameters, or nothing."""
        import jsonschema

        error = jsonschema.Draft202012Validator(dict(self.params)).iter_errors(params)
        return next((e.message for e in error), "")


RULES: dict[str, Rule] = {
    module.NAME: Rule(module.NAME, module.TITLE, module.PARAMS, module.judge)
    for module in (evidence_required, licence_allowed, metric_threshold, approvals_required)
}
