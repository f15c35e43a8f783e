"""From paths to statements: one function for each `muniment attest` command. Reads files and the environment.

Documents are YAML or JSON. Errors in them name line and column.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from muniment.core.canonical import parse_json
from muniment.core.document import check_schema, load_document, schema_errors
from muniment.core.errors import Malformed, Missing
from muniment.core.instant import format_instant, parse_instant
from muniment.evidence import environment as env
from muniment.evidence import oms
from muniment.evidence.artifact import measure, read_document
from muniment.evidence.dataset import dataset_statement
from muniment.evidence.evaluation import evaluation_statement, gate_statement
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.recipe import Run, provenance
from muniment.evidence.reference import pin
from muniment.evidence.reproduction import reproduction_statement
from muniment.evidence.review import review_statement
from muniment.evidence.scan import scan_statement
from muniment.evidence.statement import Statement, Subject


def attest_signature(model: Path) -> Statement:
    """The OMS statement of a model."""
    return oms.signature_statement(measure(model))


def attest_dataset(data: Path, about: Path) -> Statement:
    """The dataset record of a file or directory from a `dataset.yaml`."""
    document = load(about, "dataset")
    return dataset_statement(measure(data), document)


def attest_evaluation(model: Path, report: Path, now: datetime | None = None) -> Statement:
    """The evaluation of a model from an `evaluation.json`; `now` is when, where the report does not say."""
    document = pinned_report(report)
    return evaluation_statement(measure(model), document, None if now is None else format_instant(now))


def attest_gate(model: Path, report: Path) -> Statement:
    """The in-toto test-result of the same report: which thresholds were kept."""
    return gate_statement(attest_evaluation(model, report))


def attest_provenance(model: Path, recipe: Path, environ: Mapping[str, str] | None = None) -> Statement:
    """The SLSA provenance of a model from a `recipe.yaml`.

    What the recipe leaves out is read here: the commit from git or CI, the environment from this process, the builder
    from CI. Raises `Missing` where no commit is known.
    """
    document = pinned_recipe(recipe, environ)
    run = document.get("run", {})
    builder, invocation = env.builder_id(environ)
    return provenance(
        measure(model),
        document,
        read_environment(recipe, document, environ),
        Run(
            run.get("builder", builder),
            run.get("invocation", invocation),
            *(parse_instant(run[key]) if key in run else None for key in ("startedOn", "finishedOn")),
        ),
    )


def attest_review(kind: str, artifact: Path, about: Path, now: datetime) -> Statement:
    """The privacy or security review of an artifact from a `review.yaml`; `now` is when, where it does not say."""
    document = dict(load(about, "review"))
    for key in ("data", "documents"):
        if key in document:
            document[key] = [pin(item, about.parent) for item in document[key]]
    return review_statement(kind, measure(artifact), document, format_instant(now))


def attest_scan(model: Path, report: Path, now: datetime) -> Statement:
    """The file-safety scan of a model from a scanner's `scan.json`; `now` is when, where it does not say."""
    return scan_statement(measure(model), load(report, "scan"), format_instant(now))


def attest_reproduction(model: Path, about: Path, now: datetime) -> Statement:
    """The reproduction of a model from a `reproduction.yaml`; `now` is when, where it does not say."""
    document = dict(load(about, "reproduction"))
    return reproduction_statement(
        measure(model), document | {"rebuilt": pin(document["rebuilt"], about.parent)}, format_instant(now)
    )


def attest_vulns(artifact: Path, report: Path) -> Statement:
    """A vulnerability scan from a document that is an in-toto vulns v0.2 predicate."""
    measured, predicate = measure(artifact), load(report, "standard/vulns-v0.2")
    return Statement((Subject(measured.name, measured.digest),), EVIDENCE["vulns"], predicate)


def pinned_report(report: Path) -> dict[str, Any]:
    """An evaluation report with `data` and `harness` pinned to digests."""
    document = dict(load(report, "evaluation"))
    return document | {key: pin(document[key], report.parent) for key in ("data", "harness")}


def pinned_recipe(recipe: Path, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A recipe with every reference pinned to a digest and the code to a commit."""
    document = dict(load(recipe, "recipe"))
    for key in ("data", "baseModels", "byproducts"):
        if key in document:
            document[key] = [pin(item, recipe.parent) for item in document[key]]
    for key in ("lockfile", "container"):
        if key in document:
            document[key] = pin(document[key], recipe.parent)
    document["code"] = _code(document.get("code", {}), recipe.parent, environ)
    return document


def read_environment(beside: Path, document: Mapping[str, Any], environ: Mapping[str, str] | None) -> env.Environment:
    """The environment a document names, else this process's."""
    if "environment" not in document:
        return env.read_environment(environ)
    path = beside.parent / document["environment"]
    return env.parse_environment(parse_json(read_document(path), str(path)))


def load(path: Path, schema: str) -> dict[str, Any]:
    """A document that holds to a schema. Raises `Malformed` with line and column, and `Missing`."""
    text = read_document(path)
    if not text.lstrip().startswith(b"{"):
        return _mapping(load_document(text, schema, str(path)), path)
    value = parse_json(text, str(path))
    if schema_errors(value, schema):
        # Read as YAML, which may not be indented with tabs, the text gives line and column.
        load_document(text.replace(b"\t", b" "), schema, str(path))
        check_schema(value, schema, str(path))
    return _mapping(value, path)


def _mapping(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{path} is not a mapping.", "Write keys and values.")
    return value


def _code(code: Mapping[str, Any], folder: Path, environ: Mapping[str, str] | None) -> dict[str, Any]:
    if "commit" in code and "repository" in code:
        return dict(code)
    found = env.read_commit(folder, environ)
    commit = code.get("commit", found.commit if found else None)
    repository = code.get("repository", found.repository if found else None)
    if commit is None or repository is None:
        raise Missing(
            f"The recipe does not say which {'commit' if commit is None else 'repository'} the code is, nor does git.",
            "Write code: with repository and commit in the recipe, or attest in a checkout.",
        )
    given = {"repository": repository, "commit": commit}
    modified = {"modified": True} if found and found.modified and "commit" not in code else {}
    return dict(code) | given | modified
