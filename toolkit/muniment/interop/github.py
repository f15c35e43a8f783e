"""What a job in GitHub Actions hears of a command: its outputs, its summary and its annotations.

A job is told through two files it names in the environment, `GITHUB_OUTPUT` and `GITHUB_STEP_SUMMARY`, and through
workflow commands, lines that begin with `::` on its output. All three are line formats, and what is written may come
from a stranger's model, so nothing here can end a value early or begin a command of its own.
Source: GitHub's workflow-commands reference.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from muniment.core.errors import MunimentError, Usage

SUMMARY_LIMIT = 1024 * 1024
"""Bytes a step may put into its summary; beyond it the runner drops the whole summary."""
OUTPUT_LIMIT = 1_000_000
"""Bytes of outputs a job may have."""
ANNOTATION_LIMIT = 10
"""Annotations of one level that a step may show."""

_CUT = "\n\nThe rest is left out: a step's summary holds 1 MiB. The whole text is in the job's log.\n"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")


class Level(StrEnum):
    """How an annotation is shown."""

    NOTICE = "notice"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A line shown at the top of a run."""

    level: Level
    message: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """The running step. `say` takes one line without its end and prints it where the runner reads it."""

    say: Callable[[str], None]
    output: Path | None
    summary: Path | None

    def set_output(self, name: str, value: str) -> None:
        """Gives the step an output; the last one of a name counts. Raises `Usage` for a bad name or a huge value."""
        if self.output is not None:
            text = format_output(name, value, secrets.token_hex(16))
            with self.output.open("a", encoding="utf-8", newline="") as file:
                file.write(text)

    def write_summary(self, markdown: str) -> None:
        """Adds Markdown to the step's summary, cut where the summary is full."""
        if self.summary is not None:
            used = self.summary.stat().st_size if self.summary.exists() else 0
            with self.summary.open("ab") as file:
                file.write(fit_summary(markdown, used))

    def annotate(self, *annotations: Annotation) -> None:
        """Shows annotations; of more than ten of one level the tenth says how many are left out."""
        for annotation in fit_annotations(annotations):
            self.say(format_annotation(annotation))


def in_actions(environ: Mapping[str, str]) -> bool:
    """Whether this environment is a step of a GitHub Actions job."""
    return environ.get("GITHUB_ACTIONS") == "true"


def open_job(environ: Mapping[str, str], say: Callable[[str], None]) -> Job | None:
    """The running step, or None outside GitHub Actions."""
    if not in_actions(environ):
        return None
    return Job(say, _path(environ, "GITHUB_OUTPUT"), _path(environ, "GITHUB_STEP_SUMMARY"))


def current_job() -> Job | None:
    """The step this process is, or None outside GitHub Actions. Annotations go to stderr: stdout may be JSON."""
    return open_job(os.environ, lambda line: print(line, file=sys.stderr, flush=True))


def report(outputs: Mapping[str, str], summary: str, annotations: Iterable[Annotation] = ()) -> None:
    """Tells the running step what a command did; outside GitHub Actions it does nothing."""
    job = current_job()
    if job is None:
        return
    job.annotate(*annotations)
    job.write_summary(summary)
    for name, value in outputs.items():
        job.set_output(name, value)


def report_submission(kind: str, statement: str, path: str) -> None:
    """Tells the running step of a statement that waits in the inbox: outputs `statement` and `submitted`."""
    summary = f"- {cell(kind)} `{statement}` is signed and waits in the inbox\n"
    report({"statement": statement, "submitted": path}, summary)


def report_error(error: MunimentError) -> None:
    """Tells the running step why a command ended without its result."""
    remedy = f"\n\n{cell(error.remedy)}" if error.remedy else ""
    title = "Refused" if error.exit_code == 1 else "Could not be done"
    summary = f"### {title}\n\n{cell(error.fact)}{remedy}\n"
    report({}, summary, [Annotation(Level.ERROR, str(error), title)])


def format_output(name: str, value: str, delimiter: str) -> str:
    """The lines that give an output; `delimiter` is random, so that no value can contain it by design."""
    if not _NAME.fullmatch(name):
        raise Usage(f"{name[:80]!r} is not the name of an output.", "Use letters, digits, _ and -.")
    if len(value.encode("utf-8", "replace")) > OUTPUT_LIMIT:
        raise Usage(f"The output {name} is larger than {OUTPUT_LIMIT} bytes.", "Write a file and give its path.")
    if delimiter in value:
        raise Usage(f"The output {name} contains its own delimiter.", "Choose another delimiter.")
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def format_annotation(annotation: Annotation) -> str:
    """The workflow command that shows an annotation: one line whatever the message holds."""
    title = f" title={_property(annotation.title)}" if annotation.title else ""
    return f"::{annotation.level.value}{title}::{_data(annotation.message)}"


def fit_annotations(annotations: Iterable[Annotation]) -> list[Annotation]:
    """At most ten of each level, in their order; the last of a level that has more says how many it stands for."""
    everything = list(annotations)
    kept: list[Annotation] = []
    for level in Level:
        mine = [annotation for annotation in everything if annotation.level is level]
        if len(mine) > ANNOTATION_LIMIT:
            more = len(mine) - ANNOTATION_LIMIT + 1
            rest = Annotation(level, f"{more} more are in the summary and the log of this step.", "More of these")
            mine = [*mine[: ANNOTATION_LIMIT - 1], rest]
        kept.extend(mine)
    return kept


def fit_summary(markdown: str, used: int) -> bytes:
    """As much of the text as a summary that holds `used` bytes takes, cut between characters, and a word on the cut."""
    data = (markdown.rstrip("\n") + "\n").encode("utf-8", "replace")
    room = SUMMARY_LIMIT - used
    if len(data) <= room:
        return data
    cut = data[: max(0, room - len(_CUT.encode()))].decode("utf-8", "ignore").encode()
    return (cut + _CUT.encode())[: max(0, room)]


def plain(text: str) -> str:
    """Text whose only unprintable characters are line ends: the others are written as their number."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text)


def inert(line: str) -> str:
    """A line of people's text that the runner takes for no command, whoever wrote parts of it."""
    body = line.lstrip()
    if body.startswith("::"):
        line = line[: len(line) - len(body)] + ": " + body[1:]
    return line.replace("##[", "# #[")


def cell(text: str) -> str:
    """Text that means itself inside a Markdown table: no markup, no link, no new row."""
    flat = " ".join(text.split())
    escaped = re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", flat)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of texts that mean themselves."""
    lines = [header, ["---"] * len(header)]
    body = ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(line) + " |" for line in lines] + body) + "\n"


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _data(text: str) -> str:
    return plain(text).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
