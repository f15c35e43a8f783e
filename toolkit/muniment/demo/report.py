"""An evaluation as the step `evaluate` writes it (schemas/evaluation.json)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from muniment import __version__
from muniment.core.digest import digest_of
from muniment.demo import measure
from muniment.demo.features import Table
from muniment.demo.measure import Measure
from muniment.demo.recipes import LIMITS, Recipe


def report(recipe: Recipe, measures: Sequence[Measure], table: Table, data: str) -> dict[str, Any]:
    """The evaluation report; `data` is the dataset's path relative to the report. Slices are families of series."""
    return {
        "task": {"anomaly": "time-series anomaly detection", "risk": "incident prediction"}[recipe.target],
        "data": {"path": data, "slices": [_slice(family, table) for family in sorted(set(table.families))]},
        "harness": _harness(),
        "metrics": [_metric(one, recipe) for one in measures],
        "limitations": list(LIMITS),
    }


def _slice(family: str, table: Table) -> dict[str, Any]:
    names = [name for name, one in zip(table.series, table.families, strict=True) if one == family]
    rows = sum(int((table.part == part).sum()) for part, one in enumerate(table.families) if one == family)
    return {"name": family, "rows": rows, "select": ", ".join(names), "purpose": "test"}


def _harness() -> dict[str, str]:
    path = Path(measure.__file__)
    return {"name": f"muniment.demo/{path.name}", "digest": str(digest_of(path.read_bytes())), "version": __version__}


def _metric(one: Measure, recipe: Recipe) -> dict[str, Any]:
    value: dict[str, Any] = {"metric": one.metric, "value": one.value, "sampleSize": one.samples}
    if one.slice:
        return value | {"slice": one.slice}
    least = recipe.accept.get(one.metric)
    return value if least is None else value | {"comparator": ">=", "threshold": least}
