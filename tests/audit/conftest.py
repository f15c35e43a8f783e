"""The sample story's reports, made once for all tests of the room."""

from __future__ import annotations

import pytest

from muniment.audit.report import report_pages
from tests.site.reading import Reading
from tests.site.sample import Sample, sample


@pytest.fixture(scope="session")
def tale() -> Sample:
    return sample()


@pytest.fixture(scope="session")
def report(tale: Sample) -> dict[str, bytes]:
    return {page.path: page.data for page in report_pages(tale.history(), tale.blob)}


@pytest.fixture(scope="session")
def sheets(report: dict[str, bytes]) -> dict[str, Reading]:
    return {path: Reading(data) for path, data in report.items() if path.endswith(".html")}
