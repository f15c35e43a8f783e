"""Events in the life of a version: release, approve, promote, retire."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muniment.cli import commands, options, waiting
from muniment.core.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from muniment.core.digest import Digest
    from muniment.registry.event import Archive, ReleasedArtifact
    from muniment.registry.state import State

Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
Kind = Annotated[str, typer.Option("--kind", help="What they are: model, dataset, config or pipeline.")]
Evidence = Annotated[
    list[str] | None,
    typer.Option("--evidence", help="A statement digest; else all records in the log about the artifacts."),
]


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, release, approve, promote, retire)


def release(
    version: Annotated[str, typer.Argument(help="namespace/name@version.")],
    artifacts: Annotated[
        list[Path], typer.Argument(help="Its artifacts: files or folders; the first is the main one.")
    ],
    kind: Kind = "model",
    evidence: Evidence = None,
    *,
    how: options.Delivery,
) -> None:
    """Bind a version for ever to its artifacts and evidence."""
    from muniment.cli.making import deliver
    from muniment.core.name import parse_version_id
    from muniment.registry import propose

    state, wanted = options.own_history(how.registry).state, parse_version_id(version)
    released = measured(artifacts, kind)
    named = named_evidence(state, released, evidence)
    if not evidence:
        waiting.tell_of_evidence(how.registry, released, named)
    statement = propose.release(state, wanted, released, named, options.now())
    deliver(statement, how)


def approve(
    target: Annotated[
        str,
        typer.Argument(
            help="The statement digest of the event to approve, as it was printed; publish lists what waits."
        ),
    ],
    role: Annotated[str, typer.Option("--role", help="The role in which you approve.")],
    reason: Reason,
    reject: Annotated[
        bool, typer.Option("--reject", help="Reject it: nothing admits it until that is taken back.")
    ] = False,
    expires: Annotated[
        str | None, typer.Option("--expires", help="Until when it counts: a date, a time, or 30d from now.")
    ] = None,
    *,
    how: options.Delivery,
) -> None:
    """Approve an event that waits in the inbox, or reject it."""
    from muniment.cli.making import deliver
    from muniment.core.digest import parse_digest
    from muniment.registry import propose

    if not target.startswith("sha256:"):
        raise Usage(
            f"{target!r} is not the digest of a statement.",
            "Give the sha256:... that the command to approve printed; muniment publish lists what waits.",
        )
    state, digest = options.own_history(how.registry).state, parse_digest(target)
    waiting.tell_of_target(how.registry, state, digest)
    ends = options.moment(expires, "--expires") if expires else None
    subject = how.signing.subject() if digest in state.approvals else None
    decision = "rejected" if reject else "approved"
    deliver(
        propose.approve(state, digest, role, reason, options.now(), decision=decision, expires=ends, subject=subject),
        how,
    )


def promote(
    selector: Annotated[str, typer.Argument(help="The version: namespace/name@version.")],
    environment: Annotated[str, typer.Option("--to", help="The environment it goes to.")],
    reason: Reason,
    *,
    how: options.Delivery,
) -> None:
    """Put a version in an environment."""
    from muniment.cli.making import deliver
    from muniment.core.name import parse_selector
    from muniment.registry import propose

    state = options.own_history(how.registry).state
    version = propose.resolve(state, parse_selector(selector))
    configured(state, environment)
    statement = propose.promote(state, version, environment, reason, options.now())
    deliver(statement, how)


def retire(
    selector: Annotated[str, typer.Argument(help="The version: namespace/name@version.")],
    category: Annotated[
        str,
        typer.Option("--category", help="superseded, defective, unsafe, licence, data-withdrawn, unused or other."),
    ],
    reason: Reason,
    replacement: Annotated[str | None, typer.Option("--replacement", help="The version to use instead.")] = None,
    archive: Annotated[
        str | None, typer.Option("--archive", help="Where it is kept from now on: an address, or words.")
    ] = None,
    archive_digest: Annotated[
        str | None, typer.Option("--archive-digest", help="The sha256:... of what lies in the archive.")
    ] = None,
    *,
    how: options.Delivery,
) -> None:
    """Take a version out of use for good."""
    from muniment.cli.making import deliver
    from muniment.core.name import parse_selector, parse_version_id
    from muniment.registry import propose

    state = options.own_history(how.registry).state
    version = propose.resolve(state, parse_selector(selector))
    instead = parse_version_id(replacement) if replacement else None
    kept = _archive(archive, archive_digest)
    statement = propose.retire(state, version, category, reason, instead, options.now(), kept)
    deliver(statement, how)


def _archive(location: str | None, digest: str | None) -> Archive | None:
    from muniment.core.digest import parse_digest
    from muniment.registry.event import Archive

    if location is None:
        if digest is not None:
            raise Usage("--archive-digest is of something in an archive.", "Say where that is: --archive LOCATION.")
        return None
    return Archive(location, parse_digest(digest) if digest else None)


def configured(state: State, environment: str) -> None:
    """Raises `Usage` for an environment that the registry does not have."""
    known = state.config.environments if state.config else ()
    if environment not in known:
        raise Usage(f"The environment {environment!r} is not configured.", f"Choose among {', '.join(known)}.")


def measured(paths: Iterable[Path], kind: str) -> tuple[ReleasedArtifact, ...]:
    """Files and folders as artifacts of a kind."""
    from muniment.evidence.artifact import measure
    from muniment.registry.event import ARTIFACT_KINDS, ReleasedArtifact

    if kind not in ARTIFACT_KINDS:
        raise Usage(f"{kind!r} is no kind of artifact.", f"Choose among {', '.join(ARTIFACT_KINDS)}.")
    return tuple(ReleasedArtifact(m.name, kind, m.digest) for m in map(measure, paths))


def named_evidence(
    state: State, artifacts: tuple[ReleasedArtifact, ...], given: list[str] | None
) -> tuple[Digest, ...]:
    """The evidence that is given, else all in the log about the artifacts."""
    from muniment.core.digest import parse_digest
    from muniment.registry.reach import evidence_about

    if given:
        return tuple(parse_digest(text) for text in given)
    return evidence_about(state, artifacts)
