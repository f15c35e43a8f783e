"""What differs between two policies, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from muniment.policy.document import Policy, RuleUse
from muniment.policy.triggers import Trigger


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule or trigger that was added, removed or changed; `what` are (field, before, after) of one that changed."""

    rule: str
    kind: str
    what: tuple[tuple[str, Any, Any], ...] = ()
    of: str = "rule"


def changes(before: Policy, after: Policy) -> tuple[RuleChange, ...]:
    """The rules and triggers that differ, in the order of the policies."""
    rules = _changes({u.id: u for u in before.rules}, {u.id: u for u in after.rules})
    triggers = _changes({t.id: t for t in before.triggers}, {t.id: t for t in after.triggers})
    return (*rules, *(replace(change, of="trigger") for change in triggers))


def _changes(one: Mapping[str, RuleUse | Trigger], two: Mapping[str, RuleUse | Trigger]) -> Iterator[RuleChange]:
    for name in dict.fromkeys([*one, *two]):
        if name not in two:
            yield RuleChange(name, "removed")
        elif name not in one:
            yield RuleChange(name, "added")
        elif what := tuple(_fields(one[name], two[name])):
            yield RuleChange(name, "changed", what)


def _fields(one: RuleUse | Trigger, two: RuleUse | Trigger) -> Iterator[tuple[str, Any, Any]]:
    for field in fields(one):
        old, new = _plain(getattr(one, field.name)), _plain(getattr(two, field.name))
        if old != new:
            yield field.name, old, new


def _plain(value: Any) -> Any:
    """A field's value as it was written: an expression is its text."""
    return getattr(value, "text", value)
