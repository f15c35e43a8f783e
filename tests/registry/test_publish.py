"""The sequencer's own promises: order, patience, keys; and what a reader's fold refuses by form."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from muniment.core.digest import digest_of
from muniment.core.errors import Malformed, Mismatch, Missing, MunimentError, Refused, Untrusted, Usage
from muniment.log.lines import format_lines, leaf_file, parse_lines
from muniment.log.note import NoteSigner
from muniment.registry import propose
from muniment.registry.fold import MAX_BUNDLE, blob_reader, fold, open_bundle, verify_bundle
from muniment.registry.inbox import submit
from muniment.registry.leaf import StateLeaf, derive_leaf, format_state_leaf, parse_leaf
from muniment.registry.paths import CHECKPOINT, blob_path
from muniment.registry.sequencer import publish
from muniment.registry.state import State
from muniment.registry.store.local import LocalStore
from muniment.signing.bundle import Bundle
from muniment.verify.replay import verify_registry
from tests.registry.paper import signature
from tests.world import World, make_world, now


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry with one version; tests publish to copies of it."""
    made = make_world(tmp_path_factory.mktemp("ready"))
    made.release("aiops/cpu@1.0.0")
    yield made
    made.sandbox.__exit__(None, None, None)


@pytest.fixture
def store(ready: World, tmp_path: Path) -> LocalStore:
    return ready.copy(tmp_path / "r")


@pytest.fixture(scope="module")
def promotion(ready: World) -> Bundle:
    (version,) = ready.state.versions
    return ready.sign("operator", propose.promote(ready.state, version, "production", "go", now()))


@pytest.fixture(scope="module")
def approval(ready: World, promotion: Bundle) -> Bundle:
    target, admitted = digest_of(promotion.payload), ready.state.admitted_at
    while admitted is None or now() <= admitted:  # it is signed in a later second than the last batch
        time.sleep(0.1)
    return ready.sign("reviewer", propose.approve(ready.state, target, "reviewer", "fine", now()))


def files(store: LocalStore) -> dict[str, bytes]:
    found = (p for p in sorted(store.root.rglob("*")) if p.is_file() and "inbox" not in p.parts)
    return {str(p.relative_to(store.root)): p.read_bytes() for p in found}


@pytest.mark.parametrize(("days", "stays"), [(0, True), (29, True), (31, False)])
def test_what_waits_too_long_leaves(ready: World, store: LocalStore, promotion: Bundle, days: int, stays: bool) -> None:
    submit(store, promotion.data)
    before = files(store)
    (turned,) = publish(store, ready.key, now() + timedelta(days=days)).turned
    assert (turned.waits, bool(store.list("inbox"))) == (stays, stays)
    assert ("waited more than 30 days" in turned.error.fact) is not stays
    assert (turned.kind, turned.statement) == ("promote", digest_of(promotion.payload))
    assert files(store) == before


def test_what_is_refused_for_good_never_waits(ready: World, store: LocalStore) -> None:
    submit(store, ready.sign("stranger", signature(b"s")).data)
    (turned,) = publish(store, ready.key, now()).turned
    assert (turned.waits, turned.kind) == (False, "signature")
    assert isinstance(turned.error, Refused)
    assert store.list("inbox") == []


def test_whatever_order_they_come_in(ready: World, store: LocalStore, promotion: Bundle, approval: Bundle) -> None:
    """The promotion was signed first, and is tried again once its approval is there."""
    submit(store, promotion.data)
    submit(store, approval.data)
    done = publish(store, ready.key, now())
    assert [e.kind for e in done.admitted] == ["approve", "promote", "state"]
    times = {e.admitted_at for e in done.admitted}
    assert len(times) == 1
    assert done.history.state.approvals[digest_of(promotion.payload)][0].consumed_by == done.admitted[1].index


def test_evidence_of_one_second_is_ordered_by_digest(ready: World, store: LocalStore) -> None:
    bundles = [ready.sign("trainer", signature(b"%d" % i)) for i in range(4)]
    for bundle in reversed(bundles):
        submit(store, bundle.data)
    done = publish(store, ready.key, now())
    keys = [(e.record.signed_at, e.record.statement_digest.hex) for e in done.admitted if e.record]
    assert len(keys) == 4
    assert keys == sorted(keys)


def test_a_clock_that_is_behind(ready: World, store: LocalStore, approval: Bundle) -> None:
    """Up to five minutes the batch's time is moved forward to the record's; beyond that the record is turned away."""
    submit(store, approval.data)
    signed_at = verify_bundle(ready.state, approval).signed_at
    done = publish(store, ready.key, signed_at - timedelta(minutes=4))
    assert done.admitted[-1].admitted_at >= signed_at
    other = ready.copy(store.root.parent / "other")
    submit(other, approval.data)
    (turned,) = publish(other, ready.key, signed_at - timedelta(minutes=10)).turned
    assert "signed after its batch" in turned.error.fact


def test_a_clock_that_goes_back(ready: World, store: LocalStore, approval: Bundle) -> None:
    ahead = now() + timedelta(minutes=4)
    submit(store, ready.sign("trainer", signature(b"ahead")).data)
    publish(store, ready.key, ahead)
    submit(store, approval.data)
    assert publish(store, ready.key, now()).admitted[-1].admitted_at == ahead


def test_a_bundle_that_is_in_the_log_leaves_the_inbox(ready: World, store: LocalStore) -> None:
    record = ready.history.entries[2].record
    assert record is not None
    submit(store, store.read(blob_path(record.bundle)))
    before = files(store)
    assert publish(store, ready.key, now()).turned == ()
    assert store.list("inbox") == []
    assert files(store) == before


@pytest.mark.parametrize("name", ["test.sandbox.muniment.dev/aiops", "other.example/log"])
def test_a_key_that_is_not_the_logs(ready: World, store: LocalStore, approval: Bundle, name: str) -> None:
    submit(store, approval.data)
    before = files(store)
    with pytest.raises(Usage, match="not one of the registry's"):
        publish(store, NoteSigner(name, b"1" * 32), now())
    assert files(store) == before


def test_a_first_entry_with_a_key_it_does_not_name(ready: World, tmp_path: Path) -> None:
    first = ready.history.entries[0].record
    assert first is not None
    empty = LocalStore(tmp_path / "empty")
    submit(empty, ready.store.read(blob_path(first.bundle)))
    with pytest.raises(Usage, match="not one of the registry's"):
        publish(empty, NoteSigner(ready.key.name, b"1" * 32), now())
    assert empty.list("log") == []
    assert not empty.exists(CHECKPOINT)


def test_a_first_entry_that_is_no_configuration(ready: World, tmp_path: Path, approval: Bundle) -> None:
    empty = LocalStore(tmp_path / "empty")
    submit(empty, approval.data)
    with pytest.raises(Refused, match="holds no registry yet"):
        publish(empty, ready.key, now())
    with pytest.raises(Untrusted, match="not a configure event"):
        verify_bundle(State(), approval)


def test_a_log_that_is_not_what_its_checkpoint_signs(ready: World, store: LocalStore) -> None:
    lines = parse_lines(store.read(leaf_file(0)), "log")
    store.write(leaf_file(0), format_lines([lines[0], *lines[2:], lines[1]]))
    with pytest.raises(Untrusted, match="not what its checkpoint signs"):
        publish(store, ready.key, now())


def test_a_batch_that_died_before_its_end(ready: World, store: LocalStore, promotion: Bundle, approval: Bundle) -> None:
    """Its leaves stand beyond the checkpoint without a state leaf, its items still in the inbox."""
    for bundle in (approval, promotion):
        submit(store, bundle.data)
        store.write(blob_path(bundle.digest), bundle.data)
    lines = parse_lines(store.read(leaf_file(0)), "log")
    pending = [derive_leaf(verify_bundle(ready.state, b)) for b in (approval, promotion)]
    store.write(leaf_file(0), format_lines([*lines, *pending]))
    done = publish(store, ready.key, now())
    assert [e.leaf for e in done.admitted[:2]] == pending
    assert store.list("inbox") == []
    assert verify_registry(store, ready.trust).history.checkpoint.size == len(lines) + 3


# What a reader refuses by form


def leaves(ready: World) -> list[bytes]:
    return list(ready.history.leaves)


def test_a_log_that_ends_within_a_batch(ready: World) -> None:
    with pytest.raises(Untrusted, match="ends within a batch"):
        fold(State(), leaves(ready)[:-1], blob_reader(ready.store))


def test_a_batch_of_nothing(ready: World) -> None:
    last = parse_leaf(leaves(ready)[-1])
    assert isinstance(last, StateLeaf)
    state = fold(State(), [*leaves(ready), format_state_leaf(last)], blob_reader(ready.store))
    assert (state.size, state.admitted_at) == (len(leaves(ready)) + 1, last.admitted_at)


def test_a_batch_of_nothing_dated_before_the_one_it_follows(ready: World) -> None:
    last = parse_leaf(leaves(ready)[-1])
    assert isinstance(last, StateLeaf)
    earlier = format_state_leaf(replace(last, admitted_at=last.admitted_at - timedelta(seconds=1)))
    with pytest.raises(Untrusted, match="dated before"):
        fold(State(), [*leaves(ready), earlier], blob_reader(ready.store))


def test_a_blob_with_other_bytes(ready: World, store: LocalStore, approval: Bundle) -> None:
    record = ready.history.entries[2].record
    assert record is not None
    store.write(blob_path(record.bundle), approval.data)
    with pytest.raises(Mismatch, match="other bytes than its name"):
        blob_reader(store)(record.bundle)
    store.remove(blob_path(record.bundle))
    with pytest.raises(Missing):
        blob_reader(store)(record.bundle)


def test_a_bundle_kept_in_another_spelling(approval: Bundle) -> None:
    spaced = json.dumps(json.loads(approval.data)).encode()
    assert open_bundle(spaced).digest == approval.digest
    assert open_bundle(approval.data, approval.digest).data == approval.data
    with pytest.raises(MunimentError):
        open_bundle(spaced, digest_of(spaced))
    with pytest.raises(Mismatch):
        open_bundle(approval.data, digest_of(b"x"))


def test_a_bundle_that_is_too_large() -> None:
    with pytest.raises(Malformed, match="larger than"):
        open_bundle(b" " * (MAX_BUNDLE + 1))
    with pytest.raises(Malformed, match="not JSON"):
        open_bundle(b" " * MAX_BUNDLE)


def test_a_time_that_is_moved_within_the_batch(ready: World) -> None:
    """Every entry of a batch has its state leaf's time; a later batch cannot have an earlier one."""
    lines = leaves(ready)
    last = parse_leaf(lines[-1])
    assert isinstance(last, StateLeaf)
    early = format_state_leaf(replace(last, admitted_at=last.admitted_at - timedelta(days=1)))
    with pytest.raises(Refused):
        fold(State(), [*lines[:-1], early], blob_reader(ready.store))
