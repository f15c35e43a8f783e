"""JSON of any shape as rows and tables: scalars become rows, lists of objects tables with a column a key."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

Facts = dict[str, Any]
FIRST = ("name", "id", "type", "purpose", "role")


def text(value: Any) -> str | None:
    """A scalar as text, None for anything else."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str | int | float) else None


def layout(value: Any) -> Facts:
    """`rows` of {key, value} and `tables` of {key, columns, rows}, both in the order of the keys."""
    return {"rows": list(_rows(value, "")), "tables": list(_tables(value, ""))}


def pairs(value: Any) -> list[Facts]:
    """The scalars of a value, and its lists of scalars, as rows of {key, value}."""
    return list(_rows(value, ""))


def part(value: Mapping[str, Any], keys: tuple[str, ...], others: bool = False) -> dict[str, Any]:
    """Some keys of an object, or all others."""
    return {k: v for k, v in value.items() if (k in keys) != others}


def _rows(value: Any, key: str) -> Iterator[Facts]:
    if isinstance(value, Mapping):
        for name in sorted(value):
            yield from _rows(value[name], f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        if not _is_table(value):
            yield {"key": key, "value": _words(value, key)}
    else:
        yield {"key": key, "value": text(value) or ""}


def _tables(value: Any, key: str) -> Iterator[Facts]:
    if isinstance(value, Mapping):
        for name in sorted(value):
            yield from _tables(value[name], f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and _is_table(value):
        names = sorted({str(k) for item in value for k in item}, key=lambda n: (_rank(n), n))
        cells = [[_cell(item.get(n), n) for n in names] for item in value]
        yield {"key": key, "columns": names, "rows": cells}


def _is_table(value: list[Any]) -> bool:
    return bool(value) and all(isinstance(item, Mapping) for item in value)


def _rank(name: str) -> int:
    return FIRST.index(name) if name in FIRST else len(FIRST)


def _cell(value: Any, key: str) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{row['key']} {row['value']}" for row in _rows(value, ""))
    return _words(value, key) if isinstance(value, list) else text(value) or ""


def _words(value: list[Any], key: str) -> str:
    words = [_cell(item, "") for item in value]
    if key == "command":
        return shlex.join(words)
    return (" " if any(w.endswith(".") for w in words) else ", ").join(words) or "none"
