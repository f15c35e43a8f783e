"""The state tree beside the state: brought up to date batch by batch, it is the tree of all documents."""

from __future__ import annotations

import hashlib
import random
from dataclasses import fields

import pytest

from muniment.core.errors import Missing, Refused
from muniment.log.merkle import MemoryTree, leaf_hash
from muniment.registry import propose, recovery
from muniment.registry.documents import SECTIONS, documents, settle, state_tree
from muniment.registry.state import State
from muniment.registry.table import Table
from tests.registry.paper import Paper, model, signature


def plain_root(state: State) -> bytes:
    """The root of the state tree by its definition alone."""
    lines = [f"{s} {hashlib.sha256(d).hexdigest()}\n".encode() for s, d in documents(state).items()]
    return MemoryTree(map(leaf_hash, sorted(lines))).root()


def step(paper: Paper, dice: random.Random, number: int) -> None:
    """One thing that can happen: several records, in batches of their own."""
    versions = sorted(paper.state.versions)
    free = [v for v in versions if not paper.state.environments_of(v) and paper.state.versions[v].retired is None]
    standing = [v for v in versions if len(paper.state.stages.get((v.name, "production"), ())) > 1]
    match dice.randrange(6):
        case 0 if free:
            paper.promote(dice.choice(free))
        case 1 if free:
            paper.put("operator", paper.promotion(dice.choice(free), "staging"))
        case 2 if free:
            retired = propose.retire(paper.state, dice.choice(free), "unused", "old", None, paper.at)
            paper.put("operator", retired)
        case 3 if standing:
            name = dice.choice(standing).name
            paper.open_incident(str(name), f"INC-{number}")
            record = ("production", None, f"INC-{number}", "worse", paper.at)
            paper.put("operator", recovery.rollback(paper.state, name, *record))
        case 4:
            paper.put("administrator", paper.configuration(registry=paper.registry(title=f"title {number}")))
        case _:
            name = dice.choice(["cpu", "gpu", "net"])
            paper.release(f"aiops/{name}@{number}.0.0", b"%d" % dice.randrange(number + 1))


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_tree_of_all_documents_after_every_batch(seed: int) -> None:
    paper, dice = Paper(), random.Random(seed)  # noqa: S311 - a test
    for number in range(40):
        try:
            step(paper, dice, number)
        except (Refused, Missing):
            continue
        assert paper.state.tree.root == plain_root(paper.state)
        assert paper.state.tree.root == state_tree(paper.state).root


def test_a_state_that_was_never_settled_has_its_tree_too() -> None:
    """The pages of the past make such states: entry by entry, without the ends of batches."""
    from muniment.insight.past import states_at

    paper = Paper()
    paper.promote(paper.release("aiops/cpu@1.0.0"))
    entries = [paper.state.entries[i] for i in range(paper.state.size)]
    (state,) = states_at(entries, [paper.state.size]).values()
    assert state_tree(state).root == paper.state.tree.root


def test_a_state_is_a_value() -> None:
    """What comes after a state changes nothing of it."""
    paper = Paper()
    paper.release("aiops/cpu@1.0.0")
    before, root = paper.state, paper.state.tree.root
    paper.admit(*[paper.sign("trainer", signature(b"%d" % n)) for n in range(50)])
    assert settle(before).tree.root == root == plain_root(before)
    assert paper.state.tree.root != root
    assert model().digest in before.about


def test_every_table_of_the_state_is_a_section_of_its_tree() -> None:
    """What is not would be no part of any root."""
    tables = {f.name for f in fields(State) if isinstance(getattr(State(), f.name), Table)}
    assert tables == {section.field for section in SECTIONS}


def test_a_table_knows_what_was_set() -> None:
    one = Table[str, int]().set("a", 1).set("b", 2)
    assert (dict(one), sorted(one.changed)) == ({"a": 1, "b": 2}, ["a", "b"])
    two = one.settled().set("a", 3)
    assert (two["a"], one["a"], list(two.changed), len(two)) == (3, 1, ["a"], 2)
    assert sorted(two.items()) == [("a", 3), ("b", 2)]
    assert sorted(two.values()) == [2, 3]
    assert "b" in two
    assert two.get("c") is None
