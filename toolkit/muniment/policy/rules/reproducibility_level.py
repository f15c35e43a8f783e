"""Somebody made the model again, and what came out was close enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.core.instant import parse_instant
from muniment.evidence.reproduction import LEVELS
from muniment.policy.facts import EvidenceFact, Facts, Verdict
from muniment.policy.reading import DAYS, is_older, some

NAME = "reproducibility-level"
TITLE = "The model was reproduced"
PARAMS: dict[str, Any] = {
    "type": "object",
    "required": ["level"],
    "additionalProperties": False,
    "properties": {
        "level": {"enum": list(LEVELS[1:])},
        "count": {"type": "integer", "minimum": 1},
        "independent": {"type": "boolean"},
        "maxDays": DAYS,
    },
}


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if the newest reproductions of `count` distinct signers reach `level`.

    Whoever signed the provenance, and the authors, do not count, unless `independent` is false.
    """
    newest = {_who(e): e for e in facts.of_kind("reproduction") if _counts(e, facts, params)}
    wanted, count = params["level"], params.get("count", 1)
    good = [e for e in newest.values() if LEVELS.index(e.predicate["level"]) >= LEVELS.index(wanted)]
    if len(good) >= count:
        return Verdict(True, f"Reproduced by {len(good)}: {some(e.predicate['level'] for e in good)}.")
    lower = [e.predicate["level"] for e in newest.values() if e not in good]
    said = f"; others found it {some(lower)}" if lower else ""
    return Verdict(
        False,
        f"Reproduced as {wanted} by {len(good)} of {count}{said}.",
        "Somebody else trains it again from the recipe and attests the reproduction.",
        waits=True,
    )


def _who(fact: EvidenceFact) -> str:
    return fact.signer.person or fact.signer.key


def _counts(fact: EvidenceFact, facts: Facts, params: Mapping[str, Any]) -> bool:
    if "maxDays" in params and is_older(facts.at, parse_instant(fact.predicate["reproducedAt"]), params["maxDays"]):
        return False
    makers = {x for e in facts.evidence if e.kind == "provenance" for x in (e.signer.key, e.signer.person)}
    own = {fact.signer.key, fact.signer.person} & ((makers | facts.authors) - {None})
    return not own or not params.get("independent", True)
