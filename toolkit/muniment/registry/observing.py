"""What triggers will say of a window once it is admitted, and what answers them."""

from __future__ import annotations

from muniment.core.name import VersionId
from muniment.evidence.statement import Statement
from muniment.policy.triggers import Reading
from muniment.registry.judges.common import config_of
from muniment.registry.judges.observe import with_window
from muniment.registry.predicate import parse_event
from muniment.registry.runtime import Observe
from muniment.registry.state import Observed, State


def foretold(state: State, statement: Statement) -> tuple[Reading, ...]:
    """What the triggers in force say of the window in a statement and of those before it. Raises `Malformed`."""
    event = parse_event(statement)
    assert isinstance(event, Observe)
    before = state.observed.get((event.version, event.environment), Observed())
    return with_window(config_of(state), before, event, state.size).readings


def answers(version: VersionId, environment: str, severity: str, why: str) -> tuple[str, str]:
    """The commands that answer triggers that fired: opening an incident, and asking what may return."""
    opening = f"muniment incident open {version.name} ID --env {environment} --severity {severity}"
    return (
        f'{opening} --version {version.version} --reason "{why}"',
        f"muniment rollback {version.name} --env {environment} --check",
    )
