"""What the documents tell people to type exists: commands, options, make targets, files, inputs of actions.

The tour and docs/your-own-model.md are also run from end to end by `make offline`.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from muniment.cli.groups import register
from muniment.cli.main import app
from tests.source import TOP

DOCUMENTS = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _commands(group: Any, name: str = "") -> dict[str, Any]:
    """Every command by its words."""
    found = {}
    for word, command in group.commands.items():
        path = f"{name} {word}".strip()
        found |= _commands(command, path) if hasattr(command, "commands") else {path: command}
    return found


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    if not app.registered_commands:
        register(app)
    return _commands(typer.main.get_command(app))


def _lines(path: Path) -> list[list[str]]:
    """The words of every `muniment …` in a document's shell blocks, substitutions included."""
    text = "\n".join(BLOCK.findall(path.read_text("utf-8"))).replace("\\\n", " ")
    calls = re.findall(r"(?:^|\$\(|/)muniment (.*?)(?=\||\)$|$)", text, re.MULTILINE)
    return [shlex.split(call, comments=True) for call in calls]


def test_the_readme_shows_commands():
    shown = {words[0] for words in _lines(TOP / "README.md")}
    assert {"demo", "show", "check", "promote", "approve", "publish", "site", "pack", "verify", "audit"} <= shown


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_and_options_exist(path: Path, commands: dict[str, Any]):
    for words in _lines(path):
        name = words[0] if words[0] in commands else " ".join(words[:2])
        assert name in commands, words
        known = {option for parameter in commands[name].params for option in parameter.opts}
        used = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert used <= known, f"{name}: {used - known}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_paths_lead_to_files(path: Path):
    text = path.read_text("utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    named = re.findall(r"`((?:tests|schemas|docs|\.github)/[\w./-]+)`", text)
    assert [link for link in links if not (path.parent / link).exists()] == []
    assert [name for name in named if not (TOP / name).exists()] == []


def test_make_targets_exist_and_are_explained():
    makefile = (TOP / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    shown = set(re.findall(r"\bmake ([a-z]+)\b", (TOP / "README.md").read_text("utf-8")))
    assert shown <= targets
    assert {"demo", "test", "lint", "bench", "interop", "browser", "offline"} <= targets
    helped = set(re.findall(r'@echo "make ([a-z]+)', makefile))
    assert targets - helped <= {"help", "clean", "lock"}


def test_every_command_is_explained(commands: dict[str, Any]):
    for name, command in commands.items():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_inputs_and_outputs_of_actions_are_documented():
    import yaml

    text = (TOP / "docs" / "github-actions.md").read_text("utf-8")
    for path in sorted((TOP / ".github" / "actions").glob("*/action.yml")):
        action = yaml.safe_load(path.read_text("utf-8"))
        for name in [*action["inputs"], *action["outputs"]]:
            assert f"`{name}`" in text, f"{path.parent.name}: {name}"
