"""The project's own source as syntax trees, for the tests that hold its rules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TOP = Path(__file__).parents[1]
ROOT = TOP / "toolkit"
PACKAGE = ROOT / "muniment"


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name below `muniment`: `core.digest`, `log` for its `__init__`."""
    return {_dotted(path): ast.parse(path.read_text("utf-8"), str(path)) for path in sorted(PACKAGE.rglob("*.py"))}


def imports(name: str, tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Absolute dotted names that a module imports, with their lines; `from a import b` gives `a.b`."""
    parts = ("muniment", *name.split(".")) if name else ("muniment",)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parts[: len(parts) - node.level]) if node.level else ""
            source = ".".join(filter(None, [base, node.module]))
            yield from ((f"{source}.{alias.name}", node.lineno) for alias in node.names)


def calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Dotted text of every called name, with its line: `open`, `datetime.now`, `?.read_text` below any expression."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield _called(node.func), node.lineno


def _called(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_called(node.value)}.{node.attr}"
    return "?"


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")
