"""Making a registry and putting records in it: init, configure, submit, publish."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from muniment.cli import commands, options, output


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, init, configure, submit, publish)


def init(
    place: Annotated[str, typer.Argument(help="Where to make it: a new folder, git+URL#BRANCH or s3://BUCKET/PREFIX.")],
    origin: Annotated[
        str | None, typer.Option("--origin", help="The registry's name, for a starter registry.yaml.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="registry.yaml: roles, bindings, environments.")
    ] = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="policy.yaml: rules at gates.")] = None,
    log_key: Annotated[
        Path | None,
        typer.Option("--log-key", help="The log's private key, made if missing; else DIR.key beside a folder DIR."),
    ] = None,
    trust: Annotated[
        Path | None, typer.Option("--trust", help="Where to write trust.json; else DIR.trust.json beside a folder DIR.")
    ] = None,
    *,
    signing: options.Signing,
    json: output.Json = False,
) -> None:
    """Make a registry: log key, signed genesis, trust.json."""
    from muniment.cli.making import make_registry, starter

    place, key, pins = _beside(place, log_key, trust)
    registry_source = options.source(config) if config else starter("registry.yaml", signing, origin)
    policy_source = options.source(policy) if policy else starter("policy.yaml", signing, origin)
    made = make_registry(place, registry_source, policy_source, key, signing, options.now())
    options.write(pins, made.trust)
    value = {
        "registry": place,
        "trust": str(pins),
        "logKey": str(key),
        "origin": made.origin,
        "genesis": made.genesis,
    }
    text = (
        f"{place} is a registry of {made.origin}.\n"
        f"{key} is the log's key: keep it where only publishing can read it.\n"
        f"{pins} holds the pins: give it to readers by another way than the registry."
    )
    output.result(value, text, json)


def _beside(place: str, key: Path | None, trust: Path | None) -> tuple[str, Path, Path]:
    """A place, absolute if it is a folder, with the files for the log's key and the pins. Raises `Usage`."""
    from muniment.core.errors import Usage
    from muniment.registry.store.places import is_address

    if not is_address(place):
        folder = Path(place).absolute()
        key = key or folder.with_name(f"{folder.name}.key")
        trust = trust or folder.with_name(f"{folder.name}.trust.json")
        place = str(folder)
    if key is None or trust is None:
        raise Usage(
            f"{place} is not on this machine, where the log's key and the pins are kept.",
            "Say where: --log-key FILE --trust FILE.",
        )
    return place, key, trust


def configure(
    config: Annotated[Path, typer.Option("--config", help="registry.yaml.")],
    policy: Annotated[Path, typer.Option("--policy", help="policy.yaml.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say who gains and loses what, and what would newly fail.")
    ] = False,
    *,
    how: options.Delivery,
) -> None:
    """Sign a change of registry.yaml and policy.yaml; it is in force once it is in the log."""
    from muniment.cli.changes import change_json, change_text
    from muniment.cli.making import deliver
    from muniment.registry.change import compare
    from muniment.registry.config import parse_config
    from muniment.registry.genesis import configure_statement, read_configuration, with_log_keys

    state = options.own_history(how.registry).state
    assert state.config is not None
    text = with_log_keys(options.source(config), state.config.log_keys)
    configuration = read_configuration(text, options.source(policy), state.config.trusted_root)
    if dry_run:
        change = compare(state, parse_config(configuration), options.now())
        output.result(change_json(change), "\n".join(change_text(change)), how.outcome.json)
        return
    statement = configure_statement(state, configuration, options.now())
    deliver(statement, how)


def submit(
    bundles: Annotated[list[Path], typer.Argument(help="Sigstore bundles to put in the inbox.")],
    registry: options.Registry = options.HERE,
    retries: options.Retries = options.RETRIES,
    json: output.Json = False,
) -> None:
    """Put signed bundles in the inbox; publish decides on them."""
    from muniment.registry.inbox import submit as put
    from muniment.registry.store.retry import again

    store, data = options.inbox(registry, retries), [options.read(path) for path in bundles]
    paths = again(lambda: put(store, *data), retries)
    output.result({"submitted": paths}, "\n".join(f"submitted {path}" for path in paths), json)


def publish(
    registry: options.Place = options.HERE,
    log_key: options.LogKey = None,
    heartbeat: Annotated[
        bool, typer.Option("--heartbeat", help="End a batch even if nothing is admitted, so that readers see a date.")
    ] = False,
    cosignatures: Annotated[
        list[str] | None,
        typer.Option("--cosignatures", help="Where a witness serves what it cosigned: an address or a folder."),
    ] = None,
    require_quorum: Annotated[
        bool, typer.Option("--require-quorum", help="Fail unless the quorum of witnesses cosigned the checkpoint.")
    ] = False,
    retries: options.Retries = options.RETRIES,
    json: output.Json = False,
    *,
    signing: options.Signing,
) -> None:
    """Put what the inbox holds in the log, as far as the rules admit it, sign the log, and take in cosignatures."""
    from muniment.cli.published import gather, report, sequence
    from muniment.registry.cosign import require_quorum as demand

    store, signer = options.store(registry, retries), options.log_signer(log_key)
    with signing.later() as anchor:
        done = sequence(store, signer, anchor, heartbeat, retries)
    gathered = gather(store, done, cosignatures or [], retries) if cosignatures or require_quorum else None
    report(done, json, gathered=gathered)
    if gathered is not None and require_quorum:
        demand(gathered)
