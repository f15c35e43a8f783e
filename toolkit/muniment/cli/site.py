"""What readers open: the site and the audit report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muniment.cli import commands, options, output

if TYPE_CHECKING:
    from muniment.registry.fold import History


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, site, audit)


def site(
    registry: Annotated[str, typer.Argument(help=options.WHERE)],
    out: Annotated[Path, typer.Argument(help="Where to build the site.")],
    at: Annotated[int | None, typer.Option("--at", help="As it was at this size of the log.")] = None,
    json: output.Json = False,
) -> None:
    """Build the static site of a registry: equal log, equal bytes."""
    from muniment.site.writer import build_site

    done = build_site(options.store(registry), options.own_history(registry), out, at)
    value = {"site": str(out), "written": done.written, "same": done.same, "removed": done.removed}
    text = f"{out}: {done.written} files written, {done.same} unchanged, {done.removed} removed"
    output.result(value, f"{text}\nopen {out / 'index.html'}", json)


def audit(
    out: Annotated[Path, typer.Argument(help="Where to write the report.")],
    selector: Annotated[
        str | None, typer.Argument(help="One version; nothing for the registry and all versions.")
    ] = None,
    registry: options.Registry = options.HERE,
    trust: Annotated[
        Path | None,
        typer.Option("--trust", help="trust.json; without it the registry is read on its own word."),
    ] = None,
    json: output.Json = False,
) -> None:
    """Write the audit report, as HTML to read and print and as JSON."""
    from muniment.audit.report import write_reports
    from muniment.core.name import parse_selector
    from muniment.registry import propose
    from muniment.registry.fold import blob_reader

    history = _history(registry, trust)
    only = propose.resolve(history.state, parse_selector(selector)) if selector else None
    paths = write_reports(history, blob_reader(options.store(registry)), out, only)
    output.result({"files": [str(p) for p in paths]}, "\n".join(f"wrote {p}" for p in paths), json)


def _history(registry: str, trust: Path | None) -> History:
    from muniment.verify.replay import verify_registry

    if trust is None:
        return options.own_history(registry)
    return verify_registry(options.store(registry), options.trust(trust)).history
