"""The command line as people see it: every command, argument and option with its help, held by a golden file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from muniment.cli import groups
from muniment.cli.main import app

GOLDEN = Path(__file__).with_name("help.txt")


def described(command: Any, name: str) -> list[str]:
    """A command and those below it, a line a parameter."""
    lines = [f"{name}: {' '.join((command.help or '').split())}"]
    for parameter in command.params:
        shown = ", ".join(sorted(parameter.opts, key=len, reverse=True))
        lines.append(f"  {shown}: {' '.join((getattr(parameter, 'help', None) or '').split())}")
    for below, child in getattr(command, "commands", {}).items():
        lines += described(child, f"{name} {below}")
    return lines


def test_the_help_is_the_one_agreed() -> None:
    if not app.registered_commands:
        groups.register(app)
    assert described(typer.main.get_command(app), "muniment") == GOLDEN.read_text("utf-8").splitlines()


def test_every_command_has_json_and_every_parameter_a_help() -> None:
    if not app.registered_commands:
        groups.register(app)
    root: Any = typer.main.get_command(app)
    leaves = [c for c in root.commands.values() if not hasattr(c, "commands")]
    leaves += [child for c in root.commands.values() for child in getattr(c, "commands", {}).values()]
    assert len(leaves) > 20
    for command in leaves:
        assert "--json" in {o for p in command.params for o in p.opts}, command.name
        assert command.help, command.name
        for parameter in command.params:
            assert getattr(parameter, "help", None), (command.name, parameter.name)
