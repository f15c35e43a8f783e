"""`muniment publish` killed at every system call that changes a file or a folder: pytest tests/places/kills.py

The real command under `strace`, which kills it at the n-th such call, before it is carried out. Needs strace.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from muniment.registry.store.local import LocalStore
from muniment.verify.replay import verify_registry
from tests.registry.test_crash import check_completed
from tests.registry.test_crash import ready as ready
from tests.source import ROOT
from tests.world import World

CHANGES = ",".join(
    [
        *("write", "pwrite64", "ftruncate", "fallocate", "fsync", "fdatasync", "chmod", "fchmod", "fchmodat"),
        *("mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "rmdir"),
    ]
)


def publish(world: World, store: LocalStore, *strace: str) -> subprocess.CompletedProcess[str]:
    """The command, under strace or alone."""
    command = [sys.executable, "-B", "-m", "muniment.cli.main", "publish", str(store.root)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "GITHUB_ACTIONS": ""}
    command += ["--log-key", str(world.folder / "log.key"), "--json"]
    return subprocess.run([*strace, *command], env=environ, capture_output=True, text=True, timeout=120, check=False)


def test_killed_at_every_system_call(ready: World, tmp_path: Path) -> None:
    assert shutil.which("strace"), "this needs strace"
    log, size = tmp_path / "strace", ready.history.checkpoint.size
    tracing = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={CHANGES}"]
    assert publish(ready, ready.copy(tmp_path / "whole"), *tracing).returncode == 0
    calls = [line.split(maxsplit=1)[1].partition("(")[0] for line in log.read_text().splitlines() if "(" in line]
    assert len(calls) > 30
    for index, call in enumerate(calls):
        number = calls[: index + 1].count(call)  # strace counts the calls of each name for themselves
        store = ready.copy(tmp_path / str(index))
        died = publish(ready, store, *tracing, "-e", f"inject={call}:signal=SIGKILL:when={number}")
        assert died.returncode != 0, (call, number)
        assert verify_registry(store, ready.trust).history.checkpoint.size - size in (0, 3)
        done = publish(ready, store)
        assert done.returncode == 0, done.stderr
        check_completed(ready, store)
        shutil.rmtree(store.root)
    print(f"killed at each of {len(calls)} system calls: {', '.join(sorted(set(calls)))}")
