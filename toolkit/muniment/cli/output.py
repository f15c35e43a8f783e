"""What people and programs read: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, Any

import typer

from muniment.interop.github import inert, plain

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def result(value: Any, text: str, as_json: bool) -> None:
    """The outcome of a command: JSON where it was asked for, else text."""
    try:
        print(json.dumps(value, indent=2, ensure_ascii=False) if as_json else shown(text), flush=True)
    except BrokenPipeError:  # the reader has read enough; the exit code stays the command's own
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """A line for people, on stderr."""
    print(shown(text), file=sys.stderr, flush=True)


def explain(fact: str, remedy: str) -> None:
    """An error: one line of fact, one of remedy."""
    say(f"error: {_one_line(fact)}")
    if remedy:
        say(f"  try: {_one_line(remedy)}")


def shown(text: str) -> str:
    """Text in which nothing but a line end moves the terminal or the CI's runner, whoever wrote parts of it."""
    return "\n".join(inert(line) for line in plain(text).split("\n"))


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n")
