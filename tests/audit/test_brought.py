"""Who brought in what a third party signed: in the reports of its version and of the registry, and in the table."""

from __future__ import annotations

import csv
import io
import json

import pytest

from muniment.audit.report import report_pages
from tests.site.brought import WHO, brought
from tests.site.reading import Reading

OWN = "datasets/aiops/bought/1.0.0"


@pytest.fixture(scope="module")
def report() -> dict[str, bytes]:
    s = brought()
    return {page.path: page.data for page in report_pages(s.history(), s.blob)}


def test_the_reports_say_who_brought_a_record_in(report: dict[str, bytes]) -> None:
    for path, times in ((f"{OWN}/index.html", 3), ("index.html", 2)):
        assert Reading(report[path]).shown.count(f"brought in by {WHO}") == times
        assert "<b title" not in report[path].decode()


def test_the_facts_of_the_reports_say_so_too(report: dict[str, bytes]) -> None:
    facts = json.loads(report[f"{OWN}/report.json"])
    assert [e["broughtInBy"]["subject"] for e in facts["evidence"]] == [WHO]
    rows = [e for row in facts["assessment"]["rows"] for e in row["evidence"] if e["kind"] == "provenance"]
    assert {e["broughtInBy"] for e in rows} == {WHO}
    facts = json.loads(report["report.json"])
    assert [[b["subject"] for b in s["broughtInBy"]] for s in facts["signers"] if s["broughtInBy"]] == [[WHO]]
    table = list(csv.DictReader(io.StringIO(report["entries.csv"].decode())))
    assert [(row["issuer"], row["broughtInBy"]) for row in table if row["broughtInBy"]] == [("key", WHO)]
