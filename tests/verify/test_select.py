"""The story of a version: whatever a gate looked at comes along, so that the gate says the same of the story alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from muniment.core.errors import Refused
from muniment.core.name import VersionId
from muniment.core.name import parse_version_id as parse
from muniment.log.checkpoint import Checkpoint
from muniment.registry import propose
from muniment.registry.check import check
from muniment.registry.documents import documents
from muniment.registry.event import name_key
from muniment.registry.fold import History, tree_of
from muniment.registry.state import State
from muniment.verify.select import story_of
from tests.registry.paper import KEY, Paper, model, signature, target
from tests.registry.test_known import built, paper, record, review, scored


def history_of(of: Paper) -> History:
    entries = tuple(of.state.entries[i] for i in range(of.state.size))
    leaves = tuple(entry.leaf for entry in entries)
    tree = tree_of(leaves)
    return History(entries, of.state, Checkpoint(KEY.name, tree.size, tree.root()), b"", leaves)


def replayed(of: Paper, version: VersionId, without: int | None = None) -> State:
    """What the story of a version adds up to, each record at its own place."""
    state, story = State(), story_of(history_of(of), version) - {without}
    for index in sorted(story):
        entry = of.state.entries[index]
        assert entry.record is not None
        state = check(replace(state, size=index), entry.record, entry.admitted_at, entry.leaf)
    return state


def same(of: Paper, version: VersionId) -> None:
    whole, part = documents(of.state), documents(replayed(of, version))
    prefix = f"{name_key(version.name)}/"
    assert {s: d for s, d in part.items() if s.startswith(prefix)} == {
        s: d for s, d in whole.items() if s.startswith(prefix)
    }


def rules(rule: str, gate: str = "promote", **params: Any) -> dict[str, Any]:
    return {"rules": [{"rule": rule, "gate": gate, "with": params}]}


def test_records_that_a_gate_knew_of_and_no_release_names() -> None:
    """An evaluation of the first version came after its release; the second one's story holds the first's promotion."""
    of = paper(rules("metric-threshold", metric="f1", min=0.8))
    first = of.release("aiops/cpu@1.0.0")
    of.put("trainer", scored(0.9))
    of.put("operator", of.promotion(first))
    second = of.release("aiops/cpu@2.0.0", b"two")
    for version in (first, second):
        same(of, version)
    evaluation = next(e.index for e in of.state.entries.values() if e.kind == "evaluation")
    with pytest.raises(Refused, match="metric-threshold"):
        replayed(of, second, without=evaluation)


def test_a_review_that_made_an_earlier_version_pass() -> None:
    of = paper(rules("privacy-review", role="reviewer"))
    first = of.release("aiops/cpu@1.0.0")
    of.put("reviewer", review(of.at))
    of.put("operator", of.promotion(first))
    same(of, of.release("aiops/cpu@2.0.0", b"two"))


def test_records_about_the_data_that_a_model_was_trained_on() -> None:
    """Nobody names the dataset's record: the gate finds it by the digest that the provenance names."""
    of = paper(rules("data-allowed", gate="release", allow={"licences": ["MIT"]}))
    of.put("trainer", record())
    of.put("trainer", signature())
    of.put("trainer", built())
    named = tuple(target(statement) for statement in (signature(), built()))
    version = parse("aiops/cpu@1.0.0")
    of.put("trainer", propose.release(of.state, version, (model(),), named, of.at))
    same(of, version)
    dataset = next(e.index for e in of.state.entries.values() if e.kind == "dataset")
    with pytest.raises(Refused, match="data-allowed"):
        replayed(of, version, without=dataset)
