"""Standing watch: `monitor` replays what is new in a log and tells whom it concerns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muniment.cli import commands, options, output
from muniment.core.errors import Untrusted
from muniment.core.instant import format_instant

if TYPE_CHECKING:
    from muniment.registry.state import Entry, State
    from muniment.verify.monitor import Monitored, Waiting


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, monitor)


def monitor(
    place: Annotated[str, typer.Argument(help="The log: where its registry is, or a site's address.")],
    trust: options.TrustFile,
    state: Annotated[Path, typer.Option("--state", help="The monitor's memory, a folder kept between runs.")],
    name: Annotated[
        list[str] | None, typer.Option("--name", help="Report entries about this namespace/name; may be repeated.")
    ] = None,
    identity: Annotated[
        list[str] | None, typer.Option("--identity", help="Report entries signed by this subject; may be repeated.")
    ] = None,
    inbox_max_age: Annotated[
        str, typer.Option("--inbox-max-age", help="How long a submission may stay undecided, as in 7d or 12h.")
    ] = "7d",
    json: output.Json = False,
) -> None:
    """Verify what is new in a log since the last look, report it, and fail on whatever a log must not do."""
    from muniment.core.name import parse_name
    from muniment.interop.reports import report_monitor
    from muniment.verify import monitor as watching

    names = tuple(parse_name(text) for text in name or ())
    most = options.span(inbox_max_age, "--inbox-max-age")
    watch = watching.Watch(names, tuple(identity or ()), most, options.now())
    pins, book = options.trust(trust), options.folder(state)
    with book.turn():
        done = watching.monitor(options.reader(place), pins, book, watch, options.processes())
        output.result(_value(done), _text(done, place), json)
        report_monitor(done)
        watching.remember_monitored(done, pins, book)
    if done.late:
        raise Untrusted(
            f"{len(done.late)} of {len(done.inbox or ())} submissions in the inbox should have been decided on.",
            "Ask who publishes: the log proves what was admitted, and not what was held back.",
        )


def _value(done: Monitored) -> dict[str, Any]:
    return {
        "origin": done.history.checkpoint.origin,
        "size": done.history.checkpoint.size,
        "before": done.before,
        "entries": [_entry(done.history.state, entry) for entry in done.shown],
        "inbox": None if done.inbox is None else [_waiting(one) for one in done.inbox],
        "remarks": list(done.remarks),
    }


def _entry(state: State, entry: Entry) -> dict[str, Any]:
    from muniment.interop.about import about_of, signers_of

    assert entry.record is not None
    return {
        "index": entry.index,
        "at": format_instant(entry.admitted_at),
        "kind": entry.kind,
        "about": about_of(state, entry),
        **signers_of(entry),
        "statement": str(entry.record.statement_digest),
    }


def _waiting(one: Waiting) -> dict[str, Any]:
    value = {"path": one.path, "type": one.kind, "signer": one.subject, "signedAt": format_instant(one.since)}
    return value | {"reason": one.reason, "late": one.late}


def _text(done: Monitored, place: str) -> str:
    from muniment.interop.about import signed_by

    size = done.history.checkpoint.size
    lines = [f"VERIFIED: {place}: {size} entries, {size - done.before} since the last look"]
    for entry in (_entry(done.history.state, shown) for shown in done.shown):
        about = f"{entry['kind']} {entry['about']} by {signed_by(entry)}"
        lines.append(f"  entry {entry['index']} ({entry['at']}): {about}")
    for one in done.inbox or ():
        word = "UNDECIDED" if one.late else "waits"
        lines.append(f"  {word} since {format_instant(one.since)}: {one.path} by {one.subject}: {one.reason}")
    return "\n".join([*lines, *(f"  {remark}" for remark in done.remarks)])
