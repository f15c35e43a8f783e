"""The house rules that can be counted: how long functions and files are, and that public things are explained."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import pytest

from tests.source import PACKAGE, TOP, modules

FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
FILES = sorted(PACKAGE.rglob("*.py"))


def _lengths() -> dict[str, int]:
    return {
        f"{name}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, FUNCTION)
    }


def test_functions_are_short():
    lengths = _lengths()
    longest = {place: count for place, count in lengths.items() if count > 60}
    assert not longest
    assert statistics.median(lengths.values()) <= 10
    assert statistics.quantiles(lengths.values(), n=10)[-1] <= 30


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_is_at_most_400_lines(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400


@pytest.mark.parametrize("name", sorted(modules()))
def test_public_things_say_what_they_are(name):
    tree = modules()[name]
    assert ast.get_docstring(tree) or not tree.body, f"{name} has no docstring"
    for node in tree.body:
        if isinstance(node, FUNCTION | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name}:{node.lineno} {node.name} has no docstring"


# Written apart, so that this file does not contain what it forbids.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.])/(?:wo" r"rk|ro" r"ot|ho" r"me)/\w",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE" r" KEY-----\n[A-Za-z0-9+/=\n]{64}",
    "the host of a package registry": r"\b(?:pypi\.o" r"rg|pythonho" r"sted\.org|npm" r"js\.org|proxy\.gol" r"ang)\b",
    "patched objects": r"mock\.pa" r"tch",
}  # fmt: skip


def _texts() -> list[Path]:
    kinds = {".py", ".md", ".yml", ".yaml", ".toml", ".json", ".html", ".css", ".js", ".sh", ".txt", ".mjs", ""}
    folders = [TOP / name for name in ("toolkit", "templates", "schemas", "tests", "docs", ".github", ".ci")]
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix in kinds]
    return [*found, TOP / "README.md", TOP / "Makefile", TOP / "pyproject.toml"]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what):
    pattern = re.compile(FORBIDDEN[what])
    skipped = {"__pycache__", "node_modules"}
    paths = [path for path in _texts() if not skipped & set(path.parts)]
    assert len(paths) > 40
    found = [str(path.relative_to(TOP)) for path in paths if pattern.search(path.read_text("utf-8", "replace"))]
    assert not found
