"""Times that people feel, as a table: python tests/bench/run.py [DEMO]

Medians of interleaved runs on this machine; with a demo's folder also what its registry costs to verify and to render.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import gates

from muniment.core.canonical import format_json
from muniment.evidence.artifact import measure
from muniment.log.merkle import MemoryTree, leaf_hash
from muniment.signing.sandbox import Sandbox, add_identity, create, person
from muniment.signing.strict import verifier_for

RUNS = 5
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "model", "digest": {"sha256": "0" * 64}}],
    "predicateType": "https://example.org/bench/v1",
    "predicate": {},
}


def main() -> None:
    """Measures everything in turn, RUNS times over, so that a slow moment of the machine hits all alike."""
    with tempfile.TemporaryDirectory() as temp:
        tasks = dict(_tasks(Path(temp), Path(sys.argv[1]) if len(sys.argv) > 1 else None))
        seconds: dict[str, list[float]] = {name: [] for name in tasks}
        for _ in range(RUNS):
            for name, (act, _) in tasks.items():
                began = time.perf_counter()
                act()
                seconds[name].append(time.perf_counter() - began)
        for name, (_, form) in tasks.items():
            median = statistics.median(seconds[name])
            print(f"{name:<44} {median:9.4f} s  {form(median)}")


Task = tuple[str, tuple[Callable[[], object], Callable[[float], str]]]


def _tasks(temp: Path, demo: Path | None) -> Iterator[Task]:
    yield "python -c pass", (lambda: _process("-c", "pass"), lambda s: "")
    yield "muniment --help", (lambda: _muniment("--help"), lambda s: "")
    yield from _hashing(temp)
    yield from _signing(temp / "sandbox")
    leaves = [leaf_hash(str(number).encode()) for number in range(10_000)]
    yield "log: 10,000 leaves appended, root", (lambda: _tree(leaves), lambda s: f"{10_000 / s:,.0f} a second")
    yield from _gates()
    if demo is not None:
        trust = str(demo / "trust.json")
        yield (
            "verify the demo's registry",
            (lambda: _muniment("verify", demo / "registry", "--trust", trust), lambda s: ""),
        )
        yield "build the demo's site anew", (lambda: _site(demo, temp), lambda s: "")
        yield (
            "build it again, nothing changed",
            (
                lambda: _muniment("site", demo / "registry", temp / "site"),
                lambda s: "",
            ),
        )


def _gates() -> Iterator[Task]:
    """Ten thousand evaluations each; the versions differ, and what a process keeps of one does not help the next."""
    subjects = [gates.subject(number) for number in range(200)] * (gates.TIMES // 200)
    for name, policy in gates.policies().items():
        yield (
            f"policy: {name}, 10,000 times",
            (partial(gates.ask, policy, subjects), lambda s: f"{10_000 / s:,.0f} a second"),
        )


def _hashing(temp: Path) -> Iterator[Task]:
    big, many = temp / "big.bin", temp / "many"
    block = os.urandom(1 << 20)
    with big.open("wb") as file:
        for _ in range(256):
            file.write(block)
    many.mkdir()
    for number in range(2_000):
        (many / f"{number:05}.bin").write_bytes(block[: 50_000 - number])
    yield "measure one file of 256 MiB", (lambda: measure(big), lambda s: f"{0.268435456 / s:.2f} GB/s")
    yield "measure 2,000 files of 50 KB", (lambda: measure(many), lambda s: f"{2_000 / s:,.0f} files a second")


def _signing(folder: Path) -> Iterator[Task]:
    create(folder)
    add_identity(folder, person("bench"))
    payload = format_json(STATEMENT)
    sandbox = Sandbox(folder).__enter__()  # open for the life of the process: tasks run after they are listed
    signer, verifier = sandbox.signer("bench"), verifier_for(sandbox.trusted_root())
    bundle = signer.sign(payload)
    yield "sign in the sandbox, certificate at hand", (lambda: signer.sign(payload), lambda s: f"{1 / s:,.0f} a second")
    yield "verify a bundle strictly", (lambda: verifier.verify(bundle), lambda s: f"{1 / s:,.0f} a second")


def _tree(leaves: list[bytes]) -> bytes:
    tree = MemoryTree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def _site(demo: Path, temp: Path) -> None:
    shutil.rmtree(temp / "site", ignore_errors=True)
    _muniment("site", demo / "registry", temp / "site")


def _process(*arguments: object) -> None:
    subprocess.run([sys.executable, *map(str, arguments)], check=True, capture_output=True, timeout=120)


def _muniment(*arguments: object) -> None:
    _process("-m", "muniment.cli.main", *arguments)


if __name__ == "__main__":
    main()
