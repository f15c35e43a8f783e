"""`muniment publish` killed at every system call that changes a file or a folder: pytest tests/places/kills.py

The real command under `strace`, which kills it at the n-th such call, before it is carried out. Needs strace.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.core.name import parse_version_id
from muniment.log.note import format_skey
from muniment.registry import propose
from muniment.registry.inbox import submit
from muniment.registry.store.local import LocalStore
from muniment.verify.replay import verify_registry
from tests.source import ROOT
from tests.world import World, make_world, now, statement_digest

CHANGES = ",".join(
    [
        *("write", "pwrite64", "ftruncate", "fallocate", "fsync", "fdatasync", "chmod", "fchmod", "fchmodat"),
        *("mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "rmdir"),
    ]
)
VERSION = parse_version_id("aiops/cpu@1.0.0")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry with a promotion and its approval in the inbox, and its log key beside it."""
    world = make_world(tmp_path_factory.mktemp("ready"))
    version = world.release(str(VERSION))
    statement = propose.promote(world.state, version, "production", "go", now())
    submit(world.store, world.sign("operator", statement).data)
    approval = propose.approve(world.state, statement_digest(statement), "reviewer", "fine", now())
    submit(world.store, world.sign("reviewer", approval).data)
    (world.folder / "key").write_text(format_skey(world.key))
    yield world
    world.sandbox.__exit__(None, None, None)


def publish(world: World, store: LocalStore, *strace: str) -> subprocess.CompletedProcess[str]:
    """The command, under strace or alone."""
    command = [sys.executable, "-B", "-m", "muniment.cli.main", "publish", str(store.root)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "GITHUB_ACTIONS": ""}
    command += ["--log-key", str(world.folder / "key"), "--json"]
    return subprocess.run([*strace, *command], env=environ, capture_output=True, text=True, timeout=120, check=False)


def test_killed_at_every_system_call(ready: World, tmp_path: Path) -> None:
    assert shutil.which("strace"), "this needs strace"
    log, before = tmp_path / "strace", ready.history
    tracing = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={CHANGES}"]
    assert publish(ready, ready.copy(tmp_path / "whole"), *tracing).returncode == 0
    calls = [line.split(maxsplit=1)[1].partition("(")[0] for line in log.read_text().splitlines() if "(" in line]
    assert len(calls) > 30
    for index, call in enumerate(calls):
        number = calls[: index + 1].count(call)  # strace counts the calls of each name for themselves
        store = ready.copy(tmp_path / str(index))
        died = publish(ready, store, *tracing, "-e", f"inject={call}:signal=SIGKILL:when={number}")
        assert died.returncode != 0, (call, number)
        assert verify_registry(store, ready.trust).history.checkpoint.size - before.checkpoint.size in (0, 3)
        done = publish(ready, store)
        assert done.returncode == 0, done.stderr
        history = verify_registry(store, ready.trust).history
        assert history.leaves[: len(before.leaves)] == before.leaves
        assert [e.kind for e in history.entries[len(before.entries) :]] == ["approve", "promote", "state"]
        assert history.state.current(VERSION.name, "production") == VERSION
        assert store.list("inbox") == []
        assert list(store.root.rglob(".*")) == []
        shutil.rmtree(store.root)
    print(f"killed at each of {len(calls)} system calls: {', '.join(sorted(set(calls)))}")
