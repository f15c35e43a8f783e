"""How bad a vulnerability is, from what scanners write: a word, a number or a CVSS v3 vector; else it is critical.

Source: CVSS v3.1 specification, sections 5 (severity ratings) and 7 (equations).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

LEVELS = ("none", "low", "medium", "high", "critical")

_WORDS = {
    "none": "none",
    "negligible": "low",
    "low": "low",
    "minor": "low",
    "medium": "medium",
    "moderate": "medium",
    "high": "high",
    "important": "high",
    "critical": "critical",
}
_NUMBER = re.compile(r"[0-9]{1,2}(\.[0-9]{1,2})?")
_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "PR": {"N": 0.85, "L": 0.62, "H": 0.27},
    "UI": {"N": 0.85, "R": 0.62},
    "S": {"U": 0.0, "C": 1.0},
    **{key: {"H": 0.56, "L": 0.22, "N": 0.0} for key in "CIA"},
}


def severity(entries: Sequence[Mapping[str, Any]]) -> str:
    """The worst level that `[{method, score}]` of an in-toto vulns record give; one not understood is critical."""
    levels = [_level(entry.get("score")) for entry in entries] or ["critical"]
    return LEVELS[max(LEVELS.index(level) for level in levels)]


def base_score(vector: str) -> float | None:
    """The base score of a CVSS v3 vector, or None for what is none."""
    parts = vector.split("/")
    metrics = dict(p.split(":", 1) for p in parts[1:] if ":" in p)
    if parts[0] not in ("CVSS:3.0", "CVSS:3.1") or any(metrics.get(k) not in v for k, v in _WEIGHTS.items()):
        return None
    weight = {k: v[metrics[k]] for k, v in _WEIGHTS.items()}
    changed = bool(weight["S"])
    if changed:
        weight["PR"] = {"N": 0.85, "L": 0.68, "H": 0.5}[metrics["PR"]]
    loss = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (loss - 0.029) - 3.25 * (loss - 0.02) ** 15 if changed else 6.42 * loss
    ease = 8.22 * weight["AV"] * weight["AC"] * weight["PR"] * weight["UI"]
    return 0.0 if impact <= 0 else _round_up(min((1.08 if changed else 1.0) * (impact + ease), 10.0))


def _level(score: Any) -> str:
    if isinstance(score, str):
        word = _WORDS.get(score.lower()) if score.isascii() else None
        if word:
            return word
        score = float(score) if _NUMBER.fullmatch(score) else base_score(score)
    if not isinstance(score, int | float) or isinstance(score, bool) or not 0 <= score <= 10:
        return "critical"
    return LEVELS[sum(score >= least for least in (0.1, 4.0, 7.0, 9.0))]


def _round_up(value: float) -> float:
    """To one decimal, upwards, on integers as the specification has it: libraries differ in the last bit."""
    whole = round(value * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10
