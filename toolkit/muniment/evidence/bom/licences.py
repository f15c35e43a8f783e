"""The licences an ML-BOM names, as plain facts.

Own code without lists of licences: policy decides with it, and a decision of the past must come out the same for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from muniment.evidence.spdx import satisfied

__all__ = ["Licensed", "licences", "satisfied"]

_KINDS = {
    "machine-learning-model": "model",
    "data": "dataset",
    "library": "library",
    "framework": "library",
    "application": "library",
}


@dataclass(frozen=True, slots=True)
class Licensed:
    """A component and its licence: `licence` is an SPDX expression or None.

    `kind` is model, dataset or library, else the component's CycloneDX type. `stated` is the licence's name where it is
    not SPDX.
    """

    ref: str
    name: str
    version: str | None
    kind: str
    licence: str | None
    stated: str | None = None


def licences(predicate: Mapping[str, Any], wanted: Callable[[str], bool] = lambda kind: True) -> tuple[Licensed, ...]:
    """The components of a BOM whose kind is wanted, with licences, the main one first; nested ones are included."""
    return tuple(_licensed(c) for c in components(predicate) if wanted(_kind(c)))


def components(predicate: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The components of a BOM: the main one, then the others, each before those nested in it."""
    main = predicate.get("metadata", {}).get("component")
    pending = [*([main] if isinstance(main, dict) else []), *predicate.get("components", ())][::-1]
    while pending:
        component = pending.pop()
        yield component
        pending.extend(reversed(component.get("components", ())))


def _licensed(component: Mapping[str, Any]) -> Licensed:
    expression, stated = _terms(component.get("licenses", ()))
    return Licensed(
        component.get("bom-ref", component["name"]),
        component["name"],
        component.get("version"),
        _kind(component),
        expression,
        stated,
    )


def _kind(component: Mapping[str, Any]) -> str:
    return _KINDS.get(component["type"], str(component["type"]))


def _terms(choices: list[Mapping[str, Any]]) -> tuple[str | None, str | None]:
    """All of several licences apply, so they are joined by AND; one that is not SPDX makes the whole unknown."""
    expressions = [c.get("expression") or c.get("license", {}).get("id") for c in choices]
    names = [c["license"]["name"] for c in choices if "name" in c.get("license", {})]
    if not expressions or not all(expressions):
        return None, ", ".join(names) or None
    return " AND ".join(f"({e})" if len(expressions) > 1 else e for e in expressions), None
