"""The operator holds the log key: re-hashes and re-signs whatever it likes. Every reader still refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from muniment.core.canonical import format_json
from muniment.core.digest import digest_of
from muniment.core.errors import MunimentError, Refused, Rejected, Untrusted
from muniment.core.name import parse_version_id
from muniment.evidence.statement import format_statement, parse_statement
from muniment.log.checkpoint import Checkpoint, sign_checkpoint
from muniment.log.lines import format_lines, leaf_file
from muniment.registry import propose
from muniment.registry.fold import History, read_leaves, state_root, tree_of, verify_bundle
from muniment.registry.leaf import StateLeaf, derive_leaf, format_state_leaf, parse_leaf
from muniment.registry.paths import CHECKPOINT, blob_path
from muniment.registry.store.local import LocalStore
from muniment.verify.replay import verify_registry
from tests.world import World, make_world, now


def resign(world: World, store: LocalStore, leaves: list[bytes]) -> None:
    """What an operator can always do: leaves of its choice under a root of theirs, signed with the log key."""
    store.write(leaf_file(0), format_lines(leaves))
    checkpoint = Checkpoint(world.trust.origin, len(leaves), tree_of(leaves).root())
    store.write(CHECKPOINT, sign_checkpoint(checkpoint, world.key))


def leaves_of(store: LocalStore, world: World) -> list[bytes]:
    return read_leaves(store, world.history.checkpoint.size)


def refused(world: World, store: LocalStore) -> MunimentError:
    with pytest.raises(Rejected) as caught:
        verify_registry(store, world.trust)
    return caught.value


def test_the_honest_registry_verifies(told: World) -> None:
    assert isinstance(verify_registry(told.store, told.trust).history, History)


def changed(leaf: bytes, change: Callable[[dict], None]) -> bytes:
    value = json.loads(leaf)
    change(value)
    return format_json(value)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(signedAt="2020-01-01T00:00:00Z"),
        lambda v: v.update(statement="sha256:" + "0" * 64),
        lambda v: v["subjects"][0].update(name="other"),
        lambda v: v.update(type="https://muniment.dev/retire/v1"),
        lambda v: v.update(note="added"),
    ],
)
def test_a_leaf_that_says_other_things_than_its_bundle(told: World, tmp_path: Path, change: Callable) -> None:
    store = told.copy(tmp_path / "r")
    leaves = leaves_of(store, told)
    leaves[2] = changed(leaves[2], change)
    resign(told, store, leaves)
    assert "says other things than its bundle" in refused(told, store).fact


def test_a_wrong_state_root(told: World, tmp_path: Path) -> None:
    store = told.copy(tmp_path / "r")
    leaves = leaves_of(store, told)
    last = parse_leaf(leaves[-1])
    assert isinstance(last, StateLeaf)
    leaves[-1] = format_state_leaf(replace(last, root=digest_of(b"anything")))
    resign(told, store, leaves)
    assert "state root" in refused(told, store).fact


def test_time_that_goes_back(told: World, tmp_path: Path) -> None:
    store = told.copy(tmp_path / "r")
    leaves = leaves_of(store, told)
    last = parse_leaf(leaves[-1])
    assert isinstance(last, StateLeaf)
    leaves[-1] = format_state_leaf(replace(last, admitted_at=last.admitted_at - timedelta(days=1)))
    resign(told, store, leaves)
    assert isinstance(refused(told, store), Refused)


def test_a_record_admitted_before_it_was_signed(world: World, tmp_path: Path) -> None:
    version = world.release("aiops/cpu@1.0.0")
    statement = propose.promote(world.state, version, "staging", "try it", now())
    signed = verify_bundle(world.state, world.sign("operator", statement))
    state = world.state
    at = state.admitted_at
    assert at is not None
    if signed.signed_at <= at:
        signed = replace(signed, signed_at=at + timedelta(seconds=1))
    from muniment.registry.check import check

    with pytest.raises(Refused, match="signed after its batch"):
        check(state, signed, at, derive_leaf(signed))


def append(world: World, store: LocalStore, who: str, make: Callable) -> None:
    """Appends a record that was never judged, and whatever state root the operator claims."""
    state, leaves = world.state, leaves_of(store, world)
    bundle = world.sign(who, make(state))
    signed = verify_bundle(state, bundle)
    store.write(blob_path(bundle.digest), bundle.data)
    leaves += [derive_leaf(signed), format_state_leaf(StateLeaf(now() + timedelta(minutes=1), state_root(state)))]
    resign(world, store, leaves)


def test_a_promotion_that_skipped_policy(told: World, tmp_path: Path) -> None:
    store = told.copy(tmp_path / "r")
    second = parse_version_id("aiops/cpu@2.0.0")
    append(told, store, "operator", lambda s: propose.promote(s, second, "production", "trust me", now()))
    error = refused(told, store)
    assert isinstance(error, Refused)
    assert [f.rule for f in error.findings if f.status == "fail"] == ["approvals-required"]


def test_an_event_by_somebody_without_the_role(told: World, tmp_path: Path) -> None:
    store = told.copy(tmp_path / "r")
    second = parse_version_id("aiops/cpu@2.0.0")
    append(told, store, "stranger", lambda s: propose.promote(s, second, "staging", "mine", now()))
    assert "may not sign promote" in refused(told, store).fact


def test_a_bundle_of_a_foreign_sandbox(told: World, tmp_path: Path) -> None:
    store = told.copy(tmp_path / "r")
    (tmp_path / "foreign").mkdir()
    foreign = make_world(tmp_path / "foreign")
    try:
        statement = propose.promote(told.state, parse_version_id("aiops/cpu@2.0.0"), "staging", "hello", now())
        bundle = foreign.sign("operator", statement)
        signed = verify_bundle(foreign.state, bundle)
    finally:
        foreign.sandbox.__exit__(None, None, None)
    leaves = leaves_of(store, told)
    store.write(blob_path(bundle.digest), bundle.data)
    leaves += [derive_leaf(signed), format_state_leaf(StateLeaf(now(), state_root(told.state)))]
    resign(told, store, leaves)
    assert isinstance(refused(told, store), Untrusted)


def test_an_entry_left_out(told: World, tmp_path: Path) -> None:
    """The rollback's batch is dropped and a shorter log is signed: memory is needed, or a witness; but not a middle."""
    store = told.copy(tmp_path / "r")
    leaves = leaves_of(store, told)
    del leaves[2:4]
    resign(told, store, leaves)
    assert isinstance(refused(told, store), Refused)


def test_a_log_that_ends_within_a_batch(told: World, tmp_path: Path) -> None:
    store = told.copy(tmp_path / "r")
    resign(told, store, leaves_of(store, told)[:-1])
    assert "ends within a batch" in refused(told, store).fact


def test_another_genesis(told: World, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_world(tmp_path / "other")
    other.sandbox.__exit__(None, None, None)
    pins = replace(told.trust, policy=other.trust.policy, trusted_root=other.trust.trusted_root)
    with pytest.raises(Untrusted, match="pinned entry"):
        verify_registry(other.store, pins)


def test_a_root_that_is_not_the_pinned_one(told: World, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_world(tmp_path / "other")
    other.sandbox.__exit__(None, None, None)
    with pytest.raises(Untrusted, match="pinned Sigstore root"):
        verify_registry(told.store, replace(told.trust, trusted_root=other.trust.trusted_root))


def test_a_foreign_log_key(told: World, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make_world(tmp_path / "other")
    other.sandbox.__exit__(None, None, None)
    with pytest.raises(Untrusted):
        verify_registry(told.store, replace(told.trust, policy=other.trust.policy))


def test_an_event_statement_in_another_spelling(world: World) -> None:
    """A payload that is not canonical JSON is refused even when a role signs it."""
    from muniment.registry.check import check

    version = world.release("aiops/cpu@1.0.0")
    payload = format_statement(propose.promote(world.state, version, "staging", "x", now()))
    bundle = world.sandbox.signer("operator").sign(json.dumps(json.loads(payload), indent=1).encode())
    signed = verify_bundle(world.state, bundle)
    assert parse_statement(signed.payload) == parse_statement(payload)
    with pytest.raises(MunimentError, match="not canonical"):
        check(world.state, signed, now() + timedelta(minutes=1), derive_leaf(signed))
