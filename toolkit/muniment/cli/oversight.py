"""Words about others' work: revoke, waive, incident."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muniment.cli import commands, options
from muniment.core.errors import Missing, Usage

if TYPE_CHECKING:
    from muniment.core.name import VersionId
    from muniment.evidence.statement import Subject
    from muniment.registry.state import State

Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
Of = Annotated[str, typer.Argument(help="namespace/name.")]
Id = Annotated[str, typer.Argument(help="The incident, as INC-7.")]
Ticket = Annotated[str | None, typer.Option("--ticket", help="Where it is worked on: a number or an address.")]

incident = typer.Typer(name="incident", help="What went wrong with a model: opened, located, resolved.")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, revoke, waive)
    commands.add(incident, open_, name="open")
    commands.add(incident, locate, resolve)
    app.add_typer(incident)


def revoke(
    target: Annotated[str, typer.Argument(help="The statement digest of the approval, rejection or waiver.")],
    reason: Reason,
    *,
    how: options.Delivery,
) -> None:
    """Take back an approval, a rejection or a waiver."""
    from muniment.cli.making import deliver
    from muniment.core.digest import parse_digest
    from muniment.registry import propose

    if not target.startswith("sha256:"):
        raise Usage(f"{target!r} is not the digest of a statement.", "Give the sha256:... that was printed for it.")
    state = options.own_history(how.registry).state
    deliver(propose.revoke(state, parse_digest(target), reason, options.now()), how)


def waive(
    rule: Annotated[str, typer.Argument(help="The rule's id, as findings name it.")],
    selector: Annotated[str, typer.Argument(help="The version: namespace/name@version; it need not be released.")],
    reason: Reason,
    until: Annotated[str, typer.Option("--until", help="When it ends: a date, a time, or 30d from now.")],
    begins: Annotated[str | None, typer.Option("--from", help="When it begins; else now.")] = None,
    role: Annotated[str | None, typer.Option("--role", help="The role in which you waive, where several may.")] = None,
    artifacts: Annotated[
        list[Path] | None, typer.Option("--artifact", help="An artifact of a version that is not released yet.")
    ] = None,
    ticket: Ticket = None,
    *,
    how: options.Delivery,
) -> None:
    """Except a version from a rule, for a time."""
    from muniment.cli.making import deliver
    from muniment.registry import propose

    state = options.own_history(how.registry).state
    version = _version(state, selector)
    subjects = _subjects(state, version, artifacts or [])
    now = options.now()
    begin, end = options.moment(begins, "--from") if begins else now, options.moment(until, "--until")
    if end <= begin:
        raise Usage(f"--until {until} is no time after it begins.", "Let it end later: a date, a time, or 30d.")
    held = role or only_role(state, "waive")
    deliver(propose.waive(state, version, subjects, rule, held, reason, begin, end, ticket, now), how)


def open_(
    model: Of,
    number: Id,
    severity: Annotated[str, typer.Option("--severity", help="low, medium, high or critical.")],
    reason: Annotated[str, typer.Option("--reason", help="What was seen.")],
    environment: Annotated[str | None, typer.Option("--env", help="Where it was seen.")] = None,
    version: Annotated[str | None, typer.Option("--version", help="The version it is of, where that is known.")] = None,
    ticket: Ticket = None,
    *,
    how: options.Delivery,
) -> None:
    """Open an incident."""
    _step(model, number, "opened", reason, how, version, severity=severity, environment=environment, ticket=ticket)


def locate(
    model: Of,
    number: Id,
    version: Annotated[str, typer.Option("--version", help="The version, as 1.2.0.")],
    reason: Annotated[str, typer.Option("--reason", help="What shows it.")],
    *,
    how: options.Delivery,
) -> None:
    """Locate an incident to the version that causes it: no rollback returns to that one while it is open."""
    _step(model, number, "located", reason, how, version)


def resolve(
    model: Of,
    number: Id,
    reason: Annotated[str, typer.Option("--reason", help="What mended it.")],
    *,
    how: options.Delivery,
) -> None:
    """Close an incident for good."""
    _step(model, number, "resolved", reason, how)


def _step(
    of: str,
    number: str,
    action: str,
    reason: str,
    how: options.Delivery,
    version: str | None = None,
    **more: str | None,
) -> None:
    from muniment.cli.making import deliver
    from muniment.core.name import parse_name, parse_version_id
    from muniment.registry import propose

    if "@" in of:
        raise Usage("An incident is of a name, not of a version.", "Write namespace/name; --version says which one.")
    state, name = options.own_history(how.registry).state, parse_name(of)
    found = parse_version_id(version if "@" in version else f"{of}@{version}") if version else None
    if found is not None and found not in state.versions:
        raise Missing(f"{found} is not released.", "See muniment show for what there is.")
    deliver(
        propose.incident(state, name, number, action, reason, options.now(), version=found, **more),
        how,
    )


def _version(state: State, selector: str) -> VersionId:
    """The version that is meant; one that is not released must be named in full."""
    from muniment.core.name import VersionId, parse_selector
    from muniment.registry import propose

    wanted = parse_selector(selector)
    return wanted if isinstance(wanted, VersionId) else propose.resolve(state, wanted)


def _subjects(state: State, version: VersionId, paths: list[Path]) -> tuple[Subject, ...]:
    from muniment.evidence.artifact import measure
    from muniment.evidence.statement import Subject
    from muniment.registry.event import subjects_of

    known = state.versions.get(version)
    if known is not None:
        if paths:
            raise Usage(f"{version} is released: its artifacts are known.", "Leave --artifact out.")
        return subjects_of(known.artifacts)
    if not paths:
        raise Usage(
            f"{version} is not released, and a waiver is for exact artifacts.", "Give each one with --artifact PATH."
        )
    return tuple(Subject(m.name, m.digest) for m in map(measure, paths))


def only_role(state: State, kind: str) -> str:
    """The one role that may do something. Raises `Usage` where there are several or none."""
    assert state.config is not None
    roles = [role for role, may in state.config.roles.items() if kind in may]
    if len(roles) != 1:
        raise Usage(
            f"{len(roles)} roles may {kind}.", f"Give --role: {', '.join(roles) or 'registry.yaml names none'}."
        )
    return roles[0]
