"""The documents the demo's people write: dataset.yaml, and recipe.yaml and model.yaml beside each evaluation.json.

Their forms are schemas/dataset.json, recipe.json and model.json; paths in them are relative to the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from muniment.core.canonical import parse_json
from muniment.core.document import check_schema, parse_yaml
from muniment.core.errors import Missing
from muniment.demo.nab import Group, Series, find_group, read_series
from muniment.demo.pipeline import (
    DATASET,
    DATASET_DOCUMENT,
    ENVIRONMENT_FILE,
    LICENCE,
    document_folder,
    evaluation_file,
    model_folder,
    train_step,
)
from muniment.demo.recipes import FEATURES, LIMITS, SEED, USES, Recipe, find_recipe
from muniment.demo.source import REPOSITORY, code

SUPPLIER = "Muniment demo"
# First words of licence texts, for data that come without a document of their own.
_LICENCES = {"Permission is hereby granted, free of charge": "MIT", "Apache License": "Apache-2.0"}
_UP = "../.."  # from a version's documents to the workspace


@dataclass(frozen=True, slots=True)
class Written:
    """The documents of one version."""

    recipe: Path
    card: Path
    evaluation: Path


def write_dataset(workspace: Path, group: Group) -> Path:
    """Writes dataset.yaml beside the workspace's dataset: the group's own document, or what can be seen of the data."""
    document = _own_document(group) or _seen_document(group)
    series = [read_series(group.root, name) for name in group.files]
    train = set(group.split()[0])
    slices = [_slice(one) | {"purpose": "training" if one.name in train else "test"} for one in series]
    return _write(workspace / DATASET_DOCUMENT, document | {"slices": slices}, "dataset")


def write_model(workspace: Path, model: str, version: str) -> Written:
    """Writes recipe.yaml and model.yaml of a version. Raises `Missing` when it was not trained and evaluated."""
    recipe, folder = find_recipe(model, version), workspace / document_folder(model, version)
    evaluation = workspace / evaluation_file(model, version)
    if not evaluation.is_file():
        raise Missing(f"{model} {version} has no evaluation.", "Train and evaluate it first.")
    path = workspace / model_folder(model, version) / "config.json"
    config = parse_json(path.read_bytes(), "config.json")
    written = _write(folder / "recipe.yaml", _recipe(recipe, config, find_group(workspace / DATASET)), "recipe")
    return Written(written, _write(folder / "model.yaml", _model(recipe, config), "model"), evaluation)


def _own_document(group: Group) -> dict[str, Any] | None:
    path = group.root / DATASET_DOCUMENT
    if not path.is_file():
        return None
    document: dict[str, Any] = parse_yaml(path.read_bytes(), str(path))
    return document


def _seen_document(group: Group) -> dict[str, Any]:
    """What the files themselves tell; the rest is said to be unknown."""
    return {
        "name": group.name,
        "description": f"{len(group.files)} labelled series of {group.name}, in NAB's layout.",
        "origin": {"producer": "not stated", "description": "Given to the demo as a folder without a dataset.yaml."},
        "licence": _licence(group.root),
        "collection": "Not stated.",
        "labelling": {
            "method": "unknown",
            "description": "Windows as the folder's labels give them.",
        },
        "cleaning": [],
        "personalData": {"present": "unknown", "description": "Nobody looked; the files hold times and numbers only."},
        "access": {"classification": "internal"},
    }


def _licence(root: Path) -> str:
    texts = [path.read_text("utf-8", "replace") for path in sorted(root.glob("LICEN[CS]E*")) if path.is_file()]
    found = [name for words, name in _LICENCES.items() if any(words in text for text in texts)]
    return found[0] if len(found) == 1 else "LicenseRef-not-stated"


def _slice(series: Series) -> dict[str, Any]:
    rows, first, last = len(series.times), series.times[0], series.times[-1]
    return {"name": series.name, "path": series.name, "rows": rows, "from": first, "to": last}


def _recipe(recipe: Recipe, config: dict[str, Any], group: Group) -> dict[str, Any]:
    windows = {"span": config["span"], "horizon": config["horizon"], "long": 6 * config["span"]}
    how = "Rolling windows over past rows only, in units of what was usual; the first span of rows is warm-up."
    train = [read_series(group.root, name) for name in group.split()[0]]
    return {
        "task": _task(recipe),
        "code": code(),
        "command": list(train_step(recipe.model, recipe.version).command),
        "data": [
            {
                "path": f"{_UP}/{DATASET}",
                "role": "training",
                "description": "Every other series in order of name; the others are kept for the test.",
                "slices": [_slice(one) for one in train],
            }
        ],
        "preprocessing": [{"name": "rolling windows", "description": how, "parameters": windows}],
        "features": [
            {"name": name, "type": "float32", "source": "value", "description": FEATURES[name]}
            for name in recipe.features
        ],
        "seeds": {"PYTHONHASHSEED": 0, "random_state": SEED},
        "hyperparameters": _hyperparameters(recipe),
        "environment": ENVIRONMENT_FILE,
    }


def _model(recipe: Recipe, config: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": recipe.model,
        "group": "aiops",
        "version": recipe.version,
        "description": recipe.summary,
        "licence": LICENCE,
        "supplier": SUPPLIER,
        "task": _task(recipe),
        "tags": ["aiops", "anomaly-detection", "time-series"],
        "approach": "supervised" if recipe.folds else "unsupervised",
        "architecture": {"family": recipe.family, "model": recipe.estimator},
        "inputs": [f"float32 rows of {len(recipe.features)} rolling-window features"],
        "outputs": [f"a score; an alarm is a score of {config['threshold']:.4f} or more"],
        "datasets": [{"path": f"{_UP}/{DATASET}", "about": f"{_UP}/{DATASET_DOCUMENT}", "role": "training"}],
        "hyperparameters": _hyperparameters(recipe),
        "evaluation": "evaluation.json",
        "recipe": "recipe.yaml",
        "environment": ENVIRONMENT_FILE,
        "software": ["scikit-learn", "numpy", "joblib"],
        "considerations": {
            "users": ["operators who watch machines"],
            "useCases": [USES[recipe.target]],
            "technicalLimitations": list(LIMITS),
        },
        "references": [{"type": "vcs", "url": REPOSITORY}],
    }


def _task(recipe: Recipe) -> str:
    return {"anomaly": "time-series anomaly detection", "risk": "incident prediction"}[recipe.target]


def _hyperparameters(recipe: Recipe) -> dict[str, Any]:
    return {"estimator": recipe.estimator, **recipe.parameters, "folds": recipe.folds}


def _write(path: Path, document: dict[str, Any], schema: str) -> Path:
    check_schema(document, schema, path.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110), "utf-8")
    return path
