"""Every file of the models was scanned, and opening it runs no code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.core.digest import Digest
from muniment.evidence.artifact import manifest_digest
from muniment.evidence.scan import VERDICTS, Scan, read_scan
from muniment.policy.facts import EvidenceFact, Facts, Verdict
from muniment.policy.reading import DAYS, NAMES, age, is_older, matches, some

NAME = "file-safety"
TITLE = "Files are safe to open"
PARAMS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "worst": {"enum": list(VERDICTS[:-1])},
        "formats": NAMES,
        "scanners": NAMES,
        "maxDays": DAYS,
        "artifacts": {"type": "array", "minItems": 1, "items": {"enum": ["model", "dataset", "config", "pipeline"]}},
    },
}


def reads(params: Mapping[str, Any]) -> frozenset[str]:
    """Scans."""
    return frozenset({"scan"})


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if the newest scan by each scanner of every model covers all its files and finds none worse than `worst`.

    `worst` is safe if left out; `artifacts` are the kinds that are scanned, models if left out. Where no kind is known,
    at the gate submit, all that the scan names are asked for.
    """
    wanted = [a for a in facts.artifacts if not a.kind or a.kind in params.get("artifacts", ["model"])]
    if not wanted:
        return Verdict(False, "There is no artifact to be scanned.", "Name the kinds there are under `artifacts`.")
    for artifact in wanted:
        scans = [e for e in facts.of_kind("scan") if artifact.digest in e.subjects and _counts(e, params)]
        newest = {e.predicate["scanner"]["name"]: e for e in scans}
        if not newest:
            return _fails(f"{artifact.name} was not scanned by a scanner that counts", waits=True)
        for scan in newest.values():
            problem = _problem(artifact.digest, read_scan(scan.predicate), facts, params, scan)
            if problem:
                return _fails(f"{artifact.name}: {problem}")
    return Verdict(True, f"Scanned: {some(a.name for a in wanted)}.")


def _fails(reason: str, waits: bool = False) -> Verdict:
    fix = "Use a format that runs no code (safetensors, ONNX, skops), scan it, and publish the scan."
    return Verdict(False, f"{reason}.", fix, waits)


def _counts(fact: EvidenceFact, params: Mapping[str, Any]) -> bool:
    return "scanners" not in params or matches(fact.predicate["scanner"]["name"], params["scanners"])


def _problem(digest: Digest, scan: Scan, facts: Facts, params: Mapping[str, Any], fact: EvidenceFact) -> str:
    files = sorted(scan.files, key=lambda f: f.path)
    whole = manifest_digest(f.digest for f in files)
    if digest not in ([whole, files[0].digest] if len(files) == 1 else [whole]):
        return f"{scan.scanner} did not scan all its files"
    if "maxDays" in params and is_older(facts.at, scan.scanned_at, params["maxDays"]):
        return f"the scan is {age(facts.at, scan.scanned_at)} old, and {params['maxDays']} are allowed"
    limit = VERDICTS.index(params.get("worst", "safe"))
    bad = [f"{f.path} is {f.verdict}" for f in files if VERDICTS.index(f.verdict) > limit]
    if bad:
        return f"{scan.scanner} says {some(bad)}"
    if "formats" in params:
        odd = [f["path"] for f in fact.predicate["files"] if f.get("format") not in params["formats"]]
        return f"a format that is not allowed: {some(odd)}" if odd else ""
    return ""
