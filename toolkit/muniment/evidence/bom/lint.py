"""What a CycloneDX BOM must hold to that its schema does not say, and the few fields that readers here rely on.

Own rules, no bundled schema: a BOM is judged alike whichever library version is installed.
Source: CycloneDX 1.6 specification; package-url specification for purl.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from muniment.core.document import check_schema
from muniment.core.errors import Malformed
from muniment.evidence.bom.licences import components
from muniment.evidence.spdx import parse_expression

_PURL = re.compile(
    r"pkg:[a-z][a-z0-9.+-]*"  # type
    r"(?:/[^/@?#\s]+)*/[^/@?#\s]+"  # namespace and name
    r"(?:@[^@?#\s]+)?"  # version
    r"(?:\?[a-z][a-z0-9._-]*=[^&#\s]*(?:&[a-z][a-z0-9._-]*=[^&#\s]*)*)?"  # qualifiers
    r"(?:#[^\s]+)?"  # subpath
)
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
_MODEL = "machine-learning-model"


def check_bom(predicate: Mapping[str, Any]) -> None:
    """Raises `Malformed` for the first thing that is wrong with a BOM."""
    check_schema(predicate, "standard/cyclonedx-bom", "The BOM")
    for problem in problems(predicate):
        raise Malformed(f"The BOM is not right: {problem}.", "Correct it, or make it again with muniment bom.")


def problems(bom: Mapping[str, Any]) -> Iterator[str]:
    """All that the schema of CycloneDX lets pass and that is wrong, in document order."""
    items = list(components(bom))
    refs = [c["bom-ref"] for c in items if "bom-ref" in c]
    refs += [s["bom-ref"] for s in bom.get("services", ()) if isinstance(s, dict) and "bom-ref" in s]
    yield from _repeated(refs, "the bom-ref {} is given twice")
    data = _data_refs(items)
    for component in items:
        yield from _component(component, frozenset(refs) | data)
    yield from _dependencies(bom, frozenset(refs))


def _component(component: Mapping[str, Any], refs: frozenset[str]) -> Iterator[str]:
    name = repr(component["name"][:80])
    if "purl" in component and not _is_purl(component["purl"]):
        yield f"{name}: {component['purl'][:80]!r} is not a package URL"
    for one in component.get("hashes", ()):
        if one["alg"] == "SHA-256" and not _SHA256.fullmatch(one["content"]):
            yield f"{name}: {one['content'][:80]!r} is not a SHA-256 digest"
    for choice in component.get("licenses", ()):
        yield from _licence(name, choice)
    if "modelCard" in component:
        if component["type"] != _MODEL:
            yield f"{name} has a modelCard and is no {_MODEL}"
        yield from _model_card(name, component["modelCard"], refs)
    if component["type"] == "data" and not component.get("data"):
        yield f"{name} is a data component that says nothing about its data"


def _licence(name: str, choice: Mapping[str, Any]) -> Iterator[str]:
    text = choice.get("expression", choice.get("license", {}).get("id"))
    if text is None:
        return
    try:
        parse_expression(text)
    except Malformed as error:
        yield f"{name}: {error.fact.rstrip('.')}"


def _model_card(name: str, card: Mapping[str, Any], refs: frozenset[str]) -> Iterator[str]:
    for i, dataset in enumerate(card.get("modelParameters", {}).get("datasets", ())):
        if not dataset:
            yield f"{name}: dataset {i} of its modelCard is empty"
        elif "ref" in dataset and dataset["ref"] not in refs:
            yield f"{name}: dataset {i} refers to {dataset['ref'][:80]!r}, which is not in the BOM"


def _dependencies(bom: Mapping[str, Any], refs: frozenset[str]) -> Iterator[str]:
    entries = bom.get("dependencies", ())
    yield from _repeated([e["ref"] for e in entries], "the dependencies of {} are given twice")
    for entry in entries:
        for ref in (entry["ref"], *entry.get("dependsOn", ()), *entry.get("provides", ())):
            if ref not in refs:
                yield f"a dependency refers to {ref[:80]!r}, which is not in the BOM"


def _repeated(values: list[str], problem: str) -> Iterator[str]:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            yield problem.format(repr(value[:80]))
        seen.add(value)


def _data_refs(items: list[Mapping[str, Any]]) -> frozenset[str]:
    found = (d.get("bom-ref") for c in items for d in c.get("data", ()) if isinstance(d, dict))
    return frozenset(ref for ref in found if ref)


def _is_purl(text: str) -> bool:
    return bool(_PURL.fullmatch(text)) and not _ESCAPE.search(text)
