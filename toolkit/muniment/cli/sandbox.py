"""The sandbox: a Sigstore instance of one's own, for first runs, trials and drills."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muniment.cli import options, output
from muniment.core.errors import Conflict, Usage
from muniment.core.instant import format_instant

if TYPE_CHECKING:
    from muniment.signing.sandbox import SandboxIdentity

PINNED = {
    "sourceRepositoryIdentifier": "repository_id",
    "sourceRepositoryOwnerIdentifier": "repository_owner_id",
    "sourceRepositoryRef": "ref",
    "runnerEnvironment": "runner_environment",
    "buildTrigger": "event_name",
}

commands = typer.Typer(name="sandbox", help="A Sigstore instance in a folder, for trials: it proves nothing else.")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    app.add_typer(commands)


@commands.command()
def create(
    folder: Annotated[Path, typer.Argument(help="Where its keys will be kept (mode 0700).")],
    json: output.Json = False,
) -> None:
    """Make a sandbox: keys for issuer, certificate authority, log and timestamp authority."""
    from muniment.signing.sandbox import create as make

    make(folder)
    output.result({"sandbox": str(folder)}, f"{folder} is a sandbox. Add identities: muniment sandbox identity.", json)


@commands.command()
def identity(
    folder: Annotated[Path, typer.Argument(readable=False, help="The sandbox.")],
    name: Annotated[str, typer.Argument(help="The name for --as.")],
    workflow: Annotated[
        str | None,
        typer.Option("--workflow", help="A workflow OWNER/REPO/FILE.yml instead of a person."),
    ] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", help="The workflow's deployment environment.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Add a person, or a workflow of the emulated GitHub Actions."""
    from muniment.signing.sandbox import add_identity, read_identities

    made = _identity(name, workflow, environment)
    held = read_identities(folder).get(name, made)
    if held != made:
        raise Conflict(f"The sandbox has another identity {name!r}: {held.subject}.", "Choose another name.")
    add_identity(folder, made)
    bound = {"issuer": made.issuer, "subject": made.subject} | _claims(made)
    text = f"{made.name}: {made.subject} by {made.issuer}\nin registry.yaml: identity: {dumps(bound)}"
    output.result({"name": made.name, **bound}, text, json)


@commands.command()
def root(
    folder: Annotated[Path, typer.Argument(readable=False, help="The sandbox.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write it.")],
    json: output.Json = False,
) -> None:
    """Write the sandbox's Sigstore trusted root, for other clients."""
    from muniment.signing.sandbox import Sandbox

    options.write(out, Sandbox(folder).trusted_root())
    output.result({"trustedRoot": str(out)}, str(out), json)


@commands.command()
def tuf(
    folder: Annotated[Path, typer.Argument(help="The sandbox.")],
    out: Annotated[Path, typer.Argument(help="The folder to write to, for any static web server.")],
    url: Annotated[
        str | None, typer.Option("--url", help="Where the sandbox's services answer those who would sign.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Write the sandbox's TUF repository: how other clients learn its trusted root, and later ones."""
    from muniment.signing.sandbox.tuf import NOWHERE, publish

    version = publish(folder, out, url or NOWHERE)
    text = f"{out} is the TUF repository of the sandbox; clients start from {out / 'root.json'}."
    output.result({"repository": str(out), "root": str(out / "root.json"), "rootVersion": version}, text, json)


@commands.command()
def rotate(
    folder: Annotated[Path, typer.Argument(help="The sandbox.")],
    key: Annotated[str, typer.Option("--key", help="Whose key: fulcio, ct, rekor, tsa, oidc, tuf, or all.")] = "all",
    json: output.Json = False,
) -> None:
    """Replace keys: what older ones signed stays good, what they sign from now on is refused."""
    from muniment.signing.sandbox.keys import SERVICES
    from muniment.signing.sandbox.rotation import rotate as renew

    services = tuple(SERVICES) if key == "all" else (key,) if key != "tuf" else ()
    begun: dict[str, Any] = {"at": format_instant(renew(folder, services))} if services else {}
    if key == "tuf" or (key == "all" and (folder / "tuf").is_dir()):
        from muniment.signing.sandbox.tuf import rotate_tuf

        begun |= {"rootVersion": rotate_tuf(folder)}
    rotated = [*services, *(["tuf"] if "rootVersion" in begun else [])]
    text = f"New keys: {', '.join(rotated)}. Those who verify need the new trusted root: muniment sandbox root."
    output.result({"rotated": rotated, **begun}, text, json)


def _claims(identity: SandboxIdentity) -> dict[str, dict[str, str]]:
    """The claims that a binding of a workflow pins, by the names certificates have for them."""
    from muniment.signing.sandbox.identities import GITHUB, token_claims

    if identity.issuer != GITHUB:
        return {}
    told = token_claims(identity)
    return {"claims": {pinned: told[claim] for pinned, claim in PINNED.items()}}


def _identity(name: str, flow: str | None, environment: str | None) -> SandboxIdentity:
    from muniment.signing.sandbox import person, workflow

    if flow is None:
        if environment is not None:
            raise Usage("--environment goes with --workflow.", "Persons have no deployment environment.")
        return person(name)
    parts = flow.split("/")
    if len(parts) != 3:
        raise Usage(f"{flow!r} is no workflow.", "Write OWNER/REPO/FILE.yml.")
    claims = {"environment": environment} if environment else {}
    return workflow(name, f"{parts[0]}/{parts[1]}", parts[2], **claims)
