"""All command groups; each adds its commands to the app and imports what is heavy only when called."""

from __future__ import annotations

import typer

from muniment.cli import events, registry, sandbox, verify


def register(app: typer.Typer) -> None:
    """Adds every group's commands, in the order the help shows them."""
    for group in (registry, events, verify, sandbox):
        group.register(app)
