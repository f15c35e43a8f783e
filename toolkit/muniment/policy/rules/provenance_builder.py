"""Whoever built the version is one of those that may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.policy.facts import EvidenceFact, Facts, Verdict
from muniment.policy.reading import NAMES, matches, some

NAME = "provenance-builder"
TITLE = "Built by an allowed builder"
PARAMS: dict[str, Any] = {
    "type": "object",
    "required": ["builders"],
    "additionalProperties": False,
    "properties": {"builders": NAMES, "certificate": {"type": "boolean"}},
}


def reads(params: Mapping[str, Any]) -> frozenset[str]:
    """Provenance."""
    return frozenset({"provenance"})


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if every provenance names a builder in `builders`; with `certificate`, the one that its signer is."""
    records = facts.of_kind("provenance")
    if not records:
        return Verdict(False, "There is no provenance, so no builder is known.", "Attest provenance where it is built.")
    fix = "Build it where the rule allows, and attest its provenance there."
    foreign = [b for r in records if not matches(b := _builder(r), params["builders"])]
    if foreign:
        return Verdict(False, f"The provenance names another builder: {some(foreign)}.", fix)
    claimed = [_builder(r) for r in records if params.get("certificate") and _builder(r) != r.signer.subject]
    if claimed:
        return Verdict(False, f"The provenance names {some(claimed)}, and somebody else signed it.", fix)
    return Verdict(True, f"Built by {some(sorted({_builder(r) for r in records}))}.")


def _builder(record: EvidenceFact) -> str:
    return str(record.predicate["runDetails"]["builder"]["id"])
