"""A trained model's card: the README.md beside it, in the front matter that model hubs read."""

from __future__ import annotations

from collections.abc import Sequence

from muniment.demo.detector import Fitted
from muniment.demo.features import Table
from muniment.demo.measure import Measure
from muniment.demo.recipes import FEATURES, LIMITS, SEED, USES


def format_card(fitted: Fitted, table: Table, licence: str) -> str:
    """The card as Markdown: what it is for, what it saw, how it was measured on training series, its limits."""
    recipe = fitted.recipe
    lines = [
        *_front_matter(licence),
        f"# {recipe.model} {recipe.version}",
        "",
        recipe.summary,
        "",
        "## Intended use",
        "",
        USES[recipe.target],
        "",
        "## Training",
        "",
        f"- {len(table.x)} rows of {len(table.series)} series.",
        f"- A span of {fitted.span} rows and a horizon of {fitted.horizon}, from the lengths of labelled windows.",
        f"- {recipe.estimator} with {_settings(fitted)}; seed {SEED}.",
        f"- An alarm is a score of {fitted.threshold:.4f} or more, chosen on training series only{_how(fitted)}.",
        "",
        "## Measured on the training series" + (", each left out of the fit in turn" if recipe.folds else ""),
        "",
        *_measures(fitted.validation),
        "",
        "Figures on series it was not trained on are in its signed evaluation, not here.",
        "",
        "## Features",
        "",
        *(f"- `{name}`: {FEATURES[name]}" for name in recipe.features),
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in LIMITS),
    ]
    return "\n".join(lines) + "\n"


def _front_matter(licence: str) -> list[str]:
    tags = ("aiops", "anomaly-detection", "time-series")
    head = [
        "---",
        f"license: {licence.lower()}",
        "library_name: sklearn",
        "pipeline_tag: tabular-classification",
        "tags:",
    ]
    return [*head, *(f"- {tag}" for tag in tags), "---", ""]


def _settings(fitted: Fitted) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(fitted.recipe.parameters.items()))


def _how(fitted: Fitted) -> str:
    return f", by {fitted.recipe.folds}-fold cross-validation by series" if fitted.recipe.folds else ""


def _measures(measures: Sequence[Measure]) -> list[str]:
    rows = [f"| {m.metric} | {m.value:.3f} | {m.samples} |" for m in measures if not m.slice]
    return ["| metric | value | samples |", "|---|---|---|", *rows]
