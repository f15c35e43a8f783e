"""The doctor: a self-check of how a registry is set up, and who can do what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muniment.cli import commands, options, output
from muniment.cli.policy import EffectiveTime
from muniment.core.errors import Unchecked
from muniment.core.instant import format_instant

if TYPE_CHECKING:
    from muniment.insight.access import Held
    from muniment.insight.doctor import Check, Exam

SIGNS = {"ok": "ok", "warn": "WARN", "fail": "FAIL", "not-checked": "?"}


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, doctor)


def doctor(
    registry: options.Place = options.HERE,
    who: Annotated[
        bool, typer.Option("--who", help="Also list who can do what, under which role, since when.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 where nothing failed and something could not be checked.")
    ] = False,
    idle: Annotated[
        str, typer.Option("--idle", help="After how long without use a right counts as unused, as in 90d.")
    ] = "90d",
    trust: Annotated[
        Path | None, typer.Option("--trust", help="The pins to look at; else DIR.trust.json beside the folder.")
    ] = None,
    log_key: Annotated[
        Path | None, typer.Option("--log-key", help="The log's key to look at; else DIR.key beside the folder.")
    ] = None,
    at: EffectiveTime = None,
    json: output.Json = False,
) -> None:
    """Check how a registry is set up: who can do what, what is unused, what one person can do alone, keys, settings."""
    from muniment.cli.surroundings import surroundings
    from muniment.insight.doctor import examine

    for named in filter(None, (trust, log_key)):
        options.read(named)  # what is named has to be there; what would lie beside the registry need not
    exam = examination(registry, at, idle)
    checks = (*examine(exam), *surroundings(exam.glance.state, registry, trust, log_key))
    value = {"at": format_instant(exam.glance.at), "checks": [_check_json(c) for c in checks]}
    value |= {"access": [_held_json(h, exam) for h in exam.held]}
    output.result(value, "\n".join([*_lines(checks), *(_table(exam) if who else ())]), json)
    _report(checks)
    _end(checks, strict)


def examination(registry: str, at: str | None, idle: str) -> Exam:
    """A registry under examination."""
    from muniment.cli.looking import glance
    from muniment.insight.access import holdings
    from muniment.insight.doctor import Exam

    most = options.span(idle, "--idle")
    seen = glance(registry, at)
    return Exam(seen, holdings(seen.state), most)


def _end(checks: tuple[Check, ...], strict: bool) -> None:
    verdicts = [c.verdict.value for c in checks]
    if "fail" in verdicts:
        raise typer.Exit(1)
    if strict and "not-checked" in verdicts:
        raise typer.Exit(Unchecked.exit_code)


def _report(checks: tuple[Check, ...]) -> None:
    from muniment.interop.reports import report_doctor

    report_doctor(checks)


def _lines(checks: tuple[Check, ...]) -> list[str]:
    lines = []
    for check in checks:
        lines.append(f"{SIGNS[check.verdict.value]:4}  {check.title}: {check.fact}")
        lines += [f"        {detail}" for detail in check.details]
        lines += [f"      try: {check.remedy}"] if check.remedy and check.verdict.value != "ok" else []
    counted = [f"{sum(c.verdict.value == v for c in checks)} {v}" for v in SIGNS]
    return [*lines, ", ".join(counted)]


def _table(exam: Exam) -> list[str]:
    lines = ["", "who can do what:"]
    for held in exam.held:
        binding = held.binding
        until = f", until {format_instant(binding.expires)}" if binding.expires else ""
        since = f"since entry {held.since} ({format_instant(held.since_at)}){until}"
        owner = f"{held.person}: " if held.person else ""
        lines.append(f"  {owner}{binding.identity.subject} ({binding.identity.issuer})")
        lines.append(f"    as {binding.role} in {held.where}, {since}: may sign {', '.join(held.may)}")
        lines.append(f"    {used(held, exam)}")
    return lines


def used(held: Held, exam: Exam) -> str:
    """How often a binding was used, and when last."""
    if not held.used:
        return "nothing was signed under it"
    last = exam.glance.state.entries[held.used[-1]]
    return f"{len(held.used)} signed under it, the last at {format_instant(last.admitted_at)} (entry {last.index})"


def _check_json(check: Check) -> dict[str, Any]:
    value: dict[str, Any] = {"id": check.id, "title": check.title, "verdict": check.verdict.value, "fact": check.fact}
    return value | {"remedy": check.remedy, "details": list(check.details)}


def _held_json(held: Held, exam: Exam) -> dict[str, Any]:
    return {
        "person": held.person,
        "binding": dict(held.written),
        "may": list(held.may),
        "since": {"entry": held.since, "at": format_instant(held.since_at)},
        "inForce": held in exam.in_force(),
        "used": list(held.used),
        "namespaces": sorted(held.places),
    }
