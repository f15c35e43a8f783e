"""All command groups; each adds its commands to the app and imports what is heavy only when called."""

from __future__ import annotations

import typer

from muniment.cli import (
    access,
    decision,
    deletion,
    doctor,
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
    rules, words = (events, running, oversight, deletion, access), (policy, decision, verify, witness)
    looking = (monitor, due, doctor, site, story)
    for group in (registry, keys, evidence, *rules, *words, *looking, sandbox):
        group.register(app)
