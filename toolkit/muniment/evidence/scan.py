"""A file-safety scan: for each file of a model whether opening it can run code, and whether the scanner could tell.

A file that was not fully read is `unknown`, never safe. Schema: schemas/scan-v1.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muniment.core.digest import Digest, parse_digest
from muniment.core.document import check_schema
from muniment.core.errors import Malformed
from muniment.core.instant import parse_instant
from muniment.evidence.artifact import Measured
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.statement import Statement, Subject

VERDICTS = ("safe", "unknown", "suspicious", "unsafe")
"""What a scan says of a file, mildest first."""


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """One file as a scan saw it; `verdict` is one of `VERDICTS`."""

    path: str
    digest: Digest
    verdict: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """What readers ask of a scan."""

    scanner: str
    scanned_at: datetime
    verdict: str
    files: tuple[ScannedFile, ...]


def scan_statement(model: Measured, report: Mapping[str, Any], scanned_at: str) -> Statement:
    """A scanner's report (schemas/scan.json) as a statement: digests are put in, the worst verdict is the whole one's.

    Raises `Malformed` where the report leaves out a file of the model or names one that it has not.
    """
    check_schema(report, "scan", "The scan report")
    there = {f.path: f.digest for f in model.files}
    named = [f["path"] for f in report["files"]]
    if odd := sorted(set(named) ^ set(there)):
        what = "leaves out" if odd[0] in there else "names"
        raise Malformed(f"The scan report {what} {odd[0]!r}.", "Scan every file of the model, and no other.")
    files = [{"digest": str(there[f["path"]])} | f for f in report["files"]]
    predicate = {"scannedAt": scanned_at} | dict(report) | {"files": files, "verdict": _worst(files)}
    check_scan(predicate)
    wrong = next((f["path"] for f in files if f["digest"] != str(there[f["path"]])), None)
    if wrong:
        raise Malformed(f"The scan report gives {wrong!r} another digest than the model does.", "Scan the model again.")
    return Statement((Subject(model.name, model.digest),), EVIDENCE["scan"], predicate)


def check_scan(predicate: Mapping[str, Any]) -> None:
    """Raises `Malformed` for a scan that does not hold to its schema, or whose verdict is not that of its files."""
    check_schema(predicate, "scan-v1", "The scan")
    paths = [f["path"] for f in predicate["files"]]
    if len(set(paths)) != len(paths):
        raise Malformed("The scan names a file twice.", "Name every file once.")
    if predicate["verdict"] != _worst(predicate["files"]):
        raise Malformed("The scan's verdict is not the worst of its files'.", "Leave it to muniment.")
    read_scan(predicate)


def read_scan(predicate: Mapping[str, Any]) -> Scan:
    """The plain facts of a scan."""
    files = tuple(
        ScannedFile(f["path"], parse_digest(f["digest"]), f["verdict"], tuple(f.get("problems", ())))
        for f in predicate["files"]
    )
    scanner = f"{predicate['scanner']['name']} {predicate['scanner']['version']}"
    return Scan(scanner, parse_instant(predicate["scannedAt"]), predicate["verdict"], files)


def _worst(files: list[dict[str, Any]]) -> str:
    return VERDICTS[max(VERDICTS.index(f["verdict"]) for f in files)]
