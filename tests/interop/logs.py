"""Logs for peers to read over http: a demo's site, and a paper log with full tiles; each cosigned by a witness."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from muniment.log.checkpoint import Checkpoint, sign_checkpoint
from muniment.log.lines import format_lines, leaf_file
from muniment.log.merkle import MemoryTree, leaf_hash
from muniment.log.note import NoteSigner
from muniment.log.tiles import entry_bundles, tiles

SIZES = (3, 256, 700, 900, 66_000)


@dataclass(frozen=True)
class Served:
    """A log as it is served: its address and folder, the keys that signed its checkpoint, its older sizes."""

    url: str
    folder: Path
    log_key: str
    witness_key: str
    older: tuple[str, ...]


@contextlib.contextmanager
def served(demo: Path, out: Path) -> Iterator[list[Served]]:
    """Both logs, on the loopback while it is open; what the witness cosigned stands as their checkpoint."""
    with contextlib.ExitStack() as stack:
        logs = []
        for name, key in (("site", _demo_key(demo)), ("paper", _write_paper(out / "paper"))):
            folder = out / name
            if name == "site":
                shutil.copytree(demo / "site", folder, dirs_exist_ok=True)
            url = stack.enter_context(_serving(folder))
            witness = _cosign(url, folder, key, out / f"{name}-state")
            newest = (folder / "checkpoint").read_text().split("\n")[1]
            older = [path.name for path in (folder / "checkpoints").iterdir() if path.name.isdigit()]
            logs.append(Served(url, folder, key, witness, tuple(sorted({*older} - {newest}, key=int))))
        yield logs


@contextlib.contextmanager
def broken(log: Served, path: str) -> Iterator[None]:
    """The log with one byte of a file changed."""
    file = log.folder / path
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        yield
    finally:
        file.write_bytes(whole)


def some_files(log: Served) -> list[str]:
    """A tile of each level and an entry bundle that the newest checkpoint needs, the last of each."""
    size = int((log.folder / "checkpoint").read_text().split("\n")[1])
    paths = [path for path, _ in tiles(_shape(size), [size])]
    last = {path.split("/")[1]: path for path in paths}
    return [*last.values(), last["0"].replace("tile/0/", "tile/entries/")]


def _shape(size: int) -> MemoryTree:
    return MemoryTree(bytes(32) for _ in range(size))


def _demo_key(demo: Path) -> str:
    lines = json.loads((demo / "trust.json").read_text("utf-8"))["tlogPolicy"]
    return next(line.split()[1] for line in lines if line.startswith("log "))


def _write_paper(folder: Path) -> str:
    """A log of entries that say nothing, with every file that a site publishes of a log."""
    signer = NoteSigner("paper.example/log", bytes(range(32)))
    entries = [b'{"entry":%d}' % index for index in range(SIZES[-1])]
    tree = MemoryTree(map(leaf_hash, entries))
    files = {f"checkpoints/{n}": sign_checkpoint(Checkpoint(signer.name, n, tree.root(n)), signer) for n in SIZES}
    files["checkpoint"] = files[f"checkpoints/{SIZES[-1]}"]
    for first in range(0, SIZES[-1], 256):
        files[leaf_file(first)] = format_lines(entries[first : first + 256])
    for path, data in (*files.items(), *tiles(tree, SIZES), *entry_bundles(entries, SIZES)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return signer.vkey


def _cosign(url: str, folder: Path, log_key: str, state: Path) -> str:
    """`muniment witness` over the served log; its note becomes the checkpoint that peers read."""
    command = [sys.executable, "-m", "muniment.cli.main", "witness", url, "--state", state, "--log-key", log_key]
    command += ["--key", state.with_suffix(".key"), "--name", "witness.example/interop", "--json"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=True)
    told = json.loads(done.stdout)
    shutil.copyfile(told["path"], folder / "checkpoint")
    return str(told["witness"])


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
