"""What several commands do: make a registry, sign a statement and deliver it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muniment.cli import options, output
from muniment.cli.options import Delivery, Signing
from muniment.core.document import Source
from muniment.core.errors import Conflict, Malformed, Unreachable, Usage

if TYPE_CHECKING:
    from muniment.evidence.statement import Statement
    from muniment.log.note import NoteSigner
    from muniment.registry.store import Store
    from muniment.signing.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Made:
    """A new registry: its origin, its pins as trust.json and the first leaf's hash."""

    origin: str
    genesis: str
    trust: bytes


def make_registry(place: str, config: Source, policy: Source, log_key: Path, signing: Signing, now: datetime) -> Made:
    """Makes a registry where nothing is yet: log key, signed genesis, first checkpoint; no folder where it fails."""
    from muniment.registry.genesis import found, origin_of
    from muniment.registry.store.places import is_address, open_store
    from muniment.verify.trust import format_trust, trust_of

    folder, had_key = None if is_address(place) else Path(place), log_key.exists()
    check_apart(log_key, place)
    had_folder = folder is not None and folder.exists()
    store = open_store(place)
    _check_nothing(store, folder)
    key = log_key_in(log_key, origin_of(config))
    try:
        with signing.open() as (signer, root):
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            pins = trust_of(found(store, signer, key, config, policy, root, now))
    except BaseException:
        # At an address something may have been written with the key; of a folder nothing is left.
        if folder is not None:
            _empty(folder, had_folder)
            if not had_key:
                log_key.unlink(missing_ok=True)
        raise
    return Made(pins.origin, str(pins.genesis), format_trust(pins))


def check_apart(key: Path, place: str) -> None:
    """Raises `Usage` for a private key in a folder that is pushed or served."""
    from muniment.registry.store.places import is_address

    if not is_address(place) and key.resolve().is_relative_to(Path(place).resolve()):
        raise Usage(f"The key {key} would lie in {place}, which others read.", "Name a file outside of it.")


def _empty(folder: Path, keep: bool) -> None:
    """Takes away what was put in a folder that was empty, and the folder itself unless it was there (`keep`)."""
    for path in folder.iterdir() if folder.is_dir() else ():
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    if not keep and folder.is_dir():
        folder.rmdir()


def _check_nothing(store: Store, folder: Path | None) -> None:
    """Raises `Conflict` unless a registry can begin there: in an empty folder, or beside other files at an address."""
    from muniment.log.lines import leaf_file
    from muniment.registry.paths import CHECKPOINT
    from muniment.registry.store import read_if

    if folder is not None:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Conflict(f"{folder} is not empty.", "Give a new folder.")
        return
    for path in (CHECKPOINT, leaf_file(0), "registry.yaml", "policy.yaml"):
        if read_if(store, path) is not None:
            raise Conflict(f"{store.place} has a file {path} already.", "Give a folder or prefix without a registry.")


def starter(name: str, signing: Signing, origin: str | None) -> Source:
    """A starter document for a new registry in which the signer is the administrator."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from muniment.core.resources import resource_root

    environment = Environment(  # noqa: S701 - YAML, not HTML; the values are JSON text, which YAML reads
        loader=FileSystemLoader(resource_root("templates") / "starter"), undefined=StrictUndefined
    )
    if name == "policy.yaml":
        return Source(name, environment.get_template(name).render().encode() + b"\n")
    if origin is None:
        raise Usage(
            "A new registry needs a name.", "Give --origin, as in registry.example.org/models, or --config FILE."
        )
    issuer, subject = signing.identity()
    values = {"origin": origin, "issuer": issuer, "subject": subject}
    text = environment.get_template(name).render(
        sandbox=json.dumps(signing.sandbox is not None), **{key: json.dumps(value) for key, value in values.items()}
    )
    return Source(name, text.encode() + b"\n")


def deliver(
    statement: Statement, how: Delivery, out: Path | None = None, told: Mapping[str, Any] | None = None
) -> None:
    """Signs a statement and writes the bundle to `out`, or puts it in the inbox, or with `--publish` in the log.

    `told` is what the JSON output says besides.
    """
    from muniment.core.digest import digest_of
    from muniment.evidence.kinds import kind_of
    from muniment.evidence.statement import format_statement

    if out is not None and how.outcome.publish:
        raise Usage("--out and --publish do not go together.", "Submit the bundle later, or publish it now.")
    store = None if out is not None else options.inbox(how.registry)
    key = options.log_signer(how.outcome.log_key) if how.outcome.publish else None
    hold(statement)
    payload = format_statement(statement)
    with how.signing.open() as (signer, _):
        bundle = signer.sign(payload)
    value = {"kind": kind_of(statement.predicate_type), "statement": str(digest_of(payload)), **(told or {})}
    if store is None:
        assert out is not None
        options.write(out, bundle.data)
        output.result(
            value | {"bundle": str(out)}, f"{value['kind']} {value['statement']}\nwrote {out}", how.outcome.json
        )
    else:
        _submit(store, bundle, value, key, how)


def hold(statement: Statement) -> None:
    """Nothing is signed that no registry could admit. Raises `Usage`."""
    from muniment.evidence.kinds import EVENTS, kind_of
    from muniment.registry.predicate import parse_event

    if kind_of(statement.predicate_type) in EVENTS:
        try:
            parse_event(statement)
        except Malformed as error:
            raise Usage(error.fact, error.remedy) from error


def _submit(
    store: Store,
    bundle: Bundle,
    value: dict[str, Any],
    key: NoteSigner | None,
    how: Delivery,
) -> None:
    from muniment.cli.published import report, sequence
    from muniment.interop.github import report_submission
    from muniment.registry.inbox import submit

    (path,) = submit(store, bundle.data)
    if key is None:
        text = f"{value['kind']} {value['statement']}\nsubmitted {path}"
        output.result(value | {"submitted": path}, text, how.outcome.json)
        report_submission(str(value["kind"]), str(value["statement"]), path)
        return
    with how.signing.later() as anchor:
        done = sequence(store, key, anchor)
    report(done, how.outcome.json, value)


def log_key_in(path: Path, origin: str) -> NoteSigner:
    """The key in a file, or a new one written there with mode 0600."""
    from muniment.log.note import NoteSigner, format_skey

    if path.exists():
        return options.log_signer(path)
    key = NoteSigner(origin, os.urandom(32))
    write_key(path, format_skey(key))
    return key


def write_key(path: Path, text: str) -> None:
    """Writes a private key to a new file that only its owner can read."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text + "\n")
    except OSError as error:
        raise Unreachable(f"{path} cannot be written: {error.strerror}.", "Give a path that can.") from error
