"""Publishing where a sequencer is named: events and the decisions on them, whoever dies or races in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from muniment.core.errors import Conflict, Refused, Usage
from muniment.core.name import parse_version_id
from muniment.evidence.kinds import DECISIONS
from muniment.log.lines import LEAVES, leaf_file, parse_lines
from muniment.registry import propose
from muniment.registry.fold import History, blob_reader
from muniment.registry.genesis import configure_statement
from muniment.registry.inbox import submit
from muniment.registry.judges.common import config_of
from muniment.registry.reach import evidence_about
from muniment.registry.sequencer import publish
from muniment.registry.store.places import open_store
from muniment.registry.store.retry import again
from muniment.signing.bundle import Bundle
from muniment.verify.pack import make_pack, open_pack
from muniment.verify.replay import verify_registry
from muniment.verify.selfread import own_anchor
from tests.registry.paper import model, signature
from tests.registry.repositories import repository
from tests.registry.shared import SharedStore, fill
from tests.registry.test_crash import Died, DyingStore
from tests.world import World, identities, make_world, now

KINDS = list(DECISIONS)
VERSION = parse_version_id("aiops/cpu@1.0.0")


class Signer:
    """The operator, who counts what they sign."""

    def __init__(self, world: World, who: str = "operator") -> None:
        self.inner, self.made = world.sandbox.signer(who), list[Bundle]()

    def sign(self, payload: bytes) -> Bundle:
        self.made.append(self.inner.sign(payload))
        return self.made[-1]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry whose sequencer is the operator, with a release in the inbox and the evidence for it in the log."""
    known = identities()["operator"]
    world = make_world(tmp_path_factory.mktemp("ready"))
    world.anchor, source = "operator", config_of(world.state).source
    registry = {**source["registry"], "sequencer": {"issuer": known.issuer, "subject": known.subject}}
    assert not world.put(
        "administrator", configure_statement(world.state, {**source, "registry": registry}, now())
    ).turned
    assert not world.put("trainer", signature()).turned
    artifact = model()
    release = propose.release(world.state, VERSION, (artifact,), evidence_about(world.state, (artifact,)), now())
    submit(world.store, world.sign("trainer", release).data)
    yield world
    world.sandbox.__exit__(None, None, None)


def kinds_after(history: History, size: int) -> list[str]:
    return [e.kind for e in history.entries[size:]]


def test_a_publish_admits_and_decides_under_one_checkpoint(ready: World, tmp_path: Path) -> None:
    store, signer, size = ready.copy(tmp_path / "r"), Signer(ready), ready.history.checkpoint.size
    done = publish(store, ready.key, now(), lambda: signer)
    assert [e.kind for e in done.admitted] == ["release", "state", *KINDS, "state"]
    assert len(signer.made) == 3  # the two, and the anchor
    assert store.list("checkpoints") == sorted(["checkpoints/2", *checkpoints(4, size, size + 5)])
    history = verify_registry(store, ready.trust).history
    assert kinds_after(history, size) == ["release", "state", *KINDS, "state"]
    before = store.read("checkpoint")
    assert publish(store, ready.key, now(), lambda: signer).admitted == ()
    assert (store.read("checkpoint"), len(signer.made)) == (before, 3)
    assert [e.kind for e in publish(store, ready.key, now(), lambda: signer, heartbeat=True).admitted] == ["state"]
    opened = open_pack(make_pack(history, VERSION, blob_reader(store), own_anchor(store, history)), ready.trust)
    assert [e.kind for e in opened.state.entries.values() if e.kind in KINDS] == ["vsa"]


def checkpoints(*sizes: int) -> list[str]:
    return [name for size in sizes for name in (f"checkpoints/{size}", f"checkpoints/{size}.sigstore.json")]


def test_a_refused_event_has_no_decision(ready: World, tmp_path: Path) -> None:
    store, size = ready.copy(tmp_path / "r"), ready.history.checkpoint.size
    for path in store.list("inbox"):
        store.remove(path)
    refused = propose.release(ready.state, VERSION, (model(),), (), now())
    submit(store, ready.sign("trainer", refused).data)
    done = publish(store, ready.key, now(), lambda: Signer(ready))
    assert (len(done.turned), kinds_after(done.history, size)) == (1, [])


def test_dying_at_every_file(ready: World, tmp_path: Path) -> None:
    """What a dead run owes the next one pays; no run makes a decision that is in the log."""
    size = ready.history.checkpoint.size
    for lives in range(30):
        store, first, second = ready.copy(tmp_path / str(lives)), Signer(ready), Signer(ready)
        try:
            publish(DyingStore(store.root, lives), ready.key, now(), lambda first=first: first)
        except Died:
            seen = verify_registry(store, ready.trust).history.checkpoint.size
            assert seen in (size, size + 5)
            written = store.read("log/000.jsonl")
            publish(store, ready.key, now(), lambda second=second: second)
            assert store.read("log/000.jsonl").startswith(written)
        else:
            break
        history = verify_registry(store, ready.trust).history
        assert kinds_after(history, size) == ["release", "state", *KINDS, "state"]
        assert not history.state.owed
        assert store.list("inbox") == []
    assert lives == 10  # three blobs, leaves twice, note, anchor, newest anchor, newest checkpoint, submission


def test_decisions_that_only_a_dead_run_owes(ready: World, tmp_path: Path) -> None:
    """Nothing waits and nothing is pending: the next run ends a batch of decisions alone."""
    store, size = ready.copy(tmp_path / "r"), ready.history.checkpoint.size
    with pytest.raises(Died):
        publish(DyingStore(store.root, 2), ready.key, now(), lambda: Signer(ready))
    with pytest.raises(Usage, match="names a sequencer"):
        publish(store, ready.key, now())
    done = publish(store, ready.key, now(), lambda: Signer(ready))
    assert kinds_after(done.history, size) == ["release", "state", *KINDS, "state"]


def test_a_publisher_who_is_not_the_sequencer(ready: World, tmp_path: Path) -> None:
    store = ready.copy(tmp_path / "r")
    with pytest.raises(Refused, match="is not the registry's sequencer"):
        publish(store, ready.key, now(), lambda: Signer(ready, "reviewer"))
    history = verify_registry(store, ready.trust).history
    assert history.checkpoint.size == ready.history.checkpoint.size
    publish(store, ready.key, now(), lambda: Signer(ready))
    assert not verify_registry(store, ready.trust).history.state.owed


class Racing(SharedStore):
    """A store in which another publisher comes between a committed batch and its decisions."""

    def __init__(self, root: Path, between: Callable[[], object]) -> None:
        super().__init__(root)
        self.between, self.swaps = between, 0

    def swap(self, path: str, old: bytes | None, new: bytes) -> None:
        if path.startswith("log/"):
            self.swaps += 1
            if self.swaps == 2:
                self.between()
        super().swap(path, old, new)


def test_a_racer_makes_the_decisions_first(ready: World, tmp_path: Path) -> None:
    """The one who lost the race starts again, finds nothing owed, and nothing is doubled."""
    shared, size, other = SharedStore(ready.copy(tmp_path / "r").root), ready.history.checkpoint.size, Signer(ready)
    racing = Racing(shared.root, lambda: publish(shared, ready.key, now(), lambda: other))
    with pytest.raises(Conflict):
        publish(racing, ready.key, now(), lambda: Signer(ready))
    assert len(other.made) == 3
    done = publish(shared, ready.key, now(), lambda: Signer(ready))
    assert kinds_after(verify_registry(shared, ready.trust).history, size) == ["release", "state", *KINDS, "state"]
    assert done.admitted == ()


def test_decisions_cross_no_leaf_file(ready: World, tmp_path: Path) -> None:
    store = ready.copy(tmp_path / "r")
    for path in store.list("inbox"):
        held = store.read(path)
        store.remove(path)
    fill(store, ready.key, LEAVES - 3)
    submit(store, held)
    done = publish(store, ready.key, now(), lambda: Signer(ready))
    assert [e.kind for e in done.admitted] == ["release", "state", "state", *KINDS, "state"]
    assert verify_registry(store, ready.trust).history.checkpoint.size == LEAVES + 3


def test_a_registry_on_a_branch(ready: World, tmp_path: Path) -> None:
    """Two pushes that change the log, one that signs it; a racer's push between them is answered by a new start."""
    place = repository(ready.store, tmp_path / "remote.git") + "#main,inbox=main"
    store, size = open_store(place), ready.history.checkpoint.size
    done = publish(store, ready.key, now(), lambda: Signer(ready))
    assert [e.kind for e in done.admitted] == ["release", "state", *KINDS, "state"]
    other = open_store(place)
    assert kinds_after(verify_registry(other, ready.trust).history, size) == ["release", "state", *KINDS, "state"]
    assert publish(other, ready.key, now(), lambda: Signer(ready)).admitted == ()
    assert other.list("inbox") == []


def test_racers_on_a_branch(ready: World, tmp_path: Path) -> None:
    place, size = repository(ready.store, tmp_path / "remote.git") + "#main,inbox=main", ready.history.checkpoint.size
    first, second = open_store(place), open_store(place)
    signed = list[Bundle]()

    class Slow(Signer):
        """Who, when asked for the first decision, lets the other one publish."""

        def sign(self, payload: bytes) -> Bundle:
            if not signed:
                racer = Signer(ready)
                publish(second, ready.key, now(), lambda: racer)
                signed.extend(racer.made)
            return super().sign(payload)

    with pytest.raises(Conflict):
        publish(first, ready.key, now(), lambda: Slow(ready))
    assert len(signed) == 3
    done = again(lambda: publish(open_store(place), ready.key, now(), lambda: Signer(ready)), 3)
    assert kinds_after(done.history, size) == ["release", "state", *KINDS, "state"]
    verify_registry(open_store(place), ready.trust)


def test_decisions_on_a_batch_that_is_judged_again(ready: World, tmp_path: Path) -> None:
    """They tell of another time than the event is admitted at now: others are made, and nobody is told of a refusal."""
    store, size = ready.copy(tmp_path / "r"), ready.history.checkpoint.size
    with pytest.raises(Died):
        publish(DyingStore(store.root, 5), ready.key, now() + timedelta(minutes=30), lambda: Signer(ready))
    assert len(parse_lines(store.read(leaf_file(0)), "the log")) == size + 5
    done = publish(store, ready.key, now(), lambda: Signer(ready))
    assert done.turned == ()
    history = verify_registry(store, ready.trust).history
    assert kinds_after(history, size) == ["release", "state", *KINDS, "state"]
    assert history.entries[size].admitted_at <= now()
