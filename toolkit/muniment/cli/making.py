"""What several commands do: make a registry, sign a statement and deliver it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from muniment.cli import options, output
from muniment.cli.options import Signing
from muniment.core.errors import Conflict, Unreachable

if TYPE_CHECKING:
    from muniment.evidence.statement import Statement
    from muniment.log.note import NoteSigner


@dataclass(frozen=True, slots=True)
class Made:
    """A new registry: its origin, its pins as trust.json and the first leaf's hash."""

    origin: str
    genesis: str
    trust: bytes


def make_registry(folder: Path, config: bytes, policy: bytes, log_key: Path, signing: Signing, now: datetime) -> Made:
    """Makes a registry in an empty or new folder: log key, signed genesis, first checkpoint."""
    from muniment.evidence.statement import format_statement
    from muniment.registry.genesis import configure_statement, read_configuration
    from muniment.registry.inbox import submit
    from muniment.registry.sequencer import publish
    from muniment.registry.state import State
    from muniment.registry.store.local import LocalStore
    from muniment.verify.trust import format_trust, trust_of

    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty.", "Give a new folder.")
    key = _log_key(log_key, _origin(config))
    text = complete_registry(config, (key.vkey,))
    with signing.open() as (signer, root):
        configuration = read_configuration(text, policy, root)
        bundle = signer.sign(format_statement(configure_statement(State(), configuration, now)))
    folder.mkdir(parents=True, exist_ok=True)
    store = LocalStore(folder)
    submit(store, bundle.data)
    with store.lock():
        history = publish(store, key, now).history
    store.write("registry.yaml", text)
    store.write("policy.yaml", policy)
    pins = trust_of(history)
    return Made(pins.origin, str(pins.genesis), format_trust(pins))


def complete_registry(config: bytes, log_keys: tuple[str, ...]) -> bytes:
    """registry.yaml with the log keys in force, where it names none."""
    from muniment.core.document import parse_yaml

    value = parse_yaml(config, "registry.yaml")
    if isinstance(value, dict) and "logKeys" not in value:
        lines = "".join(f"  - {key}\n" for key in log_keys)
        return config.rstrip(b"\n") + f"\nlogKeys:\n{lines}".encode()
    return config


def deliver(
    statement: Statement, registry: Path, signing: Signing, publish: bool, log_key: Path | None, json: bool
) -> None:
    """Signs a statement and puts it in the registry's inbox, or in the log with `publish`."""
    from muniment.cli.registry import report
    from muniment.core.digest import digest_of
    from muniment.evidence.kinds import kind_of
    from muniment.evidence.statement import format_statement
    from muniment.registry.inbox import submit
    from muniment.registry.sequencer import publish as sequence

    store, payload = options.local(registry), format_statement(statement)
    key = options.log_signer(log_key) if publish else None
    with signing.open() as (signer, _):
        bundle = signer.sign(payload)
    path = submit(store, bundle.data)
    kind = kind_of(statement.predicate_type)
    if key is None:
        value = {"kind": kind, "statement": str(digest_of(payload)), "submitted": path}
        output.result(value, f"{kind} {digest_of(payload)}\nsubmitted {path}", json)
        return
    with store.lock():
        done = sequence(store, key, options.now())
    report(done, json)


def _origin(config: bytes) -> str:
    from muniment.core.document import parse_yaml
    from muniment.core.errors import Malformed

    value = parse_yaml(config, "registry.yaml")
    if not isinstance(value, dict) or not isinstance(value.get("origin"), str):
        raise Malformed("registry.yaml has no origin.", "Name the log, as in origin: registry.example.org/aiops.")
    return str(value["origin"])


def _log_key(path: Path, origin: str) -> NoteSigner:
    """The key in a file, or a new one written there with mode 0600."""
    from muniment.log.note import NoteSigner, format_skey

    if path.exists():
        return options.log_signer(path)
    key = NoteSigner(origin, os.urandom(32))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(format_skey(key) + "\n")
    except OSError as error:
        raise Unreachable(f"{path} cannot be written: {error.strerror}.", "Give a path that can.") from error
    return key
