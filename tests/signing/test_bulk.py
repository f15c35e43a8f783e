"""Many bundles: the same answers in the same order, whoever computes them, and no process left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.core.errors import Malformed, Missing, MunimentError, Unchecked, Untrusted
from muniment.signing.bulk import verify_many
from muniment.signing.bundle import parse_bundle
from muniment.signing.identity import Signed
from muniment.signing.strict import StrictVerifier
from tests.signing.forge import Forge


@pytest.fixture(scope="module")
def bundles(forge: Forge) -> list[bytes]:
    """160: good ones, one that is false, one that is none."""
    good = [forge.bundle(version=1 + n % 2).data for n in range(7)]
    false = good[0].replace(b'"treeSize":"3"', b'"treeSize":"4"')
    return [*good, false, b"{", json.dumps(json.loads(good[1])).encode()] * 16


def told(answers: Iterator[Signed | MunimentError]) -> list[object]:
    return [(type(a), str(a), a.exit_code) if isinstance(a, MunimentError) else a for a in answers]


def test_the_answers_are_those_of_one_verifier(forge: Forge, bundles: list[bytes]):
    root = forge.root_bytes()
    alone = told(verify_many(root, bundles))
    assert told(verify_many(root, iter(bundles), 2, few=0)) == alone
    kinds = [entry[0] if isinstance(entry, tuple) else Signed for entry in alone[:10]]
    assert kinds == [Signed] * 7 + [Untrusted, Malformed, Signed]
    assert alone[9].bundle == StrictVerifier(root).verify(parse_bundle(bundles[1])).bundle


def test_a_few_start_no_process(forge: Forge, bundles: list[bytes]):
    few = bundles[:20]
    answers = verify_many(forge.root_bytes(), few, 8, few=20)
    next(answers)
    assert children() == []
    assert len(list(answers)) == len(few) - 1


def test_what_fails_to_be_read_comes_after_what_was_read(forge: Forge, bundles: list[bytes]):
    def read() -> Iterator[bytes]:
        yield from bundles[:150]
        raise Missing("gone")

    for processes in (1, 2):
        answers = verify_many(forge.root_bytes(), read(), processes, few=10)
        assert len([next(answers) for _ in range(150)]) == 150
        with pytest.raises(Missing, match="gone"):
            next(answers)


def test_a_root_that_is_none_is_told_at_once():
    with pytest.raises(Malformed):
        next(verify_many(b"{}", [], 2))


def test_who_stops_early_leaves_no_process(forge: Forge, bundles: list[bytes]):
    answers = verify_many(forge.root_bytes(), bundles, 2, few=100)
    assert isinstance(next(answers), Signed)
    assert children()
    answers.close()
    assert children() == []


def test_beside_other_threads_processes_are_started_afresh(forge: Forge, bundles: list[bytes]):
    """A copy of a process has none of its threads, and whatever they held stays held."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    answers = verify_many(forge.root_bytes(), bundles, 2, few=100)
    try:
        next(answers)
        assert all(afresh(child) for child in children())
        assert len(list(answers)) == len(bundles) - 1
    finally:
        done.set()
        thread.join()


def test_a_process_that_dies_is_told(forge: Forge, bundles: list[bytes]):
    answers = verify_many(forge.root_bytes(), bundles, 2, few=100)
    next(answers)
    for child in children():
        os.kill(child, signal.SIGKILL)
    with pytest.raises(Unchecked, match="ended before it was done"):
        list(answers)


STUCK = """
import json, sys, time
from pathlib import Path
from muniment.signing.bulk import verify_many
from muniment.signing.bundle import parse_bundle
root, bundle = (Path(name).read_bytes() for name in sys.argv[1:])
answers = verify_many(root, [bundle] * 2000, 2, few=9)
next(answers)
print("going", flush=True)
time.sleep(60)
"""


def test_processes_end_with_a_parent_that_is_killed(forge: Forge, bundles: list[bytes], tmp_path: Path):
    (tmp_path / "root").write_bytes(forge.root_bytes())
    (tmp_path / "bundle").write_bytes(bundles[0])
    command = [sys.executable, "-c", STUCK, str(tmp_path / "root"), str(tmp_path / "bundle")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": "toolkit"}) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"going\n"
        started = children(parent.pid)
        assert len(started) == 1
        assert not afresh(started[0])
        parent.kill()
    deadline = time.monotonic() + 10
    while any(map(alive, started)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, started))


def children(of: int | None = None) -> list[int]:
    """The processes that a process started and that still run, but for the helper that Python keeps for semaphores."""
    listed = Path(f"/proc/{of or os.getpid()}/task").glob("*/children")
    pids = [int(pid) for path in listed for pid in path.read_text().split()]
    return [pid for pid in pids if alive(pid) and b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()]


def afresh(pid: int) -> bool:
    return b"spawn" in Path(f"/proc/{pid}/cmdline").read_bytes()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
