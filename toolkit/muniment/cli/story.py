"""The demo: the whole story on real data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muniment.cli import commands, options, output

if TYPE_CHECKING:
    from muniment.demo.whole import Outcome


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, demo)


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to tell it: a new or empty folder.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Labelled series in NAB's layout; else a shipped recording."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what an earlier demo left in the folder.")] = False,
    json: output.Json = False,
) -> None:
    """Train, attest, release, approve, promote and roll back real models in a sandbox, offline, then verify it all."""
    from muniment.demo.whole import run_demo

    done = run_demo(folder, data, force, output.say, options.now)
    value = {
        "folder": str(folder),
        "entries": done.entries,
        "story": [{"who": t.who, "admitted": list(t.kinds), "turnedAway": list(t.turned)} for t in done.said],
        "packs": [str(p) for p in done.packs],
        "caught": list(done.caught),
    }
    output.result(value, _text(folder, done), json)


def _text(folder: Path, done: Outcome) -> str:
    trust = folder / "trust.json"
    pack, model = (folder / path.relative_to(folder.absolute()) for path in (done.packs[0], done.model))
    lines = [
        f"Done: {done.entries} log entries, verified. Altered copies were caught:",
        *(f"  {fact}" for fact in done.caught),
        "",
        "Open",
        f"  {folder / 'site' / 'index.html'}",
        f"  {folder / 'audit' / 'index.html'}",
        "Try",
        f"  muniment show --registry {folder / 'registry'}",
        f"  muniment verify {folder / 'registry'} {model} --trust {trust}",
        f"  muniment verify {pack} {model} --trust {trust}",
        f"  muniment verify {folder / 'tampered' / pack.name} --trust {trust}",
        "All signatures are a sandbox's: they prove nothing outside of this folder.",
    ]
    return "\n".join(lines)
