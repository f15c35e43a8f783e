"""How each version of the demo's models is made, as plain facts; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muniment.core.errors import Missing

SEED = 20240

FEATURES = {
    "distance": "distance of the value from the long median, in long spreads",
    "above": "how far the value lies above the long 98 % quantile",
    "below": "how far the value lies below the long 2 % quantile",
    "surprise": "-log10 of the share of the long window that is at least as extreme",
    "step": "change since the row before, in long spreads",
    "distance-max": "largest distance in the last half span",
    "outside-max": "largest excess over the long quantiles in the last half span",
    "outside-mean": "mean excess over the long quantiles in the last half span",
    "surprise-mean": "mean surprise in the last half span",
    "surprise-max": "largest surprise in the last half span",
    "shift": "distance of the half-span mean from the long median",
    "shift-short": "distance of the quarter-span mean from the long median",
    "volatility": "how much the short deviation differs from its long mean, as a log ratio",
    "volatility-max": "largest volatility in the last half span",
    "step-max": "largest step in the last half span",
    "roughness": "mean short step against mean long step, as a log ratio",
}

USES = {
    "anomaly": "Flags rows of a metric that look like an incident in progress. For alerting with a person behind it.",
    "risk": "Ranks moments by how likely an incident window starts soon. An early hint, not an alarm.",
}
LIMITS = (
    "Trained on few series from few machines; a metric of another kind needs an evaluation of its own first.",
    "Rows are judged one by one: an incident is found late when it begins softly.",
    "Slow changes of load over days look like incidents until the long window has seen them.",
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a version of a model is made; `target` is the table's column it predicts: `anomaly` or `risk`.

    `folds` of cross-validation by series are made for the threshold; 0 for an estimator that does not see labels.
    `accept` are the least values of metrics that the test must reach, fixed before it is run.
    """

    model: str
    version: str
    summary: str
    target: str
    family: str
    estimator: str
    parameters: Mapping[str, Any]
    features: tuple[str, ...]
    folds: int
    accept: Mapping[str, float]


RECIPES = (
    Recipe(
        "telemetry-anomaly",
        "1.0.0",
        "Isolation forest that flags rows of machine telemetry unlike the hours before them.",
        "anomaly",
        "isolation forest",
        "IsolationForest",
        {"n_estimators": 100, "max_samples": 256},
        ("distance", "surprise", "step", "shift-short"),
        0,
        {"roc-auc": 0.6},
    ),
    Recipe(
        "telemetry-anomaly",
        "2.0.0",
        "Extra trees, trained on labelled incidents, whose score never falls when a deviation grows.",
        "anomaly",
        "tree ensemble",
        "ExtraTreesClassifier",
        {"n_estimators": 80, "max_depth": 6, "min_samples_leaf": 20, "max_features": 0.5, "class_weight": "balanced"},
        tuple(FEATURES),
        3,
        {"roc-auc": 0.6},
    ),
    Recipe(
        "incident-risk",
        "1.0.0",
        "Logistic regression of whether an incident window starts within the horizon.",
        "risk",
        "linear model",
        "LogisticRegression",
        {"C": 0.3, "max_iter": 500, "class_weight": "balanced"},
        tuple(FEATURES),
        3,
        {"roc-auc": 0.6},
    ),
)


def find_recipe(model: str, version: str) -> Recipe:
    """The recipe of a version. Raises `Missing`."""
    for recipe in RECIPES:
        if (recipe.model, recipe.version) == (model, version):
            return recipe
    known = ", ".join(f"{recipe.model}@{recipe.version}" for recipe in RECIPES)
    raise Missing(f"There is no recipe {model}@{version}.", f"Choose one of {known}.")
