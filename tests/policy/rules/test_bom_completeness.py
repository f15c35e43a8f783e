"""Minimum elements of an ML-BOM: each is present in the example, and missed where it is taken out."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from muniment.evidence.bom.minimum import CLUSTERS, ELEMENTS, missing
from muniment.policy.finding import Finding, Status
from tests.policy.make import evidence, facts, judge

BOM: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {
        "timestamp": "2026-01-31T08:05:00Z",
        "authors": [{"name": "Ann"}],
        "lifecycles": [{"phase": "build"}],
        "tools": {"components": [{"type": "application", "name": "muniment"}]},
        "component": {
            "type": "machine-learning-model",
            "bom-ref": "m",
            "name": "cpu",
            "version": "1.0.0",
            "description": "Finds anomalies.",
            "supplier": {"name": "Acme"},
            "hashes": [{"alg": "SHA-256", "content": "0" * 64}],
            "licenses": [{"license": {"id": "MIT"}}],
            "externalReferences": [
                {"type": "security-contact", "url": "mailto:s@example.org"},
                {"type": "advisories", "url": "https://example.org/a"},
            ],
            "modelCard": {
                "modelParameters": {
                    "approach": {"type": "unsupervised"},
                    "modelArchitecture": "isolation forest",
                    "inputs": [{"format": "number"}],
                    "outputs": [{"format": "number"}],
                },
                "quantitativeAnalysis": {"performanceMetrics": [{"type": "f1", "value": "0.9"}]},
                "considerations": {"useCases": ["alerts"], "technicalLimitations": ["one machine"]},
            },
        },
    },
    "components": [
        {
            "type": "data",
            "bom-ref": "d",
            "name": "train",
            "description": "Telemetry.",
            "hashes": [{"alg": "SHA-256", "content": "1" * 64}],
            "licenses": [{"expression": "CC0-1.0"}],
            "data": [{"type": "dataset", "classification": "internal", "governance": {"owners": [{"name": "x"}]}}],
        },
        {"type": "library", "bom-ref": "l", "name": "numpy"},
        {"type": "device", "bom-ref": "c", "name": "cpu"},
    ],
    "dependencies": [{"ref": "m", "dependsOn": ["d"]}],
    "declarations": {"claims": [{"bom-ref": "c1"}]},
}
# What to take out so that one element is missed, and nothing else need be.
GONE: dict[str, tuple[Any, ...]] = {
    "sbom-author": ("metadata", "authors"),
    "sbom-version": ("version",),
    "data-format": ("specVersion",),
    "tool": ("metadata", "tools"),
    "generation-context": ("metadata", "lifecycles"),
    "timestamp": ("metadata", "timestamp"),
    "dependencies": ("dependencies",),
    "system-name": ("metadata", "component", "name"),
    "system-version": ("metadata", "component", "version"),
    "system-producer": ("metadata", "component", "supplier"),
    "components": ("components",),
    "intended-use": ("metadata", "component", "modelCard", "considerations", "useCases"),
    "model-name": ("metadata", "component", "name"),
    "model-identifier": ("metadata", "component", "bom-ref"),
    "model-version": ("metadata", "component", "version"),
    "model-producer": ("metadata", "component", "supplier"),
    "model-description": ("metadata", "component", "description"),
    "model-limitations": ("metadata", "component", "modelCard", "considerations", "technicalLimitations"),
    "model-hash": ("metadata", "component", "hashes"),
    "model-architecture": ("metadata", "component", "modelCard", "modelParameters", "modelArchitecture"),
    "model-inputs-outputs": ("metadata", "component", "modelCard", "modelParameters", "outputs"),
    "model-training": ("metadata", "component", "modelCard", "modelParameters", "approach"),
    "model-licence": ("metadata", "component", "licenses"),
    "model-references": ("metadata", "component", "externalReferences"),
    "dataset-name": ("components", 0, "name"),
    "dataset-description": ("components", 0, "description"),
    "dataset-content": ("components", 0, "data"),
    "dataset-identifier": ("components", 0, "bom-ref"),
    "dataset-hash": ("components", 0, "hashes"),
    "dataset-provenance": ("components", 0, "data", 0, "governance"),
    "dataset-sensitivity": ("components", 0, "data", 0, "classification"),
    "dataset-licence": ("components", 0, "licenses"),
    "software": ("components", 1),
    "hardware": ("components", 2),
    "security-contact": ("metadata", "component", "externalReferences", 0),
    "vulnerability-reference": ("metadata", "component", "externalReferences", 1),
    "security-policy": ("declarations",),
    "performance": ("metadata", "component", "modelCard", "quantitativeAnalysis"),
}


def without(path: tuple[Any, ...]) -> dict[str, Any]:
    bom = copy.deepcopy(BOM)
    holder: Any = bom
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return bom


def ask(bom: dict[str, Any] | None, **params: Any) -> Finding:
    found = [] if bom is None else [evidence("bom", bom)]
    return judge({"rule": "bom-completeness", "with": params}, facts("release", *found))


def test_a_complete_bom() -> None:
    assert missing(BOM, ELEMENTS) == []
    found = ask(BOM, clusters=list(CLUSTERS))
    assert (found.status, found.reason) == (
        Status.PASS,
        f"The ML-BOM has all {len(ELEMENTS)} elements that are asked for.",
    )


@pytest.mark.parametrize("name", ELEMENTS)
def test_an_element_that_is_taken_out_is_missed(name: str) -> None:
    bom = without(GONE[name])
    assert name in missing(bom, ELEMENTS)
    found = ask(bom, elements=[name])
    assert (found.status, found.reason) == (Status.FAIL, f"The ML-BOM lacks {name}.")
    assert ELEMENTS[name].where in found.fix


@pytest.mark.parametrize("nothing", ["", " ", "unknown", "NOASSERTION", "tbd", [], {}, None])
def test_what_says_nothing_is_missing(nothing: Any) -> None:
    bom = copy.deepcopy(BOM)
    bom["metadata"]["component"]["description"] = nothing
    assert missing(bom, ["model-description"]) == ["model-description"]


def test_the_model_may_stand_among_the_components() -> None:
    moved = copy.deepcopy(BOM)
    moved["components"].insert(0, moved["metadata"].pop("component"))
    assert missing(moved, [e for e in ELEMENTS if ELEMENTS[e].cluster == "models"]) == []


def test_every_dataset_must_have_it() -> None:
    two = copy.deepcopy(BOM)
    two["components"].append({"type": "data", "name": "more"})
    assert "dataset-hash" in missing(two, ELEMENTS)


def test_clusters_elements_and_exceptions() -> None:
    bom = without(("declarations",))
    assert ask(bom, clusters=["metadata", "models"]).status is Status.PASS
    assert ask(bom, clusters=["security"]).reason == "The ML-BOM lacks security-policy."
    assert ask(bom, clusters=["security"], **{"except": ["security-policy"]}).status is Status.PASS
    assert ask(bom, clusters=["kpi"], elements=["security-policy"]).status is Status.FAIL
    many = ask({"bomFormat": "CycloneDX", "specVersion": "1.6"}, clusters=["models"])
    assert many.reason.endswith("model-producer, model-description and 7 more.")


def test_no_bom_or_only_one_that_came_later() -> None:
    assert ask(None, clusters=["models"]).reason == "The release stands on no ML-BOM."
    late = evidence("bom", BOM, bound=False)
    rule = {"rule": "bom-completeness", "with": {"clusters": ["models"]}}
    assert judge(rule, facts("release", late)).status is Status.FAIL


def test_an_element_that_is_asked_for_twice_counts_once() -> None:
    found = ask(BOM, clusters=["kpi"], elements=["performance", "model-name"])
    assert found.reason == "The ML-BOM has all 2 elements that are asked for."
