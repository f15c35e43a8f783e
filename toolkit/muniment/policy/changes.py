"""What differs between two policies, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from muniment.policy.document import Policy, RuleUse


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that was added, removed or changed; `what` are (field, before, after) of one that changed."""

    rule: str
    kind: str
    what: tuple[tuple[str, Any, Any], ...] = ()


def changes(before: Policy, after: Policy) -> tuple[RuleChange, ...]:
    """The rules that differ, in the order of the policies."""
    return tuple(_changes({u.id: u for u in before.rules}, {u.id: u for u in after.rules}))


def _changes(one: dict[str, RuleUse], two: dict[str, RuleUse]) -> Iterator[RuleChange]:
    for name in dict.fromkeys([*one, *two]):
        if name not in two:
            yield RuleChange(name, "removed")
        elif name not in one:
            yield RuleChange(name, "added")
        elif what := tuple(_fields(one[name], two[name])):
            yield RuleChange(name, "changed", what)


def _fields(one: RuleUse, two: RuleUse) -> Iterator[tuple[str, Any, Any]]:
    for field in fields(RuleUse):
        old, new = _plain(getattr(one, field.name)), _plain(getattr(two, field.name))
        if old != new:
            yield field.name, old, new


def _plain(value: Any) -> Any:
    """A field's value as it was written: an expression is its text."""
    return getattr(value, "text", value)
