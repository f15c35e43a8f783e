"""The data that went into the version may be used for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from muniment.core.letters import quoted
from muniment.evidence import spdx
from muniment.policy.facts import DataFact, Facts, Verdict
from muniment.policy.reading import NAMES, matches, some, unnamed_data

NAME = "data-allowed"
TITLE = "Training data may be used"
CLASSES = ("public", "internal", "confidential", "restricted")
_LIST = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {"names": NAMES, "digests": NAMES, "licences": NAMES},
}
PARAMS: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {
        "allow": _LIST,
        "deny": _LIST,
        "classifications": {"type": "array", "minItems": 1, "items": {"enum": list(CLASSES)}},
        "terms": {"anyOf": [{"const": "stated"}, NAMES]},
        "retired": {"enum": ["accept", "fail"]},
    },
}


def reads(params: Mapping[str, Any]) -> frozenset[str]:
    """What says which data was used."""
    return frozenset({"provenance", "bom"})


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if every dataset that provenance and ML-BOM name is allowed, and none is denied.

    `allow`: by name or digest where either is given, and by licence where licences are. `classifications` and `terms`
    are those of the dataset records: every record of a dataset must agree, and a dataset without one fails.
    """
    named = facts.of_kind("provenance") + facts.of_kind("bom")
    fix = "Train on data that may be used, or publish its dataset record; then release again."
    if not named:
        return Verdict(False, "Neither provenance nor ML-BOM says which data was used.", fix)
    problems = [f"{name}: the ML-BOM gives no SHA-256" for name in unnamed_data(facts)]
    problems += [f"{datum.name}: {p}" for datum in facts.data for p in _problems(datum, params)]
    if problems:
        return Verdict(False, f"{some(problems)}.", fix)
    if not facts.data:
        return Verdict(False, "The provenance names no data with a SHA-256.", fix)
    return Verdict(True, f"Allowed: {some(d.name for d in facts.data)}.")


def _problems(datum: DataFact, params: Mapping[str, Any]) -> Iterator[str]:
    allow, deny = params.get("allow", {}), params.get("deny", {})
    names = [datum.name, *(str(r.predicate["name"]) for r in datum.records)]
    stated = [str(r.predicate["licence"]) for r in datum.records]
    if any(matches(n, deny.get("names", ())) for n in names) or str(datum.digest) in deny.get("digests", ()):
        yield "it is denied"
    if "names" in allow or "digests" in allow:
        listed = str(datum.digest) in allow.get("digests", ()) or all(matches(n, allow.get("names", ())) for n in names)
        if not listed:
            yield "it is not on the list"
    if "licences" in allow or "licences" in deny:
        yield from _licence_problems(stated, allow.get("licences"), deny.get("licences", ()))
    if datum.retired and params.get("retired", "fail") == "fail":
        yield f"its version {datum.version} is retired ({datum.retired})"
    if "classifications" in params or "terms" in params:
        yield from _access_problems(datum, params)


def _licence_problems(stated: list[str], allowed: list[str] | None, denied: list[str]) -> Iterator[str]:
    if not stated:
        yield "no dataset record says its licence"
    bad = [text for text in stated if not spdx.satisfied(text, None if allowed is None else frozenset(allowed), denied)]
    if bad:
        yield f"its licence is {some(bad)}"


def _access_problems(datum: DataFact, params: Mapping[str, Any]) -> Iterator[str]:
    if not datum.records:
        yield "no dataset record says who may use it"
    for record in datum.records:
        access = record.predicate["access"]
        if access["classification"] not in params.get("classifications", CLASSES):
            yield f"it is {access['classification']}"
        terms = params.get("terms")
        if terms and not access.get("terms"):
            yield "its record states no terms of access"
        elif isinstance(terms, list) and access["terms"] not in terms:
            yield f"its terms of access are {quoted(access['terms'][:80])}"
