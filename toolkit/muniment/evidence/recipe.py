"""SLSA provenance v1 of a trained model, with the project's own buildType: the recipe from which it was made.

externalParameters: what a person decides (code, data with slices, preprocessing, features, seeds, hyperparameters).
internalParameters: what the machine was (hardware, software, variables that change results).
resolvedDependencies: everything with a digest, its role in `annotations`.
Source: SLSA v1.1 provenance; schemas/ml-training-v1.json for externalParameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muniment import __version__
from muniment.core.digest import Digest
from muniment.core.document import check_schema
from muniment.core.errors import Malformed
from muniment.core.instant import format_instant, parse_instant
from muniment.evidence.artifact import Measured
from muniment.evidence.environment import Environment, format_environment
from muniment.evidence.kinds import BUILD_TYPE, EVIDENCE
from muniment.evidence.reference import descriptor
from muniment.evidence.statement import Statement, Subject

_PARAMETERS = (
    "task",
    "code",
    "command",
    "data",
    "baseModels",
    "preprocessing",
    "features",
    "seeds",
    "hyperparameters",
)

DATA_ROLES = ("training", "validation", "test", "calibration", "fine-tuning")
"""What data is to a model, as `resolvedDependencies` say it in their annotations."""


@dataclass(frozen=True, slots=True)
class Run:
    """Where and when training ran: the SLSA builder id, the invocation, start and end where they are known."""

    builder: str
    invocation: str | None = None
    started: datetime | None = None
    finished: datetime | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """What a provenance says its subjects were made from: `role` is training, base-model, code … or dependency."""

    name: str
    digest: Digest
    role: str


def provenance(model: Measured, recipe: Mapping[str, Any], environment: Environment, run: Run) -> Statement:
    """The provenance of a model from a recipe with pinned references (`reference.pin`) and a commit.

    Raises `Malformed`.
    """
    _check_names(recipe["data"])
    parameters = {key: recipe[key] for key in _PARAMETERS if key in recipe}
    check_schema(parameters, "ml-training-v1", "The recipe")
    _check_seed(parameters["seeds"], environment)
    definition = {
        "buildType": BUILD_TYPE,
        "externalParameters": parameters,
        "internalParameters": _internal(environment),
        "resolvedDependencies": list(_resolved(recipe)),
    }
    details: dict[str, Any] = {"builder": {"id": run.builder, "version": {"muniment": __version__}}}
    if metadata := _metadata(run):
        details["metadata"] = metadata
    if recipe.get("byproducts"):
        details["byproducts"] = [descriptor(b, "byproduct") for b in recipe["byproducts"]]
    subject = Subject(model.name, model.digest)
    return Statement((subject,), EVIDENCE["provenance"], {"buildDefinition": definition, "runDetails": details})


def dependencies(predicate: Mapping[str, Any]) -> tuple[Dependency, ...]:
    """What a provenance predicate says was used, as far as it has a SHA-256; git commits have none."""
    found = predicate.get("buildDefinition", {}).get("resolvedDependencies", ())
    return tuple(
        Dependency(
            str(item.get("name") or item.get("uri") or item["digest"]["sha256"]),
            Digest(item["digest"]["sha256"]),
            str(item.get("annotations", {}).get("role", "dependency")),
        )
        for item in found
        if isinstance(item.get("digest"), dict) and "sha256" in item["digest"]
    )


def parameters(predicate: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The recipe of a provenance of this project's buildType, else None."""
    definition = predicate.get("buildDefinition", {})
    return definition["externalParameters"] if definition.get("buildType") == BUILD_TYPE else None


def check_provenance(predicate: Mapping[str, Any]) -> None:
    """Raises `Malformed` for a provenance that lacks what SLSA requires or whose recipe does not hold to its schema."""
    check_schema(predicate, "standard/provenance-v1", "The provenance")
    recipe = parameters(predicate)
    if recipe is not None:
        check_schema(recipe, "ml-training-v1", "The recipe")
        _check_names(recipe["data"])
    for item in dependencies(predicate):
        assert item.digest
    _check_times(predicate["runDetails"].get("metadata", {}))


def _resolved(recipe: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    code = recipe["code"]
    yield {
        "name": "code",
        "uri": f"git+{code['repository']}@{code['commit']}",
        "digest": {"gitCommit": code["commit"]},
        "annotations": {"role": "code"},
    }
    for item in recipe["data"]:
        yield descriptor(item, item.get("role", "training"))
    for item in recipe.get("baseModels", ()):
        yield descriptor(item, "base-model")
    for role in ("lockfile", "container"):
        if role in recipe:
            yield descriptor(recipe[role], role)


def _internal(environment: Environment) -> dict[str, Any]:
    value = format_environment(environment)
    # The ML-BOM carries licences and dependencies; here a package is its name and version.
    value["software"]["distributions"] = {d.name: d.version for d in environment.distributions}
    return value


def _metadata(run: Run) -> dict[str, str]:
    value = {"invocationId": run.invocation} if run.invocation else {}
    for key, moment in (("startedOn", run.started), ("finishedOn", run.finished)):
        if moment is not None:
            value[key] = format_instant(moment)
    if run.started and run.finished and run.finished < run.started:
        raise Malformed("The run finished before it started.", "Correct the two times.")
    return value


def _check_times(metadata: Mapping[str, Any]) -> None:
    started, finished = metadata.get("startedOn"), metadata.get("finishedOn")
    # Other builders write fractions of a second; only times in the project's own form are compared.
    own = started and finished and len(started) == len(finished) == 20
    if own and parse_instant(finished) < parse_instant(started):
        raise Malformed("The provenance finished before it started.", "Correct runDetails/metadata.")


def _check_names(data: list[dict[str, Any]]) -> None:
    names = [item["name"] for item in data]
    if len(set(names)) != len(names):
        raise Malformed("Two data of the recipe have one name.", "Give every one a name of its own.")


def _check_seed(seeds: Mapping[str, Any], environment: Environment) -> None:
    """The recipe's PYTHONHASHSEED must be the one training ran with, where that is known."""
    ran = dict(environment.variables).get("PYTHONHASHSEED")
    stated = str(seeds["PYTHONHASHSEED"])
    if ran is not None and ran != stated:
        raise Malformed(
            f"The recipe says PYTHONHASHSEED is {stated}, and the environment has {ran}.",
            "Train with the seed the recipe states.",
        )
