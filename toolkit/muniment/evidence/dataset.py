"""The dataset record: origin, licence, slices, collection, labelling, cleaning, personal data, access.

Field names follow CycloneDX `data` components and Croissant where they have one. Schema: schemas/dataset-v1.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muniment.core.document import check_schema
from muniment.core.errors import Malformed
from muniment.core.instant import parse_instant
from muniment.evidence import spdx
from muniment.evidence.artifact import Measured
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.reference import pin_slices
from muniment.evidence.statement import Statement, Subject


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """What readers ask of a dataset record; `personal_data` is None where nobody looked."""

    name: str
    licence: str
    personal_data: bool | None
    classification: str
    slices: tuple[str, ...]


def dataset_statement(measured: Measured, about: Mapping[str, Any]) -> Statement:
    """The record of a dataset from its bytes and the document about it (schemas/dataset.json).

    The licence is written as SPDX does. Raises `Malformed`, `Missing` and `Mismatch`.
    """
    check_schema(about, "dataset", "The dataset document")
    predicate = dict(about) | {
        "licence": spdx.canonical(about["licence"]),
        "contents": {"files": len(measured.files), "bytes": measured.size},
    }
    if "slices" in about:
        predicate["slices"] = pin_slices(about["slices"], measured)
    check_dataset(predicate)
    return Statement((Subject(measured.name, measured.digest),), EVIDENCE["dataset"], predicate)


def check_dataset(predicate: Mapping[str, Any]) -> None:
    """Raises `Malformed` for a dataset predicate that does not hold to its schema, or contradicts itself."""
    check_schema(predicate, "dataset-v1", "The dataset record")
    spdx.parse_expression(predicate["licence"])
    names = [s["name"] for s in predicate.get("slices", ())]
    if len(set(names)) != len(names):
        raise Malformed("Two slices of the dataset record have one name.", "Give every slice a name of its own.")
    first, last = (predicate["origin"].get(k) for k in ("collectedFrom", "collectedTo"))
    if first and last and parse_instant(last) < parse_instant(first):
        raise Malformed("The dataset's collection ends before it begins.", "Correct origin/collectedTo.")
    if predicate["personalData"]["present"] is True and "description" not in predicate["personalData"]:
        raise Malformed("The dataset has personal data and does not say which.", "Describe it in personalData.")


def dataset_facts(predicate: Mapping[str, Any]) -> DatasetFacts:
    """The plain facts of a dataset predicate that was checked."""
    return DatasetFacts(
        predicate["name"],
        predicate["licence"],
        None if predicate["personalData"]["present"] == "unknown" else predicate["personalData"]["present"],
        predicate["access"]["classification"],
        tuple(s["name"] for s in predicate.get("slices", ())),
    )
