"""The demo's pipeline, one step a process: `python -m muniment.demo.train prepare|train|evaluate`.

- `prepare --data DIR --out FOLDER`: labelled CSV series -> FOLDER/train.npz and FOLDER/test.npz
- `train --model NAME --version V --features FILE --environment FILE --out FOLDER`: features -> model.joblib,
  config.json and README.md, and beside them what the machine and its software were
- `evaluate --model-dir FOLDER --features FILE --data DIR --out FILE`: model and features it has not seen ->
  an evaluation (schemas/evaluation.json) that names the dataset

Equal input gives equal bytes: a step refuses to run without PYTHONHASHSEED=0 and one thread (`pipeline.ENVIRONMENT`).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from muniment.core.canonical import format_json
from muniment.core.errors import Missing, MunimentError, Usage
from muniment.demo.pipeline import ENVIRONMENT, LICENCE


def prepare(data: Path, out: Path) -> None:
    """Writes the feature tables of the training and the test series; the span comes from training series only."""
    from muniment.demo.features import build_table, span_of, write_table
    from muniment.demo.nab import find_group, read_series

    group = find_group(data)
    seen, unseen = ([read_series(group.root, name) for name in half] for half in group.split())
    span = span_of(seen)
    out.mkdir(parents=True, exist_ok=True)
    write_table(build_table(seen, span), out / "train.npz")
    write_table(build_table(unseen, span), out / "test.npz")


def train(model: str, version: str, features: Path, environment: Path, out: Path) -> None:
    """Trains a version of a model on a feature table and writes its folder and the environment it was trained in."""
    from muniment.demo.card import format_card
    from muniment.demo.detector import fit, write_model
    from muniment.demo.features import read_table
    from muniment.demo.recipes import find_recipe
    from muniment.evidence.environment import format_environment, read_environment

    table = read_table(features)
    fitted = fit(find_recipe(model, version), table)
    write_model(fitted, out)
    (out / "README.md").write_text(format_card(fitted, table, LICENCE), "utf-8")
    _write(environment, format_environment(read_environment()))


def evaluate(model_dir: Path, features: Path, data: Path, out: Path) -> None:
    """Measures a trained model on a feature table and writes the evaluation; its data is named relative to it."""
    from muniment.demo.detector import evaluate as measures_of
    from muniment.demo.detector import read_model
    from muniment.demo.features import read_table
    from muniment.demo.report import report

    table, fitted = read_table(features), read_model(model_dir)
    relative = Path(os.path.relpath(data, out.parent)).as_posix()
    _write(out, report(fitted.recipe, measures_of(fitted, table), table, relative))


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(format_json(value) + b"\n")


STEPS: dict[str, Callable[..., None]] = {"prepare": prepare, "train": train, "evaluate": evaluate}


def check_environment() -> None:
    """Raises `Usage` unless the process is set up to give equal bytes, `Missing` without scikit-learn."""
    wrong = {name: value for name, value in ENVIRONMENT.items() if os.environ.get(name) != value}
    if wrong:
        settings = " ".join(f"{name}={value}" for name, value in wrong.items())
        raise Usage("Training would not be reproducible in this environment.", f"Set {settings}.")
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise Missing("scikit-learn is not installed.", "Run: pip install 'muniment[demo]'") from error


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The step (`step`) and its options."""
    parser = argparse.ArgumentParser(prog="python -m muniment.demo.train", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    options = {
        "prepare": ("--data", "--out"),
        "train": ("--model", "--version", "--features", "--environment", "--out"),
        "evaluate": ("--model-dir", "--features", "--data", "--out"),
    }
    for step, names in options.items():
        command = steps.add_parser(step)
        for name in names:
            command.add_argument(name, required=True, type=str if name in ("--model", "--version") else Path)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Runs one step; an error goes to stderr as one line and gives its exit code."""
    options = vars(parse_arguments(arguments))
    try:
        check_environment()
        STEPS[options.pop("step")](**options)
    except MunimentError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
