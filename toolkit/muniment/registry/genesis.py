"""Configure events: the first entry of every log, and each change of the rules after it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from muniment.core.document import Misplaced, Source, load_document, located, parse_yaml
from muniment.core.errors import Malformed
from muniment.evidence.statement import Statement, format_statement
from muniment.log.note import NoteSigner
from muniment.policy.document import read_policy
from muniment.registry.check import SEMANTICS
from muniment.registry.config import parse_config
from muniment.registry.event import Configure, LogRef
from muniment.registry.fold import History
from muniment.registry.inbox import submit
from muniment.registry.predicate import format_event
from muniment.registry.sequencer import publish
from muniment.registry.state import State
from muniment.registry.store import Store
from muniment.signing.keyless import Signer


def read_configuration(registry: Source, policy: Source, trusted_root: bytes) -> dict[str, Any]:
    """The configuration that registry.yaml, policy.yaml and a trusted root make. Raises `Malformed` with the place."""
    read_policy(policy.text, policy.name)
    configuration = {
        "registry": load_document(registry.text, "registry", registry.name),
        "policy": load_document(policy.text, "policy", policy.name),
        "trustedRoot": json.loads(trusted_root),
    }
    try:
        parse_config(configuration)
    except Misplaced as error:
        raise located(error, registry.text, registry.name) from error
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


def found(
    store: Store, signer: Signer, key: NoteSigner, registry: Source, policy: Source, trusted_root: bytes, now: datetime
) -> History:
    """Makes a registry in an empty store: signed genesis, first checkpoint, and the configuration as people edit it.

    `registry` (registry.yaml) gets the log's key where it names none.
    """
    registry = with_log_keys(registry, (key.vkey,))
    statement = configure_statement(State(), read_configuration(registry, policy, trusted_root), now)
    submit(store, signer.sign(format_statement(statement)).data)
    history = publish(store, key, now, lambda: signer).history
    store.put_new("registry.yaml", registry.text)
    store.put_new("policy.yaml", policy.text)
    store.commit("The configuration as people edit it")
    return history


def with_log_keys(registry: Source, log_keys: tuple[str, ...]) -> Source:
    """registry.yaml with these log keys, where it names none."""
    value = parse_yaml(registry.text, registry.name)
    if isinstance(value, dict) and "logKeys" not in value:
        lines = "".join(f"  - {key}\n" for key in log_keys)
        return Source(registry.name, registry.text.rstrip(b"\n") + f"\nlogKeys:\n{lines}".encode())
    return registry


def origin_of(registry: Source) -> str:
    """The origin that registry.yaml names. Raises `Malformed`."""
    value = parse_yaml(registry.text, registry.name)
    if not isinstance(value, dict) or not isinstance(value.get("origin"), str):
        raise Malformed(f"{registry.name} has no origin.", "Name the log, as in origin: registry.example.org/aiops.")
    return str(value["origin"])
