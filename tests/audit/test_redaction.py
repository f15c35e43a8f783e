"""What reports say of evidence that was redacted, and of decisions that looked at it."""

from __future__ import annotations

import csv
import io
import json

import pytest

from muniment.audit.report import report_pages
from muniment.registry.fold import blob_reader
from tests.site.reading import Reading
from tests.verify.test_redaction import after as after
from tests.verify.test_redaction import before as before
from tests.world import World


@pytest.fixture(scope="module")
def report(after: World) -> dict[str, bytes]:
    return {page.path: page.data for page in report_pages(after.history, blob_reader(after.store))}


def test_what_is_gone_and_what_rested_on_it_comes_first(after: World, report: dict[str, bytes]) -> None:
    found = json.loads(report["report.json"])["exceptions"]
    assert [x["kind"] for x in found][:4] == ["redacted", *["not judged again"] * 3]
    assert found[0]["text"] == "Redacted by operator: entry 2, unproven since."
    assert [x["version"] for x in found[1:4]] == ["aiops/cpu@1.0.0", "aiops/cpu@1.0.0", "aiops/cpu@2.0.0"]


def test_all_entries_are_told_and_add_up(after: World, report: dict[str, bytes]) -> None:
    facts = json.loads(report["report.json"])
    assert [e["entry"] for e in facts["entries"]] == list(range(after.history.checkpoint.size))
    told = facts["population"]
    assert told["events"] + told["evidence"] + told["decisions"] + told["batchEnds"] == told["entries"]
    assert told["evidence"] == sum(e.is_evidence for e in after.history.entries)
    (gone,) = [e for e in facts["entries"] if "redactedBy" in e]
    assert "signer" not in gone
    rows = list(csv.DictReader(io.StringIO(report["entries.csv"].decode())))
    assert (rows[2]["kind"], rows[2]["signer"]) == ("signature", "")


def test_the_reports_say_that_it_was_not_judged_again(report: dict[str, bytes]) -> None:
    path = next(path for path in report if path.endswith("1.0.0/index.html"))
    for page in (path, "index.html"):
        shown = Reading(report[page]).shown
        assert "1 record of evidence was redacted" in shown
        assert "redacted" in shown.replace("was redacted: of", "")
        assert "e2" in Reading(report[page]).ids
    (gone,) = json.loads(report[path.replace("index.html", "report.json")])["redacted"]
    assert (gone["entry"], gone["kind"]) == (2, "signature")
