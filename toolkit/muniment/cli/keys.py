"""Whose signatures count from here on: rotation of the log's key and of the Sigstore trusted root."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muniment.cli import commands, options
from muniment.core.errors import Usage

if TYPE_CHECKING:
    from muniment.registry.config import Config


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, rotate_key)


def rotate_key(
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")],
    new_key: Annotated[
        Path | None, typer.Option("--new-key", help="The log's new private key; made if the file is missing.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the present log keys in force beside the new one.")
    ] = False,
    trusted_root: Annotated[
        Path | None, typer.Option("--trusted-root", help="The new Sigstore trusted root: TrustedRoot JSON.")
    ] = None,
    *,
    how: options.Delivery,
) -> None:
    """Change the log's key or the Sigstore trusted root from here on; what was signed before stays verifiable."""
    from muniment.cli.making import check_apart, deliver
    from muniment.registry import propose

    if new_key is None and trusted_root is None:
        raise Usage("Nothing is rotated.", "Give --new-key FILE, --trusted-root FILE, or both.")
    if new_key is not None:
        check_apart(new_key, how.registry)
    state = options.own_history(how.registry).state
    assert state.config is not None
    keys = _log_keys(state.config, new_key, keep) if new_key is not None else None
    root = _root(trusted_root) if trusted_root is not None else None
    statement = propose.rotate(state, keys, root, reason, options.now())
    outcome = replace(how.outcome, log_key=how.outcome.log_key or new_key)
    deliver(statement, replace(how, outcome=outcome))


def _log_keys(config: Config, new_key: Path, keep: bool) -> tuple[str, ...]:
    from muniment.cli.making import log_key_in

    key = log_key_in(new_key, config.origin)
    if key.vkey in config.log_keys:
        raise Usage(f"{new_key} holds a key of the log already.", "Name a file that does not exist yet.")
    return (*(config.log_keys if keep else ()), key.vkey)


def _root(path: Path) -> dict[str, Any]:
    from muniment.core.canonical import parse_json
    from muniment.signing.trustroot import canonical_root

    root = parse_json(canonical_root(options.read(path)), "The trusted root")
    assert isinstance(root, dict)
    return root
