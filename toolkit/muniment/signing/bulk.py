"""Many bundles verified at once, by several processes when they are worth their start."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice

from muniment.core.errors import MunimentError, Unchecked
from muniment.signing.bundle import parse_bundle
from muniment.signing.identity import Signed
from muniment.signing.strict import verifier_for

CHUNK = 64
FEW = 1000
_AHEAD = 3
Verified = Signed | MunimentError


def verify_many(root: bytes, bundles: Iterable[bytes], processes: int = 1, few: int = FEW) -> Generator[Verified]:
    """What each bundle says, or the error that refuses it, in the order of the bundles.

    `root` is the trusted root; a bundle is JSON in any spelling. The answers do not depend on `processes`: for 1, or
    for at most `few` bundles, which take as long as a process to start, none is started. Others read some hundred
    bundles ahead, and end with this iterator or with this process, however that ends. An exception of `bundles` comes
    after the answers to all bundles before it. Raises `Malformed` for a trusted root that is none, `Unchecked` when a
    process dies.
    """
    verifier_for(root)
    ahead: list[bytes] = []
    source = _Source(bundles)
    if processes > 1:
        ahead += islice(source, few + 1)
    if processes > 1 and len(ahead) > few:
        yield from _shared(root, chain(ahead, source), processes)
    else:
        yield from (_verify(root, data) for data in chain(ahead, source))
    if source.error is not None:
        raise source.error


class _Source:
    """An iterator that ends where another one fails, and keeps the failure."""

    def __init__(self, items: Iterable[bytes]) -> None:
        self._items = iter(items)
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._items)
        except StopIteration:
            raise
        except Exception as error:
            self.error = error
            raise StopIteration from error


def _shared(root: bytes, bundles: Iterator[bytes], processes: int) -> Iterator[Verified]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_follow_parent) as pool:
        waiting: deque[Future[list[Verified]]] = deque()
        try:
            while chunk := list(islice(bundles, CHUNK)):
                waiting.append(pool.submit(_verify_chunk, root, chunk))
                if len(waiting) >= _AHEAD * processes:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool as error:
            raise Unchecked(
                "A process that verified bundles ended before it was done.", "Use fewer processes, or more memory."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _verify_chunk(root: bytes, chunk: list[bytes]) -> list[Verified]:
    return [_verify(root, data) for data in chunk]


def _verify(root: bytes, data: bytes) -> Verified:
    try:
        return verifier_for(root).verify(parse_bundle(data))
    except MunimentError as error:
        return error


def _follow_parent() -> None:
    """Lets the parent alone hear an interrupt, and ends this process when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, daemon=True).start()
