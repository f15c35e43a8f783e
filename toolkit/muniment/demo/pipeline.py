"""The steps of the demo's pipeline as commands with their materials and products; nothing heavy is imported here."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from muniment.demo.nab import LABELS, Group

LICENCE = "Apache-2.0"
ENVIRONMENT: Mapping[str, str] = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
SAMPLE = Path(__file__).parent / "data"
VERSIONS = (("telemetry-anomaly", "1.0.0"), ("telemetry-anomaly", "2.0.0"), ("incident-risk", "1.0.0"))
DATASET, FEATURES, MODELS, DOCUMENTS = "dataset", "features", "models", "documents"  # folders of a workspace
DATASET_DOCUMENT, ENVIRONMENT_FILE, EVALUATION_FILE = "dataset.yaml", "environment.json", "evaluation.json"


@dataclass(frozen=True, slots=True)
class Step:
    """A command to run in a workspace under `ENVIRONMENT`; paths are relative to the workspace."""

    name: str
    command: tuple[str, ...]
    materials: tuple[str, ...]
    products: tuple[str, ...]


def model_folder(model: str, version: str) -> str:
    """Where a version is trained to."""
    return f"{MODELS}/{model}-{version}"


def document_folder(model: str, version: str) -> str:
    """Where the documents of a version are."""
    return f"{DOCUMENTS}/{model}-{version}"


def environment_file(model: str, version: str) -> str:
    """Where training writes the machine and the software it ran with."""
    return f"{document_folder(model, version)}/{ENVIRONMENT_FILE}"


def evaluation_file(model: str, version: str) -> str:
    """Where the evaluation of a version is."""
    return f"{document_folder(model, version)}/{EVALUATION_FILE}"


def prepare_step() -> Step:
    """Dataset to features."""
    return _step("prepare", ("--data", DATASET, "--out", FEATURES), (DATASET,), (FEATURES,))


def train_step(model: str, version: str) -> Step:
    """Training features to a model folder and a file on the environment."""
    features, out = f"{FEATURES}/train.npz", model_folder(model, version)
    environment = environment_file(model, version)
    words = ("--model", model, "--version", version, "--features", features, "--environment", environment, "--out", out)
    return _step("train", words, (features,), (out, environment))


def evaluate_step(model: str, version: str) -> Step:
    """A model folder and test features to an evaluation of the model on the dataset."""
    folder, features, out = model_folder(model, version), f"{FEATURES}/test.npz", evaluation_file(model, version)
    words = ("--model-dir", folder, "--features", features, "--data", DATASET, "--out", out)
    return _step("evaluate", words, (folder, features, DATASET), (out,))


def steps() -> tuple[Step, ...]:
    """The whole pipeline in order: prepare, then train and evaluate every version."""
    pairs = ((train_step(*version), evaluate_step(*version)) for version in VERSIONS)
    return prepare_step(), *(step for pair in pairs for step in pair)


def step_environment() -> dict[str, str]:
    """The environment to run steps in: this process's, `ENVIRONMENT`, and this interpreter first on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, **ENVIRONMENT, "PATH": path}


def _step(name: str, words: tuple[str, ...], materials: tuple[str, ...], products: tuple[str, ...]) -> Step:
    return Step(name, (Path(sys.executable).name, "-m", "muniment.demo.train", name, *words), materials, products)


def copy_dataset(group: Group, workspace: Path) -> Path:
    """Copies a group's series and the labels, unchanged, into the workspace's dataset folder, and returns that."""
    out = workspace / DATASET
    for name in (*group.files, str(LABELS)):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(group.root / name, out / name)
    return out
