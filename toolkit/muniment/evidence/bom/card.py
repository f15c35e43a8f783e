"""What an ML-BOM is made from: the project's own model of it, whichever CycloneDX version is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muniment.core.digest import Digest
from muniment.core.errors import Malformed
from muniment.evidence import spdx
from muniment.evidence.artifact import Measured
from muniment.evidence.environment import Distribution, Environment
from muniment.evidence.evaluation import Metric


@dataclass(frozen=True, slots=True)
class Input:
    """A dataset or a base model: `about` is its dataset record's predicate where there is one."""

    name: str
    digest: Digest
    role: str
    uri: str | None = None
    licence: str | None = None
    description: str | None = None
    version: str | None = None
    about: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """All that goes into one ML-BOM. `document` is a model.yaml that holds to schemas/model.json.

    `hyperparameters` are (name, value) in order; `distributions` the software listed, `environment` where it ran.
    """

    model: Measured
    document: Mapping[str, Any]
    licence: str
    datasets: tuple[Input, ...]
    base_models: tuple[Input, ...]
    metrics: tuple[Metric, ...]
    hyperparameters: tuple[tuple[str, Any], ...]
    environment: Environment
    distributions: tuple[Distribution, ...]
    timestamp: datetime


def read_input(pinned: Mapping[str, Any], role: str, about: Mapping[str, Any] | None = None) -> Input:
    """An input from a pinned reference; what it leaves out comes from its dataset record. Raises `Malformed`."""
    said = about or {}
    licence = pinned.get("licence", said.get("licence"))
    return Input(
        name=pinned["name"],
        digest=Digest(pinned["digest"].removeprefix("sha256:")),
        role=pinned.get("role", pinned.get("relation", role)),
        uri=pinned.get("uri", said.get("origin", {}).get("uri")),
        licence=None if licence is None else spdx.canonical(licence),
        description=pinned.get("description", said.get("description")),
        version=pinned.get("version", said.get("version")),
        about=about,
    )


def check_names(inputs: tuple[Input, ...], what: str) -> None:
    """Raises `Malformed` where two inputs share a name, which would give them one reference in the BOM."""
    names = [i.name for i in inputs]
    if len(set(names)) != len(names):
        raise Malformed(f"Two {what} of the model card have one name.", "Give every one a name of its own.")
