"""File-safety scans: of every file, fresh, by a scanner that counts, nothing worse than allowed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from muniment.core.digest import Digest, digest_of
from muniment.core.instant import format_instant
from muniment.evidence.artifact import manifest_digest
from muniment.policy.facts import ArtifactFact, EvidenceFact
from muniment.policy.finding import Finding, Status
from tests.policy.make import AT, DAY, facts, judge

FILES = {"a.safetensors": digest_of(b"a"), "z/b.json": digest_of(b"b")}
WHOLE = manifest_digest(FILES.values())
MODEL = ArtifactFact("cpu", "model", WHOLE)


def scan(
    verdicts: dict[str, str] | None = None,
    age: timedelta = DAY,
    scanner: str = "picklescan",
    of: Digest = WHOLE,
    **formats: str,
) -> EvidenceFact:
    said = dict.fromkeys(FILES, "safe") if verdicts is None else verdicts
    files = [
        {"path": p, "digest": str(FILES.get(p, digest_of(b"x"))), "verdict": v, "format": formats.get(p[0], "f")}
        for p, v in said.items()
    ]
    predicate = {
        "scanner": {"name": scanner, "version": "1"},
        "scannedAt": format_instant(AT - age),
        "files": files,
        "verdict": "safe",
    }
    return EvidenceFact("scan", predicate, (of,), digest_of(f"{predicate}".encode()), AT - age)


def ask(params: dict[str, Any], *scans: EvidenceFact, **other: Any) -> Finding:
    return judge({"rule": "file-safety", "with": params}, facts("release", *scans, **({"artifacts": (MODEL,)} | other)))


def test_a_scan_of_all_files() -> None:
    assert (ask({}, scan()).status, ask({}, scan()).reason) == (Status.PASS, "Scanned: cpu.")


@pytest.mark.parametrize("verdict", ["unknown", "suspicious", "unsafe"])
def test_a_file_that_is_not_safe(verdict: str) -> None:
    found = ask({}, scan({"a.safetensors": "safe", "z/b.json": verdict}))
    assert found.reason == f"cpu: picklescan 1 says z/b.json is {verdict}."
    worse = ask({"worst": "suspicious"}, scan({"a.safetensors": "safe", "z/b.json": verdict}))
    assert worse.status is (Status.FAIL if verdict == "unsafe" else Status.PASS)


@pytest.mark.parametrize(
    "verdicts",
    [
        {"a.safetensors": "safe"},
        {"a.safetensors": "safe", "z/b.json": "safe", "c": "safe"},
        {"a.safetensors": "safe", "c": "safe"},
    ],
)
def test_a_scan_that_leaves_out_a_file_or_scanned_others(verdicts: dict[str, str]) -> None:
    assert ask({}, scan(verdicts)).reason == "cpu: picklescan 1 did not scan all its files."


def test_a_model_of_one_file() -> None:
    lone = ArtifactFact("cpu", "model", FILES["a.safetensors"])
    assert ask({}, scan({"a.safetensors": "safe"}, of=lone.digest), artifacts=(lone,)).status is Status.PASS
    assert ask({}, scan(of=lone.digest), artifacts=(lone,)).status is Status.FAIL


def test_the_newest_scan_of_each_scanner_counts() -> None:
    bad = {"a.safetensors": "unsafe", "z/b.json": "safe"}
    assert ask({}, scan(bad, 2 * DAY), scan()).status is Status.PASS
    assert ask({}, scan(None, 2 * DAY), scan(bad)).status is Status.FAIL
    assert ask({}, scan(bad, 2 * DAY, "other"), scan()).status is Status.FAIL
    assert ask({"scanners": ["pickle*"]}, scan(bad, 2 * DAY, "other"), scan()).status is Status.PASS


def test_no_scan_that_counts() -> None:
    for found in (ask({}), ask({"scanners": ["x"]}, scan()), ask({}, scan(of=digest_of(b"other")))):
        assert (found.status, found.waits) == (Status.FAIL, True)
        assert found.reason == "cpu was not scanned by a scanner that counts."


def test_age_and_formats() -> None:
    assert ask({"maxDays": 1}, scan()).status is Status.PASS
    assert ask({"maxDays": 1}, scan(None, 2 * DAY)).reason == "cpu: the scan is 2 days old, and 1 are allowed."
    assert ask({"formats": ["safetensors", "json"]}, scan(a="safetensors", z="json")).status is Status.PASS
    assert (
        ask({"formats": ["safetensors"]}, scan(a="safetensors", z="pickle")).reason
        == "cpu: a format that is not allowed: z/b.json."
    )


def test_every_model_of_the_version_is_asked_and_other_kinds_on_demand() -> None:
    second, config = ArtifactFact("second", "model", digest_of(b"2")), ArtifactFact("config", "config", digest_of(b"3"))
    assert ask({}, scan(), artifacts=(MODEL, second)).reason == "second was not scanned by a scanner that counts."
    assert ask({}, scan(), artifacts=(MODEL, config)).status is Status.PASS
    assert ask({"artifacts": ["model", "config"]}, scan(), artifacts=(MODEL, config)).status is Status.FAIL
    assert ask({}, artifacts=(config,)).reason == "There is no artifact to be scanned."
