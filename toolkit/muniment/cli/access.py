"""The access review: drafted as a form, decided on by a person, signed into the log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muniment.cli import commands, options, output
from muniment.core.errors import Conflict, Refused, Usage
from muniment.core.instant import format_instant

if TYPE_CHECKING:
    from muniment.insight.doctor import Exam
    from muniment.registry.access import Granted
    from muniment.registry.config import Config

HEAD = """\
# Who may do what in {origin}, by the configuration in force at entry {entry}.
# Decide on each binding: keep, remove or change, with a reason. Then: muniment access-review {path}
"""


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, access_review, name="access-review")


def access_review(
    file: Annotated[Path, typer.Argument(help="The form: YAML or JSON.")],
    draft: Annotated[
        bool, typer.Option("--draft", help="Write the form, for a person to fill in, instead of signing it.")
    ] = False,
    next_by: Annotated[
        str, typer.Option("--next", help="With --draft: when the next review is due: a date, a time, or 180d from now.")
    ] = "180d",
    *,
    how: options.Delivery,
) -> None:
    """Review who may do what: draft a form with what the doctor says, decide on each binding, sign it."""
    if draft:
        _draft(file, next_by, how)
        return
    from muniment.cli.making import deliver
    from muniment.core.document import load_document
    from muniment.core.instant import parse_instant
    from muniment.registry import propose

    form = load_document(options.read(file), "access-review", str(file))
    state = options.own_history(how.registry).state
    assert state.config is not None
    granted = _granted(form, state.config)
    until = parse_instant(form["nextReviewBy"], "nextReviewBy")
    deliver(propose.access_review(state, form["size"], granted, until, form.get("summary"), options.now()), how)


def _draft(path: Path, next_by: str, how: options.Delivery) -> None:
    import yaml

    from muniment.cli.doctor import examination

    if path.exists():
        raise Conflict(f"{path} is there already.", "Name a new file, or remove it.")
    until, exam = options.moment(next_by, "--next"), examination(how.registry, None, "90d")
    if until <= exam.glance.at:
        raise Usage(f"--next {next_by} is no time to come.", "Write a later date, or 180d.")
    head = HEAD.format(origin=exam.config.origin, entry=exam.glance.state.configured_at, path=path)
    form = yaml.safe_dump(_form(exam, format_instant(until)), sort_keys=False, allow_unicode=True, width=118)
    options.write(path, (head + form).encode())
    count = f"{len(exam.held)} bindings to decide on"
    output.result({"draft": str(path), "bindings": len(exam.held)}, f"wrote {path}: {count}", how.outcome.json)


def _form(exam: Exam, until: str) -> dict[str, Any]:
    """What a person fills in: every binding with its use and what the doctor says of it."""
    from muniment.cli.doctor import used
    from muniment.insight.doctor.bindings import remarks

    return {
        "configuration": str(exam.config.digest),
        "size": exam.glance.state.size,
        "nextReviewBy": until,
        "summary": None,
        "bindings": [
            {
                "binding": dict(held.written),
                "may": list(held.may),
                "since": f"entry {held.since}, {format_instant(held.since_at)}",
                "used": used(held, exam),
                "remarks": remarks(exam, held),
                "decision": None,
                "reason": None,
            }
            for held in exam.held
        ],
    }


def _granted(form: dict[str, Any], config: Config) -> tuple[Granted, ...]:
    """The decisions of a form that is filled in and is of the configuration in force. Raises `Refused`."""
    from muniment.registry.access import Granted, grants

    if form["configuration"] != str(config.digest):
        raise Refused(
            "The configuration in force is no longer the one that was reviewed.",
            "Draft the form again and decide on what changed: muniment access-review --draft FILE.",
        )
    bindings = form["bindings"]
    if [(b["binding"], tuple(b["may"])) for b in bindings] != grants(config):
        raise Refused("The form's bindings are not those in force.", "Draft it again, and leave them as they are.")
    open_ = [n for n, b in enumerate(bindings, 1) if b["decision"] is None or not b["reason"]]
    if open_:
        numbers = ", ".join(map(str, open_))
        raise Refused(
            f"{len(open_)} of {len(bindings)} bindings have no decision, or no reason for it: number {numbers}.",
            "Write keep, remove or change for each, and why.",
        )
    return tuple(Granted(b["binding"], tuple(b["may"]), b["decision"], b["reason"]) for b in bindings)
