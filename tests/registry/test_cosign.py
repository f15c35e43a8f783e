"""Cosignatures come into published notes: true ones of configured witnesses, over exactly these texts, for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from muniment.core.errors import Conflict, Unreachable, Untrusted, Usage
from muniment.log.checkpoint import format_checkpoint
from muniment.log.note import (
    MAX_SIGNATURES,
    Cosigner,
    Note,
    NoteSigner,
    Signature,
    cosigned_at,
    format_note,
    parse_note,
)
from muniment.log.witness import read_path
from muniment.registry.cosign import Gathered, gather, require_quorum
from muniment.registry.fold import blob_reader
from muniment.registry.store.local import LocalStore
from muniment.verify.pack import make_pack, open_pack
from muniment.verify.replay import verify_registry
from muniment.verify.witness import Pins, witness
from tests.registry.test_crash import Died, DyingStore
from tests.world import World, make_world, now, registry_document

A, B, C = (Cosigner(f"witness.example/{name}", bytes([at] * 32)) for at, name in enumerate("abc", 1))
STRANGER = Cosigner("witness.example/stranger", bytes(32))
LINES = [
    f"witness zeta {A.vkey}",
    f"witness beta {B.vkey}",
    f"witness gamma {C.vkey}",
    "group most 2 zeta beta gamma",
    "quorum most",
]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[World]:
    """A registry whose readers ask for two of three witnesses."""
    made = make_world(tmp_path, document=registry_document() | {"witnessPolicy": LINES})
    yield made
    made.sandbox.__exit__(None, None, None)


def half(world: World, *lines: Signature, note: bytes | None = None) -> LocalStore:
    """A place that serves the world's checkpoint with these lines, or another note."""
    own = parse_note(world.store.read("checkpoint"))
    store = LocalStore(world.folder / f"half-{len(list(world.folder.glob('half-*')))}")
    store.write(read_path(world.trust.origin), note or format_note(Note(own.text, (*own.signatures, *lines))))
    return store


def line(world: World, cosigner: Cosigner, time: int = 1000) -> Signature:
    """A witness's true line over the newest checkpoint."""
    return cosigner.cosign(parse_note(world.store.read("checkpoint")).text, time)


def take(world: World, *places: LocalStore, store: LocalStore | None = None) -> Gathered:
    policy = world.state.config.tlog_policy
    return gather(store or world.store, world.trust.origin, policy, places, now())


def names(data: bytes) -> list[str]:
    return [s.name for s in parse_note(data).signatures]


def test_lines_join_both_files_after_the_logs_sorted(watched: World) -> None:
    before = watched.store.read("checkpoint")
    size = watched.history.checkpoint.size
    done = take(watched, half(watched, line(watched, B)), half(watched, line(watched, A), line(watched, STRANGER)))
    after = watched.store.read("checkpoint")
    assert (done.added, done.remarks, done.note) == (2, (), after)
    assert done.witnesses == {"zeta": 1000, "beta": 1000}
    assert names(after) == [watched.trust.origin, A.name, B.name]
    assert after.startswith(before)
    assert watched.store.read(f"checkpoints/{size}") == after
    require_quorum(done)


def test_a_reader_who_asks_for_the_quorum_gets_it_only_then(watched: World) -> None:
    with pytest.raises(Untrusted, match=r"^0 of 3 known witnesses cosigned"):
        verify_registry(watched.store, watched.trust)
    take(watched, half(watched, line(watched, A)))
    with pytest.raises(Untrusted, match=r"^1 of 3"):
        verify_registry(watched.store, watched.trust)
    take(watched, half(watched, line(watched, C)))
    assert verify_registry(watched.store, watched.trust).vouched.witnesses == {"zeta": 1000, "gamma": 1000}


def test_lines_are_only_ever_added_and_one_a_key(watched: World) -> None:
    """A witness cosigns the same text every hour: the line that came first stays, and the note does not grow."""
    take(watched, half(watched, line(watched, B, 1000)))
    once = watched.store.read("checkpoint")
    done = take(watched, half(watched, line(watched, B, 2000), line(watched, B, 3000)))
    assert (done.added, watched.store.read("checkpoint")) == (0, once)
    take(watched, half(watched, line(watched, A, 2000), line(watched, A, 1500)))
    lines = parse_note(watched.store.read("checkpoint")).signatures
    assert [(s.name, cosigned_at(s)) for s in lines[1:]] == [(A.name, 2000), (B.name, 1000)]


def test_the_order_of_asking_does_not_matter(watched: World, tmp_path: Path) -> None:
    places = [half(watched, line(watched, c)) for c in (A, B, C)]
    found = set()
    for at, order in enumerate(([0, 1, 2], [2, 1, 0], [1, 2, 0])):
        store = watched.copy(tmp_path / str(at))
        for one in order:
            take(watched, places[one], store=store)
        found.add(store.read("checkpoint"))
    assert len(found) == 1


def test_a_witness_that_lags_still_serves_its_size(watched: World) -> None:
    """It cosigned the checkpoint before: that one's note gets the line, the newest does not."""
    place, size = half(watched, line(watched, A)), watched.history.checkpoint.size
    watched.release("aiops/cpu@1.0.0")
    newest = watched.store.read("checkpoint")
    done = take(watched, place)
    assert (done.added, done.witnesses) == (1, {})
    assert watched.store.read("checkpoint") == newest
    assert names(watched.store.read(f"checkpoints/{size}")) == [watched.trust.origin, A.name]


def test_publish_goes_on_over_a_cosigned_checkpoint(watched: World) -> None:
    take(watched, half(watched, line(watched, A)))
    cosigned = watched.store.read("checkpoint")
    size = watched.history.checkpoint.size
    watched.release("aiops/cpu@1.0.0")
    assert names(watched.store.read("checkpoint")) == [watched.trust.origin]
    assert watched.store.read(f"checkpoints/{size}") == cosigned


class TestTheMaliciousWitness:
    """It is configured, and its word is over something else, or false: it is dropped, and readers lose nothing."""

    @pytest.fixture
    def before(self, watched: World) -> Iterator[dict[str, bytes]]:
        """Every file of the registry; they must be the same in the end."""
        files = {str(p): p.read_bytes() for p in watched.store.root.rglob("*") if p.is_file()}
        yield files
        assert {str(p): p.read_bytes() for p in watched.store.root.rglob("*") if p.is_file()} == files

    def dropped(self, watched: World, words: str, *lines: Signature, note: bytes | None = None) -> None:
        done = take(watched, half(watched, *lines, note=note))
        assert done.added == 0
        assert words in done.remarks[0]
        assert done.unread == 0

    def test_another_root(self, watched: World, before: dict[str, bytes]) -> None:
        point = replace(watched.history.checkpoint, root=bytes(32))
        text = format_checkpoint(point)
        note = format_note(Note(text, (watched.key.sign(text), A.cosign(text, 1000))))
        self.dropped(watched, "the log forked, or the witness lies", note=note)

    def test_a_line_moved_from_another_text(self, watched: World, before: dict[str, bytes]) -> None:
        other = format_checkpoint(replace(watched.history.checkpoint, root=bytes(32)))
        self.dropped(watched, f"The signature of {A.name} on the note is false", A.cosign(other, 1000))

    def test_a_size_that_was_never_published(self, watched: World, before: dict[str, bytes]) -> None:
        text = format_checkpoint(replace(watched.history.checkpoint, size=99))
        self.dropped(watched, "no checkpoint of 99 entries", note=format_note(Note(text, (A.cosign(text, 1000),))))

    def test_another_log(self, watched: World, before: dict[str, bytes]) -> None:
        text = format_checkpoint(replace(watched.history.checkpoint, origin="example.org/other"))
        self.dropped(watched, "is of the log example.org/other", note=format_note(Note(text, (A.cosign(text, 1000),))))

    def test_a_time_to_come(self, watched: World, before: dict[str, bytes]) -> None:
        for time in (int(now().timestamp()) + 3600, 2**63 - 1):
            self.dropped(watched, "zeta states a time that is still to come", line(watched, A, time))

    def test_a_stranger_alone(self, watched: World, before: dict[str, bytes]) -> None:
        self.dropped(watched, "no configured witness cosigned it", line(watched, STRANGER))

    def test_a_false_line_beside_a_true_one_of_another(self, watched: World) -> None:
        good = line(watched, B)
        bad = replace(line(watched, A), signature=line(watched, B).signature)
        done = take(watched, half(watched, bad, good))
        assert done.witnesses == {"beta": 1000}
        assert "is false" in done.remarks[0]

    def test_the_logs_own_key_in_its_name(self, watched: World, before: dict[str, bytes]) -> None:
        """Nothing but cosignatures is taken: no second line of the log, no other signature."""
        other = NoteSigner(watched.trust.origin, bytes(32))
        text = parse_note(watched.store.read("checkpoint")).text
        self.dropped(watched, "no configured witness", other.sign(text), watched.key.sign(text))


def test_places_that_cannot_be_read_are_remarks(watched: World, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    garbled = half(watched, note=b"no note")
    done = take(watched, LocalStore(tmp_path / "empty"), LocalStore(tmp_path / "none"), garbled)
    assert (done.added, done.unread, len(done.remarks)) == (0, 3, 3)
    with pytest.raises(Unreachable, match=r"^0 of 3"):
        require_quorum(done)


def test_a_quorum_that_lacks_is_false_unless_somebody_could_not_be_asked(watched: World, tmp_path: Path) -> None:
    with pytest.raises(Untrusted, match=r"^1 of 3"):
        require_quorum(take(watched, half(watched, line(watched, A))))
    with pytest.raises(Unreachable, match=r"^1 of 3"):
        require_quorum(take(watched, LocalStore(tmp_path / "none")))
    require_quorum(take(watched, LocalStore(tmp_path / "none"), half(watched, line(watched, B))))


def test_a_registry_without_witnesses_has_no_quorum(world: World) -> None:
    with pytest.raises(Usage, match="asks for no quorum"):
        require_quorum(take(world))


def test_a_note_stays_within_its_limits(watched: World) -> None:
    """A hundred lines are there: nothing is added, nothing is lost."""
    own, place = parse_note(watched.store.read("checkpoint")), half(watched, line(watched, A))
    full = format_note(Note(own.text, (*own.signatures, *[line(watched, STRANGER)] * (MAX_SIGNATURES - 1))))
    for path in ("checkpoint", f"checkpoints/{watched.history.checkpoint.size}"):
        watched.store.write(path, full)
    assert take(watched, place).added == 0
    assert watched.store.read("checkpoint") == full


def test_dying_between_the_two_files_is_made_good_by_the_next_run(watched: World, tmp_path: Path) -> None:
    place, other = half(watched, line(watched, A)), half(watched, line(watched, B))
    size = watched.history.checkpoint.size
    for lives in range(3):
        store = watched.copy(tmp_path / str(lives))
        try:
            take(watched, place, store=DyingStore(store.root, lives))
        except Died:
            assert names(store.read("checkpoint")) == [watched.trust.origin]
            kept = {"zeta": 1000} if lives else {}
            assert take(watched, other, store=store).witnesses == kept | {"beta": 1000}
        else:
            break
        assert store.read("checkpoint") == store.read(f"checkpoints/{size}")
    assert lives == 2


def test_another_writer_in_between_is_a_conflict(watched: World, tmp_path: Path) -> None:
    with watched.store.turn(), pytest.raises(Conflict):
        take(watched, half(watched, line(watched, A)), store=LocalStore(watched.store.root))


def test_the_equivocator_is_caught_by_the_quorum(watched: World, tmp_path: Path) -> None:
    """Two logs from one key for two readers, and three witnesses of whom two must agree.

    The second log gets no second word of an honest witness, so whichever reader asks for the quorum refuses it.
    """
    forked = replace(watched, store=watched.copy(tmp_path / "forked"))
    watched.release("aiops/cpu@1.0.0", b"one")
    forked.release("aiops/cpu@1.0.0", b"two")
    pins = Pins(watched.trust.origin, watched.trust.log_keys, watched.trust)
    states = {c.name: LocalStore(tmp_path / c.name.replace("/", "-")) for c in (A, B, C)}
    for cosigner in (A, B, C):
        witness(watched.store, states[cosigner.name], cosigner, pins, 1000)
    take(watched, *states.values())
    assert set(verify_registry(watched.store, watched.trust).vouched.witnesses) == {"zeta", "beta", "gamma"}
    bribed = LocalStore(tmp_path / "bribed")
    for cosigner in (A, B):
        with pytest.raises(Untrusted, match="forked"):
            witness(forked.store, states[cosigner.name], cosigner, pins, 2000)
    witness(forked.store, bribed, C, pins, 2000)
    done = take(forked, bribed, states[A.name], states[B.name])
    assert done.witnesses == {"gamma": 2000}
    assert "the log forked" in done.remarks[0]
    with pytest.raises(Untrusted, match=r"^1 of 3"):
        verify_registry(forked.store, watched.trust)


def test_a_pack_carries_the_cosigned_note_and_says_who_replayed(watched: World, tmp_path: Path) -> None:
    version = watched.release("aiops/cpu@1.0.0")
    trust = replace(watched.trust, replayed_by=("zeta", "gamma"))
    pins = Pins(trust.origin, trust.log_keys, trust)
    for cosigner in (A, B):
        witness(watched.store, LocalStore(tmp_path / "state"), cosigner, pins, 1000)
        take(watched, LocalStore(tmp_path / "state"))
        (tmp_path / "state").rename(tmp_path / f"state-{cosigner.name[-1]}")
    opened = open_pack(make_pack(watched.history, version, blob_reader(watched.store)), trust)
    assert opened.replayed_by == ("zeta",)
    assert opened.vouched.witnesses == {"zeta": 1000, "beta": 1000}
