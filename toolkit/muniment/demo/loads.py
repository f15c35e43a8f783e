"""Known loads for the recorder: each grows for `ramp` seconds, then runs at full strength for `full` seconds.

Run as `python -m muniment.demo.loads KIND RAMP FULL FOLDER`. None takes more than one core; every one ends by itself.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

SLICE = 0.1  # seconds between two looks at the clock
MEMORY_BYTES = 1024 * 2**20
DISK_BYTES = 3 * 2**20  # a slice
DISK_FILE_BYTES = 48 * 2**20
FORKS = 20  # a slice
MESSAGES = 40  # to every forked process, each answered


def strength(elapsed: float, ramp: float) -> float:
    """The share of full strength, 0 to 1, `elapsed` seconds after the start: linear from 0.05 to 0.6, then 1."""
    return 1.0 if elapsed >= ramp else 0.05 + 0.55 * elapsed / ramp


def burn_cpu(share: float, until: float) -> None:
    """Keeps one core busy for a share of the slice that ends at `until`."""
    stop = until - SLICE * (1.0 - share)
    while time.monotonic() < stop:
        hashlib.sha256(bytes(4096)).digest()


class _Memory:
    """Holds a share of `MEMORY_BYTES`, every page of it touched."""

    def __init__(self) -> None:
        self.blocks: list[bytearray] = []

    def __call__(self, share: float, until: float) -> None:
        block = 16 * 2**20
        wanted = int(share * MEMORY_BYTES) // block
        while len(self.blocks) < wanted and time.monotonic() < until:
            self.blocks.append(bytearray(b"\x01") * block)


class _Disk:
    """Writes a share of `DISK_BYTES` a slice to one file that it goes round in, and waits for the disk."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "load.bin"
        self.file = self.path.open("wb", buffering=0)

    def __call__(self, share: float, until: float) -> None:
        if self.file.tell() > DISK_FILE_BYTES:
            self.file.seek(0)
        self.file.write(os.urandom(4096) * (int(share * DISK_BYTES) // 4096))
        os.fsync(self.file.fileno())


def fork_storm(share: float, until: float) -> None:
    """Starts a share of `FORKS` processes one after the other, each of which answers `MESSAGES` and ends."""
    for _ in range(int(share * FORKS)):
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            _answer(theirs)
        for _ in range(MESSAGES):
            ours.send(b"?")
            ours.recv(1)
        ours.close()
        theirs.close()
        os.waitpid(child, 0)


def _answer(line: socket.socket) -> None:
    for _ in range(MESSAGES):
        line.recv(1)
        line.send(b"!")
    os._exit(0)


def make(kind: str, folder: Path) -> Callable[[float, float], None]:
    """The load of a kind: called once a slice with its share of full strength and the slice's end."""
    if kind == "memory":
        return _Memory()
    if kind == "disk":
        return _Disk(folder)
    return {"cpu": burn_cpu, "fork": fork_storm}[kind]


def run(kind: str, ramp: float, full: float, folder: Path) -> None:
    """Runs one load to its end."""
    load = make(kind, folder)
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < ramp + full:
        until = time.monotonic() + SLICE
        load(strength(elapsed, ramp), until)
        time.sleep(max(0.0, until - time.monotonic()))


if __name__ == "__main__":
    run(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
