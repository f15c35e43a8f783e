"""Properties that every page of a built site has."""

from __future__ import annotations

import itertools
import json
import re

import pytest

from muniment.core.canonical import parse_canonical
from tests.site.reading import Reading, resolve
from tests.site.sample import HOSTILE, Sample

CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"


@pytest.fixture(scope="session")
def pages(site: dict[str, bytes]) -> dict[str, Reading]:
    return {path: Reading(data) for path, data in site.items() if path.endswith(".html")}


def test_every_page_forbids_what_is_not_its_own(pages: dict[str, Reading]) -> None:
    for path, page in pages.items():
        policies = [m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
        assert len(policies) == 1
        assert policies[0] == CSP or path == "404.html"
        assert policies[0].startswith("default-src 'none'")


def test_nothing_is_inline(pages: dict[str, Reading], site: dict[str, bytes]) -> None:
    for path, page in pages.items():
        assert not page.all("style"), path
        assert all(s.get("src") or s.get("type") == "application/json" for s in page.all("script")), path
        assert not [a for _, attributes in page.elements for a in attributes if a == "style" or a.startswith("on")], (
            path
        )
    assert all("integrity" not in a for page in pages.values() for _, a in page.elements), (
        "SRI breaks pages opened as files"
    )


def test_no_page_loads_anything_from_elsewhere(pages: dict[str, Reading], site: dict[str, bytes]) -> None:
    for path, page in pages.items():
        for address in page.loads():
            assert resolve(address, path)[0] in site, (path, address)
    styles = site["assets/muniment.css"].decode()
    assert "url(" not in styles
    assert "@import" not in styles


def test_every_link_inside_leads_to_a_file_and_its_anchor(pages: dict[str, Reading], site: dict[str, bytes]) -> None:
    for path, page in pages.items():
        for link in page.links():
            if re.match(r"[a-z]+:", link):
                continue
            target, fragment = resolve(link, path)
            assert target in site, (path, link)
            assert not link.endswith("/"), "a link to a folder does not open from a file"
            if fragment:
                assert fragment in pages[target].ids, (path, link)


def test_ids_are_unique_and_headings_descend(pages: dict[str, Reading]) -> None:
    for path, page in pages.items():
        ids = [a["id"] for _, a in page.elements if a.get("id")]
        assert len(ids) == len(set(ids)), path
        levels = [int(t[1]) for t, _ in page.elements if re.fullmatch(r"h[1-6]", t)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b - a <= 1 for a, b in itertools.pairwise(levels)), path


def test_a_sandbox_says_so_on_every_page_and_in_every_fact(pages: dict[str, Reading], site: dict[str, bytes]) -> None:
    for path, page in pages.items():
        assert "Sandbox registry." in page.shown, path
    facts = [p for p in site if p.endswith(".json") and not p.startswith(("schemas/", "manifest/", "blob/"))]
    assert facts
    for path in facts:
        assert json.loads(site[path])["registry"]["sandbox"] is True, path
    assert b"(sandbox)" in site["feed.xml"]


def test_each_page_has_its_facts_beside_it(pages: dict[str, Reading], site: dict[str, bytes]) -> None:
    for path, page in pages.items():
        beside = path.removesuffix(".html") + ".json"
        parse_canonical(site[beside], beside)
        if path != "404.html":
            named = [a["href"] for a in page.all("link") if a.get("type") == "application/json"]
            assert [resolve(n, path)[0] for n in named] == [beside]


def test_hostile_text_is_shown_and_not_obeyed(pages: dict[str, Reading], site: dict[str, bytes]) -> None:
    page = "models/aiops/cpu-anomaly/2.0.0/index.html"
    assert HOSTILE.replace("\u202e", "⟨U+202E⟩") in pages[page].shown
    for path in pages:
        assert b"<script>alert" not in site[path]
        assert "\u202e" not in site[path].decode()
        loaded = {resolve(s["src"] or "", path)[0] for s in pages[path].all("script") if "src" in s}
        assert loaded <= {"assets/muniment.js", "assets/check.js"}
    assert json.loads(site[page.replace(".html", ".json")])["history"], "facts keep the words as they were signed"
    assert HOSTILE in json.loads(site["feed.xml".replace("feed.xml", "index.json")])["recent"][6]["reason"]


def test_scrolling_parts_can_be_reached_by_keyboard_and_have_names(pages: dict[str, Reading]) -> None:
    for path, page in pages.items():
        for tag, a in page.elements:
            if tag == "pre" or "scroll" in (a.get("class") or "").split():
                assert a.get("tabindex") == "0", path
                assert a.get("aria-label"), path


def test_ordinary_pages_do_not_change_with_what_is_not_theirs(story: Sample) -> None:
    from muniment.site.render import render

    sizes = sorted(story.histories)
    before = _render(render, story, sizes[-2])
    after = _render(render, story, sizes[-1])
    changed = {p for p in before if before[p] != after.get(p) and p.endswith(".html")}
    assert changed == {
        "index.html",
        "models/index.html",
        "lineage/index.html",
        "policy/index.html",
        "log/index.html",
        "log/entries/000.html",
        "versions/index.html",
        # made into something new:
        "datasets/aiops/telemetry/index.html",
        "datasets/aiops/telemetry/2026.01/index.html",
        "models/aiops/cpu-anomaly/index.html",
        "models/aiops/cpu-anomaly/1.0.0/index.html",
        "models/aiops/cpu-anomaly/2.0.0/index.html",
    }


def _render(render, story: Sample, size: int) -> dict[str, bytes]:
    notes = {s: n for s, n in story.notes.items() if s <= size}
    return {p.path: p.data for p in render(story.histories[size], story.blob, notes)}
