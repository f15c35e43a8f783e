"""Evidence that has to go: request-deletion and redact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from muniment.cli import commands, options
from muniment.core.errors import Missing, Usage

if TYPE_CHECKING:
    from muniment.core.digest import Digest
    from muniment.registry.state import State

Reason = Annotated[str, typer.Option("--reason", help="Why, for the record. It stays: name no person.")]


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, request_deletion, redact)


def request_deletion(
    targets: Annotated[
        list[str], typer.Argument(help="Statement digests of evidence; or of an artifact, for all evidence about it.")
    ],
    basis: Annotated[
        str,
        typer.Option(
            "--basis",
            help="erasure-request, retention-ended, licence-withdrawn, legal-order, confidential or other.",
        ),
    ],
    reason: Reason,
    reference: Annotated[
        str | None, typer.Option("--reference", help="Where the request is kept, as DSR-7. It stays: name no person.")
    ] = None,
    *,
    how: options.Delivery,
) -> None:
    """Ask that evidence is deleted."""
    from muniment.cli.making import deliver
    from muniment.registry import propose
    from muniment.registry.deletion import BASES

    if basis not in BASES:
        raise Usage(f"{basis!r} is no basis of a deletion.", f"Choose among {', '.join(BASES)}.")
    state = options.own_history(how.registry).state
    named = tuple(dict.fromkeys(s for target in targets for s in _statements(state, target)))
    deliver(propose.request_deletion(state, named, basis, reason, reference, options.now()), how)


def redact(
    request: Annotated[str, typer.Argument(help="The statement digest of the request-deletion.")],
    reason: Reason,
    bundles: Annotated[
        list[str] | None, typer.Option("--bundle", help="A bundle that goes; else all that was asked for.")
    ] = None,
    *,
    how: options.Delivery,
) -> None:
    """Delete evidence that was asked for; you answer for the decisions that looked at it, which are printed."""
    from muniment.cli import output
    from muniment.cli.making import deliver
    from muniment.registry import propose

    state = options.own_history(how.registry).state
    named = tuple(_digest(text, "bundle") for text in bundles or ())
    statement = propose.redact(state, _digest(request, "statement"), named, reason, options.now())
    for index in statement.predicate["decisions"]:
        output.say(f"note: Entry {index} ({state.entries[index].kind}) looked at it: you answer for that decision.")
    deliver(statement, how)


def _statements(state: State, target: str) -> tuple[Digest, ...]:
    from muniment.registry.redaction import redactable

    found = redactable(state, _digest(target, "statement or of an artifact"))
    if not found:
        raise Missing(
            f"Nothing that could go is known by {target}.",
            "Events stay, and so does what is gone already; the site and muniment show name statements.",
        )
    return found


def _digest(text: str, what: str) -> Digest:
    from muniment.core.digest import parse_digest

    if not text.startswith("sha256:"):
        raise Usage(f"{text!r} is not the digest of a {what}.", "Give the sha256:... that was printed for it.")
    return parse_digest(text)
