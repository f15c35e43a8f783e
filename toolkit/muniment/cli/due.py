"""What falls due, with dates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muniment.cli import commands, options, output
from muniment.cli.policy import EffectiveTime
from muniment.core.instant import format_instant

if TYPE_CHECKING:
    from muniment.insight.due import Due

LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # no time can be written that is later


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, due)


def due(
    name: Annotated[str | None, typer.Argument(help="Only what is of this namespace/name.")] = None,
    within: Annotated[str, typer.Option("--within", help="How far to look ahead, as in 30d.")] = "30d",
    fail_overdue: Annotated[
        bool, typer.Option("--fail-overdue", help="Exit with 1 where something is overdue.")
    ] = False,
    at: EffectiveTime = None,
    registry: options.Registry = options.HERE,
    json: output.Json = False,
) -> None:
    """List what falls due: reviews, evidence, approvals, waivers, bindings, keys, rules, incidents, triggers, inbox."""
    from muniment.cli.looking import glance
    from muniment.core.name import parse_name
    from muniment.insight import due as asking
    from muniment.interop.reports import report_due

    of, ahead = parse_name(name) if name is not None else None, options.span(within, "--within")
    seen = glance(registry, at)
    until = seen.at + min(ahead, LAST - seen.at)
    if seen.waiting is None:
        output.say("note: The inbox is not visible here, so what waits in it is not looked at.")
    found = asking.due(seen, until, of)
    output.result(_value(found, seen.at, until), _text(found, seen.at, within), json)
    report_due(found, seen.at)
    if fail_overdue and any(one.status(seen.at) == "overdue" for one in found):
        raise typer.Exit(1)


def _value(found: tuple[Due, ...], at: datetime, until: datetime) -> dict[str, Any]:
    return {"at": format_instant(at), "until": format_instant(until), "due": [_item(one, at) for one in found]}


def _item(one: Due, at: datetime) -> dict[str, Any]:
    value: dict[str, Any] = {
        "kind": one.kind,
        "at": format_instant(one.at),
        "status": one.status(at),
        "about": one.about,
    }
    value |= {"name": str(one.name) if one.name else None, "entry": one.entry}
    return value | {"fact": one.fact, "remedy": one.remedy}


def _text(found: tuple[Due, ...], at: datetime, within: str) -> str:
    lines = []
    for one in found:
        entry = f", entry {one.entry}" if one.entry is not None else ""
        lines.append(f"{format_instant(one.at)}  {one.status(at):7}  {one.kind:12}  {one.about}{entry}")
        lines += [f"    {one.fact}", f"    try: {one.remedy}"]
    return "\n".join(lines) or f"nothing falls due within {within}"
