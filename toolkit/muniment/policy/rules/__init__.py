"""The built-in rules: one rule, one file, one test, one page of docs.

A rule module has NAME, TITLE, PARAMS (a JSON Schema of `with`), judge(facts, params) -> Verdict, and where a schema
cannot say all, check(params) -> what is wrong or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from muniment.policy.facts import Facts, Verdict
from muniment.policy.rules import approvals_required, evidence_required, licence_allowed, metric_threshold

OWN = ""
"""The name of no built-in rule: a rule of policy.yaml's own has it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A built-in rule."""

    name: str
    title: str
    params: Mapping[str, Any]
    judge: Callable[[Facts, Mapping[str, Any]], Verdict]
    check: Callable[[Mapping[str, Any]], str]

    def check_params(self, params: Mapping[str, Any]) -> str:
        """What is wrong with the parameters, or nothing."""
        import jsonschema

        error = jsonschema.Draft202012Validator(dict(self.params)).iter_errors(params)
        return next((e.message for e in error), "") or self.check(params)


def _rule(module: ModuleType) -> Rule:
    return Rule(module.NAME, module.TITLE, module.PARAMS, module.judge, getattr(module, "check", lambda params: ""))


RULES: dict[str, Rule] = {
    rule.name: rule for rule in map(_rule, (evidence_required, licence_allowed, metric_threshold, approvals_required))
}
