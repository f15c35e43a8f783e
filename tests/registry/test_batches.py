"""How batches come to be: one write of one leaf file each, taken over unchanged by whoever publishes next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from muniment.core.errors import Conflict
from muniment.log.lines import LEAVES, format_lines, leaf_file, parse_lines
from muniment.registry.fold import state_root, verify_bundle
from muniment.registry.inbox import submit
from muniment.registry.leaf import StateLeaf, derive_leaf, format_state_leaf, parse_leaf
from muniment.registry.paths import CHECKPOINT, blob_path, checkpoint_path
from muniment.registry.sequencer import publish
from muniment.registry.store.local import LocalStore
from muniment.registry.store.retry import again
from muniment.verify.replay import verify_registry
from tests.registry.paper import signature
from tests.registry.shared import Recorder, SharedStore, check_prefixes, fill
from tests.world import World, make_world, now


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry with only its genesis; tests publish to copies of it."""
    made = make_world(tmp_path_factory.mktemp("ready"))
    yield made
    made.sandbox.__exit__(None, None, None)


@pytest.fixture
def store(ready: World, tmp_path: Path) -> LocalStore:
    return ready.copy(tmp_path / "r")


def put(world: World, store: LocalStore, *contents: bytes) -> None:
    submit(store, *(world.sign("trainer", signature(content)).data for content in contents))


def kinds(store: LocalStore, first: int) -> list[str]:
    """What the leaves of a file are, `state` or `record`."""
    lines = parse_lines(store.read(leaf_file(first)), "the log")
    return ["state" if isinstance(parse_leaf(line), StateLeaf) else "record" for line in lines]


@pytest.mark.parametrize(
    ("size", "records", "end", "begin"),
    [
        (LEAVES - 3, 1, ["record", "state"], []),
        (LEAVES - 2, 1, ["record", "state"], []),
        (LEAVES - 1, 1, ["state"], ["record", "state"]),
        (LEAVES, 1, [], ["record", "state"]),
        (LEAVES - 3, 3, ["record", "record", "state"], ["record", "state"]),
        (LEAVES - 2, 3, ["record", "state"], ["record", "record", "state"]),
    ],
)
def test_a_batch_never_crosses_the_end_of_a_leaf_file(
    ready: World, store: LocalStore, size: int, records: int, end: list[str], begin: list[str]
) -> None:
    """A single place that is left is filled by a batch of nothing."""
    fill(store, ready.key, size)
    put(ready, store, *(b"%d" % i for i in range(records)))
    done = publish(store, ready.key, now())
    assert [e.kind for e in done.admitted].count("signature") == records
    assert kinds(store, 0)[size:] == end
    assert (kinds(store, LEAVES) if begin else store.list("log")) == (begin or [leaf_file(0)])
    verified = verify_registry(store, ready.trust).history
    assert verified.checkpoint.size == size + len(end) + len(begin)
    assert len({e.admitted_at for e in done.admitted}) == 1


def test_a_heartbeat_dates_the_log_and_is_no_record(ready: World, store: LocalStore) -> None:
    later = now() + timedelta(minutes=1)
    assert publish(store, ready.key, later).admitted == ()
    (entry,) = publish(store, ready.key, later, heartbeat=True).admitted
    assert (entry.kind, entry.admitted_at) == ("state", later)
    assert verify_registry(store, ready.trust).history.state.admitted_at == later


def test_a_heartbeat_in_the_last_place_of_a_file(ready: World, store: LocalStore) -> None:
    fill(store, ready.key, LEAVES - 1)
    publish(store, ready.key, now(), heartbeat=True)
    assert (len(kinds(store, 0)), store.list("log")) == (LEAVES, [leaf_file(0)])


# Two writers, one of them between the other's steps


def rival(world: World, root: Path, record: Path, content: bytes | None = None) -> None:
    """Another writer's whole publish, of its own submission if it has any."""
    if content is not None:
        put(world, LocalStore(root), content)
    publish(SharedStore(root), Recorder(world.key, record), now())


def test_who_loses_the_race_for_the_leaves_signs_nothing(ready: World, store: LocalStore, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    put(ready, store, b"one")
    racing = SharedStore(store.root, {leaf_file(0): lambda: rival(ready, store.root, theirs, b"two")})
    with pytest.raises(Conflict, match="changed by somebody else"):
        publish(racing, Recorder(ready.key, ours), now())
    assert not ours.exists()
    done = again(lambda: publish(racing, Recorder(ready.key, ours), now()), 1)
    history = verify_registry(store, ready.trust).history
    assert [e.kind for e in history.entries].count("signature") == 2
    assert done.history.checkpoint == history.checkpoint
    assert check_prefixes([ours, theirs], history.leaves) == 1


@pytest.mark.parametrize("path", [checkpoint_path(4), CHECKPOINT])
def test_another_one_signs_what_was_committed_and_goes_on(
    ready: World, store: LocalStore, tmp_path: Path, path: str
) -> None:
    """Between our commit and our checkpoint: both have signed, the one a prefix of the other, and nothing is lost."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    put(ready, store, b"one")
    racing = SharedStore(store.root, {path: lambda: rival(ready, store.root, theirs, b"two")})
    done = again(lambda: publish(racing, Recorder(ready.key, ours), now()), 3)
    history = verify_registry(store, ready.trust).history
    assert done.history.checkpoint == history.checkpoint
    assert sorted(e.kind for e in history.entries[2:]) == ["signature", "signature", "state", "state"]
    assert check_prefixes([ours, theirs], history.leaves) >= 2
    assert store.list("inbox") == []


def commit(world: World, store: LocalStore, ahead: timedelta, content: bytes = b"pending") -> bytes:
    """What another writer leaves between its commit and its checkpoint: a whole batch, dated by its clock."""
    from muniment.registry.check import check

    bundle, state, at = world.sign("trainer", signature(content)), world.state, now() + ahead
    signed = verify_bundle(state, bundle)
    end = format_state_leaf(StateLeaf(at, state_root(check(state, signed, at, derive_leaf(signed)))))
    store.write(blob_path(bundle.digest), bundle.data)
    lines = parse_lines(store.read(leaf_file(0)), "the log")
    store.write(leaf_file(0), format_lines([*lines, derive_leaf(signed), end]))
    return store.read(leaf_file(0))


def test_a_batch_ahead_of_the_clock_is_left_to_its_living_writer(ready: World, store: LocalStore) -> None:
    """Where no lock keeps others out, whoever committed it may be about to sign it."""
    written = commit(ready, store, timedelta(minutes=20))
    with pytest.raises(Conflict, match="ahead of this clock") as caught:
        publish(SharedStore(store.root), ready.key, now())
    assert not caught.value.soon
    assert store.read(leaf_file(0)) == written
    publish(SharedStore(store.root), ready.key, now() + timedelta(minutes=16))
    assert store.read(leaf_file(0)) == written
    assert verify_registry(store, ready.trust).history.checkpoint.size == 4


def test_a_batch_that_was_signed_is_never_judged_again(ready: World, store: LocalStore, tmp_path: Path) -> None:
    """Its writer died between its note and the newest checkpoint, and its clock was ahead; its anchor may be public."""
    written = commit(ready, store, timedelta(days=1))
    other = LocalStore(tmp_path / "other")
    ready.copy(other.root)
    for path in ("log/000.jsonl", *(str(p.relative_to(store.root)) for p in store.root.glob("blob/*/*/*"))):
        other.write(path, store.read(path))
    publish(other, ready.key, now() + timedelta(days=2))
    store.write(checkpoint_path(4), other.read(checkpoint_path(4)))
    publish(store, ready.key, now())
    assert store.read(leaf_file(0)) == written
    assert store.read(CHECKPOINT) == other.read(CHECKPOINT)


def test_a_signed_checkpoint_of_other_leaves_protects_none(ready: World, store: LocalStore, tmp_path: Path) -> None:
    """A host cannot make a batch of its own stand by a note that was signed for another one."""
    other = ready.copy(tmp_path / "other")
    put(ready, other, b"other")
    publish(other, ready.key, now())
    written = commit(ready, store, timedelta(days=1))
    store.write(checkpoint_path(4), other.read(CHECKPOINT))
    from muniment.core.errors import Untrusted

    with pytest.raises(Untrusted, match="signed before"):
        publish(store, ready.key, now())
    assert store.read(leaf_file(0)) == written


def test_again_gives_up_in_the_end_and_at_once_where_waiting_is_in_vain() -> None:
    tried: list[int] = []

    def attempt(soon: bool) -> None:
        tried.append(1)
        raise Conflict("lost", soon=soon)

    with pytest.raises(Conflict):
        again(lambda: attempt(True), 2)
    assert len(tried) == 3
    with pytest.raises(Conflict):
        again(lambda: attempt(False), 2)
    assert len(tried) == 4
