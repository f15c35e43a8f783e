"""Bulk verification, paired with the stock verifier in a plain loop: python tests/bench/bulk.py

Medians of interleaved rounds over bundles that are made here: each with a certificate of its own, the worst case, and
with a certificate for every four, as a job makes them. With several processes the rate is that between the first and
the last answer; their start is told apart. On a machine that does other things too, compare the processor's time.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from sigstore.models import Bundle as StockBundle
from sigstore.models import TrustedRoot
from sigstore.verify import Verifier

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from muniment.signing.bulk import CHUNK, verify_many
from muniment.signing.identity import Signed
from muniment.signing.sandbox import person, workflow
from tests.signing.forge import Forge

COUNT = 1024  # more than the certificates that a verifier remembers
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Rate:
    """Bundles a second, the seconds before the first answer, and the processor's seconds a bundle."""

    rate: float
    start: float
    cpu: float


class Anyone:
    """The stock policy that lets everybody pass."""

    def verify(self, cert: x509.Certificate) -> None:
        """Accepts."""


def main() -> None:
    """Prints a line for each way to verify, with its ratio to the stock loop of the same rounds."""
    forge = Forge()
    root = forge.root_bytes()
    stock = _stock(root)
    sets = {"a certificate each": _bundles(forge, 1), "a certificate for four": _bundles(forge, 4)}
    print(f"{COUNT} bundles of {sum(map(len, sets['a certificate each'])) // COUNT} bytes; {os.cpu_count()} cores")
    for name, bundles in sets.items():
        ways: dict[str, Callable[[], Rate]] = {
            "stock verifier, a loop": lambda bundles=bundles: _loop(stock, bundles),  # type: ignore[misc]
            "strict": lambda bundles=bundles: _strict(root, bundles, 1),  # type: ignore[misc]
            "strict, 2 processes": lambda bundles=bundles: _strict(root, bundles, 2),  # type: ignore[misc]
        }
        _compare(name, ways)


def _compare(name: str, ways: dict[str, Callable[[], Rate]]) -> None:
    rounds = [{way: measure() for way, measure in ways.items()} for _ in range(ROUNDS)]
    base = next(iter(ways))
    for way in ways:
        rate = statistics.median(one[way].rate for one in rounds)
        ratio = statistics.median(one[way].rate / one[base].rate for one in rounds)
        cpu = statistics.median(one[way].cpu for one in rounds)
        less = statistics.median(one[base].cpu / one[way].cpu for one in rounds)
        start = statistics.median(one[way].start for one in rounds)
        print(
            f"{name:<23} {way:<23} {rate:6,.0f} a second {ratio:5.2f} x   "
            f"{cpu * 1e6:5,.0f} us of processor {less:5.2f} x   first answer {start:.2f} s"
        )


def _bundles(forge: Forge, shared: int) -> list[bytes]:
    """Bundles by persons and workflows in turn; `shared` neighbours have one certificate."""
    bundles = []
    for number in range(COUNT // shared):
        identity = workflow("w", environment="production") if number % 2 else person(f"p{number}")
        bundles += [bundle.data for bundle in forge.job(shared, identity=identity)]
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
    return Rate(len(bundles) / (time.perf_counter() - began), 0, (_cpu() - spent) / len(bundles))


def _strict(root: bytes, bundles: list[bytes], processes: int) -> Rate:
    began, spent = time.perf_counter(), _cpu()
    answers = verify_many(root, bundles, processes, few=0)
    assert isinstance(next(answers), Signed)
    first = time.perf_counter()
    assert all(isinstance(answer, Signed) for answer in answers)
    done = CHUNK * processes if processes > 1 else 1  # what was ready together with the first answer
    rate = (len(bundles) - done) / (time.perf_counter() - first)
    return Rate(rate, first - began, (_cpu() - spent) / len(bundles))


def _cpu() -> float:
    """The processor's seconds of this process and of those that ended."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main()
