"""All command groups; each adds its commands to the app and imports what is heavy only when called."""

from __future__ import annotations

import typer

from muniment.cli import (
    deletion,
    due,
    events,
    evidence,
    keys,
    monitor,
    oversight,
    policy,
    registry,
    running,
    sandbox,
    site,
    story,
    verify,
    witness,
)


def register(app: typer.Typer) -> None:
    """Adds every group's commands, in the order the help shows them."""
    rules, reading = (events, running, oversight, deletion, policy), (verify, witness, monitor, due)
    for group in (registry, keys, evidence, *rules, *reading, site, story, sandbox):
        group.register(app)
