"""Tables: the parts of a state, each a persistent map that also knows which of its keys were set last."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from dataclasses import dataclass
from typing import Any, TypeVar

from immutables import Map

K = TypeVar("K")
V = TypeVar("V")
_EMPTY: Map[Any, Any] = Map()


@dataclass(frozen=True, slots=True, eq=False)
class Table(Mapping[K, V]):
    """A map whose `set` gives the next one in O(log n) and leaves this one as it is; nothing is ever taken out.

    `changed` has the keys that were set since `settled` was called last, in a table that never was all of them.
    """

    held: Map[K, V] = _EMPTY
    changed: Map[K, None] = _EMPTY

    def set(self, key: K, value: V) -> Table[K, V]:
        """The table with this value at the key."""
        return Table(self.held.set(key, value), self.changed.set(key, None))

    def settled(self) -> Table[K, V]:
        """The table of which no key counts as changed."""
        return Table(self.held)

    def __getitem__(self, key: K) -> V:
        return self.held[key]

    def __contains__(self, key: object) -> bool:
        return key in self.held

    def __iter__(self) -> Iterator[K]:
        return iter(self.held)

    def __len__(self) -> int:
        return len(self.held)

    def items(self) -> ItemsView[K, V]:
        """The keys with their values, in no order."""
        return self.held.items()  # type: ignore[return-value] # it is iterated over, which is all that a view is for

    def values(self) -> ValuesView[V]:
        """The values, in no order."""
        return self.held.values()  # type: ignore[return-value]
