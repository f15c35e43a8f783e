"""Who brought in what a third party signed: on the pages of the log, of the version and of the past."""

from __future__ import annotations

import json

import pytest

from muniment.site.render import render
from tests.site.brought import WHO, brought
from tests.site.reading import Reading
from tests.site.sample import PEOPLE


@pytest.fixture(scope="module")
def site() -> dict[str, bytes]:
    s = brought()
    return {page.path: page.data for page in render(s.history(), s.blob, s.notes)}


@pytest.mark.parametrize(
    "page", ["datasets/aiops/bought/1.0.0/index.html", "log/entries/000.html", "versions/7/index.html"]
)
def test_a_page_says_who_brought_a_record_in(site: dict[str, bytes], page: str) -> None:
    assert f"brought in by {WHO}" in Reading(site[page]).shown
    assert "<b title" not in site[page].decode()
    assert b"brought in by Bob &lt;b title=&#34;&amp;&#34;&gt;the porter&lt;/b&gt;" in site[page]


def test_a_record_in_full_names_the_whole_identity(site: dict[str, bytes]) -> None:
    shown = Reading(site["datasets/aiops/bought/1.0.0/index.html"]).shown
    assert f"Brought in by {WHO} {PEOPLE}" in shown


def test_the_facts_of_that_record_alone_say_so(site: dict[str, bytes]) -> None:
    facts = json.loads(site["log/entries/000.json"])
    (found,) = [e for e in facts["entries"] if "broughtInBy" in e]
    assert (found["kind"], found["signer"]["issuer"], found["broughtInBy"]["subject"]) == ("provenance", "key", WHO)
