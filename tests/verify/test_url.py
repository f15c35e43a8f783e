"""A published site, verified over http as readers do it, and a host that withholds or swaps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from muniment.core.errors import Mismatch, MunimentError, Rejected, Unchecked
from muniment.registry.paths import CHECKPOINTS, checkpoint_path
from muniment.site.writer import build_site
from muniment.verify.target import verify_target
from tests.world import World


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without talking."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(told: World, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The told registry's site at an address, and its folder."""
    build_site(told.store, told.history, tmp_path / "site")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "site")))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", tmp_path / "site"
    server.shutdown()
    server.server_close()


def test_a_site_verifies(told: World, site: tuple[str, Path]) -> None:
    url, _ = site
    done = verify_target(url, [told.model_path(b"one")], told.trust)
    assert done.size == told.history.checkpoint.size
    assert [f.version for f in done.files] == ["aiops/cpu@1.0.0"]
    assert done.history is not None


def test_the_page_address_is_the_sites(told: World, site: tuple[str, Path]) -> None:
    assert verify_target(site[0] + "index.html", [], told.trust).size == told.history.checkpoint.size


def test_the_built_folder_verifies_too(told: World, site: tuple[str, Path]) -> None:
    assert verify_target(str(site[1]), [], told.trust).size == told.history.checkpoint.size


def test_a_false_checkpoint_in_the_registry_is_no_page(told: World, tmp_path: Path) -> None:
    """An honest maker would publish proofs that lead nowhere."""
    store = told.copy(tmp_path / "r")
    first, *_, last = sorted(int(p.rpartition("/")[2]) for p in store.list(CHECKPOINTS))
    newest = store.read(checkpoint_path(last))
    store.write(checkpoint_path(last + 1), newest)  # beyond the log: not shown, and not asked
    build_site(store, told.history, tmp_path / "site")
    for size in (first, first + 1):
        store.write(checkpoint_path(size), newest)
        with pytest.raises(Mismatch, match=f"checkpoints/{size} is no checkpoint of this log"):
            build_site(store, told.history, tmp_path / "site")
        store.remove(checkpoint_path(size))


@pytest.mark.parametrize("withheld", ["checkpoint", "log/000.jsonl"])
def test_a_withholding_host(told: World, site: tuple[str, Path], withheld: str) -> None:
    (site[1] / withheld).unlink()
    with pytest.raises(Unchecked, match="missing"):
        verify_target(site[0], [], told.trust)


def test_a_host_that_swaps_two_blobs(told: World, site: tuple[str, Path]) -> None:
    first, second = sorted(p for p in (site[1] / "blob").rglob("*") if p.is_file())[:2]
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    with pytest.raises(Rejected):
        verify_target(site[0], [], told.trust)


def test_nobody_answers(told: World) -> None:
    with pytest.raises(MunimentError) as caught:
        verify_target("http://127.0.0.1:9/", [], told.trust)
    assert caught.value.exit_code == 3
