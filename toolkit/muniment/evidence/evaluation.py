"""An evaluation in numbers: metrics per slice, each with its threshold where it has one.

Names follow in-toto's proposed `eval-result` predicate, so that records can move there.
Schema: schemas/evaluation-v1.json.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from muniment.core.document import check_schema
from muniment.core.errors import Malformed
from muniment.evidence.artifact import Measured
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.reference import descriptor
from muniment.evidence.statement import Statement, Subject

COMPARATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One number: `slice` is None for the whole data, `passed` None where there is no threshold."""

    metric: str
    value: float
    slice: str | None = None
    comparator: str | None = None
    threshold: float | None = None
    passed: bool | None = None
    sample_size: int | None = None
    unit: str | None = None


def evaluation_statement(model: Measured, report: Mapping[str, Any], evaluated_at: str | None = None) -> Statement:
    """The evaluation of a model from a report (schemas/evaluation.json) whose `data` and `harness` are pinned.

    `passed` is worked out here. `evaluated_at` is used where the report has none. Raises `Malformed`.
    """
    check_schema(report, "evaluation", "The evaluation report")
    predicate = {"assuranceLevel": "self_attested"} | dict(report)
    if evaluated_at is not None:
        predicate.setdefault("evaluatedAt", evaluated_at)
    predicate["metrics"] = [_judged(m) for m in report["metrics"]]
    check_evaluation(predicate)
    return Statement((Subject(model.name, model.digest),), EVIDENCE["evaluation"], predicate)


def gate_statement(evaluation: Statement) -> Statement:
    """The same evaluation as an in-toto test-result: which thresholds were kept, without numbers.

    Raises `Malformed` where no metric has a threshold, because then nothing was tested.
    """
    tested = [m for m in metrics(evaluation.predicate) if m.passed is not None]
    if not tested:
        raise Malformed("No metric of the evaluation has a threshold.", "Give a comparator and a threshold.")
    predicate = {
        "result": "PASSED" if all(m.passed for m in tested) else "FAILED",
        "configuration": [descriptor(evaluation.predicate[key], key) for key in ("harness", "data")],
        "passedTests": [_test_name(m) for m in tested if m.passed],
        "failedTests": [_test_name(m) for m in tested if not m.passed],
    }
    return Statement(evaluation.subjects, EVIDENCE["test-result"], predicate)


def exact(number: float) -> Fraction:
    """A number as it is written: 0.9 - 0.8 is 0.1, as people reckon and floats do not."""
    return Fraction(str(number))


def metrics(predicate: Mapping[str, Any]) -> tuple[Metric, ...]:
    """The numbers of an evaluation predicate that was checked, in its order."""
    return tuple(
        Metric(
            m["metric"],
            m["value"],
            m.get("slice"),
            m.get("comparator"),
            m.get("threshold"),
            m.get("passed"),
            m.get("sampleSize"),
            m.get("unit"),
        )
        for m in predicate["metrics"]
    )


def check_evaluation(predicate: Mapping[str, Any]) -> None:
    """Raises `Malformed` for an evaluation that does not hold to its schema, repeats a metric, or misjudges one."""
    check_schema(predicate, "evaluation-v1", "The evaluation")
    seen: set[tuple[str, str | None]] = set()
    for metric in predicate["metrics"]:
        key = (metric["metric"], metric.get("slice"))
        where = f"{key[0]!r}" + (f" on {key[1]!r}" if key[1] is not None else "")
        if key in seen:
            raise Malformed(f"The evaluation gives {where} twice.", "Give every metric once for each slice.")
        seen.add(key)
        if metric.get("passed") != _judged({k: v for k, v in metric.items() if k != "passed"}).get("passed"):
            raise Malformed(
                f"The evaluation's `passed` of {where} is not what its numbers say.", "Leave it to muniment."
            )


def _judged(metric: Mapping[str, Any]) -> dict[str, Any]:
    """A metric with `passed` where it has a threshold. Raises `Malformed` where it says another one."""
    if "threshold" not in metric:
        return dict(metric)
    passed = COMPARATORS[metric["comparator"]](metric["value"], metric["threshold"])
    if metric.get("passed", passed) != passed:
        raise Malformed(f"`passed` of {metric['metric']!r} is not what its numbers say.", "Leave it out.")
    return dict(metric) | {"passed": passed}


def _test_name(metric: Metric) -> str:
    return metric.metric if metric.slice is None else f"{metric.metric}[{metric.slice}]"
