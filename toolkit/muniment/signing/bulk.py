"""Many bundles verified at once, by several processes when they are worth their start."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
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

CHUNK = 16
_AHEAD = 8
_SENT = 3
# How many bundles take as long as a process to start.
_FEW = {"fork": 50, "spawn": 1000}
Verified = Signed | MunimentError


def verify_many(
    root: bytes, bundles: Iterable[bytes], processes: int = 1, few: int | None = None
) -> Generator[Verified]:
    """What each bundle says, or the error that refuses it, in the order of the bundles.

    `root` is the trusted root; a bundle is JSON in any spelling. The answers do not depend on `processes`, of which
    this is one: for 1, or for at most `few` bundles (by default as many as take as long as a process to start), no
    other is started. Some hundred bundles are read ahead; the others end with this iterator or with this process,
    however that ends. An exception of `bundles` comes after the answers to all bundles before it. Raises `Malformed`
    for a trusted root that is none, `Unchecked` when a process dies.
    """
    verifier_for(root)
    ahead: list[bytes] = []
    source, most = _Source(bundles), _FEW[_method()] if few is None else few
    if processes > 1:
        ahead += islice(source, most + 1)
    if processes > 1 and len(ahead) > most:
        yield from _shared(root, chain(ahead, source), processes)
    else:
        yield from (_verify(root, data) for data in chain(ahead, source))
    if source.error is not None:
        raise source.error


def _method() -> str:
    """How to start a process: a copy of this one is quick, and safe where this one is a single thread (Linux)."""
    return "fork" if sys.platform == "linux" and threading.active_count() == 1 else "spawn"


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


class _Chunk:
    """Some bundles, which another process verifies once `send` was called, or else this one."""

    def __init__(self, root: bytes, bundles: list[bytes]) -> None:
        self._root, self._bundles = root, bundles
        self._future: Future[list[Verified]] | None = None
        self._answers: list[Verified] | None = None

    @property
    def begun(self) -> bool:
        """Whether a process verifies it, or did."""
        return self._future is not None or self._answers is not None

    @property
    def done(self) -> bool:
        """Whether the answers are there, or an error in their place."""
        return self._answers is not None or (self._future is not None and self._future.done())

    def send(self, pool: ProcessPoolExecutor) -> None:
        """Has another process verify it."""
        self._future = pool.submit(_verify_chunk, self._root, self._bundles)

    def verify(self) -> None:
        """Verifies it here."""
        self._answers = _verify_chunk(self._root, self._bundles)

    def answers(self) -> list[Verified]:
        """The answers, as soon as they are there."""
        if self._future is not None:
            return self._future.result()
        assert self._answers is not None
        return self._answers


def _shared(root: bytes, bundles: Iterator[bytes], processes: int) -> Iterator[Verified]:
    context = multiprocessing.get_context(_method())
    with ProcessPoolExecutor(processes - 1, context, initializer=_follow_parent) as pool:
        waiting: deque[_Chunk] = deque()
        chunks = (_Chunk(root, chunk) for chunk in iter(lambda: list(islice(bundles, CHUNK)), []))
        try:
            waiting += islice(chunks, _AHEAD * processes)
            while waiting:
                _share(waiting, pool, _SENT * (processes - 1))
                yield from waiting.popleft().answers()
                waiting += islice(chunks, 1)
        except BrokenProcessPool as error:
            raise Unchecked(
                "A process that verified bundles ended before it was done.", "Use fewer processes, or more memory."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _share(waiting: deque[_Chunk], pool: ProcessPoolExecutor, most: int) -> None:
    """Keeps others busy from the front, with `most` chunks at once, and helps from the back until the first is done.

    A chunk that was sent is not taken back: an executor of Python 3.11 hangs when a process dies after that.
    """
    while True:
        idle = [chunk for chunk in waiting if not chunk.begun]
        sent = sum(chunk.begun and not chunk.done for chunk in waiting)
        for chunk in idle[: max(0, most - sent)]:
            chunk.send(pool)
        if waiting[0].done or not (rest := idle[max(0, most - sent) :]):
            return
        rest[-1].verify()


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
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, daemon=True).start()
