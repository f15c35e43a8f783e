"""From a model and its `model.yaml` to the ML-BOM's statement. Reads files and the environment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from muniment.evidence import environment as env
from muniment.evidence import spdx
from muniment.evidence.artifact import Measured, measure
from muniment.evidence.attest import load, pinned_report, read_environment
from muniment.evidence.bom.build import bom_statement
from muniment.evidence.bom.card import Card, Input, read_input
from muniment.evidence.dataset import dataset_statement
from muniment.evidence.evaluation import Metric, evaluation_statement, metrics
from muniment.evidence.reference import pin
from muniment.evidence.statement import Statement


def attest_bom(model: Path, card: Path, now: datetime, environ: Mapping[str, str] | None = None) -> Statement:
    """The ML-BOM of a model from a `model.yaml`; `now` is its timestamp."""
    return bom_statement(read_card(model, card, now, environ))


def read_card(model: Path, card: Path, now: datetime, environ: Mapping[str, str] | None = None) -> Card:
    """All that goes into the ML-BOM of a model: its card, and the documents that the card names."""
    document = load(card, "model")
    base = card.parent
    recipe = load(base / document["recipe"], "recipe") if "recipe" in document else {}
    measured = measure(model)
    environment = read_environment(card, document, environ)
    software = document.get("software")
    return Card(
        model=measured,
        document=document,
        licence=spdx.canonical(document["licence"]),
        datasets=_datasets(document, base) or _recipe_inputs(document, recipe, base, "data", "training"),
        base_models=tuple(read_input(pin(b, base), "base-model") for b in document.get("baseModels", ()))
        or _recipe_inputs(document, recipe, base, "baseModels", "base-model"),
        metrics=_metrics(document, base, measured),
        hyperparameters=tuple((document.get("hyperparameters") or recipe.get("hyperparameters", {})).items()),
        environment=environment,
        distributions=env.closure(environment.distributions, software) if software else environment.distributions,
        timestamp=now,
    )


def _datasets(document: Mapping[str, Any], base: Path) -> tuple[Input, ...]:
    return tuple(_dataset(item, base) for item in document.get("datasets", ()))


def _dataset(item: Mapping[str, Any], base: Path) -> Input:
    measured = measure(base / item["path"]) if "path" in item else None
    about = None
    if measured is not None and "about" in item:
        about = dataset_statement(measured, load(base / item["about"], "dataset")).predicate
        item = {"name": about["name"], **item}
    return read_input(pin(item, base, measured), "training", about)


def _recipe_inputs(
    document: Mapping[str, Any], recipe: Mapping[str, Any], base: Path, key: str, role: str
) -> tuple[Input, ...]:
    """The inputs a recipe names, for a card that names none itself."""
    folder = (base / document["recipe"]).parent if recipe else base
    return tuple(read_input(pin(item, folder), role) for item in recipe.get(key, ()))


def _metrics(document: Mapping[str, Any], base: Path, model: Measured) -> tuple[Metric, ...]:
    if "evaluation" not in document:
        return ()
    return metrics(evaluation_statement(model, pinned_report(base / document["evaluation"])).predicate)
