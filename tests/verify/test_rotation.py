"""Keys follow from the log: rotations that hold, and thieves of what was retired."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from muniment.core.errors import Refused, Untrusted, Usage
from muniment.core.name import parse_version_id
from muniment.log.checkpoint import Checkpoint, sign_checkpoint
from muniment.log.note import NoteSigner
from muniment.registry import propose
from muniment.registry.fold import History, blob_reader, read_leaves, tree_of
from muniment.registry.inbox import submit
from muniment.registry.paths import CHECKPOINT, checkpoint_path
from muniment.registry.sequencer import Published, publish
from muniment.registry.store.local import LocalStore
from muniment.signing.sandbox import Sandbox, add_identity, create
from muniment.verify.pack import make_pack, open_pack
from muniment.verify.replay import verify_registry
from muniment.verify.trust import Trust, trust_of
from tests.registry.paper import Paper, signature
from tests.world import World, identities, make_world, now

FIRST = parse_version_id("aiops/cpu@1.0.0")


def new_key(world: World) -> NoteSigner:
    return NoteSigner(world.trust.origin, b"another seed of thirty-two bytes")


def rotate_log_key(world: World, key: NoteSigner, *kept: str) -> Published:
    statement = propose.rotate(world.state, (*kept, key.vkey), None, "its year is over", now())
    submit(world.store, world.sign("administrator", statement).data)
    return publish(world.store, key, now())


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry whose log key was rotated after its first version; `key` is the retired one."""
    world = make_world(tmp_path_factory.mktemp("rotated"))
    world.release(str(FIRST), b"one")
    assert not rotate_log_key(world, new_key(world)).turned
    world.key, retired = new_key(world), world.key
    world.release("aiops/cpu@2.0.0", b"two")
    world.key = retired
    yield world
    world.sandbox.__exit__(None, None, None)


def rotation(history: History) -> int:
    return next(e.index for e in history.entries if e.kind == "rotate-key")


def newest(world: World) -> Trust:
    return trust_of(world.history)


def forked(world: World, store: LocalStore, size: int, key: NoteSigner) -> None:
    """A checkpoint of the first entries, signed by whoever has the key."""
    leaves = read_leaves(store, size)
    note = sign_checkpoint(Checkpoint(world.trust.origin, size, tree_of(leaves).root()), key)
    store.write(CHECKPOINT, note)
    store.write(checkpoint_path(size), note)


@pytest.mark.parametrize("pins", [lambda w: w.trust, newest], ids=["pins from before", "pins from after"])
def test_readers_follow_a_rotation(rotated: World, pins) -> None:
    replayed = verify_registry(rotated.store, pins(rotated)).history
    assert {str(v) for v in replayed.state.versions} == {"aiops/cpu@1.0.0", "aiops/cpu@2.0.0"}
    pack = make_pack(replayed, FIRST, blob_reader(rotated.store))
    assert open_pack(pack, pins(rotated)).version == FIRST


def test_checkpoints_from_before_the_rotation_stay_verifiable(rotated: World) -> None:
    size = rotation(rotated.history)
    assert verify_registry(rotated.store, rotated.trust, size).history.checkpoint.size == size


def test_a_retired_key_cannot_publish(rotated: World, tmp_path: Path) -> None:
    store = rotated.copy(tmp_path / "r")
    with pytest.raises(Usage, match="not one of the registry's"):
        publish(store, rotated.key, now(), heartbeat=True)


def test_thief_of_a_retired_key_signs_what_came_after_it(rotated: World, tmp_path: Path) -> None:
    store = rotated.copy(tmp_path / "r")
    forked(rotated, store, rotated.history.checkpoint.size, rotated.key)
    with pytest.raises(Untrusted, match="No known key of the log"):
        verify_registry(store, rotated.trust)


def test_thief_of_a_retired_key_cuts_the_log_before_its_rotation(rotated: World, tmp_path: Path) -> None:
    """Pins from after the rotation convict the cut; pins from before it do not, as the threat model says."""
    store = rotated.copy(tmp_path / "r")
    forked(rotated, store, rotation(rotated.history), rotated.key)
    with pytest.raises(Untrusted, match="No pinned log key was ever"):
        verify_registry(store, newest(rotated))
    assert verify_registry(store, rotated.trust).history.checkpoint.size == rotation(rotated.history)


def test_both_keys_sign_while_both_are_kept(world: World) -> None:
    rotate_log_key(world, new_key(world), world.key.vkey)
    for key in (world.key, new_key(world)):
        publish(world.store, key, now(), heartbeat=True)
        verify_registry(world.store, world.trust)


def test_an_old_key_cannot_sign_the_batch_that_retires_it(world: World) -> None:
    statement = propose.rotate(world.state, (new_key(world).vkey,), None, "its year is over", now())
    submit(world.store, world.sign("administrator", statement).data)
    with pytest.raises(Usage, match="signed with the new one"):
        world.publish()
    assert not publish(world.store, new_key(world), now()).turned


def test_a_configuration_cannot_change_keys(world: World) -> None:
    paper = Paper()
    changed = paper.configuration(registry=paper.registry(logKeys=[new_key(world).vkey]))
    with pytest.raises(Refused, match="changes the registry's log keys"):
        paper.put("administrator", changed)


def test_an_insider_who_may_not_configure_rotates_nothing() -> None:
    paper = Paper()
    key = NoteSigner(paper.registry()["origin"], b"another seed of thirty-two bytes")
    statement = propose.rotate(paper.state, (key.vkey,), None, "mine now", paper.at)
    with pytest.raises(Refused, match="may not sign rotate-key"):
        paper.put("operator", statement)


def test_an_administrator_of_one_namespace_rotates_nothing() -> None:
    first = Paper().registry()
    here = {"role": "administrator", "namespaces": ["aiops"], "identity": first["persons"]["operator"][0]}
    paper = Paper(bindings=[*first["bindings"], here])
    key = NoteSigner(first["origin"], b"another seed of thirty-two bytes")
    with pytest.raises(Refused, match="may not sign rotate-key"):
        paper.put("operator", propose.rotate(paper.state, (key.vkey,), None, "mine now", paper.at))


def test_a_rotation_needs_the_administrators_threshold() -> None:
    first = Paper().registry()
    second = {"role": "administrator", "namespaces": "all", "identity": first["persons"]["reviewer"][0]}
    paper = Paper(administrators={"threshold": 2}, bindings=[*first["bindings"], second])
    key = NoteSigner(first["origin"], b"another seed of thirty-two bytes")
    statement = propose.rotate(paper.state, (key.vkey,), None, "its year is over", paper.at)
    with pytest.raises(Refused, match="1 of 2 administrators stand behind the rotation"):
        paper.put("administrator", statement)
    paper.approve("reviewer", statement, "administrator")
    paper.put("administrator", statement)
    assert paper.state.config is not None
    assert paper.state.config.log_keys == (key.vkey,)


def test_a_rotation_that_changes_nothing_is_refused() -> None:
    paper = Paper()
    assert paper.state.config is not None
    statement = propose.rotate(paper.state, paper.state.config.log_keys, None, "again", paper.at)
    with pytest.raises(Refused, match="changes nothing"):
        paper.put("administrator", statement)


def test_a_replayed_rotation_does_not_hold_again() -> None:
    """Back to the old key by the record that once set it: the log has moved on."""
    paper = Paper()
    assert paper.state.config is not None
    old, other = paper.state.config.log_keys, NoteSigner(paper.registry()["origin"], bytes(31) + b"1")
    again = propose.rotate(paper.state, (*old, other.vkey), None, "for a day", paper.at)
    paper.put("administrator", propose.rotate(paper.state, (other.vkey,), None, "its year is over", paper.at))
    with pytest.raises(Refused, match="follows"):
        paper.put("administrator", again)


# The Sigstore root


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry that moved to another Sigstore instance after its first version; `sandbox` is the new one."""
    folder = tmp_path_factory.mktemp("moved")
    world = make_world(folder)
    world.release(str(FIRST), b"one")
    create(folder / "other")
    for identity in identities().values():
        add_identity(folder / "other", identity)
    with Sandbox(folder / "other") as other:
        root = json.loads(other.trusted_root())
        assert not world.put("administrator", propose.rotate(world.state, None, root, "instance moved", now())).turned
        old, world.sandbox = world.sandbox, other
        old.__exit__(None, None, None)
        world.promote(FIRST)
        world.release("aiops/cpu@2.0.0", b"two")
        yield world


@pytest.mark.parametrize("pins", [lambda w: w.trust, newest], ids=["pins from before", "pins from after"])
def test_readers_follow_the_root(moved: World, pins) -> None:
    """Also what was signed under the old root still counts: the version it stands on went to production after."""
    replayed = verify_registry(moved.store, pins(moved)).history
    assert replayed.state.current(FIRST.name, "production") == FIRST
    pack = make_pack(replayed, FIRST, blob_reader(moved.store))
    assert open_pack(pack, pins(moved)).state.current(FIRST.name, "production") == FIRST


def test_what_is_signed_under_the_old_root_in_the_batch_that_retires_it(world: World, tmp_path: Path) -> None:
    """Readers verify it by the root in force after the rotation: admitted, it would stop the registry for good."""
    create(tmp_path / "other")
    with Sandbox(tmp_path / "other") as other:
        root = json.loads(other.trusted_root())
    early = world.sign("trainer", signature(b"early"))
    time.sleep(1)
    statement = propose.rotate(world.state, None, root, "instance moved", now())
    rotated = world.sign("administrator", statement)
    time.sleep(1)
    late = world.sign("trainer", signature(b"late"))
    submit(world.store, early.data, rotated.data, late.data)
    done = world.publish()
    assert [e.kind for e in done.admitted] == ["signature", "rotate-key", "state"]
    (turned,) = done.turned
    assert isinstance(turned.error, Untrusted)
    assert verify_registry(world.store, world.trust).history.state == done.history.state
    assert not world.publish().turned


def test_a_root_that_was_never_in_force(moved: World, told: World) -> None:
    with pytest.raises(Untrusted, match="never signed under the pinned Sigstore root"):
        verify_registry(moved.store, replace(moved.trust, trusted_root=told.trust.trusted_root))


def test_thief_of_a_retired_instance_signs_nothing_more(moved: World, tmp_path: Path) -> None:
    store = moved.copy(tmp_path / "r")
    with Sandbox(moved.folder / "sandbox") as retired:
        moved_on, moved.sandbox = moved.sandbox, retired
        try:
            late = moved.sign("administrator", propose.rotate(moved.state, None, {}, "back", now()))
        finally:
            moved.sandbox = moved_on
    submit(store, late.data)
    (turned,) = publish(store, moved.key, now()).turned
    assert isinstance(turned.error, Untrusted)


def test_a_log_cut_before_the_root_moved(moved: World, tmp_path: Path) -> None:
    store = moved.copy(tmp_path / "r")
    forked(moved, store, rotation(moved.history), moved.key)
    with pytest.raises(Untrusted, match="never signed under the pinned Sigstore root"):
        verify_registry(store, newest(moved))


def test_time_of_an_empty_batch_is_a_date_for_readers(world: World) -> None:
    before = world.state.admitted_at
    assert before is not None
    done = publish(world.store, world.key, before + timedelta(minutes=1), heartbeat=True)
    assert [e.kind for e in done.admitted] == ["state"]
    assert verify_registry(world.store, world.trust).history.state.admitted_at == before + timedelta(minutes=1)
