"""Redaction in a registry of files: what goes, who may lack what, and what readers are told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from muniment.core.canonical import format_json
from muniment.core.digest import Digest
from muniment.core.errors import Missing, MunimentError, Rejected, Unchecked
from muniment.evidence.statement import Statement
from muniment.registry import propose
from muniment.registry.event import subjects_of
from muniment.registry.fold import blob_reader
from muniment.registry.inbox import submit
from muniment.registry.leaf import parse_line
from muniment.registry.paths import CHECKPOINT, blob_path
from muniment.registry.redaction import unproven
from muniment.registry.sequencer import publish
from muniment.registry.store.local import LocalStore
from muniment.verify.memory import Memory
from muniment.verify.monitor import Watch, monitor, remember_monitored
from muniment.verify.pack import make_pack, open_pack
from muniment.verify.replay import Known, verify_registry
from muniment.verify.target import Reading, remember, verify_target
from tests.registry.test_known import built, record
from tests.registry.test_submit_gate import DATA
from tests.world import World, make_world, now, registry_document, statement_digest


def document() -> dict[str, Any]:
    """The world's registry.yaml; the reviewer may ask for deletion, the operator redacts."""
    found = registry_document()
    found["roles"]["reviewer"]["may"] += ["request-deletion"]
    found["roles"]["operator"]["may"] += ["redact"]
    return found


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two versions, the first in production; nothing is redacted. Tests copy it."""
    made = make_world(tmp_path_factory.mktemp("before"), document=document())
    made.promote(made.release("aiops/cpu@1.0.0", b"one"))
    made.release("aiops/cpu@2.0.0", b"two")
    yield made
    made.sandbox.__exit__(None, None, None)


@pytest.fixture(scope="module")
def after(before: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same after the first version's signature was redacted; tests copy it."""
    world = of(before, before.copy(tmp_path_factory.mktemp("after") / "registry"))
    redact(world, 1)
    return world


@pytest.fixture
def world(before: World, tmp_path: Path) -> World:
    """A copy of the registry before the redaction."""
    return of(before, before.copy(tmp_path / "registry"))


def of(world: World, store: LocalStore) -> World:
    """The world with its registry elsewhere."""
    return replace(world, store=store)


def bundle(world: World, index: int) -> Digest:
    """The bundle of an entry."""
    return parse_line(world.history.leaves[index]).bundle


def evidence(world: World) -> list[int]:
    """The entries of evidence, oldest first."""
    return [e.index for e in world.history.entries if e.is_evidence]


def ask(world: World, number: int) -> Digest:
    """A request for the n-th piece of evidence, in the log; its statement."""
    entry = world.history.entries[evidence(world)[number - 1]]
    asked = propose.request_deletion(
        world.state, (parse_line(entry.leaf).statement,), "erasure-request", "a person asked", "DSR-7", now()
    )
    assert not world.put("reviewer", asked).turned
    return statement_digest(asked)


def redact(world: World, number: int) -> None:
    """The n-th piece of evidence asked for and redacted."""
    request = ask(world, number)
    done = world.put("operator", propose.redact(world.state, request, (), "granted", now()))
    assert not done.turned, done.turned


def gone(world: World) -> list[int]:
    """The entries whose blobs are not there."""
    records = [(n, parse_line(leaf)) for n, leaf in enumerate(world.history.leaves) if b'"bundle"' in leaf]
    return [n for n, line in records if not world.store.exists(blob_path(line.bundle))]


def test_the_blob_goes_and_everything_else_stays(before: World, after: World) -> None:
    assert gone(after) == evidence(after)[:1]
    history = verify_registry(after.store, after.trust).history
    size = before.history.checkpoint.size
    assert history.leaves[:size] == before.history.leaves
    assert after.store.read(f"checkpoints/{size}") == before.store.read(f"checkpoints/{size}")


def test_verify_says_what_is_unproven_and_on_whose_word_it_rests(after: World) -> None:
    done = verify_target(str(after.store.root), [], after.trust)
    (one,) = done.unproven
    kinds = [after.history.entries[i].kind for i in one.decisions]
    assert (one.records, kinds) == ((2,), ["release", "promote", "release"])
    assert f"1 record redacted: unproven since entry {one.by} (entry 2)" in done.facts
    assert any(f"looked at what entry {one.by} redacted" in f and "operator" in f for f in done.facts)


def test_who_has_the_bundle_still_uses_it(before: World, after: World, tmp_path: Path) -> None:
    """A copy in which it was put back, or was never removed, verifies; if it is another file it does not."""
    copy = after.copy(tmp_path / "copy")
    path = blob_path(bundle(after, 2))
    copy.write(path, before.store.read(path))
    assert verify_registry(copy, after.trust).history.state == verify_registry(after.store, after.trust).history.state
    copy.write(path, before.store.read(path) + b" ")
    with pytest.raises(MunimentError, match="other bytes"):
        verify_registry(copy, after.trust)


class TestOperator:
    """Whoever holds the log key and the files, and wants something not to be seen."""

    def test_removes_a_bundle_that_no_entry_redacts(self, world: World) -> None:
        path = blob_path(bundle(world, evidence(world)[0]))
        world.store.remove(path)
        with pytest.raises(Missing, match=path):
            verify_registry(world.store, world.trust)

    def test_removes_another_bundle_than_the_one_that_is_named(self, after: World, tmp_path: Path) -> None:
        copy = after.copy(tmp_path / "copy")
        path = blob_path(bundle(after, evidence(after)[1]))
        copy.remove(path)
        with pytest.raises(Missing, match=path):
            verify_registry(copy, after.trust)

    def test_removes_what_was_only_asked_for(self, world: World) -> None:
        path = blob_path(bundle(world, evidence(world)[0]))
        ask(world, 1)
        world.store.remove(path)
        with pytest.raises(Missing, match=path):
            verify_registry(world.store, world.trust)

    def test_removes_the_redact_event_itself_or_any_other(self, after: World, tmp_path: Path) -> None:
        for index in [e.index for e in after.history.entries if e.event is not None]:
            copy = after.copy(tmp_path / str(index))
            copy.remove(blob_path(bundle(after, index)))
            with pytest.raises(Missing):
                verify_registry(copy, after.trust)

    def test_is_held_to_what_the_last_look_saw(self, world: World, tmp_path: Path) -> None:
        """A monitor tells what is withheld from what is redacted."""
        book = LocalStore(tmp_path)
        watch = Watch((), (), timedelta(days=7), now())
        remember_monitored(monitor(world.store, world.trust, book, watch), world.trust, book)
        path = blob_path(bundle(world, evidence(world)[0]))
        data = world.store.read(path)
        world.store.remove(path)
        with pytest.raises(Missing, match=path):
            monitor(world.store, world.trust, book, watch)
        world.store.write(path, data)
        redact(world, 1)
        done = monitor(world.store, world.trust, book, replace(watch, now=now()))
        assert any("redacted 2: what they said is unproven since" in remark for remark in done.remarks)
        remember_monitored(done, world.trust, book)
        again = monitor(world.store, world.trust, book, replace(watch, now=now()))
        assert not any("redacted" in remark for remark in again.remarks)


def test_a_reader_who_remembers_goes_on_over_a_redaction(world: World, tmp_path: Path) -> None:
    reading = Reading(Memory(LocalStore(tmp_path), "seen.json"))
    remember(verify_target(str(world.store.root), [], world.trust, reading), world.trust, reading)
    redact(world, 1)
    done = verify_target(str(world.store.root), [], world.trust, reading)
    assert done.resumed
    remember(done, world.trust, reading)
    assert done.unproven == verify_target(str(world.store.root), [], world.trust, reading).unproven
    assert b"model.bin" not in (tmp_path / "seen.json.state").read_bytes()


def test_a_state_from_before_and_a_fresh_one_are_the_same(before: World, after: World) -> None:
    fresh = verify_registry(after.store, after.trust).history.state
    grown = verify_registry(after.store, after.trust, known=Known(state=before.state))
    assert grown.resumed
    assert grown.history.state == fresh


def test_several_processes_skip_what_is_gone(after: World) -> None:
    assert verify_registry(after.store, after.trust, processes=2).history.state == after.state


class Dying(LocalStore):
    """A store whose process dies before it removes a blob."""

    def remove(self, path: str) -> None:
        if path.startswith("blob/"):
            raise KeyboardInterrupt
        super().remove(path)


def test_a_publish_that_died_before_the_removal_is_completed_by_the_next(world: World) -> None:
    request = ask(world, 1)
    redaction = propose.redact(world.state, request, (), "granted", now())
    submit(world.store, world.sign("operator", redaction).data)
    with pytest.raises(KeyboardInterrupt):
        publish(Dying(world.store.root), world.key, now())
    assert gone(world) == []
    assert verify_registry(world.store, world.trust).history.entries[2].unproven is not None
    world.publish()
    assert gone(world) == [2]
    assert world.publish().admitted == ()
    assert gone(world) == [2]


class DyingSooner(LocalStore):
    """A store whose process dies before the newest checkpoint is replaced."""

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        if path == CHECKPOINT:
            raise KeyboardInterrupt
        super().swap(path, old, new)


def test_nothing_is_removed_before_the_checkpoint_is_signed(world: World) -> None:
    request = ask(world, 1)
    redaction = propose.redact(world.state, request, (), "granted", now())
    submit(world.store, world.sign("operator", redaction).data)
    size = world.history.checkpoint.size
    with pytest.raises(KeyboardInterrupt):
        publish(DyingSooner(world.store.root), world.key, now())
    assert (gone(world), world.history.checkpoint.size) == ([], size)
    world.publish()
    assert gone(world) == [2]
    verify_registry(world.store, world.trust)


def test_the_registry_goes_on_after_a_redaction(after: World, tmp_path: Path) -> None:
    world = of(after, after.copy(tmp_path / "registry"))
    world.release("aiops/cpu@3.0.0", b"three")
    world.promote(next(v for v in world.state.versions if v.version == "3.0.0"))
    redact(world, 2)
    assert gone(world) == evidence(world)[:2]
    verify_registry(world.store, world.trust)


@pytest.mark.parametrize("number", ["1.0.0", "2.0.0"])
def test_packs_of_versions_whose_evidence_is_gone_open_and_say_so(after: World, tmp_path: Path, number: str) -> None:
    version = next(v for v in after.state.versions if v.version == number)
    path = tmp_path / "pack"
    path.write_bytes(make_pack(after.history, version, blob_reader(after.store)))
    done = verify_target(str(path), [after.model_path(b"one" if number == "1.0.0" else b"two")], after.trust)
    assert any("1 record redacted: unproven since entry" in fact for fact in done.facts)
    assert done.unproven == verify_target(str(after.store.root), [], after.trust).unproven


@pytest.mark.parametrize("gate", ["release", "submit"])
def test_packs_of_every_name_whose_decisions_looked_at_the_same_record(tmp_path: Path, gate: str) -> None:
    """One dataset, two names: the redaction names decisions of both, and a pack of one carries what it takes."""
    registry = document()
    registry["roles"]["trainer"]["may"] += ["dataset"]
    rule = DATA | ({"gate": gate} if gate == "submit" else {"gate": gate, "id": "data"})
    world = make_world(tmp_path, {"rules": [rule]}, registry)
    world.put("trainer", record())
    for name, content in (("cpu", b"one"), ("gpu", b"two")):
        made = Statement(subjects_of((world.model(content),)), built().predicate_type, built().predicate)
        world.put("trainer", made)
        world.release(f"aiops/{name}@1.0.0", content)
    redact(world, 1)
    (one,) = unproven(world.state)
    kinds = [world.history.entries[i].kind for i in one.decisions]
    assert kinds == (["provenance", "release"] * 2 if gate == "submit" else ["release", "release"])
    for version in world.state.versions:
        opened = open_pack(make_pack(world.history, version, blob_reader(world.store)), world.trust)
        assert unproven(opened.state) == (one,)
    world.sandbox.__exit__(None, None, None)


def test_packs_from_before_prove_what_they_did(before: World, after: World) -> None:
    version = next(v for v in before.state.versions if v.version == "1.0.0")
    opened = open_pack(make_pack(before.history, version, blob_reader(before.store)), after.trust)
    assert opened.state.entries[2].record is not None


def test_nothing_of_a_redaction_can_be_left_out_of_a_pack(after: World) -> None:
    version = next(v for v in after.state.versions if v.version == "1.0.0")
    pack = json.loads(make_pack(after.history, version, blob_reader(after.store)))
    kinds = {e.index: e.kind for e in after.history.entries}
    told = [
        n for n, e in enumerate(pack["entries"]) if kinds[e["index"]] in ("request-deletion", "redact", "signature")
    ]
    assert len(told) >= 3
    for position in told:
        for less in ({}, {k: v for k, v in pack["entries"][position].items() if k != "bundle"}):
            if less == pack["entries"][position]:
                continue
            entries = [*pack["entries"][:position], *([less] if less else []), *pack["entries"][position + 1 :]]
            with pytest.raises((Rejected, Unchecked)):
                open_pack(format_json(pack | {"entries": entries}), after.trust)
