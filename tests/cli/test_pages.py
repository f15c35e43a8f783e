"""`muniment verify` of a site renders its pages again: what a host altered is named, what nobody looked at is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from muniment.site.writer import build_site
from muniment.verify.trust import format_trust
from tests.cli.run import muniment
from tests.world import World

PAGE = "models/aiops/cpu/1.0.0/index.html"


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without talking."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(told: World, tmp_path: Path) -> Path:
    """The told registry's site, with the pins beside it."""
    build_site(told.store, told.history, tmp_path / "site")
    (tmp_path / "trust.json").write_bytes(format_trust(told.trust))
    return tmp_path / "site"


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """The site, served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def verify(site: Path, *arguments: object):
    return muniment("verify", *arguments, "--trust", site.parent / "trust.json")


def test_an_address_has_its_pages_compared(site: Path, address: str) -> None:
    ran = verify(site, address, "--json")
    assert ran.code == 0, ran.err
    done = json.loads(ran.out)
    assert done["notChecked"] == []
    assert done["facts"][-1].endswith("pages rendered again; those served are the same")


def test_a_host_that_alters_a_page_is_caught(site: Path, address: str) -> None:
    (site / PAGE).write_bytes((site / PAGE).read_bytes().replace(b"Rolled back", b"In production"))
    ran = verify(site, address)
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.splitlines()[-2:] == [
        f"error: {PAGE} is not what the log gives.",
        "  try: The records hold, the pages do not: ask who hosts them, or build them yourself.",
    ]


def test_many_altered_pages_are_counted(site: Path, address: str) -> None:
    pages = sorted(site.rglob("*.html"))
    for page in pages:
        page.write_bytes(page.read_bytes() + b" ")
    ran = verify(site, address)
    assert ran.code == 1
    assert f" and {len(pages) - 5} more are not what the log gives." in ran.err


def test_pages_that_nobody_looked_at_are_told(site: Path, address: str) -> None:
    (site / PAGE).unlink()
    for arguments in ((address, "--no-pages"), (site,)):
        ran = verify(site, *arguments)
        assert ran.code == 0
        assert "  not checked: the site's pages\n" in ran.out


def test_a_folder_is_compared_when_asked(site: Path) -> None:
    assert verify(site, site, "--pages").code == 0
    (site / PAGE).unlink()
    assert verify(site, site, "--pages").code == 1


def test_pages_of_another_renderer_are_unknown_not_false(site: Path, address: str) -> None:
    root = site / "manifest" / "root.json"
    root.write_text(json.dumps(json.loads(root.read_text()) | {"renderer": "muniment 9"}))
    ran = verify(site, address)
    assert ran.code == 0
    assert "not checked: the site's pages: The site was built by muniment 9, and this is muniment" in ran.out
    assert verify(site, address, "--pages").code == 3


def test_where_there_are_no_pages(told: World, site: Path, tmp_path: Path) -> None:
    ran = verify(site, told.copy(tmp_path / "registry").root, "--pages")
    assert ran.code == 3
    assert "holds no built site" in ran.err
    assert "not checked" not in verify(site, tmp_path / "registry").out
    told_pack = muniment("pack", "aiops/cpu@1.0.0", "-o", tmp_path / "one.pack", "-r", tmp_path / "registry")
    assert told_pack.code == 0
    assert verify(site, tmp_path / "one.pack", "--pages").code == 2
