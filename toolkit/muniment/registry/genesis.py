"""Configure events: the first entry of every log, and each change of the rules after it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from muniment.core.document import load_document
from muniment.evidence.statement import Statement
from muniment.registry.check import SEMANTICS
from muniment.registry.config import parse_config
from muniment.registry.event import Configure, LogRef
from muniment.registry.predicate import format_event
from muniment.registry.state import State


def read_configuration(registry: bytes, policy: bytes, trusted_root: bytes) -> dict[str, Any]:
    """The configuration that registry.yaml, policy.yaml and a trusted root make. Raises `Malformed` with the place."""
    configuration = {
        "registry": load_document(registry, "registry", "registry.yaml"),
        "policy": load_document(policy, "policy", "policy.yaml"),
        "trustedRoot": json.loads(trusted_root),
    }
    parse_config(configuration)
    return configuration


def configure_statement(state: State, configuration: dict[str, Any], at: datetime) -> Statement:
    """The statement that sets a configuration: genesis where the state is empty, else the next configure event."""
    origin = configuration["registry"]["origin"]
    event = Configure(
        log=LogRef(origin, state.genesis),
        after=state.last.get("config"),
        at=at,
        semantics=SEMANTICS,
        configuration=configuration,
    )
    return format_event(event)
