"""A monitor beside a log: what it reports, and the adversaries whom it is there to notice."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from muniment.core.errors import Malformed, Mismatch, Missing, MunimentError, Untrusted
from muniment.core.name import parse_name, parse_version_id
from muniment.log.checkpoint import Checkpoint, sign_checkpoint
from muniment.registry import propose
from muniment.registry.anchor import anchor_statement
from muniment.registry.fold import tree_of
from muniment.registry.genesis import configure_statement
from muniment.registry.inbox import submit
from muniment.registry.paths import anchor_path, blob_path, checkpoint_path
from muniment.registry.sequencer import publish
from muniment.registry.store.http import HttpReader
from muniment.registry.store.local import LocalStore
from muniment.site.writer import build_site
from muniment.verify.memory import Departed
from muniment.verify.monitor import Monitored, Watch, monitor, remember_monitored
from muniment.verify.selfread import read_history
from muniment.verify.trust import format_trust, trust_of
from tests.cli.run import muniment
from tests.registry.paper import signature
from tests.registry.test_deciding import VERSION
from tests.registry.test_deciding import ready as ready
from tests.verify.test_anchor import anchor_by, anchored, sequencer  # noqa: F401 - a fixture
from tests.verify.test_memory import grown, replace_copy
from tests.verify.test_rotation import rotated  # noqa: F401 - a fixture
from tests.verify.test_url import Quiet
from tests.world import World, identities, now

WEEK = timedelta(days=7)


class Monitor:
    """A monitor with a folder of its own."""

    def __init__(self, folder: Path, world: World) -> None:
        folder.mkdir(exist_ok=True)
        self.world, self.book, self.trust = world, LocalStore(folder), world.trust

    def look(self, store: LocalStore | HttpReader, days: int = 0, **watch: tuple) -> Monitored:
        asked = {"names": (), "identities": (), **watch}
        done = monitor(store, self.trust, self.book, Watch(**asked, inbox_max_age=WEEK, now=now() + days * WEEK / 7))
        remember_monitored(done, self.trust, self.book)
        return done

    def alarmed(self, store: LocalStore | HttpReader) -> MunimentError:
        """Fails, and remembers what it did before."""
        before = self.files()
        with pytest.raises(MunimentError) as caught:
            self.look(store)
        assert {name: data for name, data in self.files().items() if "evidence" not in name} == before
        return caught.value

    def files(self) -> dict[str, bytes]:
        found = (p for p in self.book.root.rglob("*") if p.is_file())
        return {p.relative_to(self.book.root).as_posix(): p.read_bytes() for p in found}


@pytest.fixture
def watcher(told: World, tmp_path: Path) -> Monitor:
    return Monitor(tmp_path / "monitor", told)


@pytest.fixture
def store(told: World, tmp_path: Path) -> LocalStore:
    return told.copy(tmp_path / "r")


def kinds(done: Monitored) -> list[str]:
    return [entry.kind for entry in done.shown]


# What it reports


def test_everything_is_new_at_first_and_then_what_came_since(told: World, store: LocalStore, watcher: Monitor) -> None:
    first = watcher.look(store)
    assert (first.before, len(first.shown)) == (0, len([e for e in told.history.entries if e.record]))
    assert watcher.look(store).shown == ()
    grown_store = grown(told, store.root.parent / "more", b"one more", of=store)
    again = watcher.look(grown_store)
    assert (again.before, kinds(again)) == (told.history.checkpoint.size, ["signature"])
    assert again.history.checkpoint == read_history(grown_store).checkpoint


def test_entries_about_a_name_and_by_a_subject(told: World, store: LocalStore, watcher: Monitor) -> None:
    whole = watcher.look(store)
    cpu = parse_name("aiops/cpu")
    of_name = monitor_again(watcher, store, names=(cpu,))
    assert kinds(of_name) == [k for k in kinds(whole) if k != "configure"]  # approvals and evidence are about it too
    assert monitor_again(watcher, store, names=(parse_name("aiops/gpu"),)).shown == ()
    subject = next(e.record.identity.subject for e in whole.shown if e.kind == "approve" and e.record)
    assert kinds(monitor_again(watcher, store, identities=(subject,))) == ["approve", "approve"]
    both = monitor_again(watcher, store, names=(parse_name("aiops/gpu"),), identities=(subject, "nobody"))
    assert kinds(both) == ["approve", "approve"]


def monitor_again(watcher: Monitor, store: LocalStore, **watch: tuple) -> Monitored:
    """As if it had never looked before."""
    for path in watcher.book.root.glob("*.json*"):
        path.unlink()
    return watcher.look(store, **watch)


def test_it_goes_on_from_what_it_derived_and_still_reads_all_files(
    told: World, store: LocalStore, watcher: Monitor
) -> None:
    watcher.look(store)
    read: list[str] = []

    class Spy(LocalStore):
        def read(self, path: str, *more: int) -> bytes:
            read.append(path)
            return super().read(path, *more)

    watcher.look(Spy(store.root))
    bundles = {e.record.bundle for e in told.history.entries if e.record}
    assert {blob_path(b) for b in bundles} <= set(read)
    sizes = {e.index + 1 for e in told.history.entries if not e.record}
    assert {checkpoint_path(size) for size in sizes} <= set(read)


# Adversaries


def test_rewinder(told: World, store: LocalStore, watcher: Monitor, tmp_path: Path) -> None:
    watcher.look(grown(told, tmp_path / "later", b"later"))
    error = watcher.alarmed(store)
    assert isinstance(error, Departed)
    assert "went back" in error.fact
    assert len(list(watcher.book.root.glob("seen.json.evidence/*/shown"))) == 1


def test_equivocator(told: World, watcher: Monitor, tmp_path: Path) -> None:
    watcher.look(grown(told, tmp_path / "one", b"one"))
    error = watcher.alarmed(grown(told, tmp_path / "two", b"two", b"three"))
    assert isinstance(error, Departed)
    assert error.exit_code == 1
    assert "forked" in error.fact


@pytest.mark.parametrize("what", ["blob", "checkpoint", "past", "newest", "log"])
def test_withholder(told: World, store: LocalStore, watcher: Monitor, what: str) -> None:
    """A file that was there is gone: that is no proof of anything, and no reason to be quiet."""
    watcher.look(store)
    history = told.history
    bundle = history.entries[2].record
    assert bundle is not None
    sizes = sorted(e.index + 1 for e in history.entries if not e.record)
    path = {
        "blob": blob_path(bundle.bundle),
        "checkpoint": "checkpoint",
        "past": checkpoint_path(sizes[2]),
        "newest": checkpoint_path(sizes[-1]),
        "log": "log/000.jsonl",
    }[what]
    store.remove(path)
    error = watcher.alarmed(store)
    assert isinstance(error, Missing)
    assert error.exit_code == 3
    assert path in error.fact


def test_withholder_from_the_first(told: World, store: LocalStore, watcher: Monitor) -> None:
    """Whether a checkpoint of the past was ever published nobody can know who never saw it."""
    sizes = sorted(e.index + 1 for e in told.history.entries if not e.record)
    store.remove(checkpoint_path(sizes[2]))
    assert f"no checkpoint of {sizes[2]} entries" in watcher.look(store).remarks[0]
    store.remove(checkpoint_path(sizes[-1]))
    fresh = Monitor(watcher.book.root / "fresh", told)
    assert isinstance(fresh.alarmed(store), Missing)  # whoever publishes keeps the newest before it is the newest


def test_a_host_that_alters_a_bundle_of_the_past(told: World, store: LocalStore, watcher: Monitor) -> None:
    watcher.look(store)
    record = told.history.entries[2].record
    assert record is not None
    store.write(blob_path(record.bundle), b"{}")
    assert isinstance(watcher.alarmed(store), Mismatch)


def test_a_checkpoint_of_another_past(told: World, store: LocalStore, watcher: Monitor) -> None:
    """The operator's key signed it, so the log has two histories, wherever the file comes from."""
    sizes = sorted(e.index + 1 for e in told.history.entries if not e.record)
    other = tree_of([b"other"] * sizes[2])
    store.write(
        checkpoint_path(sizes[2]), sign_checkpoint(Checkpoint(told.trust.origin, sizes[2], other.root()), told.key)
    )
    error = watcher.alarmed(store)
    assert isinstance(error, Untrusted)
    assert "two histories" in error.remedy
    store.write(checkpoint_path(sizes[2]), store.read(checkpoint_path(sizes[1])))
    assert isinstance(watcher.alarmed(store), Untrusted)


def test_thief_of_a_retired_key(rotated: World, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    """What he puts in the past has the right root, and a key that was retired by then."""
    watcher, store = Monitor(tmp_path / "monitor", rotated), rotated.copy(tmp_path / "r")
    assert watcher.look(store).remarks == ()
    history = read_history(store)
    assert rotated.key.vkey not in history.state.eras[-1].log_keys
    store.write(checkpoint_path(history.checkpoint.size), sign_checkpoint(history.checkpoint, rotated.key))
    assert isinstance(watcher.alarmed(store), Untrusted)


def test_anchors_are_there_for_all_that_is_new(anchored: World, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    watcher, store = Monitor(tmp_path / "monitor", anchored), anchored.copy(tmp_path / "r")
    sizes = sorted(e.index + 1 for e in anchored.history.entries if not e.record)
    newest, past = store.read(anchor_path(sizes[-1])), store.read(anchor_path(sizes[0]))
    for size in (sizes[-1], sizes[0]):
        kept = store.read(anchor_path(size))
        store.remove(anchor_path(size))
        error = watcher.alarmed(store)
        assert isinstance(error, Untrusted)
        assert f"of {size} entries has no anchor" in error.fact
        store.write(anchor_path(size), kept)
    store.write(anchor_path(sizes[0]), newest)
    assert "of another checkpoint" in watcher.alarmed(store).fact
    store.write(anchor_path(sizes[0]), past)
    assert watcher.look(store).remarks == ()
    store.remove(anchor_path(sizes[0]))
    assert watcher.look(store).shown == ()  # looked at before
    anchor_by(anchored, "operator", store)
    assert "anchored by operator@" in watcher.alarmed(store).fact


def test_anchors_are_owed_since_they_were_promised(world: World, tmp_path: Path) -> None:
    """What was published before the configuration named a sequencer has none."""
    assert world.state.config is not None
    configuration = dict(world.state.config.source)
    configuration["registry"] = {**configuration["registry"], "sequencer": sequencer()}
    world.anchor = "administrator"
    assert not world.put("administrator", configure_statement(world.state, configuration, now())).turned
    world.release("aiops/cpu@1.0.0")
    watcher = Monitor(tmp_path / "monitor", world)
    watcher.trust = trust_of(world.history)
    assert watcher.trust.anchor is not None
    assert watcher.look(world.store).remarks == ()
    world.store.remove(anchor_path(4))
    fresh = Monitor(tmp_path / "fresh", world)
    fresh.trust = watcher.trust
    assert "of 4 entries has no anchor" in fresh.alarmed(world.store).fact


def test_who_anchored_before_is_no_alarm(world: World, tmp_path: Path) -> None:
    """Pins name who anchors now; of the past the configuration tells."""
    for who, version in (("administrator", "aiops/cpu@1.0.0"), ("operator", "aiops/gpu@1.0.0")):
        known = identities()[who]
        assert world.state.config is not None
        registry = {
            **world.state.config.source["registry"],
            "sequencer": {"issuer": known.issuer, "subject": known.subject},
        }
        configuration = {**world.state.config.source, "registry": registry}
        world.anchor = who
        assert not world.put("administrator", configure_statement(world.state, configuration, now())).turned
        world.release(version)
    fresh = Monitor(tmp_path / "fresh", world)
    fresh.trust = trust_of(world.history)
    assert fresh.look(world.store).remarks == ()
    other = Monitor(tmp_path / "other", world)
    other.trust = fresh.trust
    world.store.write(
        anchor_path(4), world.sign("operator", anchor_statement(world.store.read(checkpoint_path(4)))).data
    )
    assert "anchored by operator@" in other.alarmed(world.store).fact


def test_a_witness_line_that_trust_asks_for(told: World, store: LocalStore, watcher: Monitor) -> None:
    from muniment.log.note import Cosigner
    from muniment.log.policy import parse_policy

    key = Cosigner("w.example/w", bytes(32)).vkey
    policy = parse_policy(f"log {told.trust.log_keys[0]}\nwitness w {key}\nquorum w\n".encode())
    watcher.trust = replace(told.trust, policy=policy)
    error = watcher.alarmed(store)
    assert (error.exit_code, "quorum" in error.fact) == (1, True)


# The inbox


def test_what_could_be_admitted_and_is_not(told: World, store: LocalStore, watcher: Monitor) -> None:
    submit(store, told.sign("trainer", signature(b"held back")).data)
    done = watcher.look(store)
    assert done.inbox is not None
    (one,) = done.inbox
    assert (one.reason, one.late, done.late) == ("it would be admitted", False, ())
    assert watcher.look(store, days=8).late[0].path == one.path


def test_what_waits_for_others_may_wait(told: World, store: LocalStore, watcher: Monitor) -> None:
    second = parse_version_id("aiops/cpu@2.0.0")
    submit(
        store, told.sign("operator", propose.promote(read_history(store).state, second, "production", "x", now())).data
    )
    done = watcher.look(store, days=8)
    assert done.inbox is not None
    assert (len(done.inbox), done.late) == (1, ())
    assert "approvals-required" in done.inbox[0].reason
    assert len(watcher.look(store, days=31).late) == 1


def test_what_is_refused_for_good_must_not_stay(told: World, store: LocalStore, watcher: Monitor) -> None:
    submit(store, told.sign("stranger", signature(b"mine")).data)
    assert "may not sign" in watcher.look(store, days=8).late[0].reason


def test_poisoner_of_the_inbox(told: World, store: LocalStore, watcher: Monitor) -> None:
    """What is no bundle, or no signature of this registry's, raises no alarm; nor does what is in the log already."""
    (store.root / "inbox").mkdir(exist_ok=True)
    (store.root / "inbox" / "x.sigstore.json").write_bytes(b"{")
    (store.root / "inbox" / "note.txt").write_bytes(b"hello")
    logged = next(e.record for e in told.history.entries if e.kind == "release" and e.record)
    submit(store, store.read(blob_path(logged.bundle)))
    value = json.loads(told.sign("trainer", signature(b"x")).data)
    value["dsseEnvelope"]["signatures"][0]["sig"] = value["dsseEnvelope"]["signatures"][0]["sig"][::-1]
    (store.root / "inbox" / "y.sigstore.json").write_text(json.dumps(value))
    assert watcher.look(store, days=60).inbox == ()


@pytest.fixture
def site(told: World, tmp_path: Path) -> Iterator[tuple[HttpReader, Path]]:
    build_site(told.store, told.history, tmp_path / "site")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "site")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield HttpReader(f"http://127.0.0.1:{server.server_address[1]}/"), tmp_path / "site"
    server.shutdown()
    server.server_close()


def test_a_site_shows_no_inbox(told: World, site: tuple[HttpReader, Path], watcher: Monitor) -> None:
    reader, folder = site
    for place in (reader, LocalStore(folder)):
        done = monitor_again(watcher, place)
        assert (done.inbox, len(done.remarks)) == (None, 1)
        assert "inbox not visible" in done.remarks[0]
    sizes = sorted(e.index + 1 for e in told.history.entries if not e.record)
    (folder / checkpoint_path(sizes[1])).unlink()
    assert isinstance(watcher.alarmed(reader), Missing)


# Its memory and its command


@pytest.mark.parametrize("junk", [b"", b"{}\n", b"[1.5]\n", b'["1"]\n', b"[2,1]\n", b"[1,2]"])
def test_a_memory_that_is_none(told: World, store: LocalStore, watcher: Monitor, junk: bytes) -> None:
    watcher.look(store)
    watcher.book.write("published.json", junk)
    assert isinstance(watcher.alarmed(store), Malformed)


def test_the_command(told: World, store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = tmp_path / "trust.json"
    pins.write_bytes(format_trust(told.trust))
    run = ("monitor", store.root, "--trust", pins, "--state", tmp_path / "state" / "of" / "it")
    first = muniment(*run, "--json")
    assert first.code == 0, first
    value = json.loads(first.out)
    assert (value["before"], value["size"]) == (0, told.history.checkpoint.size)
    promoted = next(e for e in value["entries"] if e["kind"] == "promote")
    assert promoted["about"] == "aiops/cpu@1.0.0 in production"
    approved = next(e for e in value["entries"] if e["kind"] == "approve")
    assert approved["about"] == f"approved entry {promoted['index']}"
    assert promoted["signer"].startswith("operator@")
    submit(store, told.sign("trainer", signature(b"seen")).data)
    assert not publish(store, told.key, now()).turned
    submit(store, told.sign("trainer", signature(b"held back")).data)
    summary = tmp_path / "summary.md"
    for name, text in (("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", str(summary))):
        monkeypatch.setenv(name, text)
    second = muniment(*run)
    assert second.code == 0, second
    assert "2 since the last look" in second.out
    assert "waits since" in second.out
    assert "::notice title=New entry::entry" in second.err
    assert "signature" in summary.read_text()
    assert muniment(*run, "--inbox-max-age", "soon").code == 2
    assert muniment(*run, "--name", "no name").code == 3


def test_the_command_fails_for_what_is_held_back(told: World, store: LocalStore, tmp_path: Path) -> None:
    """The log itself is remembered: the alarm goes on as long as the submission lies there."""
    from muniment.cli import monitor as command

    pins = tmp_path / "trust.json"
    pins.write_bytes(format_trust(told.trust))
    submit(store, told.sign("trainer", signature(b"held back")).data)
    watcher = Monitor(tmp_path / "state", told)
    done = watcher.look(store, days=8)
    assert "UNDECIDED since" in command._text(done, "here")
    assert command._value(done)["inbox"][0]["late"] is True


def test_a_copy_of_a_registry_has_the_same_past(
    told: World, store: LocalStore, watcher: Monitor, tmp_path: Path
) -> None:
    watcher.look(store)
    assert watcher.look(replace_copy(store, tmp_path / "copy")).shown == ()


def test_a_batch_that_is_signed_with_its_decisions_lacks_no_checkpoint(ready: World, tmp_path: Path) -> None:
    """And who asks for a name gets what the sequencer says of its events too."""
    store, watcher = ready.copy(tmp_path / "registry"), Monitor(tmp_path / "book", ready)
    watcher.look(store)
    publish(store, ready.key, now(), lambda: ready.sandbox.signer("operator"))
    done = watcher.look(store, names=(VERSION.name,))
    assert [e.kind for e in done.shown] == ["release", "vsa", "policy-decision"]
    assert done.remarks == ()
