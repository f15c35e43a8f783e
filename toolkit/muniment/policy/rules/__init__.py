"""The built-in rules: one rule, one file, one test, one page of docs.

A rule module has NAME, TITLE, PARAMS (a JSON Schema of `with`), judge(facts, params) -> Verdict, and where a schema
cannot say all, check(params) -> what is wrong or nothing. One that is also for the gate submit has reads(params) -> the
kinds of record that it judges there; the others are for the gates that versions pass. One for which records get too old
has ends(facts, params) -> which record, in words and as a fact, and from when on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any

from muniment.core.document import validator_of
from muniment.policy.facts import EvidenceFact, Facts, Verdict
from muniment.policy.gates import GATES, OF_VERSIONS
from muniment.policy.rules import (
    approvals_required,
    base_model_allowed,
    bom_completeness,
    data_allowed,
    evidence_age,
    evidence_required,
    file_safety,
    freeze_window,
    licence_allowed,
    metric_threshold,
    no_regression,
    personal_data,
    privacy_review,
    provenance_builder,
    provenance_source,
    recovery_point,
    reproducibility_level,
    secrets_in_metadata,
    security_review,
    security_scan,
)

OWN = ""
"""The name of no built-in rule: a rule of policy.yaml's own has it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A built-in rule, for `gates`; `reads` are the kinds of record that it judges at the gate submit."""

    name: str
    title: str
    params: Mapping[str, Any]
    judge: Callable[[Facts, Mapping[str, Any]], Verdict]
    check: Callable[[Mapping[str, Any]], str]
    gates: tuple[str, ...]
    reads: Callable[[Mapping[str, Any]], frozenset[str]]
    ends: Callable[[Facts, Mapping[str, Any]], Iterable[tuple[str, EvidenceFact, datetime]]]

    def check_params(self, params: Mapping[str, Any]) -> str:
        """What is wrong with the parameters, or nothing."""
        errors = validator_of(self.params).iter_errors(params)
        return next((e.message for e in errors), "") or self.check(params)


def _rule(module: ModuleType) -> Rule:
    reads = getattr(module, "reads", None)
    return Rule(
        module.NAME,
        module.TITLE,
        module.PARAMS,
        module.judge,
        getattr(module, "check", lambda params: ""),
        GATES if reads else OF_VERSIONS,
        reads or (lambda params: frozenset()),
        getattr(module, "ends", lambda facts, params: ()),
    )


_MODULES = (
    evidence_required,
    evidence_age,
    licence_allowed,
    data_allowed,
    personal_data,
    base_model_allowed,
    provenance_builder,
    provenance_source,
    privacy_review,
    security_review,
    security_scan,
    file_safety,
    metric_threshold,
    no_regression,
    reproducibility_level,
    bom_completeness,
    secrets_in_metadata,
    approvals_required,
    recovery_point,
    freeze_window,
)
# What such a rule answers does not hang on evidence, or gets no harder to meet where some is left out.
APART_FROM_EVIDENCE = frozenset({approvals_required.NAME, freeze_window.NAME})
RULES: dict[str, Rule] = {module.NAME: _rule(module) for module in _MODULES}
