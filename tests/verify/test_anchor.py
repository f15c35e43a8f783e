"""Checkpoints anchored in Sigstore's log, and operators who would rather not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sigstore.models import Bundle as StockBundle
from sigstore.models import ClientTrustConfig
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from muniment.core.document import schema_errors
from muniment.core.errors import Malformed, Missing, Rejected, Untrusted, Usage
from muniment.core.name import parse_version_id
from muniment.evidence.statement import format_statement
from muniment.log.note import parse_note
from muniment.registry.anchor import anchor_statement, check_anchor
from muniment.registry.config import Pattern
from muniment.registry.fold import blob_reader
from muniment.registry.paths import ANCHOR, CHECKPOINT, anchor_path
from muniment.registry.sequencer import publish
from muniment.registry.store.local import LocalStore
from muniment.verify.pack import make_pack, open_pack
from muniment.verify.replay import verify_registry
from muniment.verify.selfread import own_anchor
from muniment.verify.trust import Trust
from tests.world import POLICY, World, identities, make_world, now, registry_document


def sequencer() -> dict[str, Any]:
    """The administrator publishes too."""
    known = identities()["administrator"]
    return {"issuer": known.issuer, "subject": known.subject}


@pytest.fixture(scope="module")
def anchored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry whose checkpoints the administrator anchors; a version is released."""
    document = registry_document() | {"sequencer": sequencer()}
    world = make_world(tmp_path_factory.mktemp("anchored"), POLICY, document)
    world.anchor = "administrator"
    world.release("aiops/cpu@1.0.0", b"one")
    yield world
    world.sandbox.__exit__(None, None, None)


@pytest.fixture
def store(anchored: World, tmp_path: Path) -> LocalStore:
    return anchored.copy(tmp_path / "r")


def anchor_by(world: World, who: str, store: LocalStore) -> None:
    """An anchor of the present checkpoint by anybody."""
    bundle = world.sign(who, anchor_statement(store.read(CHECKPOINT)))
    size = world.history.checkpoint.size
    store.write(anchor_path(size), bundle.data)


def refused(store: LocalStore, trust: Trust) -> Rejected:
    with pytest.raises(Rejected) as caught:
        verify_registry(store, trust)
    return caught.value


def test_every_checkpoint_has_its_anchor(anchored: World) -> None:
    sizes = [p for p in anchored.store.list("checkpoints") if not p.endswith(".json")]
    assert len(sizes) >= 3
    for path in sizes:
        size = int(path.rpartition("/")[2])
        assert verify_registry(anchored.store, anchored.trust, size).vouched.anchored_at is not None
    assert anchored.store.read(ANCHOR) == anchored.store.read(anchor_path(anchored.history.checkpoint.size))


def test_an_anchor_is_of_the_published_form(anchored: World) -> None:
    """Readers compare the whole statement; others have the schema."""
    said = anchor_statement(anchored.store.read(CHECKPOINT)).predicate
    assert schema_errors(said, "checkpoint-v1") == []
    assert schema_errors({}, "checkpoint-v1") != []


def test_the_pins_name_the_sequencer(anchored: World) -> None:
    assert anchored.trust.anchor == Pattern(sequencer()["issuer"], sequencer()["subject"])


def test_the_stock_client_verifies_an_anchor(anchored: World) -> None:
    config = ClientTrustConfig.from_json(anchored.sandbox.trust_config())
    verifier = Verifier(trusted_root=config.trusted_root)
    who = Identity(identity=sequencer()["subject"], issuer=sequencer()["issuer"])
    _, payload = verifier.verify_dsse(StockBundle.from_json(anchored.store.read(ANCHOR)), who)
    said = json.loads(payload)
    assert said["predicate"]["checkpoint"] == parse_note(anchored.store.read(CHECKPOINT)).text


def test_a_pack_carries_the_anchor(anchored: World) -> None:
    version, history = parse_version_id("aiops/cpu@1.0.0"), anchored.history
    pack = make_pack(history, version, blob_reader(anchored.store), own_anchor(anchored.store, history))
    assert open_pack(pack, anchored.trust).vouched.anchored_at is not None
    with pytest.raises(Missing, match="no anchor"):
        open_pack(make_pack(history, version, blob_reader(anchored.store)), anchored.trust)


def test_an_anchor_in_a_pack_is_looked_at_unasked(anchored: World, told: World) -> None:
    """Whoever pins nobody who anchors is not shown an anchor that is none."""
    version, history, trust = (
        parse_version_id("aiops/cpu@1.0.0"),
        anchored.history,
        replace(anchored.trust, anchor=None),
    )
    blob, anchor = blob_reader(anchored.store), own_anchor(anchored.store, history)
    open_pack(make_pack(history, version, blob, anchor), trust)
    by_another = anchored.sign("operator", anchor_statement(history.note)).data
    for false in (b"{}", by_another):
        with pytest.raises((Untrusted, Malformed)):
            open_pack(make_pack(history, version, blob, false), trust)
    with pytest.raises(Untrusted, match="name nobody who anchors"):
        open_pack(make_pack(told.history, version, blob_reader(told.store), anchor), told.trust)


def test_a_stray_anchor_is_nobodys_word(told: World, tmp_path: Path) -> None:
    store = told.copy(tmp_path / "r")
    store.write(anchor_path(told.history.checkpoint.size), b"{}")
    assert own_anchor(store, told.history) is None


def test_withholder_of_an_anchor(anchored: World, store: LocalStore) -> None:
    store.remove(anchor_path(anchored.history.checkpoint.size))
    with pytest.raises(Missing):
        verify_registry(store, anchored.trust)
    assert verify_registry(store, replace(anchored.trust, anchor=None)).vouched.anchored_at is None


def test_an_anchor_by_somebody_else(anchored: World, store: LocalStore) -> None:
    anchor_by(anchored, "operator", store)
    assert "anchored by operator@" in refused(store, anchored.trust).fact


def test_an_anchor_of_another_checkpoint(anchored: World, store: LocalStore) -> None:
    sizes = sorted(int(p.rpartition("/")[2]) for p in store.list("checkpoints") if not p.endswith(".json"))
    store.write(anchor_path(sizes[-1]), store.read(anchor_path(sizes[-2])))
    assert "of another checkpoint" in refused(store, anchored.trust).fact


def test_another_statement_in_place_of_an_anchor(anchored: World, store: LocalStore) -> None:
    record = next(e.record for e in anchored.history.entries if e.kind == "release")
    assert record is not None
    store.write(anchor_path(anchored.history.checkpoint.size), blob_reader(store)(record.bundle))
    assert "another statement" in refused(store, anchored.trust).fact


def test_junk_in_place_of_an_anchor(anchored: World, store: LocalStore) -> None:
    store.write(anchor_path(anchored.history.checkpoint.size), b"{}")
    with pytest.raises(Malformed):
        verify_registry(store, anchored.trust)


def test_an_anchor_of_another_instance(anchored: World, store: LocalStore, told: World) -> None:
    bundle = told.sign("administrator", anchor_statement(store.read(CHECKPOINT)))
    store.write(anchor_path(anchored.history.checkpoint.size), bundle.data)
    assert isinstance(refused(store, anchored.trust), Untrusted)


def test_an_operator_who_does_not_tell_the_time_truly(world: World) -> None:
    """A batch dated far ahead of when its checkpoint was anchored."""
    publish(world.store, world.key, now() + timedelta(hours=2), heartbeat=True)
    anchor_by(world, "administrator", world.store)
    error = refused(world.store, replace(world.trust, anchor=Pattern(**sequencer())))
    assert "More than an hour" in error.remedy


@pytest.mark.parametrize(("hours", "holds"), [(0.9, True), (1.1, False), (-0.9, True), (-1.1, False)])
def test_an_hour_may_lie_between_batch_and_anchor(
    anchored: World, store: LocalStore, hours: float, holds: bool
) -> None:
    state, note = anchored.state, store.read(CHECKPOINT)
    assert state.admitted_at is not None
    dated = replace(state, admitted_at=state.admitted_at + timedelta(hours=hours))
    with contextlib.nullcontext() if holds else pytest.raises(Untrusted, match="and its last batch says"):
        check_anchor(store.read(ANCHOR), note, dated, Pattern(**sequencer()))


def test_nothing_is_published_without_the_promised_anchor(anchored: World, store: LocalStore) -> None:
    before = store.read(CHECKPOINT)
    with pytest.raises(Usage, match="anchors every checkpoint"):
        publish(store, anchored.key, now(), heartbeat=True)
    with pytest.raises(Untrusted, match="anchored by operator@"):
        publish(store, anchored.key, now(), lambda: anchored.sandbox.signer("operator"), heartbeat=True)
    assert store.read(CHECKPOINT) == before
    publish(store, anchored.key, now(), lambda: anchored.sandbox.signer("administrator"))
    assert verify_registry(store, anchored.trust).vouched.anchored_at is not None


def test_a_clock_far_from_the_truth_publishes_nothing(anchored: World, store: LocalStore) -> None:
    before, late = store.read(CHECKPOINT), now() + timedelta(hours=3)
    with pytest.raises(Untrusted, match="and its last batch says"):
        publish(store, anchored.key, late, lambda: anchored.sandbox.signer("administrator"), heartbeat=True)
    assert store.read(CHECKPOINT) == before


def test_the_statement_is_the_checkpoints_text_alone(anchored: World) -> None:
    note = anchored.store.read(CHECKPOINT)
    assert b"\xe2\x80\x94" in note
    assert b"\xe2\x80\x94" not in format_statement(anchor_statement(note))
