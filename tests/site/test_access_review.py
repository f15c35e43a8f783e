"""The access review on the site and in the report: who, what was decided, and what was not carried out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from muniment.audit.report import report_pages
from muniment.registry import propose
from muniment.registry.access import Granted, grants
from muniment.registry.fold import blob_reader
from muniment.site.render import render
from tests.site.reading import Reading
from tests.world import POLICY, World, make_world, now, registry_document


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry whose administrator wants the operator's binding removed."""
    document = registry_document()
    document["roles"]["administrator"]["may"].append("access-review")
    made = make_world(tmp_path_factory.mktemp("reviewed"), POLICY, document)
    state = made.state
    assert state.config is not None
    granted = tuple(
        Granted(b, may, "remove" if b["role"] == "operator" else "keep", f"of <{b['role']}>")
        for b, may in grants(state.config)
    )
    until = now() + timedelta(days=90)
    done = made.put("administrator", propose.access_review(state, state.size, granted, until, "a look", now()))
    assert not done.turned
    yield made
    made.sandbox.__exit__(None, None, None)


def test_the_access_page_tells_the_review(reviewed: World) -> None:
    pages = {p.path: p.data for p in render(reviewed.history, blob_reader(reviewed.store), {})}
    shown = Reading(pages["access/index.html"]).shown
    assert "reviewed who may do what" in shown
    assert "a look" in shown
    assert "of <operator> not carried out" in shown
    assert "of <reviewer> not carried out" not in shown
    assert "The rules changed since" not in shown
    assert any("Reviewed access: 4 bindings" in Reading(data).shown for path, data in pages.items() if "log/" in path)


def test_the_report_tells_it_and_calls_it_an_exception(reviewed: World) -> None:
    files = {p.path: p.data for p in report_pages(reviewed.history, blob_reader(reviewed.store))}
    facts = json.loads(files["report.json"])
    assert [d["decision"] for d in facts["access"]["decisions"]] == ["keep", "keep", "remove", "keep"]
    assert facts["access"]["by"]["verification"]["result"] == "verified"
    (found,) = [x for x in facts["exceptions"] if x["kind"] == "review not carried out"]
    assert (found["reason"], found["entry"]) == ("of <operator>", facts["access"]["by"]["entry"])
    assert "operator@sandbox.muniment.dev" in found["text"]
    assert "not carried out" in Reading(files["index.html"]).shown


def test_a_registry_that_nobody_reviewed_says_so(site: dict[str, bytes]) -> None:
    assert "Nobody reviewed who may do what." in Reading(site["access/index.html"]).shown
