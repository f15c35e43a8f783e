"""Statements from files, and what people write wrongly."""

import json
from datetime import UTC, datetime

import pytest
from in_toto_attestation.v1.statement import Statement as Independent

from muniment.core.errors import Malformed, Mismatch, Missing
from muniment.core.instant import parse_instant
from muniment.evidence import attest, link
from muniment.evidence.artifact import measure
from muniment.evidence.bom.make import attest_bom
from muniment.evidence.check import check_evidence
from muniment.evidence.dataset import dataset_facts
from muniment.evidence.evaluation import metrics
from muniment.evidence.recipe import dependencies
from muniment.evidence.statement import format_statement, parse_statement

NOW = datetime(2026, 1, 3, tzinfo=UTC)

MAKERS = {
    "signature": lambda w: attest.attest_signature(w.model),
    "dataset": lambda w: attest.attest_dataset(w.data, w.root / "dataset.yaml"),
    "evaluation": lambda w: attest.attest_evaluation(w.model, w.root / "evaluation.json", NOW),
    "gate": lambda w: attest.attest_gate(w.model, w.root / "evaluation.json"),
    "provenance": lambda w: attest.attest_provenance(w.model, w.root / "recipe.yaml", {}),
    "bom": lambda w: attest_bom(w.model, w.root / "model.yaml", NOW, {}),
    "link": lambda w: link.record("train", ["true"], [w.data], [w.model], w.root, 60),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_every_statement_is_admissible_and_equal_for_equal_input(workshop, kind):
    statement = MAKERS[kind](workshop)
    check_evidence(statement)
    payload = format_statement(statement)
    assert format_statement(MAKERS[kind](workshop)) == payload
    assert parse_statement(payload) == statement


@pytest.mark.parametrize("kind", MAKERS)
def test_an_independent_parser_reads_every_statement(workshop, kind):
    from google.protobuf.json_format import ParseDict
    from in_toto_attestation.v1 import statement_pb2

    statement = MAKERS[kind](workshop)
    message = ParseDict(json.loads(format_statement(statement)), statement_pb2.Statement())
    read = Independent.copy_from_pb(message)
    read.validate()
    assert read.pb.predicate_type == statement.predicate_type
    assert [s.digest["sha256"] for s in read.pb.subject] == [s.digest.hex for s in statement.subjects]


def test_statements_hold_no_path_of_this_machine(workshop):
    for make in MAKERS.values():
        assert str(workshop.root).encode() not in format_statement(make(workshop))


def test_provenance_says_what_the_model_was_made_from(workshop):
    predicate = MAKERS["provenance"](workshop).predicate
    data = measure(workshop.data)
    found = {(d.name, d.digest, d.role) for d in dependencies(predicate)}
    assert found == {("telemetry", data.digest, "training")}
    definition = predicate["buildDefinition"]
    assert definition["resolvedDependencies"][0] == {
        "name": "code",
        "uri": "git+https://example.org/detectors@0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
        "digest": {"gitCommit": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"},
        "annotations": {"role": "code"},
    }
    external = definition["externalParameters"]
    assert external["data"][0]["slices"] == [
        {"name": "train", "rows": 2, "digest": str(measure(workshop.data / "train.csv").digest)}
    ]
    assert external["seeds"] == {"PYTHONHASHSEED": 0, "numpy": 42}
    assert definition["internalParameters"]["software"]["distributions"]["numpy"] == "2.0.0"
    assert predicate["runDetails"]["metadata"]["finishedOn"] == "2026-01-01T00:01:00Z"
    assert predicate["runDetails"]["byproducts"][0]["name"] == "train.log"


def test_evaluation_judges_its_thresholds(workshop):
    predicate = MAKERS["evaluation"](workshop).predicate
    found = {(m.metric, m.slice): m.passed for m in metrics(predicate)}
    assert found == {("f1", None): True, ("f1", "nights"): False, ("latency", None): None}
    assert predicate["data"]["digest"] == str(measure(workshop.data / "later").digest)
    assert predicate["evaluatedAt"] == "2026-01-02T00:00:00Z"
    gate = MAKERS["gate"](workshop).predicate
    assert (gate["result"], gate["passedTests"], gate["failedTests"]) == ("FAILED", ["f1"], ["f1[nights]"])


def test_evaluation_takes_the_time_given_where_the_report_has_none(workshop):
    report = json.loads((workshop.root / "evaluation.json").read_text())
    del report["evaluatedAt"]
    workshop.write("evaluation.json", json.dumps(report))
    assert parse_instant(MAKERS["evaluation"](workshop).predicate["evaluatedAt"]) == NOW


def test_dataset_record_has_the_licence_as_spdx_writes_it(workshop):
    predicate = MAKERS["dataset"](workshop).predicate
    facts = dataset_facts(predicate)
    assert (facts.licence, facts.personal_data, facts.classification) == ("CC-BY-4.0", False, "internal")
    assert facts.slices == ("train", "test")
    assert predicate["contents"] == {"files": 2, "bytes": 6}
    assert predicate["slices"][1]["digest"] == str(measure(workshop.data / "later/test.csv").digest)


def test_json_may_be_indented_with_tabs_and_hold_any_text(workshop):
    report = json.loads((workshop.root / "evaluation.json").read_text())
    report["task"] = "😀 / \\ ünï"
    workshop.write("evaluation.json", json.dumps(report, indent="\t"))
    assert MAKERS["evaluation"](workshop).predicate["task"] == "😀 / \\ ünï"


# Edits of a document, and what the error must say of them: the place, or the thing that is wrong.
DOCUMENT = {
    "recipe": ("provenance", "recipe.yaml"),
    "dataset": ("dataset", "dataset.yaml"),
    "evaluation": ("evaluation", "evaluation.json"),
    "card": ("bom", "model.yaml"),
    "environment": ("provenance", "environment.json"),
}
WRONG = {
    "recipe: not YAML": ("features: [cpu,", "features: [cpu", "line 15, column"),
    "recipe: a key twice": ("task: ", "code: {}\ntask: ", "line 3, column 1"),
    "recipe: unknown key": ("hyperparameters:", "hyperparameter:", "line 1, column 1"),
    "recipe: a short commit": ("0a1b2c3d4e5f6071829", "0a1b2", "line 4, column 11: code/commit"),
    "recipe: no hash seed": ("PYTHONHASHSEED: 0, ", "", "line 16, column 8: seeds"),
    "recipe: another hash seed": ("PYTHONHASHSEED: 0", "PYTHONHASHSEED: 1", "PYTHONHASHSEED"),
    "recipe: ends before it starts": ("2026-01-01T00:01:00Z", "2025-01-01T00:01:00Z", "finished"),
    "recipe: a time that is none": ("2026-01-01T00:01:00Z", "2026-13-01T00:01:00Z", "time"),
    "recipe: data without path or digest": ("    path: data\n", "", "line 8, column 5: data/0"),
    "dataset: no such licence": ("cc-by-4.0", "free", "'free'"),
    "dataset: two slices of one name": ("name: test", "name: train", "one name"),
    "dataset: personal data untold": ("present: false", "present: true", "personalData"),
    "dataset: yes is no boolean": ("present: false", "present: no", "personalData/present"),
    "dataset: a bad address": ("https://example.org/tele", "example org/tele", "origin/uri"),
    "evaluation: not JSON": ('"data":', '"data"', "line 1, column"),
    "evaluation: NaN": ('"value": 0.8', '"value": NaN', "NaN"),
    "evaluation: a key twice": ('{"data"', '{"metrics": [], "data"', "repeats a key"),
    "evaluation: a metric twice": ('"slice": "nights", ', "", "'f1' twice"),
    "evaluation: misjudged": ('"sampleSize"', '"passed": false, "sampleSize"', "passed"),
    "evaluation: half a threshold": ('"threshold": 0.7, ', "", "metrics/0"),
    "evaluation: text for a number": ('"value": 0.8', '"value": "0.8"', "metrics/0/value"),
    "card: a version that is a number": ("version: 1.0.0", "version: 1.0", "line 3, column 10: version"),
    "card: unknown approach": ("approach: unsupervised", "approach: magic", "line 9, column 11"),
    "card: no such licence": ("licence: Apache-2.0", "licence: Apache-9", "Apache-9"),
    "card: two datasets of one name": (
        "{path: data, about: dataset.yaml}",
        "{path: data}\n  - {path: data}",
        "one name",
    ),
    "environment: not one": ('"cores": 2', '"cores": 0', "hardware/cores"),
}


@pytest.mark.parametrize("defect", WRONG)
def test_documents_with_a_defect(workshop, defect):
    (kind, name), (old, new, told) = DOCUMENT[defect.partition(":")[0]], WRONG[defect]
    workshop.edit(name, old, new)
    with pytest.raises(Malformed) as raised:
        MAKERS[kind](workshop)
    assert told in str(raised.value)
    assert raised.value.remedy
    assert "\n" not in raised.value.fact


ABSENT = [
    ("provenance", "recipe.yaml"),
    ("provenance", "data/train.csv"),
    ("provenance", "train.log"),
    ("provenance", "environment.json"),
    ("dataset", "dataset.yaml"),
    ("dataset", "data/later/test.csv"),
    ("evaluation", "train.py"),
    ("bom", "model.yaml"),
    ("bom", "recipe.yaml"),
    ("bom", "base.bin"),
    ("bom", "evaluation.json"),
]


@pytest.mark.parametrize(("kind", "name"), ABSENT)
def test_files_that_are_not_there(workshop, kind, name):
    (workshop.root / name).unlink()
    with pytest.raises(Missing) as raised:
        MAKERS[kind](workshop)
    assert raised.value.remedy


def test_a_digest_beside_a_path_must_be_right(workshop):
    digest = str(measure(workshop.data).digest)
    workshop.edit("recipe.yaml", "    path: data\n", f"    path: data\n    digest: {digest}\n")
    MAKERS["provenance"](workshop)
    workshop.write("data/train.csv", "other")
    with pytest.raises(Mismatch):
        MAKERS["provenance"](workshop)


def test_a_document_that_is_a_list_or_empty(workshop):
    for text in ("", "- a\n", "text"):
        workshop.write("recipe.yaml", text)
        with pytest.raises(Malformed):
            MAKERS["provenance"](workshop)


def test_the_commit_comes_from_ci_where_the_recipe_has_none(workshop):
    start = "  repository: https://example.org/detectors\n  commit: 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567\n"
    recipe = workshop.edit("recipe.yaml", start, "")
    workshop.edit("recipe.yaml", "run: {", "run: {builder: 'https://example.org/builder', ")
    environ = {"GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "o/r", "GITHUB_SHA": "b" * 40}
    code = attest.pinned_recipe(recipe, environ)["code"]
    assert code == {"path": "train.py", "repository": "https://github.example/o/r", "commit": "b" * 40}
    with pytest.raises(Missing, match="commit"):
        attest.attest_provenance(workshop.model, recipe, {})
