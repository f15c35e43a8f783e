"""A workshop: a model, its data and the documents about them, in a folder of the test's own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from muniment.evidence.environment import Distribution, Environment, Hardware, format_environment

RECIPE = """\
task: anomaly detection
code:
  repository: https://example.org/detectors
  commit: 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567
  path: train.py
command: [python, train.py]
data:
  - name: telemetry
    path: data
    role: training
    slices:
      - {name: train, path: train.csv, rows: 2}
preprocessing:
  - {name: resample, parameters: {period: 60}}
features: [cpu, {name: load, type: float}]
seeds: {PYTHONHASHSEED: 0, numpy: 42}
hyperparameters: {n_estimators: 100, contamination: 0.01}
environment: environment.json
byproducts:
  - {path: train.log}
run: {startedOn: 2026-01-01T00:00:00Z, finishedOn: 2026-01-01T00:01:00Z}
"""

DATASET = """\
name: telemetry
version: "2026.1"
origin: {producer: Example Operations, uri: https://example.org/telemetry, collectedFrom: 2025-12-01T00:00:00Z}
licence: cc-by-4.0
slices:
  - {name: train, path: train.csv}
  - {name: test, path: later/test.csv}
collection: Read from one machine every second.
labelling: {method: recorded, description: The load generator wrote down when it ran.}
cleaning: [Gaps of more than a minute were cut out.]
personalData: {present: false}
access: {classification: internal, terms: Within the company.}
governance:
  owners: [Example Operations]
  stewards: [{name: data desk, email: data@example.org}]
"""

EVALUATION = {
    "data": {"path": "data/later", "name": "telemetry, later"},
    "harness": {"path": "train.py", "version": "1"},
    "metrics": [
        {"metric": "f1", "value": 0.8, "comparator": ">=", "threshold": 0.7, "sampleSize": 100},
        {"metric": "f1", "value": 0.5, "slice": "nights", "comparator": ">", "threshold": 0.6},
        {"metric": "latency", "value": 1.5, "unit": "ms"},
    ],
    "evaluatedAt": "2026-01-02T00:00:00Z",
}

CARD = """\
name: cpu-anomaly
group: aiops
version: 1.0.0
description: Finds anomalies in the processor load of machines.
licence: Apache-2.0
supplier: {name: Example Operations, url: https://example.org/}
authors: [trainer]
task: anomaly detection
approach: unsupervised
architecture: {family: tree ensemble, model: IsolationForest}
inputs: [float64 matrix with 4 columns]
outputs: [anomaly score]
datasets:
  - {path: data, about: dataset.yaml}
baseModels:
  - {path: base.bin, licence: MIT, relation: fine-tuned, version: "1"}
recipe: recipe.yaml
evaluation: evaluation.json
environment: environment.json
software: [scikit_learn]
considerations:
  users: [operators]
  useCases: [alerts]
  technicalLimitations: [Knows the load of one machine only.]
  ethicalConsiderations: [{name: none known}]
  fairnessAssessments: [{groupAtRisk: nobody}]
references:
  - {type: website, url: https://example.org/model}
"""

ENVIRONMENT = Environment(
    system="Example OS 1",
    kernel="Linux 6.1",
    implementation="CPython",
    python="3.11.7",
    hardware=Hardware("x86_64", "Example CPU", 2, 16, ("Example GPU",)),
    variables=(("PYTHONHASHSEED", "0"),),
    distributions=(
        Distribution("numpy", "2.0.0", "BSD-3-Clause AND MIT", summary="arrays"),
        Distribution("odd", "1.0", None, "BSD License"),
        Distribution("scikit-learn", "1.5.0", "BSD-3-Clause", requires=("numpy", "threadpoolctl")),
        Distribution("threadpoolctl", "3.5.0", "BSD-3-Clause", concluded=True),
    ),
)


@dataclass(frozen=True)
class Workshop:
    """Where the files of a test are."""

    root: Path

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def data(self) -> Path:
        return self.root / "data"

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def edit(self, name: str, old: str, new: str) -> Path:
        text = (self.root / name).read_text("utf-8")
        assert old in text
        return self.write(name, text.replace(old, new))


def make_workshop(root: Path) -> Workshop:
    """Writes the files."""
    made = Workshop(root)
    files = {
        "model/weights.bin": "weights",
        "model/config.json": "{}",
        "base.bin": "base",
        "data/train.csv": "1\n2\n",
        "data/later/test.csv": "3\n",
        "train.py": "print('trained')\n",
        "train.log": "done\n",
        "recipe.yaml": RECIPE,
        "dataset.yaml": DATASET,
        "evaluation.json": json.dumps(EVALUATION),
        "model.yaml": CARD,
        "environment.json": json.dumps(format_environment(ENVIRONMENT)),
    }
    for name, text in files.items():
        made.write(name, text)
    return made


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """A workshop in the test's own folder."""
    return make_workshop(tmp_path)
