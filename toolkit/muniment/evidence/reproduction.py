"""An attempt to make a model again from its recipe, graded by what came out.

byte-identical: the same bytes. numerically-equivalent: outputs differ by no more than a tolerance. metric-equivalent:
only the metrics do. different: none of these. The grade follows from the numbers. Schema: schemas/reproduction-v1.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.core.digest import Digest
from muniment.core.document import check_schema
from muniment.core.errors import Malformed
from muniment.core.instant import parse_instant
from muniment.evidence.artifact import Measured
from muniment.evidence.evaluation import exact
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.reference import digest_in
from muniment.evidence.statement import Statement, Subject

LEVELS = ("different", "metric-equivalent", "numerically-equivalent", "byte-identical")
"""How like the original a rebuilt model is, least first."""


def reproduction_statement(model: Measured, attempt: Mapping[str, Any], reproduced_at: str) -> Statement:
    """A reproduction (schemas/reproduction.json, `rebuilt` pinned) as a statement about the original.

    The level is worked out where it is left out. Raises `Malformed`.
    """
    check_schema(attempt, "reproduction", "The reproduction")
    predicate = {"reproducedAt": reproduced_at, "level": level_of(model.digest, attempt)} | dict(attempt)
    statement = Statement((Subject(model.name, model.digest),), EVIDENCE["reproduction"], predicate)
    check_reproduction(statement)
    return statement


def check_reproduction(statement: Statement) -> None:
    """Raises `Malformed` for a reproduction that does not hold to its schema, or claims more than its numbers say."""
    predicate = statement.predicate
    check_schema(predicate, "reproduction-v1", "The reproduction")
    parse_instant(predicate["reproducedAt"])
    for subject in statement.subjects:
        level = level_of(subject.digest, predicate)
        if predicate["level"] != level:
            raise Malformed(
                f"The reproduction says {predicate['level']}, and its numbers say {level}.", "Leave it to muniment."
            )


def level_of(original: Digest, attempt: Mapping[str, Any]) -> str:
    """The grade that digests, comparisons and metrics make up."""
    comparisons, metrics = attempt.get("comparisons", ()), attempt.get("metrics", ())
    if digest_in(attempt["rebuilt"]) == original:
        return "byte-identical"
    if comparisons and all(c["equal"] and _within(c) for c in comparisons):
        return "numerically-equivalent"
    if metrics and all(_near(m) for m in metrics):
        return "metric-equivalent"
    return "different"


def _near(metric: Mapping[str, Any]) -> bool:
    return abs(exact(metric["original"]) - exact(metric["rebuilt"])) <= exact(metric["tolerance"])


def _within(comparison: Mapping[str, Any]) -> bool:
    return bool(comparison.get("maxDifference", 0) <= comparison.get("tolerance", 0))
