"""Findings printed as `--format` asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from muniment.cli import output
from muniment.core.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from muniment.interop.findings import Asked
    from muniment.policy.finding import Finding

Format = Annotated[str, typer.Option("--format", help="text, json, sarif, junit or markdown.")]


def show(asked: Asked, findings: Sequence[Finding], form: str, json: bool) -> None:
    """Prints findings in a format; --json is --format json. A job's summary gets them too."""
    from muniment.interop.findings import FORMATS, markdown
    from muniment.interop.github import report

    if form not in FORMATS:
        raise Usage(f"There is no format {form!r}.", f"Choose among {', '.join(FORMATS)}.")
    value = FORMATS["json" if json else form](asked, findings)
    if form == "text" and not json:
        output.say(f"{asked.title}: {'passes' if asked.passes else 'does not pass'}")
    text = value if isinstance(value, str) else ""
    output.result(value, text.rstrip("\n"), not isinstance(value, str))
    report({"passes": "true" if asked.passes else "false"}, markdown(asked, findings), [])
