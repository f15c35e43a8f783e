"""CEL by example: python tests/policy/cel/table.py prints `answers.txt` anew from its own expressions.

A line is `expression  =>  answer`; the answer is JSON, `timestamp` or `duration` with nanoseconds, or the error. A log
must replay for ever: a line whose answer changes is another semantics.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from muniment.core.errors import Malformed
from muniment.policy.cel import Undecided, compile_expression
from muniment.policy.cel.values import Duration, Timestamp

FILE = Path(__file__).parent / "answers.txt"
SIGN = "  =>  "
VARIABLES: dict[str, Any] = {
    "text": "mañana 😀",
    "whole": {"three": 3, "big": 9007199254740991, "one": 1},
    "real": [0.5, 2.0, -1.25],
    "mixed": [1, "a", None, True, {"k": []}],
    "nested": {"b": {"x": 1}, "a": {"x": 2}, "é": {"x": 3}},
    "nothing": None,
    "empty": [],
    "many": list(range(400)),
}


def answer(expression: str) -> str:
    """What an expression says of the variables, as a line of the table."""
    try:
        return _spell(compile_expression(expression.replace("⏎", "\n"), VARIABLES).evaluate(VARIABLES))
    except Malformed as error:
        return f"malformed: {error.fact}"
    except Undecided as error:
        return f"undecided: {error}"


def rows() -> list[tuple[str, str]]:
    """The table: expressions and answers."""
    lines = FILE.read_text("utf-8").splitlines()
    return [(e, a) for e, _, a in (line.partition(SIGN) for line in lines if line and not line.startswith("#"))]


def _spell(value: Any) -> str:
    if isinstance(value, Timestamp | Duration):
        return f"{type(value).__name__.lower()} {value.nanoseconds}"
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    for line in FILE.read_text("utf-8").splitlines():
        expression = line.partition(SIGN.rstrip())[0].rstrip()
        print(f"{expression}{SIGN}{answer(expression)}" if line and line[0] != "#" else line)
