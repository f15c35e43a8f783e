"""Making and signing evidence: attest, bom and record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muniment.cli import commands, options
from muniment.core.errors import Usage

if TYPE_CHECKING:
    from muniment.evidence.statement import Statement

DOCUMENTS = {
    "provenance": "recipe.yaml",
    "dataset": "dataset.yaml",
    "evaluation": "evaluation.json",
    "test-result": "evaluation.json",
    "privacy-review": "review.yaml",
    "security-review": "review.yaml",
    "scan": "scan.json",
    "vulns": "vulns.json",
    "reproduction": "reproduction.yaml",
}
KINDS = (*DOCUMENTS, "signature")


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, attest, bom)
    commands.add(app, import_, name="import")
    commands.add(app, record, context_settings={"allow_interspersed_args": False})


def attest(
    kind: Annotated[str, typer.Argument(help=f"{', '.join(KINDS[:-1])} or {KINDS[-1]}.")],
    path: Annotated[Path, typer.Argument(help="The artifact: a file or a folder.")],
    about: Annotated[
        Path | None,
        typer.Option("--from", help="Its document, such as recipe.yaml; a signature needs none."),
    ] = None,
    *,
    registry: options.Registry = options.HERE,
    signing: options.Signing,
    out: options.Out = None,
    outcome: options.Outcome,
) -> None:
    """Make and sign a statement about an artifact, and submit it."""
    from muniment.cli.making import deliver

    statement = _statement(kind, path, about)
    deliver(statement, options.Delivery(registry, signing, outcome), out)


def bom(
    path: Annotated[Path, typer.Argument(help="The model: a file or a folder.")],
    card: Annotated[Path, typer.Option("--card", help="model.yaml: what the model is.")],
    *,
    registry: options.Registry = options.HERE,
    signing: options.Signing,
    out: options.Out = None,
    outcome: options.Outcome,
) -> None:
    """Make the CycloneDX ML-BOM of a model, sign it and submit it."""
    from muniment.cli.making import deliver
    from muniment.evidence.bom.make import attest_bom

    statement = attest_bom(path, card, options.now())
    deliver(statement, options.Delivery(registry, signing, outcome), out)


def import_(
    bundle: Annotated[Path, typer.Argument(help="A bundle made elsewhere: by cosign, GitHub, model signing, ...")],
    source: Annotated[str, typer.Option("--source", help="The source of registry.yaml that vouches for it.")],
    *,
    registry: options.Registry = options.HERE,
    signing: options.Signing,
    out: options.Out = None,
    outcome: options.Outcome,
) -> None:
    """Bring in a statement that a third party signed, as evidence by them."""
    from muniment.cli.making import deliver
    from muniment.core.canonical import parse_json
    from muniment.registry.sources import bring_in

    config = options.own_history(registry).state.config
    assert config is not None
    value = parse_json(options.read(bundle), str(bundle))
    statement = bring_in(value, source, config.sources, options.now())
    deliver(statement, options.Delivery(registry, signing, outcome), out)


def record(
    command: Annotated[list[str], typer.Argument(help="The step's command, after --.")],
    step: Annotated[str, typer.Option("--step", help="The step's name.")],
    products: Annotated[list[Path], typer.Option("--products", help="A file or folder that the step writes.")],
    materials: Annotated[
        list[Path] | None, typer.Option("--materials", help="A file or folder that the step reads.")
    ] = None,
    base: Annotated[Path, typer.Option("--base", help="The folder the step runs in.")] = Path("."),
    *,
    registry: options.Registry = options.HERE,
    signing: options.Signing,
    out: options.Out = None,
    outcome: options.Outcome,
) -> None:
    """Run a pipeline step and record what it read and wrote as an in-toto link."""
    from muniment.cli.making import deliver
    from muniment.evidence import link

    statement = link.record(step, command, materials or [], products, base)
    deliver(statement, options.Delivery(registry, signing, outcome), out)


def _statement(kind: str, path: Path, about: Path | None) -> Statement:
    from muniment.evidence import attest as make

    if kind == "signature":
        return make.attest_signature(path)
    if kind not in KINDS:
        raise Usage(f"{kind!r} is no kind of evidence that attest makes.", f"Choose among {', '.join(KINDS)}.")
    if about is None:
        raise Usage(f"attest {kind} needs the document about it.", f"Give --from {DOCUMENTS[kind]}.")
    now = options.now()
    match kind:
        case "dataset":
            return make.attest_dataset(path, about)
        case "provenance":
            return make.attest_provenance(path, about)
        case "test-result":
            return make.attest_gate(path, about)
        case "vulns":
            return make.attest_vulns(path, about)
        case "scan":
            return make.attest_scan(path, about, now)
        case "reproduction":
            return make.attest_reproduction(path, about, now)
        case "privacy-review" | "security-review":
            return make.attest_review(kind, path, about, now)
    return make.attest_evaluation(path, about, now)
