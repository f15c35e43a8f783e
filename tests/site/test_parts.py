"""Layers, text, paths, search, pointers and feed."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.digest import digest_of
from muniment.core.name import parse_name, parse_version_id
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.link import materials_of
from muniment.evidence.statement import Statement, Subject
from muniment.registry.predicate import format_event
from muniment.registry.state import Entry
from muniment.site import layers, paths
from muniment.site.facts import said
from muniment.site.facts.said import step_facts
from muniment.site.graph import drawing
from muniment.site.search import words
from muniment.site.text import visible, web_link
from tests.site.sample import Sample, genesis, link_predicate

graphs = st.integers(1, 12).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=30))
)


@given(graphs)
def test_edges_run_from_left_to_right_whatever_the_graph(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, edges = graph
    straight = layers.acyclic(count, edges)
    layer = layers.layering(count, straight)
    assert all(layer[a] < layer[b] for a, b in straight)
    assert {frozenset(e) for e in straight} == {frozenset(e) for e in edges if e[0] != e[1]}
    assert min(layer) == 0 or not straight


@given(graphs)
def test_no_two_boxes_overlap_and_every_box_is_in_the_picture(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, edges = graph
    nodes = [{"title": f"n{n}", "note": "", "page": None} for n in range(count)]
    drawn = drawing({"nodes": nodes, "edges": [{"from": a, "to": b} for a, b in edges]})
    boxes = [(float(b["x"]), float(b["y"])) for b in drawn["boxes"]]
    for n, (x, y) in enumerate(boxes):
        assert 0 <= x <= drawn["width"] - 178
        assert -0.2 <= y <= drawn["height"] - 43.8
        assert all(abs(x - x2) >= 178 or abs(y - y2) >= 44 for x2, y2 in boxes[n + 1 :])


def test_a_long_edge_bends_round_what_lies_between() -> None:
    layer, chains = layers.with_bends([0, 1, 2], [(0, 1), (1, 2), (0, 2)])
    assert layer == [0, 1, 2, 1]
    assert chains == [[0, 1], [1, 2], [0, 3, 2]]
    y = layers.positions(layers.ordering(layer, chains), chains, [60.0] * 4)
    assert abs(y[1] - y[3]) >= 60


def test_flooder_of_lineage_with_sources() -> None:
    """Fifty names, each made of all before it, had 20,000 bends on every page, and took minutes."""
    layer = list(range(50))
    edges = [(a, b) for b in layer for a in layer[:b]]
    bent, chains = layers.with_bends(layer, edges)
    assert len(bent) <= len(layer) + layers.BENDS
    assert [(chain[0], chain[-1]) for chain in chains] == edges
    assert chains[0] == [0, 1]
    assert [len(c) for c in chains if c[-1] - c[0] == 2] == [3] * 48


def test_a_drawing_does_not_hang_on_how_an_interpreter_adds() -> None:
    """From Python 3.12 on `sum` of floats makes up for what rounding loses; every box here lay elsewhere before."""
    layer, chains = layers.with_bends([0, 0, 1, 2, 2], [(1, 2), (1, 3), (2, 3), (2, 4)])
    y = layers.positions(layers.ordering(layer, chains), chains, [60.0] * 5 + [20.0])
    assert [round(value, 1) for value in y] == [30.0, 101.7, 81.6, 120.4, 60.4, 121.7]


@given(st.text())
def test_shown_text_hides_nothing(text: str) -> None:
    import unicodedata

    shown = visible(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs") and c not in "\n\t"]
    assert visible(shown) == shown


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https://",
        "https://a b",
        "https://user@evil.example",
        "https:\\\\evil",
        'https://x"y',
        "HTTPS://x\u202e",
        "vbscript:x",
        " https://x",
        None,
        3,
        "https://[::1",
        "https://a[::1]b/",
    ],
)
def test_only_plain_web_addresses_become_links(address: object) -> None:
    assert web_link(address) is None


def test_pages_do_not_hang_on_an_interpreters_unicode_tables() -> None:
    """U+13439 hides since Unicode 15, U+A7C0 has a lower case since 14: neither is known to every Python."""
    assert visible("a\U00013439b") == "a⟨U+13439⟩b"
    assert visible("a\ufffe\uffffb") == "a⟨U+FFFE⟩⟨U+FFFF⟩b"
    assert list(words("ab\ua7c0cd Äöü")) == ["ab", "cd", "äöü"]


def test_a_web_address_stays_as_it_is() -> None:
    assert web_link("https://host.example/a/b?c=d#e") == "https://host.example/a/b?c=d#e"


def test_links_are_relative_and_encoded() -> None:
    assert paths.relative("assets/x.css", "models/a/b/index.html") == "../../../assets/x.css"
    assert paths.relative("log/entries/000.html#e3", "log/index.html") == "entries/000.html#e3"
    assert paths.relative("models/a/b/1.0+cpu/index.html", "index.html") == "models/a/b/1.0+cpu/index.html"


def test_a_version_named_like_a_page_does_not_take_its_place() -> None:
    name = parse_name("index.html/index.json")
    version = parse_version_id("a/b@index.html")
    assert paths.name_page("models", name) == "models/~index.html/~index.json/index.html"
    assert paths.version_page("models", version) != paths.name_page("models", version.name)
    assert paths.version_page("models", version) == "models/a/b/~index.html/index.html"


def test_words_of_names_and_versions() -> None:
    found = set(words("aiops/cpu-anomaly@2.0.0"))
    assert found >= {"aiops", "cpu", "anomaly", "aiops/cpu-anomaly@2.0.0", "cpu-anomaly@2.0.0", "cpu-anomaly", "2.0.0"}
    assert "train.yml" in set(words("sandbox.muniment.dev/detectors · train.yml"))


def lookup(site: dict[str, bytes], prefix: str, text: str) -> list[str]:
    """What the page's script does: shard by two letters, then words that begin so, then records."""
    data = site[f"search/{prefix}-{text[:2]}.js"].decode()
    shard = json.loads(data[data.index(",") + 1 : data.rindex(")")])
    numbers = sorted({n for word, hits in shard.items() if word.startswith(text) for n in hits})
    rows = site["search/r-0.js"].decode()
    records = json.loads(rows[rows.index(",") + 1 : rows.rindex(")")])
    return [records[n][2] for n in numbers]


def test_search_finds_names_versions_and_digests(site: dict[str, bytes], story: Sample) -> None:
    assert "models/aiops/cpu-anomaly/index.html" in lookup(site, "w", "anom")
    digest = story.digest("aiops/cpu-anomaly@2.0.0").hex
    assert lookup(site, "d", digest[:10]) == ["models/aiops/cpu-anomaly/2.0.0/index.html"]
    assert all(path in site for path in lookup(site, "w", "aiops"))


def test_every_shard_is_named_in_the_index(site: dict[str, bytes]) -> None:
    data = site["search/index.js"].decode()
    names = json.loads(data[data.index(",") + 1 : data.rindex(")")])
    made = {p.removeprefix("search/").removesuffix(".js") for p in site if p.startswith(("search/w-", "search/d-"))}
    assert set(names) == made


def test_pointers_say_what_a_deploy_job_needs(site: dict[str, bytes], story: Sample) -> None:
    pointer = json.loads(site["api/v1/aiops/cpu-anomaly/production.json"])
    assert pointer["version"] == "aiops/cpu-anomaly@1.0.0"
    assert pointer["artifacts"][0]["digest"] == str(story.digest("aiops/cpu-anomaly@1.0.0"))
    assert pointer["registry"]["genesis"] == str(story.state.genesis)
    assert json.loads(site["api/v1/aiops/cpu-anomaly/latest.json"])["standing"] == "rolled-back"
    assert "api/v1/aiops/cpu-anomaly/development.json" not in site


def test_the_feed_is_well_formed_and_its_links_lead_somewhere(site: dict[str, bytes]) -> None:
    root = ElementTree.fromstring(site["feed.xml"])  # noqa: S314 - our own bytes
    atom = "{http://www.w3.org/2005/Atom}"
    entries = root.findall(f"{atom}entry")
    assert len(entries) == 16
    assert len({e.findtext(f"{atom}id") for e in entries}) == 16
    for entry in entries:
        link = entry.find(f"{atom}link")
        assert link is not None
        assert link.attrib["href"].partition("#")[0] in site


def test_steps_stand_in_the_order_of_what_feeds_what() -> None:
    """However they were submitted; steps that feed each other in a circle stay as the log has them."""
    sample = Sample()
    sample.add("administrator", format_event(genesis(sample)))

    def link(name: str, used: str, made: str) -> Entry:
        materials = [{"name": used, "digest": {"sha256": digest_of(used.encode()).hex}}]
        predicate = link_predicate() | {"name": name, "materials": materials}
        sample.say("trainer", "link", Subject(made, digest_of(made.encode())), predicate)
        return sample.state.entries[sample.state.size - 1]

    train, split, fetch = link("train", "part", "model"), link("split", "whole", "part"), link("fetch", "web", "whole")
    assert [s["name"] for s in step_facts([train, split, fetch])] == ["fetch", "split", "train"]
    one, two = link("one", "b", "a"), link("two", "a", "b")
    assert [s["name"] for s in step_facts([one, two, train])] == ["train", "one", "two"]


def test_every_step_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred steps with a hundred materials each kept a build for minutes."""
    read: list[int] = []
    monkeypatch.setattr(said, "materials_of", lambda predicate: read.append(1) or materials_of(predicate))
    links, s = [], Sample()
    for number in range(40):
        used = [{"name": "in", "digest": {"sha256": digest_of(b"%d" % n).hex}} for n in range(number + 1, 41)]
        subject = Subject("out", digest_of(b"%d" % number))
        statement = Statement((subject,), EVIDENCE["link"], {"name": str(number), "materials": used})
        links.append(Entry(number, b"", "link", s.signed("trainer", statement), None, s.now))
    assert [step["name"] for step in step_facts(links)] == [str(n) for n in reversed(range(40))]
    assert len(read) <= len(links)
