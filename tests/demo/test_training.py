"""The demo's data, detectors and pipeline: causal features, thresholds from training series, equal bytes twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from muniment.core.errors import Malformed, Missing
from muniment.demo import detector, documents, features, measure, nab, pipeline, source
from muniment.demo.pipeline import SAMPLE, VERSIONS, Step
from muniment.demo.recipes import find_recipe
from muniment.evidence import attest
from muniment.evidence.artifact import measure as measure_artifact


def run(command: Sequence[str], workspace: Path, **environment: str) -> None:
    done = subprocess.run(
        command,
        cwd=workspace,
        env=pipeline.step_environment() | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def run_together(steps: Sequence[Step], workspace: Path, **environment: str) -> None:
    """Runs steps in one process, which imports scikit-learn once."""
    code = (
        "import json, sys; from muniment.demo.train import main; sys.exit(max(map(main, json.loads(sys.argv[1]))))",
        json.dumps([step.command[3:] for step in steps]),
    )
    run([sys.executable, "-c", *code], workspace, **environment)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    pipeline.copy_dataset(nab.find_group(SAMPLE), folder)
    run_together(pipeline.steps(), folder)
    return folder


def measures(workspace: Path, model: str, version: str, part: str | None = None) -> dict[str, float]:
    found = json.loads((workspace / pipeline.evaluation_file(model, version)).read_text())["metrics"]
    return {m["metric"]: m["value"] for m in found if m.get("slice") == part}


# The data


def test_the_sample_is_small_and_every_series_has_labels() -> None:
    group = nab.find_group(SAMPLE)
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 400_000
    assert all(nab.read_series(group.root, name).windows for name in group.files)


def test_no_test_series_of_the_sample_shares_a_moment_with_a_training_series() -> None:
    group = nab.find_group(SAMPLE)
    train, test = (
        {time for name in half for time in nab.read_series(group.root, name).times} for half in group.split()
    )
    assert train
    assert test
    assert not train & test


def test_the_labels_are_the_recorded_loads() -> None:
    group = nab.find_group(SAMPLE)
    journal = json.loads((SAMPLE / "labels" / "loads.json").read_text())
    disk = [(load["fullFrom"], load["fullTo"]) for session in journal for load in session if load["kind"] == "disk"]
    names = [name for name in group.files if "disk_busy" in name]
    series = [nab.read_series(group.root, name) for name in names]
    assert disk == [(one.times[first], one.times[last - 1]) for one in series for first, last in one.windows]


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("g/ec2_cpu_utilization_24ae8d.csv", "ec2_cpu_utilization"),
        ("g/grok_asg_anomaly.csv", "grok_asg_anomaly"),
        ("machine/disk_busy_ms_per_s_s3.csv", "disk_busy_ms_per_s"),
        ("g/cpu.csv", "cpu"),
    ],
)
def test_a_family_is_the_name_without_its_number(name: str, family: str) -> None:
    assert nab.Series(name, (), (), ()).family == family


def write_group(folder: Path, group: str, rows: str = "2024-01-01 00:00:00,1\n2024-01-01 00:05:00,2\n") -> None:
    (folder / group).mkdir(parents=True)
    (folder / "labels").mkdir(exist_ok=True)
    labels = folder / nab.LABELS
    known = json.loads(labels.read_text()) if labels.exists() else {}
    for name in ("a", "b", "c"):
        (folder / group / f"{name}.csv").write_text("timestamp,value\n" + rows)
        known[f"{group}/{name}.csv"] = [["2024-01-01 00:05:00.000000", "2024-01-01 00:09:00.000000"]]
    labels.write_text(json.dumps(known))


def test_a_group_may_be_given_by_its_root_its_own_folder_or_its_name(tmp_path: Path) -> None:
    write_group(tmp_path, "first")
    write_group(tmp_path, "second")
    assert nab.find_group(tmp_path).name == "first"
    assert nab.find_group(tmp_path / "second").files == ("second/a.csv", "second/b.csv", "second/c.csv")
    assert nab.find_group(tmp_path, "second").split() == (("second/a.csv", "second/c.csv"), ("second/b.csv",))
    assert nab.read_series(tmp_path, "first/a.csv").windows == ((1, 2),)


def test_bad_data_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="combined_windows"):
        nab.find_group(tmp_path)
    write_group(tmp_path, "g", "2024-01-01 00:00:00,1\n2024-01-01 00:05:00,much\n")
    with pytest.raises(Malformed, match="line 3"):
        nab.read_series(tmp_path, "g/a.csv")
    with pytest.raises(Missing, match=r"g/z\.csv"):
        nab.read_series(tmp_path, "g/z.csv")
    (tmp_path / nab.LABELS).write_text('{"g/a.csv": [["noon", "night"]]}')
    with pytest.raises(Missing, match="fewer than two"):
        nab.find_group(tmp_path)


# Features and measures


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=40, max_size=90), st.integers(20, 39), st.floats(-1e9, 1e9))
def test_features_of_a_row_do_not_change_with_later_values(values: list[float], row: int, later: float) -> None:
    known = features.features(np.array(values), 8)
    changed = features.features(np.array([*values[: row + 1], *[later] * (len(values) - row - 1)]), 8)
    assert np.isfinite(known).all()
    assert np.array_equal(known[: row + 1], changed[: row + 1])


def test_features_do_not_depend_on_the_unit_of_the_series() -> None:
    values = np.random.default_rng(1).normal(50, 10, 300)
    assert np.allclose(features.features(values, 10), features.features(values * 1024, 10), atol=1e-4)


def test_labels_say_inside_and_shortly_before() -> None:
    series = nab.Series("g/a.csv", ("t",) * 60, tuple(float(i % 7) for i in range(60)), ((30, 40),))
    table = features.build_table([series], 10)
    assert np.flatnonzero(table.anomaly).tolist() == list(range(20, 30))
    assert np.flatnonzero(table.risk == 1).tolist() == list(range(20 - table.horizon, 20))
    assert np.flatnonzero(table.risk == -1).tolist() == list(range(20, 30))


def test_measures_agree_with_counts_made_by_hand() -> None:
    series = nab.Series("g/a.csv", ("t",) * 20, tuple(map(float, range(20))), ((12, 14), (16, 18)))
    table = features.build_table([series], 10)
    scores = np.array([0, 9, 0, 9, 0, 0, 0, 0, 0, 0], float)  # one false alarm, one hit, in the first of two windows
    scored = measure.Scored(scores, table.anomaly == 1, np.arange(10))
    found = {m.metric: (m.value, m.samples) for m in measure.measure(scored, 5.0, table) if not m.slice}
    assert found["precision"] == (0.5, 10)
    assert found["recall"] == (0.25, 10)
    assert found["f1"] == (0.333333, 10)
    assert found["false-alarm-rate"] == (0.166667, 10)
    assert found["window-recall"] == (0.5, 2)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=12))
def test_no_other_threshold_has_a_larger_f1(rows: list[tuple[int, bool]]) -> None:
    scores, truth = np.array([float(score) for score, _ in rows]), np.array([true for _, true in rows])
    if not truth.any():
        return
    best = measure.best_threshold(measure.Scored(scores, truth, np.arange(len(rows))))
    f1 = {at: f1_score(truth, scores >= at) for at in (best, *scores)}
    assert f1[best] == pytest.approx(max(f1.values()))


def test_a_slice_with_one_kind_of_rows_has_no_ranking_measures() -> None:
    quiet = nab.Series("g/quiet.csv", ("t",) * 20, tuple(map(float, range(20))), ())
    table = features.build_table([quiet], 10)
    scored = measure.Scored(np.zeros(10), table.anomaly == 1, np.arange(10))
    assert {m.metric for m in measure.measure(scored, 1.0, table)} == {
        "precision",
        "recall",
        "f1",
        "false-alarm-rate",
    }


# The models


def test_the_detectors_find_the_loads_in_sessions_they_have_not_seen(workspace: Path) -> None:
    first, second = (measures(workspace, "telemetry-anomaly", version) for version in ("1.0.0", "2.0.0"))
    assert first["roc-auc"] > 0.7
    assert second["roc-auc"] > first["roc-auc"]
    assert second["f1"] > first["f1"] > 0.25


def test_incident_risk_is_better_than_chance(workspace: Path) -> None:
    assert measures(workspace, "incident-risk", "1.0.0")["roc-auc"] > 0.6


def test_the_evaluation_is_one_that_can_be_signed_and_judges_itself(workspace: Path) -> None:
    model = workspace / pipeline.model_folder("telemetry-anomaly", "2.0.0")
    report = workspace / pipeline.evaluation_file("telemetry-anomaly", "2.0.0")
    evaluation = attest.attest_evaluation(model, report)
    assert evaluation.predicate["data"]["digest"] == str(measure_artifact(workspace / pipeline.DATASET).digest)
    assert attest.attest_gate(model, report).predicate["passedTests"] == ["roc-auc"]


def test_every_family_of_the_test_series_is_a_slice(workspace: Path) -> None:
    group = nab.find_group(SAMPLE)
    for family in {nab.read_series(group.root, name).family for name in group.split()[1]}:
        assert 0 <= measures(workspace, "telemetry-anomaly", "2.0.0", family)["f1"] <= 1


def test_the_threshold_is_the_one_that_training_scores_gave(workspace: Path) -> None:
    table = features.read_table(workspace / pipeline.FEATURES / "train.npz")
    fitted = detector.fit(find_recipe("telemetry-anomaly", "1.0.0"), table)
    folder = workspace / pipeline.model_folder("telemetry-anomaly", "1.0.0")
    assert detector.read_model(folder).threshold == fitted.threshold
    assert fitted.validation[0].samples == len(table.x)


def test_a_second_run_gives_the_same_bytes(workspace: Path, tmp_path: Path) -> None:
    pipeline.copy_dataset(nab.find_group(SAMPLE), tmp_path)
    again = [pipeline.prepare_step(), *(pipeline.train_step(*version) for version in reversed(VERSIONS))]
    run_together(again, tmp_path, MALLOC_PERTURB_="165", TZ="Asia/Tokyo")  # stale memory would show in a pickle
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert sum(path.name == "model.joblib" for path in made) == len(VERSIONS)
    assert all((tmp_path / path).read_bytes() == (workspace / path).read_bytes() for path in made)


def test_a_step_run_as_a_command_writes_its_products(workspace: Path, tmp_path: Path) -> None:
    shutil.copytree(workspace / pipeline.FEATURES, tmp_path / pipeline.FEATURES)
    step = pipeline.train_step("incident-risk", "1.0.0")
    run(step.command, tmp_path)
    assert all((tmp_path / product).exists() for product in step.products)
    made = Path(pipeline.model_folder("incident-risk", "1.0.0")) / "model.joblib"
    assert (tmp_path / made).read_bytes() == (workspace / made).read_bytes()


def test_the_card_tells_use_limits_and_only_training_figures(workspace: Path) -> None:
    card = (workspace / pipeline.model_folder("telemetry-anomaly", "2.0.0") / "README.md").read_text()
    assert card.startswith("---\nlicense: apache-2.0\n")
    assert "## Intended use" in card
    assert "## Limits" in card
    assert "chosen on training series only, by 3-fold cross-validation" in card


# The documents


def test_documents_of_the_sample_hold_to_their_schemas_and_give_statements(workspace: Path) -> None:
    about = documents.write_dataset(workspace, nab.find_group(SAMPLE))
    record = attest.attest_dataset(workspace / pipeline.DATASET, about)
    assert record.predicate["licence"] == "Apache-2.0"
    assert {one["purpose"] for one in record.predicate["slices"]} == {"training", "test"}
    for model, version in VERSIONS:
        written = documents.write_model(workspace, model, version)
        folder = workspace / pipeline.model_folder(model, version)
        made = attest.attest_provenance(folder, written.recipe, os.environ | pipeline.ENVIRONMENT)
        definition = made.predicate["buildDefinition"]
        assert definition["internalParameters"]["variables"]["PYTHONHASHSEED"] == "0"
        assert {"digest": {"sha256": record.subjects[0].digest.hex}}.items() <= definition["resolvedDependencies"][
            1
        ].items()
        assert attest.load(written.card, "model")["version"] == version


def test_a_model_without_an_evaluation_gets_no_documents(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="Train and evaluate it first"):
        documents.write_model(tmp_path, "telemetry-anomaly", "1.0.0")


def test_data_without_a_document_are_described_by_what_can_be_seen(tmp_path: Path) -> None:
    write_group(tmp_path / "data", "cloud")
    about = documents.write_dataset(tmp_path, nab.find_group(tmp_path / "data"))
    assert attest.load(about, "dataset")["licence"] == "LicenseRef-not-stated"
    (tmp_path / "data" / "LICENSE.txt").write_text("Permission is hereby granted, free of charge, to any person")
    documents.write_dataset(tmp_path, nab.find_group(tmp_path / "data"))
    assert attest.load(about, "dataset")["licence"] == "MIT"


@pytest.mark.skipif(shutil.which("git") is None, reason="compares with git")
def test_the_commit_of_the_code_is_the_one_git_makes_of_it(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.py", "b.py")]
    for path in files:
        path.write_text(f"# {path.name}\n")
    who = {"NAME": "Muniment demo", "EMAIL": "demo@sandbox.muniment.dev", "DATE": "@0 +0000"}
    environment = os.environ | {
        f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()
    }
    for words in (["init", "-q"], ["add", "a.py", "b.py"], ["commit", "-q", "-m", "Sources of the demo"]):
        command = ["git", "-c", "commit.gpgsign=false", "-c", "core.autocrlf=false", *words]
        subprocess.run(command, cwd=tmp_path, env=environment, timeout=60, check=True)
    made = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert source.commit_of(files) == made.stdout.strip()


# The commands


def test_training_refuses_an_environment_that_is_not_reproducible(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "muniment.demo.train", "prepare", "--data", "d", "--out", "o"]
    environment = pipeline.step_environment() | {"PYTHONHASHSEED": "random"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "Set PYTHONHASHSEED=0." in done.stderr
    assert not list(tmp_path.iterdir())


def test_without_scikit_learn_the_remedy_is_the_extra(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from muniment.demo.train import main\n"
        "sys.exit(main(['prepare', '--data', 'd', '--out', 'o']))"
    )
    environment = pipeline.step_environment()
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert "pip install 'muniment[demo]'" in done.stderr


def test_an_unknown_version_is_named_with_the_known_ones() -> None:
    with pytest.raises(Missing, match=r"incident-risk@1\.0\.0"):
        find_recipe("telemetry-anomaly", "9.9.9")


def test_the_pipeline_is_described_without_importing_anything_heavy() -> None:
    code = (
        "import sys, muniment.demo.pipeline as p; p.steps(); print({'numpy', 'sklearn', 'joblib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"


def test_steps_name_relative_materials_and_products_and_no_interpreter_path() -> None:
    for step in pipeline.steps():
        words = (*step.command, *step.materials, *step.products)
        assert not any(os.path.isabs(word) for word in words)
