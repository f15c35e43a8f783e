"""Bulk verification, paired with the stock verifier in a plain loop: python tests/bench/bulk.py [COUNT] [ROUNDS]

Medians of interleaved rounds over bundles that are made here: each with a certificate of its own, the worst case,
with a certificate for every four, as a job makes them, and of Rekor v1. A rate is of all bundles from the call to the
last answer, whatever starts in between. On a machine that does other things too, compare the processor's time, and what
two processes that only verify signatures do against one in the same round: more than that no verifier can gain.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sigstore.models import Bundle as StockBundle
from sigstore.models import TrustedRoot
from sigstore.verify import Verifier

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from muniment.signing.bulk import verify_many
from muniment.signing.identity import Signed
from muniment.signing.sandbox import person, workflow
from muniment.signing.strict import verifier_for
from tests.signing.forge import Forge

COUNT = 1024  # more than the certificates that a verifier remembers
ROUNDS = 3
FLOOR = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class Rate:
    """Bundles a second, and the processor's seconds a bundle."""

    rate: float
    cpu: float


class Anyone:
    """The stock policy that lets everybody pass."""

    def verify(self, cert: x509.Certificate) -> None:
        """Accepts."""


def main() -> None:
    """Prints a line for each way to verify, with its ratio to the stock loop of the same rounds."""
    count, rounds = (int(text) for text in [*sys.argv[1:], *map(str, (COUNT, ROUNDS)[len(sys.argv) - 1 :])])
    forge = Forge()
    root = forge.root_bytes()
    stock = _stock(root)
    sets = {
        "a certificate each": _bundles(forge, count, 1),
        "a certificate for four": _bundles(forge, count, 4),
        "a certificate each, v1": _bundles(forge, count, 1, version=1, stamped=()),
    }
    print(f"{count} bundles of {sum(map(len, sets['a certificate each'])) // count} bytes; {os.cpu_count()} cores")
    for name, bundles in sets.items():
        ways: dict[str, Callable[[], Rate]] = {
            "stock verifier, a loop": partial(_loop, stock, bundles),
            "strict": partial(_strict, root, bundles, 1),
            "strict, 2 processes": partial(_strict, root, bundles, 2),
        }
        _compare(name, ways, rounds)


def _compare(name: str, ways: dict[str, Callable[[], Rate]], times: int) -> None:
    rounds, gains = [], []
    for _ in range(times):
        gains.append(_signatures(2) / _signatures(1))
        rounds.append({way: measure() for way, measure in ways.items()})
    base = next(iter(ways))
    for way in ways:
        rate = statistics.median(one[way].rate for one in rounds)
        ratio = statistics.median(one[way].rate / one[base].rate for one in rounds)
        cpu = statistics.median(one[way].cpu for one in rounds)
        less = statistics.median(one[base].cpu / one[way].cpu for one in rounds)
        print(
            f"{name:<23} {way:<23} {rate:6,.0f} a second {ratio:5.2f} x   "
            f"{cpu * 1e6:5,.0f} us of processor {less:5.2f} x"
        )
    print(f"{name:<23} two processes of bare signatures do {statistics.median(gains):.2f} x what one does")


def _bundles(forge: Forge, count: int, shared: int, **parts: Any) -> list[bytes]:
    """Bundles by persons and workflows in turn; `shared` neighbours have one certificate."""
    bundles = []
    for number in range(count // shared):
        identity = workflow("w", environment="production") if number % 2 else person(f"p{number}")
        bundles += [bundle.data for bundle in forge.job(shared, identity=identity, **parts)]
    return bundles


def _stock(root: bytes) -> Verifier:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(root)
        file.flush()
        return Verifier(trusted_root=TrustedRoot.from_file(file.name))


def _loop(stock: Verifier, bundles: list[bytes]) -> Rate:
    began, spent = time.perf_counter(), _cpu()
    for data in bundles:
        stock.verify_dsse(StockBundle.from_json(data), Anyone())
    return Rate(len(bundles) / (time.perf_counter() - began), (_cpu() - spent) / len(bundles))


def _strict(root: bytes, bundles: list[bytes], processes: int) -> Rate:
    verifier_for.cache_clear()
    began, spent = time.perf_counter(), _cpu()
    assert all(isinstance(answer, Signed) for answer in verify_many(root, bundles, processes))
    return Rate(len(bundles) / (time.perf_counter() - began), (_cpu() - spent) / len(bundles))


def _signatures(processes: int) -> float:
    """How many signatures on P-256 so many processes verify a second, all together."""
    with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
        list(pool.map(_verify_signatures, [0.01] * processes))
        return sum(pool.map(_verify_signatures, [FLOOR] * processes)) / FLOOR


def _verify_signatures(seconds: float) -> int:
    key, done = ec.generate_private_key(ec.SECP256R1()), 0
    signature, public, end = key.sign(b"it", ec.ECDSA(SHA256())), key.public_key(), time.perf_counter() + seconds
    while time.perf_counter() < end:
        public.verify(signature, b"it", ec.ECDSA(SHA256()))
        done += 1
    return done


def _cpu() -> float:
    """The processor's seconds of this process and of those that ended."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main()
