"""The models that the version was made from may be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from muniment.evidence import recipe
from muniment.evidence.bom import licences
from muniment.policy.facts import EvidenceFact, Facts, Verdict
from muniment.policy.reading import NAMES, matches, some

NAME = "base-model-allowed"
TITLE = "Base models may be used"
_LIST = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {"names": NAMES, "digests": NAMES},
}
PARAMS: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {"allow": _LIST, "deny": _LIST},
}

Base = tuple[str, str]


def reads(params: Mapping[str, Any]) -> frozenset[str]:
    """What says what a model was made from."""
    return frozenset({"provenance", "bom"})


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if each base model that provenance or ML-BOM names is on the list, by name or digest, and none is denied.

    A model made from no other passes, where provenance or an ML-BOM says what it was made from.
    """
    records = facts.of_kind("provenance") + facts.of_kind("bom")
    fix = "Start from an allowed base model, or have it put on the list."
    if not records:
        return Verdict(False, "Neither provenance nor ML-BOM says what it was made from.", fix)
    found = list(dict.fromkeys(base for record in records for base in _bases(record)))
    denied = [name for name, digest in found if _listed(name, digest, params.get("deny", {}))]
    if denied:
        return Verdict(False, f"Denied: {some(denied)}.", fix)
    strange = [name for name, digest in found if "allow" in params and not _listed(name, digest, params["allow"])]
    if strange:
        return Verdict(False, f"Not on the list: {some(strange)}.", fix)
    return Verdict(
        True, f"Made from {some(name for name, _ in found)}." if found else "It was made from no other model."
    )


def _listed(name: str, digest: str, given: Mapping[str, Any]) -> bool:
    return matches(name, given.get("names", ())) or digest in given.get("digests", ())


def _bases(record: EvidenceFact) -> Iterator[Base]:
    if record.kind == "provenance":
        for item in recipe.dependencies(record.predicate):
            if item.role == "base-model":
                yield item.name, str(item.digest)
        for item in (recipe.parameters(record.predicate) or {}).get("baseModels", ()):
            yield item["name"], item["digest"]
        return
    for component in licences.components(record.predicate):
        relation = any(p.get("name") == "muniment:relation" for p in component.get("properties", ()))
        for one in [*([component] if relation else []), *component.get("pedigree", {}).get("ancestors", ())]:
            yield one["name"], _digest(one)


def _digest(component: Mapping[str, Any]) -> str:
    found = (h["content"] for h in component.get("hashes", ()) if h.get("alg") == "SHA-256")
    return next((f"sha256:{text.lower()}" for text in found), "")
