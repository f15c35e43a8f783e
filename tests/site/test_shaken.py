"""Reviews whose data changed: said on the version's page, in its report and among the exceptions."""

from __future__ import annotations

import json

import pytest

from muniment.audit.report import report_pages
from muniment.core.name import parse_version_id as version
from muniment.site.render import render
from tests.site.reading import Reading
from tests.site.sample import Sample, sample

RUNNING = "models/aiops/cpu-anomaly/1.0.0"


@pytest.fixture(scope="module")
def newer() -> Sample:
    """The sample story in which a newer dataset is released at the end."""
    story = sample()
    story.dataset("aiops/telemetry@2026.02")
    story.publish()
    return story


def test_a_page_flags_the_review_and_leads_to_what_changed(newer: Sample) -> None:
    pages = {page.path: page.data for page in render(newer.history(), newer.blob, newer.notes)}
    read = Reading(pages[f"{RUNNING}/index.html"])
    change = newer.state.versions[version("aiops/telemetry@2026.02")].events[0]
    said = "rests on aiops/telemetry@2026.01 , which was superseded by aiops/telemetry@2026.02"
    assert said in read.shown
    assert any(link.endswith(f"#e{change}") for link in read.links())


def test_a_report_says_so_too(newer: Sample) -> None:
    files = {page.path: page.data for page in report_pages(newer.history(), newer.blob)}
    said = "which was superseded by aiops/telemetry@2026.02"
    assert said in Reading(files[f"{RUNNING}/index.html"]).shown
    listed = [x for x in json.loads(files["report.json"])["exceptions"] if x["kind"] == "data changed"]
    assert "aiops/cpu-anomaly@1.0.0" in {x["version"] for x in listed}
    assert all(said in x["text"] for x in listed)
    assert "aiops/cpu-anomaly@0.9.0" not in {x["version"] for x in listed}


def test_nothing_is_flagged_where_nothing_changed(story: Sample, site: dict[str, bytes]) -> None:
    assert b"review again" not in site[f"{RUNNING}/index.html"]
