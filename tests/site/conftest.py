"""One sample registry and its site, made once for all tests of the room."""

from __future__ import annotations

import pytest

from muniment.site.render import render
from tests.site.sample import Sample, sample


@pytest.fixture(scope="session")
def story() -> Sample:
    return sample()


@pytest.fixture(scope="session")
def site(story: Sample) -> dict[str, bytes]:
    return {page.path: page.data for page in render(story.history(), story.blob, story.notes)}
