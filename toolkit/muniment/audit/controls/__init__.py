"""Frameworks as data: one YAML file each, rows in the order of the framework, in this project's own words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muniment.core.document import parse_yaml
from muniment.core.errors import Malformed


@dataclass(frozen=True, slots=True)
class Control:
    """One row of a framework.

    `asks` is what the framework wants, `limit` what the evidence cannot show; `evidence` are kinds or predicate types;
    `condition` names the question of `muniment.audit.conditions` that decides the state.
    """

    id: str
    title: str
    asks: str
    limit: str
    evidence: tuple[str, ...]
    condition: str


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework's rows; `edition` says which text they were read from."""

    id: str
    title: str
    edition: str
    controls: tuple[Control, ...]


def load_framework(name: str) -> Framework:
    """A framework that the package ships."""
    path = Path(__file__).with_name(f"{name}.yaml")
    return parse_framework(parse_yaml(path.read_bytes(), path.name))


def parse_framework(value: Any) -> Framework:
    """The framework of a parsed YAML file. Raises `Malformed` for a field too few or too many, and a repeated id."""
    head = _fields(value, ("id", "title", "edition", "controls"), "The framework")
    controls = tuple(_control(item) for item in head["controls"])
    ids = [c.id for c in controls]
    if not ids or len(set(ids)) != len(ids):
        raise Malformed(f"The framework {head['id']} has no controls, or two of one id.", "Give each an id of its own.")
    return Framework(head["id"], head["title"], head["edition"], controls)


def _control(value: Any) -> Control:
    item = _fields(value, ("id", "title", "asks", "limit", "evidence", "condition"), "A control")
    return Control(**(item | {"evidence": tuple(item["evidence"])}))


def _fields(value: Any, names: tuple[str, ...], what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(names):
        raise Malformed(f"{what} does not have exactly the fields {', '.join(names)}.", "Correct the file.")
    wrong = [n for n in names if not isinstance(value[n], list if n in ("controls", "evidence") else str)]
    if wrong:
        raise Malformed(f"{what} has something else than text or a list as {wrong[0]}.", "Correct the file.")
    return value
