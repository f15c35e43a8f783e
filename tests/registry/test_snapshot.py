"""Snapshots: what fits goes on where it was left, and whatever does not is none."""

from __future__ import annotations

import io
import os
import pickle
import zlib
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from muniment.core.canonical import format_json, parse_json
from muniment.core.digest import Digest, digest_of
from muniment.core.resources import code_digest
from muniment.registry.documents import state_tree
from muniment.registry.predicate import KINDS
from muniment.registry.snapshot import ROOMS, _classes, _Reader, format_snapshot, parse_snapshot, resume
from muniment.registry.state import State
from muniment.registry.table import Table
from tests.registry.paper import KEY, Paper, signature

SECRET = b"of the one who publishes"


@pytest.fixture(scope="module")
def paper() -> Paper:
    """A registry in which everything happened that can: new rules and keys among it."""
    made = Paper()
    first = made.release("aiops/cpu@1.0.0")
    made.promote(first)
    made.put("administrator", made.configuration(registry=made.registry(title="another")))
    return made


@pytest.fixture(scope="module")
def leaves(paper: Paper) -> list[bytes]:
    return [paper.state.entries[i].leaf for i in range(paper.state.size)]


@pytest.fixture(scope="module")
def data(paper: Paper, leaves: list[bytes]) -> bytes:
    return format_snapshot(paper.state, SECRET)


def opened(data: bytes, paper: Paper, secret: bytes | None = SECRET) -> State | None:
    assert paper.state.genesis is not None
    return parse_snapshot(data, KEY.name, paper.state.genesis, secret)


def test_a_state_comes_back_whole(paper: Paper, leaves: list[bytes], data: bytes) -> None:
    state = resume(opened(data, paper), leaves)
    for field in fields(State):
        if field.name != "tree":
            assert getattr(state, field.name) == getattr(paper.state, field.name), field.name
    assert state.tree.root == paper.state.tree.root == state_tree(state).root


def test_a_state_that_came_back_goes_on(paper: Paper, leaves: list[bytes], data: bytes) -> None:
    paper.state, kept = resume(opened(data, paper), leaves), paper.state
    try:
        paper.promote(paper.release("aiops/cpu@2.0.0", b"two"))
        again, paper.state = paper.state, kept
        paper.at -= timedelta(minutes=4)
        paper.promote(paper.release("aiops/cpu@2.0.0", b"two"))
        assert again.tree.root == paper.state.tree.root
    finally:
        paper.state = kept


def test_the_state_of_a_shorter_log_fits_a_longer_one(paper: Paper, leaves: list[bytes], data: bytes) -> None:
    longer = [*leaves, b"more"]
    assert resume(opened(data, paper), longer).size == len(leaves)


def altered_head(data: bytes, **changes: object) -> bytes:
    line, _, body = data.partition(b"\n")
    return format_json({**parse_json(line, "it"), **changes}) + b"\n" + body


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: b"",
        lambda d: d[:-1],
        lambda d: d + b" ",
        lambda d: b" " + d,
        lambda d: d.partition(b"\n")[2],
        lambda d: d.replace(b'"size":', b'"size" :', 1),
        lambda d: altered_head(d, code=str(digest_of(b"other code"))),
        lambda d: altered_head(d, semantics=2),
        lambda d: altered_head(d, origin="other.example/log"),
        lambda d: altered_head(d, genesis=str(digest_of(b"other"))),
        lambda d: altered_head(d, size=2),
        lambda d: altered_head(d, body="0" * 64),
        lambda d: altered_head(d, size="no"),
    ],
)
def test_what_is_no_snapshot_of_this_log(paper: Paper, data: bytes, damage: Callable[[bytes], bytes]) -> None:
    assert opened(damage(data), paper, None) is None
    assert opened(data, paper, None) is not None


def test_another_log(paper: Paper, data: bytes) -> None:
    genesis = paper.state.genesis
    assert genesis is not None
    assert parse_snapshot(data, "other.example/log", genesis, SECRET) is None
    assert parse_snapshot(data, KEY.name, Digest("0" * 64), SECRET) is None


def test_poisoned_cache(paper: Paper, leaves: list[bytes], data: bytes) -> None:
    """Whoever can write to the cache, but has not the secret, makes nothing that is taken for a state."""
    false = replace(paper.state, last=paper.state.last.set("config", 0))
    for secret in (None, b"another"):
        assert opened(format_snapshot(false, secret), paper) is None
    assert opened(altered_head(data, size=2), paper) is None
    assert opened(format_snapshot(false, SECRET), paper) is not None


def hostile(what: object) -> bytes:
    return pickle.dumps(what, protocol=5)


class Command:
    """What a pickle can do to whoever loads it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


@pytest.mark.parametrize("what", [Command(), print, Paper, zlib.compress, KEY])
def test_nothing_but_values_of_a_state_is_loaded(what: object) -> None:
    with pytest.raises(KeyError):
        _Reader(io.BytesIO(hostile(what))).load()


def test_a_hostile_pickle_with_a_head_that_fits(paper: Paper, data: bytes) -> None:
    body = zlib.compress(hostile(Command()))
    head = altered_head(data, body=digest_of(body).hex).partition(b"\n")[0]
    assert opened(head + b"\n" + body, paper, None) is None


def test_every_event_is_a_value_of_a_state() -> None:
    """A kind that is not would cost every reader a whole replay."""
    known = set(_classes().values())
    assert set(KINDS.values()) <= known
    assert Table in known
    assert not [kind for kind in known if kind.__module__.split(".")[0] in ("builtins", "os", "sys", "subprocess")]


def fits(state: State, leaves: list[bytes]) -> bool:
    return resume(state, leaves).size == state.size > 0


def test_a_snapshot_must_be_of_these_leaves(paper: Paper, leaves: list[bytes]) -> None:
    state = paper.state
    assert fits(state, leaves)
    assert not fits(state, leaves[:-1])
    assert not fits(state, [*leaves[:2], b"other", *leaves[3:]])
    assert not fits(State(), leaves)
    assert resume(None, leaves).size == 0


@pytest.mark.parametrize("index", [0, 3, -1])
def test_every_entry_must_have_its_leaf(paper: Paper, leaves: list[bytes], index: int) -> None:
    """Another log with the same documents is another log."""
    entry = paper.state.entries[index % len(leaves)]
    other = paper.state.entries.set(entry.index, replace(entry, leaf=b"other"))
    assert not fits(replace(paper.state, entries=other), leaves)
    assert not fits(replace(paper.state, entries=paper.state.entries.delete(entry.index)), leaves)


@pytest.mark.parametrize(
    "change",
    [
        {"stages": Table()},
        {"approvals": Table()},
        {"about": Table()},
        {"versions": Table()},
        {"configured_at": 0},
        {"admitted_at": None},
        {"genesis": Digest("0" * 64)},
    ],
)
def test_its_documents_must_be_those_of_the_log(paper: Paper, leaves: list[bytes], change: dict[str, object]) -> None:
    assert not fits(replace(paper.state, **change), leaves)


def test_a_state_within_a_batch_is_none(paper: Paper, leaves: list[bytes]) -> None:
    """A snapshot stands for whole batches: its last leaf says what it adds up to."""
    state = paper.state
    cut = replace(state, size=state.size - 1, entries=state.entries.delete(state.size - 1))
    assert not fits(cut, leaves)


def test_the_code_has_a_digest(tmp_path) -> None:
    assert code_digest(ROOMS) == code_digest(ROOMS)
    assert code_digest(ROOMS) != code_digest(("core",))


def test_records_of_any_kind_come_back(paper: Paper) -> None:
    other = Paper()
    other.admit(*[other.sign("trainer", signature(b"%d" % n)) for n in range(3)])
    leaves = [other.state.entries[i].leaf for i in range(other.state.size)]
    data = format_snapshot(other.state)
    assert resume(opened(data, other, None), leaves).entries == other.state.entries
