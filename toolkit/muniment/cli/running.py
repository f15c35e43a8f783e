"""What runs, and what returns when it does not run well: rollback, deploy, observe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muniment.cli import commands, options, output, waiting
from muniment.cli.events import configured
from muniment.cli.oversight import only_role
from muniment.core.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from muniment.core.name import Name, VersionId
    from muniment.registry.recovery import Candidate

Environment = Annotated[str, typer.Option("--env", help="The environment.")]


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, rollback, deploy, observe)


def rollback(
    model: Annotated[str, typer.Argument(help="namespace/name.")],
    environment: Environment,
    incident: Annotated[str | None, typer.Option("--incident", help="The open incident that this answers.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for the record.")] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="The version to return to, as 1.0.0; else the last permitted one.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say which versions may return and why; nothing is signed.")
    ] = False,
    emergency: Annotated[
        bool, typer.Option("--emergency", help="Do not wait for approvals: they are owed, and the breach is recorded.")
    ] = False,
    role: Annotated[
        str | None, typer.Option("--role", help="The role in which you declare the emergency, where several may.")
    ] = None,
    *,
    how: options.Delivery,
) -> None:
    """Put an earlier version back in an environment."""
    from muniment.cli.making import deliver
    from muniment.registry import recovery
    from muniment.registry.config_check import EMERGENCY

    name, version = _named(model, to)
    if not check and (incident is None or reason is None):
        raise Usage("A rollback answers an incident, and says why.", "Give --incident ID and --reason, or --check.")
    if role is not None and not emergency:
        raise Usage("--role is that in which an emergency is declared.", "Give --emergency too, or leave it out.")
    state, now = options.own_history(how.registry).state, options.now()
    configured(state, environment)
    found = recovery.candidates(state, name, environment, now)
    if check:
        _tell(found, name, environment, version, how.outcome.json)
        return
    assert incident is not None
    assert reason is not None
    waiting.tell_of_incident(how.registry, state, name, incident)
    held = (role or only_role(state, EMERGENCY)) if emergency else None
    statement = recovery.rollback(state, name, environment, version, incident, reason, now, held)
    output.say("\n".join(_lines(found)))
    deliver(statement, how, told={"candidates": _json(found)})


def deploy(
    selector: Annotated[str, typer.Argument(help="The version: namespace/name@version.")],
    environment: Environment,
    status: Annotated[str, typer.Option("--status", help="running or stopped.")],
    instance: Annotated[
        str | None, typer.Option("--instance", help="Which one, where the version runs in several places.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for the record.")] = None,
    *,
    how: options.Delivery,
) -> None:
    """Say that a version runs in an environment, or runs there no more."""
    from muniment.cli.making import deliver
    from muniment.core.name import parse_selector
    from muniment.registry import propose

    state = options.own_history(how.registry).state
    version = propose.resolve(state, parse_selector(selector))
    configured(state, environment)
    deliver(propose.deploy(state, version, environment, status, options.now(), instance=instance, reason=reason), how)


def observe(
    selector: Annotated[str, typer.Argument(help="The version: namespace/name@version.")],
    environment: Environment,
    begins: Annotated[str, typer.Option("--from", help="When the window begins: a date or a time.")],
    ends: Annotated[str, typer.Option("--until", help="When it ends.")],
    samples: Annotated[
        int | None, typer.Option("--samples", min=1, help="On how many samples the numbers rest; else the file says.")
    ] = None,
    metrics: Annotated[
        list[str] | None, typer.Option("--metric", help="A number observed, as f1=0.93; as often as needed.")
    ] = None,
    drift: Annotated[
        list[str] | None, typer.Option("--drift", help="How far a feature drifted, as cpu=0.2; as often as needed.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="JSON with metrics, drift and samples; what the options say stands before it."),
    ] = None,
    *,
    how: options.Delivery,
) -> None:
    """Say what was observed of a version that runs, and which triggers fire."""
    from muniment.cli.making import deliver, hold
    from muniment.cli.numbers import gather
    from muniment.cli.trouble import reading_json, reading_lines
    from muniment.core.name import parse_selector
    from muniment.registry import observing, propose

    state = options.own_history(how.registry).state
    version = propose.resolve(state, parse_selector(selector))
    configured(state, environment)
    count, numbers, drifted = gather(metrics or [], drift or [], samples, file)
    begin, end = options.moment(begins, "--from"), options.moment(ends, "--until")
    if end <= begin:
        raise Usage(f"--until {ends} is no time after --from {begins}.", "Let the window end later.")
    statement = propose.observe(state, version, environment, begin, end, count, numbers, drifted, options.now())
    hold(statement)
    readings = observing.foretold(state, statement)
    deliver(statement, how, told={"triggers": reading_json(readings)})
    for line in reading_lines(readings, version, environment):
        output.say(line)


def _named(model: str, to: str | None) -> tuple[Name, VersionId | None]:
    """The name that is rolled back, and the version that is wanted. Raises `Usage`."""
    from muniment.core.name import parse_name, parse_version_id

    if "@" in model:
        raise Usage("A model is rolled back, not a version.", "Write namespace/name; --to says which version returns.")
    name = parse_name(model)
    version = parse_version_id(to if "@" in to else f"{model}@{to}") if to is not None else None
    if version is not None and version.name != name:
        raise Usage(f"{version} is no version of {name}.", f"Give a version of {name}.")
    return name, version


def _tell(found: Sequence[Candidate], name: Name, environment: str, wanted: VersionId | None, json: bool) -> None:
    """Prints the candidates; exit code 1 where none of them, or not the wanted one, may return."""
    from muniment.core.errors import Missing, Refused
    from muniment.registry.recovery import choose

    chosen, note = None, ""
    try:
        chosen = choose(found, name, environment, wanted).version
    except (Missing, Refused) as error:
        note = error.fact
    value: dict[str, Any] = {"name": str(name), "environment": environment, "candidates": _json(found)}
    value["chosen"] = str(chosen) if chosen else None
    output.result(value, "\n".join([*_lines(found), f"{chosen} would return" if chosen else note]), json)
    if chosen is None:
        raise typer.Exit(1)


def _lines(found: Sequence[Candidate]) -> list[str]:
    """A line a candidate; below it what speaks against it, and what is still to come."""
    from muniment.core.instant import format_instant

    lines: list[str] = []
    for one in found:
        word = "not permitted" if one.against else "permitted once approved" if one.lacking else "permitted"
        lines.append(f"{one.version}: {word}; it left at {format_instant(one.left)}")
        lines += [f"  {fact}" for fact in (*one.against, *one.lacking)]
    return lines


def _json(found: Sequence[Candidate]) -> list[dict[str, Any]]:
    from muniment.core.instant import format_instant
    from muniment.interop.findings import findings_json

    return [
        {
            "version": str(one.version),
            "leftAt": format_instant(one.left),
            "permitted": one.permitted,
            "against": list(one.against),
            "lacking": list(one.lacking),
            "findings": findings_json(one.findings),
        }
        for one in found
    ]
