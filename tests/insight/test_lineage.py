"""Lineage, standing and the past, asked of the sample registry."""

from __future__ import annotations

import pytest

from muniment.core.errors import Usage
from muniment.core.name import VersionId, parse_name, parse_version_id
from muniment.insight import lineage as asked
from muniment.insight.past import states, states_at
from muniment.insight.standing import Standing, by_name, latest, stays, verdict
from tests.registry.paper import Paper
from tests.site.sample import Sample, sample


@pytest.fixture(scope="module")
def story() -> Sample:
    return sample()


def v(text: str) -> VersionId:
    return parse_version_id(text)


def test_versions_descend_from_what_provenance_names(story: Sample) -> None:
    graph = asked.lineage(story.state)
    assert asked.ancestors(graph, v("aiops/ensemble@0.1.0")) == (
        v("aiops/cpu-anomaly@2.0.0"),
        v("aiops/disk-forecast@1.0.0"),
        v("aiops/telemetry@2026.01"),
        v("aiops/cpu-anomaly@1.0.0"),
    )
    assert set(asked.descendants(graph, v("aiops/telemetry@2026.01"))) == set(graph.nodes) - {
        v("aiops/telemetry@2026.01")
    }


def test_code_and_lock_files_are_no_parents(story: Sample) -> None:
    graph = asked.lineage(story.state)
    assert not [n for n in graph.nodes if isinstance(n, asked.Material)]
    assert {e.role for e in graph.edges} == {"training", "base-model"}


def test_an_ego_view_stops_after_its_hops(story: Sample) -> None:
    graph = asked.lineage(story.state)
    near = asked.ego(graph, v("aiops/cpu-anomaly@1.0.0"), 1)
    assert v("aiops/ensemble@0.1.0") not in near.nodes
    assert {e.target for e in near.edges} <= set(near.nodes)


def test_folding_joins_versions_and_drops_loops(story: Sample) -> None:
    graph = asked.folded(asked.lineage(story.state))
    name = parse_name("aiops/cpu-anomaly")
    assert name in graph.nodes
    assert all(e.source != e.target for e in graph.edges)
    assert len({(e.source, e.target) for e in graph.edges}) == len(graph.edges)


@pytest.mark.parametrize(
    ("version", "standing"),
    [
        ("aiops/cpu-anomaly@0.9.0", Standing.RETIRED),
        ("aiops/cpu-anomaly@1.0.0", Standing.IN_FORCE),
        ("aiops/cpu-anomaly@2.0.0", Standing.ROLLED_BACK),
        ("aiops/ensemble@0.1.0", Standing.RELEASED),
    ],
)
def test_the_gravest_word_comes_first(story: Sample, version: str, standing: Standing) -> None:
    assert verdict(story.state, v(version)).standing is standing


def test_stays_join_end_to_end(story: Sample) -> None:
    mine = stays(story.state, v("aiops/cpu-anomaly@1.0.0"))
    assert [(s.environment, s.ended_by is None, s.rolled_back) for s in mine] == [
        ("staging", False, False),
        ("production", False, False),
        ("production", True, False),
    ]
    assert all(s.until is None or s.until >= s.tenure.since for s in mine)


def test_a_retired_version_is_not_the_latest(story: Sample) -> None:
    early = states_at(story.history().entries, [12])[12]
    assert latest(early, by_name(early)[parse_name("aiops/cpu-anomaly")]) == v("aiops/cpu-anomaly@0.9.0")
    assert latest(story.state, by_name(story.state)[parse_name("aiops/cpu-anomaly")]) == v("aiops/cpu-anomaly@2.0.0")


def test_the_past_comes_out_as_it_was(story: Sample) -> None:
    entries = story.history().entries
    *_, last = states(entries)
    assert last == story.state
    for size, history in story.histories.items():
        assert states_at(entries, [size])[size] == history.state


def test_a_size_beyond_the_log_is_refused(story: Sample) -> None:
    with pytest.raises(Usage):
        states_at(story.history().entries, [len(story.leaves) + 1])


def test_a_batch_of_nothing_was_at_its_time() -> None:
    """Else the site of an earlier size tells another date than it told then."""
    paper = Paper()
    paper.admit()
    entries = tuple(paper.state.entries[index] for index in range(paper.state.size))
    assert states_at(entries, [paper.state.size])[paper.state.size].admitted_at == paper.state.admitted_at
