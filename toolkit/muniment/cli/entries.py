"""The log's entries: who signed what about what, and one of them in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muniment.cli import options, output
from muniment.core.errors import Missing

if TYPE_CHECKING:
    from muniment.registry.fold import History
    from muniment.registry.state import State


def history(
    selector: Annotated[
        str | None, typer.Argument(help="A version, or the index of an entry; nothing for the whole log.")
    ] = None,
    registry: options.Registry = options.HERE,
    json: output.Json = False,
) -> None:
    """List the log's entries, or those of a version with their approvals and the decisions on them; or tell of one."""
    replayed = options.own_history(registry)
    if selector is not None and selector.isascii() and selector.isdecimal():
        value = _whole(replayed, int(selector))
        output.result(value, "\n".join(_told(value)), json)
        return
    wanted = range(len(replayed.entries)) if selector is None else _of_version(replayed.state, selector)
    rows = [_row(replayed, i) for i in wanted]
    output.result(rows, "\n".join(map(_line, rows)), json)


def _of_version(state: State, selector: str) -> Sequence[int]:
    from muniment.core.name import parse_selector
    from muniment.insight.standing import words_on
    from muniment.registry import propose
    from muniment.registry.decision import decisions_on

    events = state.versions[propose.resolve(state, parse_selector(selector))].events
    approvals = (a.index for event in events for a in words_on(state, event))
    decisions = (d.index for event in events for d in decisions_on(state, event))
    return sorted({*events, *approvals, *decisions})


def _row(replayed: History, index: int) -> dict[str, Any]:
    from muniment.cli.trouble import note_of
    from muniment.core.instant import format_instant
    from muniment.interop.about import about_of, signers_of
    from muniment.registry.leaf import parse_line

    entry = replayed.entries[index]
    value = {"index": index, "at": format_instant(entry.admitted_at), "kind": entry.kind, **signers_of(entry)}
    value |= {"about": words} if (words := about_of(replayed.state, entry)) else {}
    value |= {"statement": str(parse_line(entry.leaf).statement)} if entry.kind != "state" else {}
    value |= {"unprovenSince": entry.unproven} if entry.unproven is not None else {}
    note = note_of(replayed.state, entry, options.now())
    return value | ({"note": note} if note else {})


def _whole(replayed: History, index: int) -> dict[str, Any]:
    """An entry's row, with its signer's issuer and the reason that an event gives."""
    if index >= len(replayed.entries):
        raise Missing(f"There is no entry {index}.", f"The log has {len(replayed.entries)}: see muniment history.")
    entry = replayed.entries[index]
    value = _row(replayed, index)
    value |= {"issuer": entry.record.identity.issuer} if entry.record else {}
    reason = getattr(entry.event, "reason", None)
    return value | ({"reason": reason} if reason else {})


def _told(value: dict[str, Any]) -> list[str]:
    """An entry in full, a line a field."""
    from muniment.interop.about import signed_by

    shown = {key: item for key, item in value.items() if key != "broughtInBy"} | {"signer": signed_by(value)}
    return [f"{key}: {item}" for key, item in shown.items()]


def _line(row: dict[str, Any]) -> str:
    from muniment.interop.about import signed_by

    since = f"  unproven since entry {row['unprovenSince']}" if "unprovenSince" in row else ""
    words = f"  {row['about']}" if "about" in row else ""
    note = f"  {row['note']}" if "note" in row else ""
    return f"{row['index']:>5}  {row['at']}  {row['kind']:<15} {signed_by(row)}{words}{since}{note}".rstrip()
