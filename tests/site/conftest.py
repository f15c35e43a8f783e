"""One sample registry and its site, made once for all tests of the room."""

from __future__ import annotations

import pytest

from muniment.site.render import render
from tests.site.sample import Sample, sample
from tests.site.troubled import troubled


@pytest.fixture(scope="session")
def story() -> Sample:
    return sample()


@pytest.fixture(scope="session")
def site(story: Sample) -> dict[str, bytes]:
    return {page.path: page.data for page in render(story.history(), story.blob, story.notes)}


@pytest.fixture(scope="session")
def aftermath(story: Sample) -> Sample:
    return troubled(story)


@pytest.fixture(scope="session")
def later(aftermath: Sample) -> dict[str, bytes]:
    """The site of the registry in trouble."""
    return {page.path: page.data for page in render(aftermath.history(), aftermath.blob, aftermath.notes)}
