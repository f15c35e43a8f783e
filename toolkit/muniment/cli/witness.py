"""Standing by: `witness` cosigns somebody else's log as long as it only grows."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muniment.cli import commands, options, output
from muniment.core.errors import Usage
from muniment.core.instant import format_posix

if TYPE_CHECKING:
    from muniment.log.note import Cosigner
    from muniment.verify.witness import Cosigned, Pins


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, witness)


def witness(
    place: Annotated[str, typer.Argument(help="The log: a registry's folder, or a site's address.")],
    state: Annotated[Path, typer.Option("--state", help="The witness's memory and read half, kept between runs.")],
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            help="The witness's private key, made if missing; else MUNIMENT_WITNESS_KEY holds the key itself.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The name of a new key, as in github.com/OWNER/REPOSITORY.")
    ] = None,
    log_key: Annotated[
        list[str] | None, typer.Option("--log-key", help="A public key of the log, as trust.json shows it.")
    ] = None,
    trust: Annotated[
        Path | None, typer.Option("--trust", help="trust.json: the log's keys, and what replay needs.")
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Derive the whole log again by its rules before cosigning it.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Cosign a log's checkpoint if it continues the last one cosigned, and serve that from the state's folder."""
    from muniment.cli.making import check_apart
    from muniment.interop.reports import report_witness
    from muniment.verify import witness as witnessing

    pins = _pins(log_key or [], trust, replay)
    if key is not None:
        check_apart(key, str(state))
    cosigner = _cosigner(key, name)
    book = options.folder(state)
    with book.turn():
        time, cache = int(options.now().timestamp()), options.cache(cosigner)
        done = witnessing.witness(options.readable(place), book, cosigner, pins, time, options.processes(), cache)
    if not _serves_tiles(place):
        done = replace(done, remarks=())
    output.result(_value(done, cosigner, state), _text(done, cosigner, state), json)
    report_witness(done, cosigner.vkey)


def _pins(log_keys: list[str], trust: Path | None, replay: bool) -> Pins:
    from muniment.log.note import format_vkey, parse_vkey
    from muniment.verify.witness import Pins

    if bool(log_keys) == (trust is not None):
        raise Usage("The log is pinned by its keys or by trust.json.", "Give --log-key VKEY or --trust FILE, not both.")
    if trust is not None:
        pins = options.trust(trust)
        return Pins(pins.origin, pins.log_keys, pins if replay else None)
    if replay:
        raise Usage("Replay begins from the pins in trust.json.", "Give --trust FILE in place of --log-key.")
    keys = [parse_vkey(text.strip()) for text in log_keys]
    if len({verifier.name for verifier in keys}) > 1:
        raise Usage("The log keys are of several logs.", "Run the witness once for each log.")
    return Pins(keys[0].name, tuple(map(format_vkey, keys)))


def _cosigner(path: Path | None, name: str | None) -> Cosigner:
    """The witness's key, from a file or MUNIMENT_WITNESS_KEY; a file that is missing gets a new one."""
    from muniment.cli.making import write_key
    from muniment.log.note import Cosigner, format_skey, parse_cosigner

    if path is None or path.exists():
        found = parse_cosigner(options.secret(path, "witness key", "--key", "MUNIMENT_WITNESS_KEY", "made if missing"))
        if name not in (None, found.name):
            raise Usage(f"The key is named {found.name}, not {name}.", "Leave --name out; it is for a new key.")
        return found
    if name is None:
        raise Usage(f"{path} does not exist, and a new key needs a name.", "Give --name, or the right --key.")
    made = Cosigner(name, os.urandom(32))
    write_key(path, format_skey(made))
    output.say(f"{path} is a new witness key: keep it where only the witness can read it.\n  {made.vkey}")
    return made


def _value(done: Cosigned, cosigner: Cosigner, state: Path) -> dict[str, Any]:
    return {
        "origin": done.checkpoint.origin,
        "size": done.checkpoint.size,
        "root": done.checkpoint.root.hex(),
        "previous": done.previous.size if done.previous else None,
        "cosignedAt": format_posix(done.time),
        "witness": cosigner.vkey,
        "replayed": done.replayed,
        "path": str(state / done.path),
        "remarks": list(done.remarks),
    }


def _text(done: Cosigned, cosigner: Cosigner, state: Path) -> str:
    point, previous = done.checkpoint, done.previous
    since = f"continues the {previous.size} seen before" if previous else "is the first seen of this log"
    return "\n".join(
        [
            f"COSIGNED: {point.origin}, {point.size} entries, which {since}",
            f"  at {format_posix(done.time)} by {cosigner.vkey}",
            f"  {'every entry was replayed' if done.replayed else 'entries were not replayed: --replay does'}",
            *(f"  {remark}" for remark in done.remarks),
            f"  {state / done.path}: serve the folder {state}",
        ]
    )


def _serves_tiles(place: str) -> bool:
    """Whether a missing tile is worth a word: a registry's folder has none."""
    from muniment.registry.store.places import is_site

    return is_site(place) or (Path(place) / "tile").is_dir()
