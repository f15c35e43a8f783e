"""A reader who remembers: rewinders, equivocators and stale packs are told from the log that it saw before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from muniment.core.canonical import format_json
from muniment.core.errors import Malformed, Missing, MunimentError, Refused, Rejected, Unchecked, Untrusted, Usage
from muniment.core.name import parse_version_id
from muniment.log.checkpoint import Checkpoint, sign_checkpoint
from muniment.log.note import Cosigner
from muniment.log.policy import parse_policy
from muniment.registry.fold import blob_reader, read_leaves, tree_of
from muniment.registry.inbox import submit
from muniment.registry.sequencer import publish
from muniment.registry.snapshot import format_snapshot
from muniment.registry.store.local import LocalStore
from muniment.registry.table import Table
from muniment.verify.age import check_age, date_of, spell_span
from muniment.verify.memory import Departed, Memory, Seen, format_seen, parse_seen
from muniment.verify.pack import KEPT, make_pack, open_pack
from muniment.verify.replay import Known, Vouched, verify_registry
from muniment.verify.selfread import read_history
from muniment.verify.target import Reading, Verified, remember, verify_target
from muniment.verify.trust import format_trust
from tests.cli.run import muniment
from tests.registry.paper import signature
from tests.world import World, make_world, now

FIRST = parse_version_id("aiops/cpu@1.0.0")


def grown(world: World, folder: Path, *contents: bytes, of: LocalStore | None = None) -> LocalStore:
    """A copy of a registry that went on with other records: a past of its own."""
    store = world.copy(folder) if of is None else replace_copy(of, folder)
    for content in contents:
        submit(store, world.sign("trainer", signature(content)).data)
        assert not publish(store, world.key, now()).turned
    return store


def replace_copy(store: LocalStore, folder: Path) -> LocalStore:
    import shutil

    shutil.copytree(store.root, folder)
    return LocalStore(folder)


class Reader:
    """A reader with a memory in a folder of its own."""

    def __init__(self, folder: Path, world: World) -> None:
        folder.mkdir(exist_ok=True)
        self.world, self.file = world, folder / "seen.json"
        self.memory = Memory(LocalStore(folder), "seen.json")

    def verify(self, target: LocalStore | Path, *files: Path) -> Verified:
        place = target.root if isinstance(target, LocalStore) else target
        done = verify_target(str(place), list(files), self.world.trust, Reading(self.memory))
        remember(done, self.world.trust, Reading(self.memory))
        return done

    def evidence(self) -> list[tuple[bytes, bytes]]:
        folders = sorted(self.file.parent.glob("seen.json.evidence/*"))
        return [((f / "seen").read_bytes(), (f / "shown").read_bytes()) for f in folders]


@pytest.fixture
def reader(told: World, tmp_path: Path) -> Reader:
    return Reader(tmp_path / "reader", told)


@pytest.fixture(scope="module")
def later(told: World, tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """The told registry, two batches later."""
    return grown(told, tmp_path_factory.mktemp("later") / "r", b"later", b"latest")


def unchanged(reader: Reader, target: LocalStore | Path) -> MunimentError:
    before = reader.file.read_bytes()
    with pytest.raises(MunimentError) as caught:
        reader.verify(target)
    assert reader.file.read_bytes() == before
    return caught.value


# Remembering


def test_the_first_time_begins_a_memory(told: World, reader: Reader) -> None:
    done = reader.verify(told.store)
    assert "nothing was remembered of it: what is seen now is the beginning" in done.facts
    seen = reader.memory.recall(told.trust)
    assert seen is not None
    assert (seen.checkpoint, seen.note) == (told.history.checkpoint, told.history.note)
    assert reader.file.read_bytes() == format_seen(seen)


def test_what_was_verified_is_not_verified_again(told: World, later: LocalStore, reader: Reader) -> None:
    """Old bundles are not even read: they could be gone."""
    reader.verify(told.store)
    size = told.history.checkpoint.size
    known = Known(state=reader.memory.snapshot(reader.memory.recall(told.trust)))
    read: list[str] = []

    class Spy(LocalStore):
        def read(self, path: str) -> bytes:
            read.append(path)
            return super().read(path)

    again = verify_registry(Spy(later.root), told.trust, known=known)
    assert again.resumed == size
    assert len([path for path in read if path.startswith("blob/")]) == 2
    alone = verify_registry(later, told.trust)
    assert again.history == replace(alone.history, state=again.history.state)
    assert_same_state(again.history.state, alone.history.state)
    done = reader.verify(later)
    assert f"4 entries replayed since entry {size}, up to which it was verified before" in done.facts
    assert f"continues the checkpoint of {size} entries that was remembered" in done.facts


def assert_same_state(one, other) -> None:
    from dataclasses import fields

    for field in fields(one):
        if field.name != "tree":
            assert getattr(one, field.name) == getattr(other, field.name), field.name
    assert one.tree.root == other.tree.root


def test_a_failure_leaves_the_memory_as_it_is(told: World, later: LocalStore, reader: Reader, tmp_path: Path) -> None:
    reader.verify(told.store)
    before = {p.name: p.read_bytes() for p in reader.file.parent.iterdir()}
    (tmp_path / "other.bin").write_bytes(b"other")
    with pytest.raises(Rejected, match="is no artifact of"):
        reader.verify(later, tmp_path / "other.bin")
    assert {p.name: p.read_bytes() for p in reader.file.parent.iterdir()} == before


def test_a_slow_reader_does_not_take_back_what_a_quick_one_remembered(
    told: World, later: LocalStore, reader: Reader
) -> None:
    reader.verify(later)
    after = reader.file.read_bytes()
    reader.memory.remember(told.trust, told.history.note)
    assert reader.file.read_bytes() == after


def test_a_missing_checkpoint_is_not_an_empty_registry(
    told: World, reader: Reader, later: LocalStore, tmp_path: Path
) -> None:
    reader.verify(told.store)
    store = replace_copy(later, tmp_path / "r")
    store.remove("checkpoint")
    assert unchanged(reader, store).exit_code == 3


# Adversaries


def test_rewinder(told: World, later: LocalStore, reader: Reader) -> None:
    """An older registry was put back, every signature of which is good."""
    reader.verify(later)
    error = unchanged(reader, told.store)
    old, new = told.history.checkpoint, read_history(later).checkpoint
    assert isinstance(error, Departed)
    assert error.exit_code == 1
    assert f"went back: the checkpoint of {old.size} entries" in error.fact
    assert f"of {new.size} entries" in error.fact
    assert reader.evidence() == [(later.read("checkpoint"), told.store.read("checkpoint"))]
    assert "seen.json.evidence" in error.remedy


@pytest.mark.parametrize("more", [(b"b",), (b"b", b"c"), (b"b", b"c", b"d")])
def test_equivocator(told: World, reader: Reader, tmp_path: Path, more: tuple[bytes, ...]) -> None:
    """The operator signs two histories and shows the second to one who saw the first: as long, or longer."""
    one = grown(told, tmp_path / "one", b"a")
    reader.verify(one)
    error = unchanged(reader, two := grown(told, tmp_path / "two", *more))
    assert isinstance(error, Departed)
    assert "forked" in error.fact
    assert reader.evidence() == [(one.read("checkpoint"), two.read("checkpoint"))]
    assert Reader(tmp_path / "fresh", told).verify(two).size  # one who remembers nothing does not see it


def test_equivocator_whose_second_history_is_false_too(told: World, reader: Reader, tmp_path: Path) -> None:
    """What the log's key signed against itself is told before what is wrong with it."""
    reader.verify(one := grown(told, tmp_path / "one", b"a"))
    leaves = read_leaves(one, read_history(one).checkpoint.size)
    del leaves[3:5]
    store = grown(told, tmp_path / "two", b"b", b"c")
    store.write("log/000.jsonl", b"".join(leaf + b"\n" for leaf in (*leaves, *leaves[-2:])))
    tree = tree_of([*leaves, *leaves[-2:]])
    store.write("checkpoint", sign_checkpoint(Checkpoint(told.trust.origin, tree.size, tree.root()), told.key))
    error = unchanged(reader, store)
    assert isinstance(error, Departed)
    assert isinstance(error.__cause__, Rejected)


def test_a_host_that_only_claims_another_history(told: World, reader: Reader, tmp_path: Path) -> None:
    """No key of the log signed it, so the log did not fork, and nothing is kept against it."""
    reader.verify(one := grown(told, tmp_path / "one", b"a"))
    store = grown(told, tmp_path / "two", b"b", b"c")
    note = store.read("checkpoint")
    store.write("checkpoint", note[:-9] + b"AAAAAAA=\n")
    error = unchanged(reader, store)
    assert not isinstance(error, Departed)
    assert reader.evidence() == []
    assert reader.verify(one).size


def test_stale_pack(told: World, later: LocalStore, reader: Reader, tmp_path: Path) -> None:
    pack = tmp_path / "old.pack"
    pack.write_bytes(make_pack(told.history, FIRST, blob_reader(told.store)))
    assert reader.verify(pack).size == told.history.checkpoint.size
    reader.verify(later)
    error = unchanged(reader, pack)
    assert isinstance(error, Departed)
    assert "went back" in error.fact


def pack_of(store: LocalStore, path: Path, since: tuple[int, ...] = ()) -> Path:
    path.write_bytes(make_pack(read_history(store), FIRST, blob_reader(store), since=since))
    return path


def test_a_pack_continues_what_was_seen(told: World, later: LocalStore, reader: Reader, tmp_path: Path) -> None:
    reader.verify(told.store)
    done = reader.verify(pack_of(later, tmp_path / "new.pack"))
    assert f"continues the checkpoint of {told.history.checkpoint.size} entries that was remembered" in done.facts
    seen = reader.memory.recall(told.trust)
    assert seen is not None
    assert seen.note == later.read("checkpoint")
    again = reader.verify(later)  # the state that a registry left is of use still
    assert f"since entry {told.history.checkpoint.size}" in again.facts[0]


def test_equivocator_with_packs(told: World, reader: Reader, tmp_path: Path) -> None:
    one, two = (grown(told, tmp_path / name, name.encode()) for name in ("one", "two"))
    reader.verify(pack_of(one, tmp_path / "one.pack"))
    for store in (two, grown(told, tmp_path / "three", b"longer", of=two)):
        error = unchanged(reader, pack_of(store, tmp_path / "other.pack"))
        assert isinstance(error, Departed)
        assert "forked" in error.fact
    assert len(reader.evidence()) == 2


def test_a_pack_without_the_proof_that_this_reader_needs(told: World, reader: Reader, tmp_path: Path) -> None:
    """Whoever leaves it out gains nothing: it is not believed unread."""
    reader.verify(told.store)
    value = json.loads(make_pack(read_history(store := grown(told, tmp_path / "r", b"x")), FIRST, blob_reader(store)))
    size = told.history.checkpoint.size
    assert size in [c["size"] for c in value["continues"]]
    value["continues"] = [c for c in value["continues"] if c["size"] != size]
    (tmp_path / "less.pack").write_bytes(format_json(value))
    error = unchanged(reader, tmp_path / "less.pack")
    assert isinstance(error, Missing)
    assert error.exit_code == 3
    assert f"--since {size}" in error.remedy
    assert open_pack(format_json(value), told.trust).version == FIRST


def test_a_pack_proves_the_sizes_it_is_asked_for(told: World) -> None:
    blob = blob_reader(told.store)
    history = told.history
    plain, asked = (json.loads(make_pack(history, FIRST, blob, since=s)) for s in ((), (1, 3)))
    ends = [e.index + 1 for e in history.entries if e.record is None][:-1]
    assert [c["size"] for c in plain["continues"]] == ends[-KEPT:]
    assert {1, 3} <= {c["size"] for c in asked["continues"]}
    for size in (0, history.checkpoint.size + 1):
        with pytest.raises(Usage):
            make_pack(history, FIRST, blob, since=(size,))
    assert open_pack(format_json(asked), told.trust).version == FIRST


@pytest.mark.parametrize("change", ["root", "size", "hash", "order", "twice", "own"])
def test_a_false_proof_of_continuing(told: World, change: str) -> None:
    value = json.loads(make_pack(told.history, FIRST, blob_reader(told.store)))
    one, *rest = value["continues"]
    if change == "root":
        one["root"] = rest[0]["root"]
    elif change == "size":
        one["size"] += 1
    elif change == "hash":
        one["hashes"] = one["hashes"][:-1]
    elif change == "order":
        value["continues"] = [*rest, one]
    elif change == "twice":
        value["continues"] = [one, one, *rest]
    else:
        root = value["checkpoint"].split("\n")[2]
        value["continues"].append({"hashes": [], "root": root, "size": told.history.checkpoint.size})
    with pytest.raises((Rejected, Unchecked)):
        open_pack(format_json(value), told.trust)


# Snapshots that do not fit


@pytest.mark.parametrize("damage", ["gone", "cut", "foreign", "empty"])
def test_a_snapshot_that_does_not_fit_is_none(
    told: World, later: LocalStore, reader: Reader, damage: str, tmp_path: Path
) -> None:
    reader.verify(told.store)
    file = reader.file.with_name("seen.json.state")
    if damage == "gone":
        file.unlink()
    elif damage == "foreign":
        other = Reader(tmp_path / "other", told)
        other.verify(later)
        file.write_bytes(other.file.with_name("seen.json.state").read_bytes())
    else:
        file.write_bytes(file.read_bytes()[:-5] if damage == "cut" else b"")
    assert "every decision and state root derived again" in reader.verify(later).facts[0]


def test_poisoned_snapshot(told: World, later: LocalStore, reader: Reader) -> None:
    """Beside an untouched memory, which names the true one by its digest, it is never loaded."""
    reader.verify(told.store)
    seen = reader.memory.recall(told.trust)
    true = reader.memory.snapshot(seen)
    assert true is not None
    false = replace(true, stages=Table())
    reader.file.with_name("seen.json.state").write_bytes(format_snapshot(false))
    assert reader.memory.snapshot(seen) is None


def test_a_false_state_never_speaks_against_the_log(told: World, later: LocalStore, reader: Reader) -> None:
    """Where going on from a state fails, all is derived again: only what the log itself says is told."""
    reader.verify(told.store)
    true = reader.memory.snapshot(reader.memory.recall(told.trust))
    assert true is not None
    assert true.config is not None
    nobody = replace(true, config=replace(true.config, bindings=()))
    replayed = verify_registry(later, told.trust, known=Known(state=nobody))
    assert replayed.resumed == 0


# The file


@pytest.fixture(scope="module")
def memory(told: World) -> bytes:
    return format_seen(Seen(told.history.checkpoint, told.trust.genesis, told.history.note))


def test_a_memory_comes_back(told: World, memory: bytes) -> None:
    assert parse_seen(memory, "it") == Seen(told.history.checkpoint, told.trust.genesis, told.history.note)
    assert set(json.loads(memory)) == {"checkpoint", "genesis", "origin", "root", "size"}


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(size=v["size"] + 1),
        lambda v: v.update(root="A" * 43 + "="),
        lambda v: v.update(origin="other.example/log"),
        lambda v: v.update(more=1),
        lambda v: v.pop("size"),
        lambda v: v.pop("checkpoint"),
        lambda v: v.update(genesis="sha256:0"),
        lambda v: v.update(snapshot=None),
        lambda v: v.update(checkpoint="no note"),
        lambda v: v.clear(),
    ],
)
def test_a_memory_that_is_none(memory: bytes, change) -> None:
    value = json.loads(memory)
    change(value)
    with pytest.raises(Malformed):
        parse_seen(format_json(value) + b"\n", "it")
    with pytest.raises(Malformed):
        parse_seen(memory[:-1], "it")


def test_a_memory_of_another_log(told: World, reader: Reader) -> None:
    reader.verify(told.store)
    other = replace(told.trust, genesis=replace(told.trust.genesis, hex="0" * 64))
    with pytest.raises(Usage, match="remembers the log"):
        reader.memory.recall(other)
    with pytest.raises(Usage):
        reader.memory.recall(replace(told.trust, origin="other.example/log"))


# Age


def at(hours: float) -> datetime:
    return datetime(2026, 1, 31, 12, tzinfo=UTC) - timedelta(hours=hours)


def posix(hours: float) -> int:
    return int(at(hours).timestamp())


QUORUMS = {
    "none": "quorum none",
    "both": "group g all a b\nquorum g",
    "any": "group g any a b\nquorum g",
}


@pytest.mark.parametrize(
    ("quorum", "witnesses", "anchored", "dated", "by"),
    [
        ("none", {}, None, 9, "the log itself"),
        ("none", {"a": 5}, None, 5, "its witnesses"),
        ("none", {"a": 5, "b": 2}, None, 2, "its witnesses"),
        ("both", {"a": 5, "b": 2}, None, 5, "its witnesses"),
        ("any", {"a": 5, "b": 2}, None, 2, "its witnesses"),
        ("none", {}, 8, 8, "its anchor"),
        ("both", {"a": 5, "b": 2}, 8, 5, "its witnesses"),
        ("both", {"a": 5, "b": 2}, 1, 1, "its anchor"),
        ("both", {"a": 5}, 8, 8, "its anchor"),
    ],
)
def test_the_best_that_speaks_for_a_time(
    told: World, quorum: str, witnesses: dict[str, float], anchored: float | None, dated: float, by: str
) -> None:
    keys = [Cosigner(f"w.example/{name}", bytes([n]) * 32).vkey for n, name in enumerate("ab", 1)]
    lines = [*told.trust.log_keys, *keys]
    text = f"log {lines[0]}\nwitness a {keys[0]}\nwitness b {keys[1]}\n{QUORUMS[quorum]}\n"
    vouched = Vouched({n: posix(h) for n, h in witnesses.items()}, at(anchored) if anchored is not None else None)
    found = date_of(vouched, replace(told.state, admitted_at=at(9)), parse_policy(text.encode()))
    assert (found.at, found.by) == (at(dated), by)


def test_a_witness_that_states_a_time_beyond_the_calendar(told: World) -> None:
    """A host can put such a line in; it is a false date, and no crash."""
    key = Cosigner("w.example/a", bytes([1]) * 32).vkey
    policy = parse_policy(f"log {told.trust.log_keys[0]}\nwitness a {key}\nquorum none\n".encode())
    for stated in (253402300800, 2**63 - 1):
        dated = date_of(Vouched({"a": stated}, None), told.state, policy)
        with pytest.raises(Untrusted, match="dated 9999-12-31T23:59:59Z by its witnesses, which is after"):
            check_age(dated, timedelta(hours=1), at(0))


def test_too_old_and_too_new(told: World) -> None:
    dated = date_of(Vouched({}, None), replace(told.state, admitted_at=at(9)), told.trust.policy)
    check_age(dated, None, at(-1000))
    check_age(dated, timedelta(hours=9), at(0))
    check_age(dated, timedelta(hours=1), at(9) - timedelta(minutes=5))
    with pytest.raises(Untrusted, match=r"by the log itself, 9 hours ago; at most 8 hours"):
        check_age(dated, timedelta(hours=9) - timedelta(seconds=1), at(0))
    with pytest.raises(Untrusted, match="which is after"):
        check_age(dated, timedelta(hours=1), at(9) - timedelta(minutes=5, seconds=1))


@pytest.mark.parametrize(
    ("seconds", "text"), [(90, "90 seconds"), (7200, "2 hours"), (7199, "119 minutes"), (864000, "10 days")]
)
def test_spans_in_words(seconds: int, text: str) -> None:
    assert spell_span(timedelta(seconds=seconds)) == text


# The command


@pytest.fixture
def pins(told: World, tmp_path: Path) -> Path:
    (tmp_path / "trust.json").write_bytes(format_trust(told.trust))
    return tmp_path / "trust.json"


def test_the_command_remembers(told: World, later: LocalStore, pins: Path, tmp_path: Path) -> None:
    options = ("--trust", pins, "--remember", tmp_path / "m" / "seen.json", "--max-age", "1d")
    first = muniment("verify", later.root, *options)
    assert first.code == 0, first
    assert "checkpoint at most 24 hours old" in first.err
    assert "continues the one that" in first.err
    assert " by the log itself" in first.out
    again = muniment("verify", told.store.root, *options)
    assert again.code == 1
    assert "went back" in again.err
    assert muniment("verify", later.root, *options, "--json").code == 0


def test_the_command_refuses_what_is_too_old(told: World, pins: Path) -> None:
    from muniment.cli import options

    assert muniment("verify", told.store.root, "--trust", pins, "--max-age", "7x").code == 2
    assert options.span("12h", "") == timedelta(hours=12)
    assert options.span("3d", "") == timedelta(days=3)
    reading = Reading(max_age=timedelta(minutes=30), now=now() + timedelta(hours=1))
    with pytest.raises(Untrusted, match="ago; at most"):
        verify_target(str(told.store.root), [], told.trust, reading)
    pack = pins.with_name("p.pack")
    pack.write_bytes(make_pack(told.history, FIRST, blob_reader(told.store)))
    with pytest.raises(Untrusted, match="ago; at most"):
        verify_target(str(pack), [], told.trust, reading)


def test_a_date_ahead_of_the_clock_here_is_told(told: World) -> None:
    def dated(minutes: int) -> str:
        at = told.state.admitted_at
        assert at is not None
        return verify_target(
            str(told.store.root), [], told.trust, Reading(now=at - timedelta(minutes=minutes))
        ).vouched[-1]

    assert dated(5).endswith("by the log itself")
    assert ", which is after " in dated(6)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "other").mkdir()
    made = make_world(tmp_path / "other")
    yield made
    made.sandbox.__exit__(None, None, None)


def test_replayer(told: World, other: World, tmp_path: Path) -> None:
    """A record from a copied registry, or from an earlier life of the same one, is refused by everyone."""
    store = grown(told, tmp_path / "r", b"x")
    record = next(e.record for e in told.history.entries if e.kind == "approve")
    bundle = blob_reader(told.store)(record.bundle)
    submit(store, bundle)
    done = publish(store, told.key, now())
    assert not done.turned  # it is there already, so it leaves the inbox and nothing is said twice
    assert len([e for e in done.history.entries if e.record and e.record.bundle == record.bundle]) == 1
    submit(other.store, bundle)
    (turned,) = other.publish().turned
    assert isinstance(turned.error, Untrusted | Refused)
