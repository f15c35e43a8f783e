"""A host that alters, withholds or mixes up pages, held against the log."""

from __future__ import annotations

import json

import pytest

from muniment.core.errors import Malformed, Missing, Unreachable
from muniment.log.checkpoint import Checkpoint, sign_checkpoint
from muniment.log.note import NoteSigner, parse_note, sign_note
from muniment.registry.fold import tree_of
from muniment.site.compare import compare_site
from tests.site.host import Host
from tests.site.sample import ORIGIN, Sample

PAGE = "models/aiops/cpu-anomaly/2.0.0/index.html"


@pytest.fixture
def host(site: dict[str, bytes]) -> Host:
    return Host(site)


def test_an_honest_site_is_the_one_the_log_gives(story: Sample, host: Host, site: dict[str, bytes]) -> None:
    heard: list[int] = []
    done = compare_site(story.history(), host, heard.append)
    assert done.differing == ()
    assert done.pages == heard[-1]
    own = ("checkpoint", "log/000.jsonl", "tile/", "proof/", "blob/")
    assert done.pages == len([p for p in site if not p.startswith(own)])


@pytest.mark.parametrize(
    "path",
    [
        PAGE,
        PAGE.replace(".html", ".json"),
        "index.html",
        "assets/muniment.js",
        "assets/verify.js",
        "log/head.js",
        "log/hashes/0/000.js",
        "api/v1/aiops/cpu-anomaly/production.json",
        "search/index.js",
        "versions/52/index.html",
        "schemas/pack-v1.json",
        "_headers",
        "404.html",
        "feed.xml",
        "manifest/all.json",
    ],
)
def test_a_host_that_alters_or_withholds_a_file_is_named(story: Sample, host: Host, path: str) -> None:
    host.files[path] = host.files[path].replace(b"a", b"b", 1)
    assert compare_site(story.history(), host).differing == (path,)
    del host.files[path]
    assert compare_site(story.history(), host).differing == (path,)


def test_a_host_that_swaps_two_pages(story: Sample, host: Host) -> None:
    other = PAGE.replace("2.0.0", "1.0.0")
    host.files[PAGE], host.files[other] = host.files[other], host.files[PAGE]
    assert set(compare_site(story.history(), host).differing) == {PAGE, other}


def test_a_host_that_covers_a_page_with_its_manifest(story: Sample, host: Host) -> None:
    """The manifest is the host's word too: it is rendered and compared like a page, never believed."""
    import hashlib

    host.files[PAGE] += b"<!-- more -->"
    names = json.loads(host.files["manifest/all.json"])
    names[PAGE] = hashlib.sha256(host.files[PAGE]).hexdigest()
    host.files["manifest/all.json"] = json.dumps(names, sort_keys=True, separators=(",", ":")).encode()
    assert set(compare_site(story.history(), host).differing) == {PAGE, "manifest/all.json"}


def test_a_host_that_withholds_an_old_checkpoint(story: Sample, host: Host) -> None:
    del host.files["checkpoints/12"]
    assert "versions/index.html" in compare_site(story.history(), host).differing


@pytest.mark.parametrize("what", ["other", "fork", "size", "signature", "form", "key"])
def test_a_false_old_checkpoint_is_named_and_stops_it(story: Sample, host: Host, what: str) -> None:
    text = parse_note(host.files["checkpoints/12"]).text
    root = tree_of(story.leaves[:12]).root()
    stranger = NoteSigner(ORIGIN, b"\x08" * 32)
    host.files["checkpoints/12"] = {
        "fork": sign_checkpoint(Checkpoint(ORIGIN, 12, b"\0" * 32), story.signer),
        "size": sign_checkpoint(Checkpoint(ORIGIN, 13, root), story.signer),
        "other": sign_note(parse_note(host.files["checkpoints/19"]).text, story.signer),
        "signature": host.files["checkpoints/12"].replace(b"12\n", b"13\n", 1),
        "form": b"12",
        "key": sign_note(text, stranger),
    }[what]
    done = compare_site(story.history(), host)
    assert (done.pages, done.differing) == (0, ("checkpoints/12",))


def test_what_another_renderer_built_is_not_judged(story: Sample, host: Host) -> None:
    root = json.loads(host.files["manifest/root.json"])
    host.files["manifest/root.json"] = json.dumps(root | {"renderer": "muniment 9"}).encode()
    with pytest.raises(Missing, match=r"built by muniment 9, and this is muniment 0"):
        compare_site(story.history(), host)
    host.files["manifest/root.json"] = b'{"renderer":9}'
    with pytest.raises(Malformed):
        compare_site(story.history(), host)
    del host.files["manifest/root.json"]
    with pytest.raises(Missing):
        compare_site(story.history(), host)


def test_a_page_that_cannot_be_had_is_not_one_that_differs(story: Sample, host: Host) -> None:
    host.down = PAGE
    with pytest.raises(Unreachable):
        compare_site(story.history(), host)


def test_a_site_without_its_proof_files_and_tiles_has_all_its_pages(story: Sample, host: Host) -> None:
    host.files = {p: data for p, data in host.files.items() if not p.startswith(("proof/", "tile/"))}
    assert compare_site(story.history(), host).differing == ()


def test_a_blob_that_is_gone_changes_only_what_it_said(story: Sample, host: Host) -> None:
    gone = next(p for p in host.files if p.startswith("blob/"))
    del host.files[gone]
    assert all(
        p.startswith(("manifest/", "models/", "datasets/")) for p in compare_site(story.history(), host).differing
    )
