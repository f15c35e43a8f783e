"""The minimum elements of an SBOM for AI, and where a CycloneDX document has them.

Source: G7 Cybersecurity Working Group, "SBOM for AI - Minimum Elements" (2026), seven clusters. Where CycloneDX has no
place of its own for an element, the one that its guide to ML-BOMs proposes is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from muniment.evidence.bom.licences import components

Bom = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its cluster, where it stands, and whether a BOM has it."""

    cluster: str
    where: str
    present: Callable[[Bom], bool]


def missing(bom: Bom, wanted: Iterable[str]) -> list[str]:
    """Those of the elements that a BOM does not have."""
    return [name for name in wanted if not ELEMENTS[name].present(bom)]


def _at(value: Any, path: str) -> Iterator[Any]:
    """Everything that stands at a path of keys; lists are gone through."""
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif not path:
        yield value
    elif isinstance(value, dict):
        key, _, rest = path.partition(".")
        if key in value:
            yield from _at(value[key], rest)


def _has(*paths: str) -> Callable[[Bom], bool]:
    """One of the paths holds something."""
    return lambda bom: any(_full(v) for path in paths for v in _at(bom, path))


def _every(kind: str, *paths: str) -> Callable[[Bom], bool]:
    """There are components of the type, and each has something at one of the paths."""

    def present(bom: Bom) -> bool:
        found = _models(bom) if kind == "machine-learning-model" else _typed(bom, kind)
        return bool(found) and all(any(_full(v) for p in paths for v in _at(c, p)) for c in found)

    return present


def _models(bom: Bom) -> list[Any]:
    """The model itself: the main component, else the first that is a model. Base models are described elsewhere."""
    main = bom.get("metadata", {}).get("component")
    return [main] if isinstance(main, dict) else _typed(bom, "machine-learning-model")[:1]


def _typed(bom: Bom, kind: str) -> list[Any]:
    return [c for c in components(bom) if c.get("type") == kind]


def _reference(*kinds: str) -> Callable[[Bom], bool]:
    """An external reference of one of the types, of the BOM or of the model."""
    return lambda bom: any(
        r.get("type") in kinds and _full(r.get("url"))
        for holder in (bom, *_models(bom))
        for r in holder.get("externalReferences", ())
    )


def _any_of(kinds: frozenset[str]) -> Callable[[Bom], bool]:
    return lambda bom: any(c.get("type") in kinds for c in (*components(bom), *_at(bom, "formulation.components")))


def _full(value: Any) -> bool:
    """Whether anything is said: an empty text says nothing, and neither does a marker of ignorance."""
    if isinstance(value, str):
        word = value.strip(" \t\r\n")
        return bool(word) and not (word.isascii() and word.lower() in _IGNORANCE)
    return value is not None and value not in ([], {})


_IGNORANCE = ("noassertion", "unknown", "n/a", "none", "tbd")
_MODEL, _DATA = "machine-learning-model", "data"
_CARD = "modelCard.modelParameters"

_TABLE: dict[str, dict[str, tuple[str, Callable[[Bom], bool]]]] = {
    "metadata": {
        "sbom-author": ("metadata.authors", _has("metadata.authors.name", "metadata.manufacturer.name")),
        "sbom-version": ("version", _has("version")),
        "data-format": ("bomFormat, specVersion", lambda b: _has("bomFormat")(b) and _has("specVersion")(b)),
        "tool": ("metadata.tools", _has("metadata.tools.components.name", "metadata.tools.name")),
        "generation-context": ("metadata.lifecycles", _has("metadata.lifecycles.phase", "metadata.lifecycles.name")),
        "timestamp": ("metadata.timestamp", _has("metadata.timestamp")),
        "dependencies": ("dependencies", _has("dependencies.dependsOn")),
    },
    "system": {
        "system-name": ("metadata.component.name", _has("metadata.component.name")),
        "system-version": ("metadata.component.version", _has("metadata.component.version")),
        "system-producer": (
            "metadata.component.supplier",
            _has("metadata.component.manufacturer.name", "metadata.component.supplier.name", "metadata.supplier.name"),
        ),
        "components": ("components", _has("components.name")),
        "intended-use": (
            "modelCard.considerations.useCases",
            _every(_MODEL, "modelCard.considerations.useCases", "tags"),
        ),
    },
    "models": {
        "model-name": ("name", _every(_MODEL, "name")),
        "model-identifier": ("purl", _every(_MODEL, "purl", "bom-ref")),
        "model-version": ("version", _every(_MODEL, "version")),
        "model-producer": ("supplier", _every(_MODEL, "supplier.name", "manufacturer.name", "authors.name")),
        "model-description": ("description", _every(_MODEL, "description")),
        "model-limitations": (
            "modelCard.considerations.technicalLimitations",
            _every(_MODEL, "modelCard.considerations.technicalLimitations"),
        ),
        "model-hash": ("hashes", _every(_MODEL, "hashes.content")),
        "model-architecture": (
            "modelCard.modelParameters.modelArchitecture",
            _every(_MODEL, f"{_CARD}.modelArchitecture", f"{_CARD}.architectureFamily"),
        ),
        "model-inputs-outputs": (
            "modelCard.modelParameters.inputs",
            lambda b: _every(_MODEL, f"{_CARD}.inputs")(b) and _every(_MODEL, f"{_CARD}.outputs")(b),
        ),
        "model-training": ("modelCard.modelParameters.approach.type", _every(_MODEL, f"{_CARD}.approach.type")),
        "model-licence": (
            "licenses",
            _every(_MODEL, "licenses.expression", "licenses.license.id", "licenses.license.name"),
        ),
        "model-references": ("externalReferences", _every(_MODEL, "externalReferences.url")),
    },
    "datasets": {
        "dataset-name": ("name", _every(_DATA, "name")),
        "dataset-description": ("description", _every(_DATA, "description", "data.description")),
        "dataset-content": ("data.type", _every(_DATA, "data.type", "data.contents")),
        "dataset-identifier": ("bom-ref", _every(_DATA, "purl", "bom-ref")),
        "dataset-hash": ("hashes", _every(_DATA, "hashes.content")),
        "dataset-provenance": (
            "data.governance",
            _every(_DATA, "data.governance", "supplier.name", "manufacturer.name", "pedigree", "data.contents.url"),
        ),
        "dataset-sensitivity": ("data.classification", _every(_DATA, "data.classification", "data.sensitiveData")),
        "dataset-licence": (
            "licenses",
            _every(_DATA, "licenses.expression", "licenses.license.id", "licenses.license.name"),
        ),
    },
    "infrastructure": {
        "software": (
            "components",
            _any_of(frozenset({"library", "framework", "platform", "application", "operating-system"})),
        ),
        "hardware": ("formulation.components", _any_of(frozenset({"device"}))),
    },
    "security": {
        "security-contact": ("externalReferences", _reference("security-contact")),
        "vulnerability-reference": (
            "externalReferences",
            _reference("advisories", "exploitability-statement", "vulnerability-assertion"),
        ),
        "security-policy": ("declarations", _has("declarations.claims", "declarations.attestations", "definitions")),
    },
    "kpi": {
        "performance": (
            "modelCard.quantitativeAnalysis.performanceMetrics",
            _every(_MODEL, "modelCard.quantitativeAnalysis.performanceMetrics.value"),
        ),
    },
}

CLUSTERS = tuple(_TABLE)
ELEMENTS: dict[str, Element] = {
    name: Element(cluster, where, present)
    for cluster, elements in _TABLE.items()
    for name, (where, present) in elements.items()
}
