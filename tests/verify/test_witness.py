"""A witness beside a log: what it cosigns, what it keeps, and the adversaries who want its word for two histories."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from muniment.core.canonical import format_json, parse_json
from muniment.core.errors import Malformed, Missing, MunimentError, Unreachable, Untrusted, Usage
from muniment.evidence import oms
from muniment.evidence.artifact import measure
from muniment.evidence.statement import Statement
from muniment.log.checkpoint import Checkpoint, format_checkpoint, parse_checkpoint, sign_checkpoint
from muniment.log.lines import format_lines, leaf_file
from muniment.log.merkle import MemoryTree, leaf_hash
from muniment.log.note import Cosigner, Note, NoteSigner, cosigned_at, format_note, open_note, parse_note
from muniment.log.policy import parse_policy
from muniment.log.tiles import tiles
from muniment.log.witness import read_path
from muniment.registry import propose
from muniment.registry.cache import Cache, secret_of
from muniment.registry.inbox import submit
from muniment.registry.paths import blob_path
from muniment.registry.sequencer import publish
from muniment.registry.store.local import LocalStore
from muniment.verify.witness import Cosigned, Pins, recall, witness
from tests.registry.test_crash import Died, DyingStore
from tests.world import World, make_world, now

ORIGIN = "example.org/log"
LOG = NoteSigner(ORIGIN, bytes(range(32)))
NEXT = NoteSigner(ORIGIN, bytes(range(1, 33)))
COSIGNER = Cosigner("witness.example/w", bytes(range(2, 34)))
PINS = Pins(ORIGIN, (LOG.vkey,))
HALF = read_path(ORIGIN)
FOLDER = HALF.removesuffix("/checkpoint")
MEMORY = f"{FOLDER}/cosigned.json"


class Log:
    """A log in a folder with leaves, tiles and a checkpoint, and nothing that replay could read."""

    def __init__(self, folder: Path, key: NoteSigner = LOG) -> None:
        self.store, self.key, self.leaves = LocalStore(folder), key, []

    def grow(self, size: int, word: str = "entry") -> Log:
        """Appends up to a size and publishes."""
        self.leaves += [b"%s %d" % (word.encode(), i) for i in range(len(self.leaves), size)]
        tree = self.tree()
        for first in range(0, size, 256):
            self.store.write(leaf_file(first), format_lines(self.leaves[first : first + 256]))
        for path, data in tiles(tree, [size]):
            self.store.write(path, data)
        self.store.write("checkpoint", sign_checkpoint(Checkpoint(ORIGIN, size, tree.root()), self.key))
        return self

    def tree(self) -> MemoryTree:
        return MemoryTree(map(leaf_hash, self.leaves))

    @property
    def note(self) -> bytes:
        return self.store.read("checkpoint")


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A log of 300 entries."""
    return Log(tmp_path / "log").grow(300)


@pytest.fixture
def book(tmp_path: Path) -> LocalStore:
    """The state of a new witness."""
    return LocalStore(tmp_path / "state")


def run(log: Log, book: LocalStore, time: int = 1000, pins: Pins = PINS, cosigner: Cosigner = COSIGNER) -> Cosigned:
    return witness(log.store, book, cosigner, pins, time)


def files(book: LocalStore) -> dict[str, bytes]:
    return {p.relative_to(book.root).as_posix(): p.read_bytes() for p in book.root.rglob("*") if p.is_file()}


def refused(log: Log, book: LocalStore, kind: type[MunimentError], words: str, pins: Pins = PINS) -> dict[str, bytes]:
    """The run fails so and cosigns nothing; gives the files it added."""
    before = files(book)
    with pytest.raises(kind, match=words) as caught:
        run(log, book, 9999, pins)
    after = files(book)
    assert {path: after[path] for path in before} == before
    added = {path: data for path, data in after.items() if path not in before}
    if added:
        assert "evidence" in caught.value.remedy
    return added


def test_it_cosigns_follows_and_serves_its_read_half(log: Log, book: LocalStore) -> None:
    first = run(log, book, 1000)
    assert (first.checkpoint.size, first.previous, first.remarks) == (300, None, ())
    second = run(log.grow(600), book, 2000)
    assert (second.checkpoint.size, second.previous) == (600, first.checkpoint)
    assert set(files(book)) == {HALF, MEMORY}
    note, names = open_note(book.read(HALF), [LOG.verifier, COSIGNER.verifier])
    assert names == (ORIGIN, COSIGNER.name)
    assert cosigned_at(note.signatures[1]) == 2000
    assert parse_json(book.read(MEMORY), "memory") == {
        "checkpoint": book.read(HALF).decode(),
        "logKeys": [LOG.vkey],
        "replays": False,
    }


def test_the_same_checkpoint_is_cosigned_anew(log: Log, book: LocalStore) -> None:
    run(log, book, 1000)
    assert run(log, book, 2000).previous == run(log, book, 3000).checkpoint
    assert cosigned_at(parse_note(book.read(HALF)).signatures[1]) == 3000


def test_it_follows_a_registry_without_tiles(tmp_path: Path, log: Log, book: LocalStore) -> None:
    run(log, book)
    for path in (log.store.root / "tile").rglob("*"):
        if path.is_file():
            path.unlink()
    assert run(log, book).remarks[0].endswith("Leaf files were read in its place.")


@pytest.mark.parametrize("size", [300, 301, 700])
def test_the_equivocator_is_refused_and_both_notes_are_kept(tmp_path: Path, book: LocalStore, size: int) -> None:
    """The operator shows the witness one log and then another of the same or a larger size, whole with its tiles."""
    run(Log(tmp_path / "a").grow(300), book)
    seen = book.read(HALF)
    other = Log(tmp_path / "b").grow(290).grow(size, "another")
    kept = refused(other, book, Untrusted, "^The log forked: ")
    (folder,) = {path.rpartition("/")[0] for path in kept}
    assert folder.startswith(f"{FOLDER}/evidence/")
    assert kept == {f"{folder}/seen": seen, f"{folder}/shown": other.note}
    for note in kept.values():
        assert open_note(note, [LOG.verifier])
    assert refused(other, book, Untrusted, "forked") == {}


def test_the_rewinder_is_refused(log: Log, book: LocalStore) -> None:
    early = log.note
    run(log.grow(600), book)
    log.store.write("checkpoint", early)
    kept = refused(
        log, book, Untrusted, "^The log went back: the checkpoint of 300 entries .*, and the checkpoint of 600 "
    )
    assert early in kept.values()
    assert len(kept) == 2
    log.store.remove("log/001.jsonl")
    refused(log, book, Untrusted, "went back")


@pytest.mark.parametrize("first", [True, False])
def test_the_withholder_is_told_from_a_liar(log: Log, book: LocalStore, first: bool) -> None:
    """With neither a tile nor the leaf file that could stand for it nothing is proved: exit 3."""
    if not first:
        run(log, book)
        log.grow(301)
    edge = f"tile/0/001.p/{len(log.leaves) - 256}"
    whole = log.store.read(edge)
    log.store.remove(edge)
    assert run(log, LocalStore(book.root.parent / "other")).remarks[0].startswith(f"{log.store.root}/{edge} is missing")
    log.store.remove("log/001.jsonl")
    kept = refused(log, book, Missing, r"001.jsonl is missing")
    assert Missing.exit_code == 3
    assert log.note in kept.values()
    log.store.write(edge, whole)
    run(log, book)


def test_a_host_that_alters_tiles_is_not_a_fork(log: Log, book: LocalStore) -> None:
    run(log, book)
    log.grow(600)
    for path, at, words in (
        ("tile/0/002.p/88", 0, "tiles do not hash to the signed checkpoint"),
        ("tile/0/001", 0, "The tiles contradict the leaf files"),
        ("tile/0/001", 8191, "The tiles contradict the leaf files"),  # between the two sizes: both roots hold
    ):
        whole = log.store.read(path)
        log.store.write(path, whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        refused(log, book, Untrusted, words)
        log.store.write(path, whole[:-1])
        refused(log, book, Malformed, "bytes, not")
        log.store.write(path, whole)
    log.store.remove("tile/0/002.p/88")
    log.store.write("log/002.jsonl", format_lines([b"x", *log.leaves[513:]]))
    refused(log, book, Untrusted, "leaf files do not hash to the signed checkpoint")


def test_a_log_that_signs_what_it_does_not_serve_is_refused_at_first_sight(log: Log, book: LocalStore) -> None:
    log.store.write("checkpoint", sign_checkpoint(Checkpoint(ORIGIN, 300, bytes(32)), LOG))
    refused(log, book, Untrusted, "do not hash to the signed checkpoint")


def test_another_logs_checkpoint_and_a_strangers_signature_leave_no_evidence(log: Log, book: LocalStore) -> None:
    """Only what a known key of the log signed is evidence; nobody else can fill the folder."""
    other = NoteSigner("example.org/other", bytes(range(32)))
    log.store.write("checkpoint", sign_checkpoint(Checkpoint(other.name, 300, log.tree().root()), other))
    assert refused(log, book, Untrusted, "is of the log example.org/other") == {}
    log.store.write("checkpoint", sign_checkpoint(Checkpoint(ORIGIN, 300, bytes(32)), NEXT))
    assert refused(log, book, Untrusted, "No pinned key of the log") == {}
    for data in (b"", b"no note"):
        log.store.write("checkpoint", data)
        assert refused(log, book, Malformed, "The note") == {}
    log.store.remove("checkpoint")
    assert refused(log, book, Missing, "checkpoint is missing") == {}


def test_a_rotation_needs_the_new_key_and_the_thief_of_the_retired_one_is_out(log: Log, book: LocalStore) -> None:
    """Without replay the witness knows the keys it is given: the message says so, and the old key leaves with it."""
    run(log, book)
    log.key = NEXT
    with pytest.raises(Untrusted, match="No pinned key") as caught:
        run(log.grow(310), book)
    assert "--log-key" in caught.value.remedy
    assert "--replay" in caught.value.remedy
    both = Pins(ORIGIN, (LOG.vkey, NEXT.vkey))
    assert run(log, book, pins=both).checkpoint.size == 310
    log.key = LOG
    refused(log.grow(320), book, Untrusted, "No pinned key", Pins(ORIGIN, (NEXT.vkey,)))


def test_a_network_that_fails_leaves_no_evidence(log: Log, book: LocalStore) -> None:
    class Cut(LocalStore):
        def read(self, path: str) -> bytes:
            if path.startswith("tile/"):
                raise Unreachable("The network is gone.", "Try again.")
            return super().read(path)

    log.store = Cut(log.store.root)
    assert refused(log, book, Unreachable, "The network is gone") == {}


def test_dying_at_every_write_never_leaves_two_words_for_one_size(tmp_path: Path, book: LocalStore) -> None:
    """Wherever it dies, another history of any size is refused afterwards, and the honest one goes on."""
    honest, forked = Log(tmp_path / "honest").grow(300), Log(tmp_path / "forked").grow(290).grow(300, "another")
    run(honest, book)
    ahead, aside = Log(tmp_path / "ahead").grow(301), Log(tmp_path / "aside").grow(300).grow(301, "another")
    for lives in range(4):
        state = tmp_path / f"state-{lives}"
        for path, data in files(book).items():
            LocalStore(state).write(path, data)
        try:
            run(ahead, DyingStore(state, lives))
        except Died:
            served = parse_checkpoint(parse_note((state / HALF).read_bytes()).text)
            if served.size == 301:
                refused(aside, LocalStore(state), Untrusted, "forked")
            refused(forked, LocalStore(state), Untrusted, "forked|went back")
            assert run(ahead, LocalStore(state)).checkpoint.size == 301
        else:
            break
    assert lives == 2  # the read half and the memory: both were tried


def test_dying_at_the_first_sight_too(tmp_path: Path) -> None:
    honest, forked = Log(tmp_path / "honest").grow(9), Log(tmp_path / "forked").grow(8).grow(9, "another")
    state = LocalStore(tmp_path / "state")
    with pytest.raises(Died):
        run(honest, DyingStore(state.root, 1))
    assert set(files(state)) == {HALF}
    refused(forked, state, Untrusted, "forked")
    assert run(honest, state).previous == run(honest, state).checkpoint


@pytest.mark.parametrize("lost", [HALF, MEMORY])
def test_either_file_is_memory_enough(log: Log, book: LocalStore, tmp_path: Path, lost: str) -> None:
    run(log, book)
    book.remove(lost)
    refused(Log(tmp_path / "forked").grow(290).grow(310, "another"), book, Untrusted, "forked")
    run(log, book)
    assert set(files(book)) >= {HALF, MEMORY}


def test_an_older_read_half_does_not_take_the_memory_back(log: Log, book: LocalStore) -> None:
    run(log, book)
    early, note = book.read(HALF), log.note
    run(log.grow(600), book)
    book.write(HALF, early)
    log.store.write("checkpoint", note)
    refused(log, book, Untrusted, "^The log went back: the checkpoint of 300 entries .*, and the checkpoint of 600 ")


def test_a_state_of_another_key_or_log_or_one_that_was_altered_is_refused(log: Log, book: LocalStore) -> None:
    run(log, book)
    good = files(book)
    stranger = Cosigner("witness.example/w", bytes(32))
    with pytest.raises(Untrusted, match="was not cosigned for"):
        run(log, book, cosigner=stranger)
    other = NoteSigner("example.org/other", bytes(32))
    text = format_checkpoint(Checkpoint(other.name, 300, log.tree().root()))
    book.write(HALF, format_note(Note(text, (COSIGNER.cosign(text, 1),))))
    with pytest.raises(Untrusted, match="was not cosigned for"):
        run(log, book)
    book.write(HALF, good[HALF])
    for path in (HALF, MEMORY):
        book.write(path, good[path].replace(b"\n300\n", b"\n299\n").replace(b"\\n300\\n", b"\\n299\\n"))
        with pytest.raises(Untrusted, match="false"):
            run(log, book)
        book.write(path, good[path])
    value = parse_json(good[MEMORY], "memory")
    for bad in ({}, [], value | {"more": 1}, value | {"replays": 1}, value | {"logKeys": ["x"]}):
        book.write(MEMORY, format_json(bad))
        with pytest.raises(Malformed):
            run(log, book)
    book.write(MEMORY, good[MEMORY] + b"\n")
    with pytest.raises(Malformed, match="canonical"):
        run(log, book)


def test_a_witness_that_equivocated_says_so_itself(tmp_path: Path, book: LocalStore) -> None:
    """Two runs of one key with a state each, then put together: the folder convicts the witness."""
    other = LocalStore(tmp_path / "other")
    run(Log(tmp_path / "a").grow(300), book)
    run(Log(tmp_path / "b").grow(290).grow(300, "another"), other)
    book.write(MEMORY, other.read(MEMORY))
    with pytest.raises(Untrusted, match="two checkpoints of 300 entries"):
        recall(book, ORIGIN, COSIGNER)


class TestReplay:
    """A witness that replays knows the rules, and the keys in force, from the log itself."""

    @staticmethod
    def pins(world: World) -> Pins:
        return Pins(world.trust.origin, world.trust.log_keys, world.trust)

    def test_it_replays_and_the_quorum_is_not_asked_for(self, told: World, book: LocalStore) -> None:
        """Its own word is part of the quorum that readers ask for, so it cannot wait for it."""
        lines = f"log {told.key.vkey}\nwitness w {COSIGNER.vkey}\nquorum w\n".encode()
        strict = replace(told.trust, policy=parse_policy(lines))
        done = witness(told.store, book, COSIGNER, Pins(strict.origin, strict.log_keys, strict), 5)
        assert done.replayed
        assert done.checkpoint == told.history.checkpoint

    def test_what_it_derived_once_is_not_derived_again(self, told: World, book: LocalStore, tmp_path: Path) -> None:
        """The first run's entries are not read by the second; a state that another key sealed is not taken."""
        pins, kept, place = self.pins(told), LocalStore(tmp_path / "cache"), told.copy(tmp_path / "place")
        mine = Cache(kept, secret_of(COSIGNER))
        witness(place, book, COSIGNER, pins, 5, cache=mine)
        first = told.history.entries[0].record
        assert first is not None
        place.remove(blob_path(first.bundle))
        assert witness(place, book, COSIGNER, pins, 6, cache=mine).replayed
        theirs = Cache(kept, secret_of(replace(COSIGNER, seed=bytes(32))))
        for cache in (theirs, None):
            with pytest.raises(Missing):
                witness(place, book, COSIGNER, pins, 7, cache=cache)

    def test_what_replay_refutes_is_not_cosigned_and_is_kept(
        self, told: World, book: LocalStore, tmp_path: Path
    ) -> None:
        """The operator leaves an entry out and signs again: tiles would agree, the rules do not."""
        store = told.copy(tmp_path / "forged")
        leaves = [*told.history.leaves[:2], *told.history.leaves[3:]]
        store.write("log/000.jsonl", format_lines(leaves))
        point = Checkpoint(told.trust.origin, len(leaves), MemoryTree(map(leaf_hash, leaves)).root())
        store.write("checkpoint", sign_checkpoint(point, told.key))
        assert witness(store, LocalStore(tmp_path / "blind"), COSIGNER, replace(self.pins(told), trust=None), 5)
        with pytest.raises(Untrusted) as caught:
            witness(store, book, COSIGNER, self.pins(told), 5)
        assert "evidence" in caught.value.remedy
        assert [path.rpartition("/")[2] for path in files(book)] == ["shown"]

    def test_one_key_has_one_meaning(self, told: World, book: LocalStore) -> None:
        pins = self.pins(told)
        witness(told.store, book, COSIGNER, pins, 5)
        with pytest.raises(Usage, match=r"replayed when it cosigned, and is run without --replay"):
            witness(told.store, book, COSIGNER, replace(pins, trust=None), 6)
        assert witness(told.store, book, COSIGNER, pins, 7).time == 7

    def test_the_other_way_round_too(self, told: World, book: LocalStore) -> None:
        pins = self.pins(told)
        witness(told.store, book, COSIGNER, replace(pins, trust=None), 5)
        with pytest.raises(Usage, match="did not replay"):
            witness(told.store, book, COSIGNER, pins, 6)

    def test_it_follows_a_rotation_and_the_thief_of_the_retired_key_gets_nothing(
        self, world: World, book: LocalStore, tmp_path: Path
    ) -> None:
        """The old key signs a log that goes on after the rotation, and one that forks from before it."""
        pins = self.pins(world)
        witness(world.store, book, COSIGNER, pins, 5)
        before, retired = world.copy(tmp_path / "before"), world.key
        world.release("aiops/cpu@1.0.0")
        new = NoteSigner(retired.name, bytes(range(32)))
        submit(
            world.store,
            world.sign("administrator", propose.rotate(world.state, (new.vkey,), None, "due", now())).data,
        )
        publish(world.store, new, now())
        world.key = new
        after = witness(world.store, book, COSIGNER, pins, 6)
        assert after.checkpoint == world.history.checkpoint
        stolen = world.copy(tmp_path / "stolen")
        stolen.write("checkpoint", sign_checkpoint(after.checkpoint, retired))
        with pytest.raises(Untrusted, match="No known key of the log"):
            witness(stolen, book, COSIGNER, pins, 7)
        submit(before, world.sign("trainer", _signature(world)).data)
        publish(before, retired, now())
        with pytest.raises(Untrusted, match="went back"):
            witness(before, book, COSIGNER, pins, 8)

    def test_a_fork_under_a_rotated_key_is_kept_as_well(self, world: World, book: LocalStore, tmp_path: Path) -> None:
        """The memory knows the keys that were in force, so evidence is told from noise after a rotation too."""
        pins, new = self.pins(world), NoteSigner(world.key.name, bytes(range(32)))
        rotation = propose.rotate(world.state, (new.vkey,), None, "due", now())
        submit(world.store, world.sign("administrator", rotation).data)
        publish(world.store, new, now())
        fork = world.copy(tmp_path / "fork")
        world.key = new
        world.release("aiops/cpu@1.0.0")
        witness(world.store, book, COSIGNER, pins, 6)
        for _ in range(3):
            publish(fork, new, now(), heartbeat=True)
        for _ in range(3):
            submit(fork, world.sign("trainer", _signature(world, b"other")).data)
            publish(fork, new, now())
        while parse_checkpoint(parse_note(fork.read("checkpoint")).text).size <= world.state.size:
            publish(fork, new, now(), heartbeat=True)
        with pytest.raises(Untrusted, match="forked"):
            witness(fork, book, COSIGNER, pins, 7)
        assert len([path for path in files(book) if "evidence" in path]) == 2


def _signature(world: World, content: bytes = b"weights") -> Statement:
    world.model(content)
    return oms.signature_statement(measure(world.model_path(content)))


def test_worlds_differ(tmp_path: Path, told: World, book: LocalStore) -> None:
    """Another registry of the same origin is no continuation: its genesis is not the pinned one."""
    other = make_world(tmp_path)
    with pytest.raises(Untrusted):
        witness(other.store, book, COSIGNER, TestReplay.pins(told), 5)
    other.sandbox.__exit__(None, None, None)
