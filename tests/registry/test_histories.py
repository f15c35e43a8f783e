"""Whatever happened, all readers agree: who lacks what was redacted, who goes on from a snapshot, who begins anew."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from muniment.registry import redaction
from muniment.registry.documents import state_tree
from muniment.registry.runtime import RUNNING
from muniment.registry.snapshot import format_snapshot, parse_snapshot, resume
from muniment.registry.state import State
from tests.registry.histories import ACTS, History
from tests.registry.paper import KEY
from tests.registry.test_documents import plain_root
from tests.registry.test_redaction import plain

SEEDS = (22, 24, 25, 34, 37)  # chosen so that everything happens


@cache
def grown(seed: int) -> History:
    """A registry grown by dice."""
    made = History(seed)
    made.grow(120)
    return made


@pytest.fixture(params=SEEDS)
def history(request: pytest.FixtureRequest) -> History:
    """One of them after the other."""
    return grown(request.param)


def subsets(of: History) -> list[tuple[int, ...]]:
    """Each record that was redacted, all of them, and some."""
    gone = sorted(of.state.absent)
    some = [tuple(of.dice.sample(gone, of.dice.randrange(len(gone) + 1))) for _ in range(2)]
    return [(), *dict.fromkeys([tuple(gone), *((index,) for index in gone), *some])]


def check_same(one: State, other: State) -> None:
    """Two readers know the same: state, root, rules in force, and what is unproven."""
    assert plain(one) == plain(other)
    assert state_tree(one).root == state_tree(other).root
    assert one.config is not None
    assert other.config is not None
    assert one.config.digest == other.config.digest
    assert redaction.unproven(one) == redaction.unproven(other)


def test_who_lacks_redacted_records_knows_the_same(history: History) -> None:
    for missing in subsets(history):
        check_same(history.again(missing), history.state)


def test_documents_that_were_kept_up_to_date_are_those_made_anew(history: History) -> None:
    for state in history.states[::9]:
        assert state.tree.root == plain_root(state)


def test_what_runs_is_counted_as_the_last_statuses_say(history: History) -> None:
    for state in history.states[::9]:
        told = Counter((d.version, d.environment) for d in state.deployments.values() if d.status == RUNNING)
        assert {key: count for key, count in state.running.items() if count} == told


def kept(state: State) -> State:
    """A state out of its snapshot, as a reader who comes back takes it."""
    genesis = state.genesis
    assert genesis is not None
    leaves = [state.entries[i].leaf for i in range(state.size)]
    again = resume(parse_snapshot(format_snapshot(state), KEY.name, genesis), leaves)
    assert again.size == state.size
    return again


def test_who_goes_on_from_a_snapshot_knows_the_same(history: History) -> None:
    """Of a state before or after redactions, by somebody who had all records then or lacked some."""
    for missing in [(), tuple(history.state.absent)]:
        for state in history.dice.sample(history.states, 2):
            there = {index for index in missing if index >= state.size or history.state.absent[index] < state.size}
            known = kept(history.again(there, until=state.size))
            check_same(history.again(missing, known), history.state)


def test_dice_let_everything_happen() -> None:
    """What never happens in these histories is not tried above."""
    happened = sum((grown(seed).happened for seed in SEEDS), Counter[str]())
    assert set(happened) == {kind for kind, _ in ACTS}
    breaches = [b for seed in SEEDS for b in grown(seed).state.breaches.values()]
    assert {b.settled_by is None for b in breaches} == {True, False}
    assert any(one.decisions for seed in SEEDS for one in redaction.unproven(grown(seed).state))
