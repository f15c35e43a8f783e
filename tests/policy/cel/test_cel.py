"""CEL of semantics 1: a table of answers that never changes, and another implementation that agrees."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from typing import Any

import cel as other
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.core.errors import Malformed
from muniment.policy.cel import STEPS, Undecided, compile_expression
from muniment.policy.cel.functions import FUNCTIONS
from muniment.policy.cel.syntax import MACROS, RELATIONS
from tests.policy.cel.table import FILE, VARIABLES, answer, rows
from tests.source import TOP

TABLE = rows()


@pytest.mark.parametrize(("expression", "expected"), TABLE, ids=[e[:40] for e, _ in TABLE])
def test_an_answer_never_changes(expression: str, expected: str) -> None:
    assert answer(expression) == expected


@pytest.mark.parametrize("word", [*FUNCTIONS, *MACROS, "has", *RELATIONS, "&&", "||", "?", "+", "-", "*", "/", "%"])
def test_the_table_and_the_docs_hold_every_function_macro_and_operator(word: str) -> None:
    answered = [e for e, a in TABLE if word in e and not a.startswith("malformed")]
    assert answered, "no line of the table uses it"
    assert f"`{word}`" in (TOP / "docs" / "policy.md").read_text("utf-8")


def test_another_process_answers_alike() -> None:
    """Whatever the seed of hashes, the locale and the time zone are."""
    environment = {**os.environ, "PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Kolkata"}
    command = [sys.executable, "-X", "utf8", str(TOP / "tests" / "policy" / "cel" / "table.py")]
    environment["PYTHONPATH"] = os.pathsep.join([str(TOP), str(TOP / "toolkit")])
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=60)
    assert done.stdout == FILE.read_text("utf-8")


def test_steps_are_counted_and_not_timed() -> None:
    program = compile_expression("a.all(x, a.all(y, x == y || x != y))", {"a"})
    began = time.perf_counter()
    with pytest.raises(Undecided, match="more than"):
        program.decide({"a": list(range(10_000))})
    assert time.perf_counter() - began < 5
    assert program.decide({"a": list(range(100))})
    assert STEPS < 1_000_000


@pytest.mark.parametrize("expression", ["a == b", "a.contains(b)", "a in [b]", "a + b == b"])
def test_what_is_long_costs_more(expression: str) -> None:
    """Otherwise a walk over few items could look through megabytes at each."""
    program = compile_expression(f"many.all(m, {expression} || true)", {"a", "b", "many"})
    with pytest.raises(Undecided, match="steps"):
        program.decide({"a": "x" * 1_000_000, "b": "x" * 1_000_000, "many": list(range(100))})


def test_equal_documents_cost_what_they_hold() -> None:
    program = compile_expression("many.all(m, a == b)", {"a", "b", "many"})
    wide = {"a": [[0] * 1000] * 10, "b": [[0] * 1000] * 10}
    with pytest.raises(Undecided, match="steps"):
        program.decide({**wide, "many": list(range(100))})


def test_a_walk_within_a_doubt_leaves_no_trace() -> None:
    """A macro that ends in doubt, forgiven by `||`, does not disturb a variable of the same name."""
    text = "[1, 2].all(x, [5, 0].exists(x, 1 / x == 7) || [[x]].exists(y, y[0] == x))"
    assert compile_expression(text, ()).decide({})


def test_the_variables_that_an_expression_reads() -> None:
    program = compile_expression("a.all(b, b == c && [1].exists(a, a == b)) || has(d.e)", {"a", "b", "c", "d", "e"})
    assert program.names == {"a", "c", "d"}


def test_what_is_not_given_is_unknown() -> None:
    with pytest.raises(Undecided, match="nothing is known of a"):
        compile_expression("a", {"a"}).evaluate({})
    with pytest.raises(Undecided, match="no type"):
        compile_expression("a == a", {"a"}).evaluate({"a": object()})
    with pytest.raises(Undecided, match="gives int"):
        compile_expression("1", ()).decide({})


@given(st.text(max_size=60) | st.text(alphabet="()[]{}'\"\\.,:?!&|<>=+-*/%0123456789aex \n", max_size=60))
def test_any_text_is_an_expression_or_malformed(text: str) -> None:
    with contextlib.suppress(Malformed, Undecided):
        compile_expression(text, VARIABLES).evaluate(VARIABLES)


# Where the other implementation is known to differ it raises, or its strings count bytes: so text is ASCII here.
NUMBERS = st.integers(-20, 20).map(str) | st.floats(-20, 20, width=16).map(lambda f: f"{f:.4f}")
ATOMS = NUMBERS | st.sampled_from(["true", "false", "'a'", "'ab'", "''", "n", "d", "s", "l", "m.a", "m['b']", "m.z"])
KNOWN: dict[str, Any] = {"n": 3.0, "d": 0.25, "s": "abc", "l": [1.0, 2.5, -3.0], "m": {"a": 1.0, "b": "x"}}


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||"])
    return (
        st.tuples(inner, signs, inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})")
        | st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} ? {p[1]} : {p[2]})")
        | st.lists(inner, max_size=3).map(lambda p: f"[{', '.join(p)}]")
        | st.tuples(inner, st.lists(inner, max_size=3)).map(lambda p: f"({p[0]} in [{', '.join(p[1])}])")
        | st.tuples(st.sampled_from(["all", "exists", "filter", "map"]), inner).map(lambda p: f"l.{p[0]}(x, {p[1]})")
        | st.tuples(st.sampled_from(["startsWith", "endsWith", "contains"]), inner).map(lambda p: f"s.{p[0]}({p[1]})")
        | inner.map(lambda p: f"!({p})")
        | inner.map(lambda p: f"size({p})")
    )


@settings(max_examples=1000)
@given(st.recursive(ATOMS, _grown, max_leaves=8))
def test_another_implementation_agrees(text: str) -> None:
    """cel-rust: where both give a value it is the same one."""
    try:
        mine = compile_expression(text, KNOWN).evaluate(KNOWN)
    except (Malformed, Undecided):
        return
    try:
        theirs = other.evaluate(text, KNOWN)
    except Exception:
        return
    assert mine == theirs
    assert isinstance(mine, bool) == isinstance(theirs, bool)
