"""Reviews, file-safety scans and reproductions: made from documents, and refused where they contradict themselves."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Malformed, Mismatch
from muniment.evidence import attest
from muniment.evidence.artifact import measure
from muniment.evidence.check import check_evidence
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.reproduction import LEVELS
from muniment.evidence.review import read_review
from muniment.evidence.scan import read_scan
from muniment.evidence.statement import Statement, Subject

NOW = datetime(2026, 1, 31, 8, 5, tzinfo=UTC)
SUBJECT = Subject("model", Digest("0" * 64))

REVIEW: dict[str, Any] = {
    "decision": "approved-with-conditions",
    "summary": "No personal data is left.",
    "scope": ["training data", "outputs"],
    "validUntil": "2027-01-31T00:00:00Z",
    "conditions": ["Review again when the data changes."],
    "findings": [{"title": "host names", "severity": "low", "status": "open"}],
    "personalData": {"present": False},
}
SCAN: dict[str, Any] = {
    "scanner": {"name": "picklescan", "version": "0.0.30"},
    "files": [
        {"path": "model.bin", "verdict": "safe", "format": "skops"},
        {"path": "more/notes.txt", "verdict": "unknown", "problems": ["no known format"]},
    ],
}
COMPARISON = {"what": "scores", "method": "max abs", "equal": True, "tolerance": 1e-6, "maxDifference": 1e-9}
METRIC = {"metric": "f1", "original": 0.9, "rebuilt": 0.89, "tolerance": 0.02}
AGAIN = {"name": "again", "digest": f"sha256:{'1' * 64}"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "more").mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"weights")
    (folder / "more" / "notes.txt").write_bytes(b"notes")
    return folder


def document(folder: Path, value: Any, name: str = "document.yaml") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(value), "utf-8")
    return path


@pytest.mark.parametrize("kind", ["privacy-review", "security-review"])
def test_a_review(tmp_path: Path, model: Path, kind: str) -> None:
    (tmp_path / "train.csv").write_bytes(b"1\n")
    given = REVIEW | {"data": [{"path": "train.csv"}], "documents": [{"name": "dpia", "digest": f"sha256:{'2' * 64}"}]}
    made = attest.attest_review(kind, model, document(tmp_path, given), NOW)
    check_evidence(made)
    assert made.predicate_type == EVIDENCE[kind]
    assert made.subjects[0].digest == measure(model).digest
    found = read_review(made.predicate)
    assert (found.decision, found.reviewed_at, found.open) == ("approved-with-conditions", NOW, ("low",))
    assert found.valid_until == datetime(2027, 1, 31, tzinfo=UTC)
    assert found.data == {digest_of(b"1\n")}
    assert "path" not in json.dumps(made.predicate)


def statement(kind: str, value: dict[str, Any], without: str = "") -> Statement:
    return Statement((SUBJECT,), EVIDENCE[kind], {k: v for k, v in value.items() if k != without})


DATED = REVIEW | {"reviewedAt": "2026-01-31T08:05:00Z"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"validUntil": "2026-01-31T08:05:00Z"}, "ends before"),
        ({"validUntil": "2026-02-31T00:00:00Z"}, "not a time"),
        ({"validUntil": "2027"}, "does not match"),
        ({"conditions": None}, "conditions"),
        ({"decision": "fine"}, "decision"),
        ({"scope": []}, "scope"),
        ({"findings": [{"title": "x", "severity": "meh", "status": "open"}]}, "severity"),
        ({"data": [{"name": "x", "digest": "sha256:0"}]}, "digest"),
        ({"personalData": {"present": "no"}}, "personalData"),
    ],
)
def test_a_review_with_a_defect(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        check_evidence(statement("privacy-review", DATED | changed))


@pytest.mark.parametrize(
    "key", ["decision", "summary", "scope", "validUntil", "reviewedAt", "personalData", "conditions"]
)
def test_what_a_privacy_review_must_say(key: str) -> None:
    with pytest.raises(Malformed, match=key):
        check_evidence(statement("privacy-review", DATED, key))
    if key == "personalData":
        check_evidence(statement("security-review", DATED, key))


def test_a_scan(tmp_path: Path, model: Path) -> None:
    made = attest.attest_scan(model, document(tmp_path, SCAN), NOW)
    check_evidence(made)
    found = read_scan(made.predicate)
    assert (found.scanner, found.scanned_at, found.verdict) == ("picklescan 0.0.30", NOW, "unknown")
    assert [(f.path, f.digest, f.verdict) for f in found.files] == [
        ("model.bin", digest_of(b"weights"), "safe"),
        ("more/notes.txt", digest_of(b"notes"), "unknown"),
    ]


def test_a_scan_of_other_files(tmp_path: Path, model: Path) -> None:
    fewer = SCAN | {"files": SCAN["files"][:1]}
    with pytest.raises(Malformed, match="leaves out 'more/notes"):
        attest.attest_scan(model, document(tmp_path, fewer), NOW)
    more = SCAN | {"files": [*SCAN["files"], {"path": "x", "verdict": "safe"}]}
    with pytest.raises(Malformed, match="names 'x'"):
        attest.attest_scan(model, document(tmp_path, more), NOW)
    other = copy.deepcopy(SCAN)
    other["files"][0]["digest"] = f"sha256:{'3' * 64}"
    with pytest.raises(Malformed, match="another digest"):
        attest.attest_scan(model, document(tmp_path, other), NOW)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"verdict": "safe"}, "not the worst"),
        ({"files": []}, "files"),
        ({"files": [{"path": "a", "digest": f"sha256:{'0' * 64}", "verdict": "clean"}]}, "verdict"),
        ({"files": [{"path": "a", "digest": f"sha256:{'0' * 64}", "verdict": "safe"}] * 2, "verdict": "safe"}, "twice"),
        ({"scannedAt": "2026-13-01T00:00:00Z"}, "not a time"),
        ({"scanner": {"name": "x"}}, "version"),
    ],
)
def test_a_scan_with_a_defect(tmp_path: Path, model: Path, changed: dict[str, Any], message: str) -> None:
    good = dict(attest.attest_scan(model, document(tmp_path, SCAN), NOW).predicate)
    with pytest.raises(Malformed, match=message):
        check_evidence(statement("scan", good | changed))


@pytest.mark.parametrize(
    ("attempt", "level"),
    [
        ({"rebuilt": {"path": "model"}}, "byte-identical"),
        ({"rebuilt": AGAIN, "comparisons": [COMPARISON]}, "numerically-equivalent"),
        ({"rebuilt": AGAIN, "comparisons": [COMPARISON | {"equal": False}], "metrics": [METRIC]}, "metric-equivalent"),
        ({"rebuilt": AGAIN, "comparisons": [COMPARISON | {"maxDifference": 1e-3}]}, "different"),
        (
            {"rebuilt": AGAIN, "comparisons": [{"what": "x", "method": "y", "equal": True, "maxDifference": 1}]},
            "different",
        ),
        ({"rebuilt": AGAIN, "metrics": [METRIC, METRIC | {"rebuilt": 0.8}]}, "different"),
        ({"rebuilt": AGAIN}, "different"),
    ],
)
def test_a_reproduction_is_graded_by_its_numbers(
    tmp_path: Path, model: Path, attempt: dict[str, Any], level: str
) -> None:
    made = attest.attest_reproduction(model, document(tmp_path, attempt), NOW)
    check_evidence(made)
    assert made.predicate["level"] == level
    for claim in LEVELS:
        other = Statement(made.subjects, made.predicate_type, dict(made.predicate) | {"level": claim})
        if claim != level:
            with pytest.raises(Malformed, match=f"says {claim}"):
                check_evidence(other)


def test_a_reproduction_that_claims_another_level(tmp_path: Path, model: Path) -> None:
    with pytest.raises(Malformed, match="says byte-identical"):
        attest.attest_reproduction(model, document(tmp_path, {"rebuilt": AGAIN, "level": "byte-identical"}), NOW)
    (tmp_path / "b").write_bytes(b"b")
    wrong = {"rebuilt": {"path": "b", "digest": f"sha256:{'0' * 64}"}}
    with pytest.raises(Mismatch):
        attest.attest_reproduction(model, document(tmp_path, wrong), NOW)


def test_a_vulnerability_scan(tmp_path: Path, model: Path) -> None:
    found = {
        "scanner": {"uri": "pkg:generic/scanner@1", "result": []},
        "metadata": {"scanStartedOn": "2026-01-01T00:00:00Z", "scanFinishedOn": "2026-01-01T00:01:00Z"},
    }
    made = attest.attest_vulns(model, document(tmp_path, found))
    check_evidence(made)
    assert made.predicate == found
    with pytest.raises(Malformed, match="line 1"):
        attest.attest_vulns(model, document(tmp_path, {"metadata": {}}))


def test_a_document_with_a_word_that_no_schema_knows(tmp_path: Path, model: Path) -> None:
    for make, good in ((attest.attest_scan, SCAN), (attest.attest_reproduction, {"rebuilt": AGAIN})):
        with pytest.raises(Malformed, match="nosuch"):
            make(model, document(tmp_path, good | {"nosuch": 1}), NOW)
    with pytest.raises(Malformed, match="nosuch"):
        attest.attest_review("privacy-review", model, document(tmp_path, REVIEW | {"nosuch": 1}), NOW)
