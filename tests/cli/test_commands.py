"""Options that stand in a value: each is the command's own option, and the value comes back whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from muniment.cli import commands

Word = Annotated[str, typer.Option("--word", help="A word.")]
Loud = Annotated[bool, typer.Option("--loud", help="Loud.")]


@dataclass(frozen=True, slots=True)
class Voice:
    loud: Loud = False


@dataclass(frozen=True, slots=True)
class Speech:
    word: Word = "hello"
    voice: Voice = Voice()


def say(times: Annotated[int, typer.Argument(help="How often.")] = 1, *, speech: Speech) -> None:
    """Say it."""
    print((speech.word.upper() if speech.voice.loud else speech.word) * times)


def repeat(word: Word, *, speech: Speech) -> None:
    """Twice the same option."""


def _run(*arguments: str) -> str:
    app = typer.Typer()
    commands.add(app, say)
    done = CliRunner().invoke(app, list(arguments))
    return done.output.strip()


def test_every_field_is_an_option() -> None:
    assert _run() == "hello"
    assert _run("2", "--word", "no", "--loud") == "NONO"
    helped = _run("--help")
    assert "Say it." in helped
    assert "--word" in helped
    assert "--loud" in helped


def test_an_option_cannot_be_there_twice() -> None:
    with pytest.raises(ValueError, match="duplicate parameter name: 'word'"):
        commands.spread(repeat)
