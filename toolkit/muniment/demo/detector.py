"""The demo's models: scikit-learn estimators on rolling-window features, each defined by a recipe.

Thresholds are chosen on training series only: where the estimator learns from labels, on scores of series that were
left out of the fit (grouped cross-validation), since scores of fitted rows would flatter it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from muniment.core.errors import Missing
from muniment.demo.features import Table
from muniment.demo.measure import Measure, Scored, best_threshold, measure
from muniment.demo.recipes import FEATURES, SEED, Recipe, find_recipe


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained model: an alarm is a score at or above `threshold`."""

    recipe: Recipe
    estimator: Any
    threshold: float
    span: int
    horizon: int
    validation: tuple[Measure, ...]


def fit(recipe: Recipe, table: Table) -> Fitted:
    """Trains on a table. Equal input gives an equal model when the process has one thread and PYTHONHASHSEED=0."""
    rows, truth = _rows(recipe, table)
    inputs = _inputs(recipe, table, rows)
    estimator = _estimator(recipe).fit(inputs, truth)
    scores = _held_out(recipe, inputs, truth, table.part[rows]) if recipe.folds else _scores(estimator, inputs)
    scored = Scored(scores, truth, rows)
    threshold = best_threshold(scored)
    return Fitted(recipe, estimator, threshold, table.span, table.horizon, measure(scored, threshold, table))


def evaluate(fitted: Fitted, table: Table) -> tuple[Measure, ...]:
    """The measures of a model on a table of series it was not trained on."""
    rows, truth = _rows(fitted.recipe, table)
    scores = _scores(fitted.estimator, _inputs(fitted.recipe, table, rows))
    return measure(Scored(scores, truth, rows), fitted.threshold, table)


def write_model(fitted: Fitted, folder: Path) -> None:
    """Writes model.joblib (the estimator) and config.json (all that is needed to use it)."""
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(fitted.estimator, folder / "model.joblib", compress=0, protocol=5)
    config = {
        "model": fitted.recipe.model,
        "version": fitted.recipe.version,
        "threshold": fitted.threshold,
        "span": fitted.span,
        "horizon": fitted.horizon,
        "features": list(fitted.recipe.features),
        "estimator": fitted.recipe.estimator,
        "hyperparameters": dict(fitted.recipe.parameters),
        "seed": SEED,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def read_model(folder: Path) -> Fitted:
    """The model that `write_model` wrote. It unpickles: read only folders whose digest you have verified."""
    try:
        config = json.loads((folder / "config.json").read_text())
        estimator = joblib.load(folder / "model.joblib")
    except OSError as error:
        raise Missing(f"{folder.name} is not a trained model: {error.strerror}.", "Train it first.") from error
    recipe = find_recipe(config["model"], config["version"])
    return Fitted(recipe, estimator, config["threshold"], config["span"], config["horizon"], ())


def _rows(recipe: Recipe, table: Table) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The rows that count for the target, and their truth; risk says nothing of rows inside a window."""
    if recipe.target == "anomaly":
        return np.arange(len(table.anomaly)), table.anomaly == 1
    rows = np.flatnonzero(table.risk >= 0)
    return rows, table.risk[rows] == 1


def _inputs(recipe: Recipe, table: Table, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    names = list(FEATURES)
    return np.ascontiguousarray(table.x[rows][:, [names.index(name) for name in recipe.features]])


def _estimator(recipe: Recipe) -> Any:
    if recipe.estimator == "IsolationForest":
        return IsolationForest(**recipe.parameters, n_jobs=1, random_state=SEED)
    if recipe.estimator == "LogisticRegression":
        return make_pipeline(StandardScaler(), LogisticRegression(**recipe.parameters, random_state=SEED))
    rising = [1] * len(recipe.features)
    return ExtraTreesClassifier(**recipe.parameters, monotonic_cst=rising, n_jobs=1, random_state=SEED)


def _scores(estimator: Any, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    if isinstance(estimator, IsolationForest):
        return np.asarray(-estimator.score_samples(inputs), np.float64)
    return np.asarray(estimator.predict_proba(inputs)[:, 1], np.float64)


def _held_out(
    recipe: Recipe, inputs: NDArray[np.float32], truth: NDArray[np.bool_], series: NDArray[np.int16]
) -> NDArray[np.float64]:
    """Every row's score by an estimator that has not seen its series."""
    scores = np.zeros(len(truth))
    for seen, left_out in GroupKFold(min(recipe.folds, len(np.unique(series)))).split(inputs, truth, series):
        estimator = _estimator(recipe).fit(inputs[seen], truth[seen])
        scores[left_out] = _scores(estimator, inputs[left_out])
    return scores
