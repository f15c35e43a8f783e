"""What pages say of evidence that was redacted: a tombstone in its place, and no way to what is gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from muniment.registry.deletion import Redact
from muniment.registry.leaf import parse_line
from muniment.registry.paths import blob_path
from muniment.registry.store.local import LocalStore
from muniment.site.compare import compare_site
from muniment.site.writer import build_site
from muniment.verify.replay import verify_registry
from tests.site.reading import Reading, resolve
from tests.verify.test_redaction import after as after
from tests.verify.test_redaction import before as before
from tests.verify.test_redaction import evidence
from tests.world import World

PAGE = "models/aiops/cpu/1.0.0/index"


@pytest.fixture(scope="module")
def built(before: World, after: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that was built before and again after the redaction."""
    out = tmp_path_factory.mktemp("site")
    build_site(before.store, before.history, out)
    assert (out / gone(before)).exists()
    done = build_site(after.store, after.history, out)
    assert done.removed
    return out


def gone(world: World) -> str:
    """The file that goes."""
    return blob_path(parse_line(world.history.leaves[evidence(world)[0]]).bundle)


def test_a_build_drops_the_file_and_equals_a_fresh_one(built: Path, after: World, tmp_path: Path) -> None:
    assert not (built / gone(after)).exists()
    build_site(after.store, after.history, tmp_path / "fresh")
    files = [
        {p.relative_to(at): p.read_bytes() for p in at.rglob("*") if p.is_file()} for at in (built, tmp_path / "fresh")
    ]
    assert files[0] == files[1]


def test_the_version_shows_a_tombstone_and_on_whose_word_its_gates_rest(built: Path) -> None:
    facts = json.loads((built / f"{PAGE}.json").read_bytes())
    (one,) = [e for e in facts["evidence"] if "unproven" in e]
    assert (one["kind"], "signer" in one, "bundlePath" in one, one["index"]) == ("signature", False, False, 2)
    assert [g["unproven"]["index"] for g in facts["gates"]] == [one["unproven"]["index"]] * 2
    shown = Reading((built / f"{PAGE}.html").read_bytes()).shown
    assert f"unproven since entry {one['unproven']['index']}" in shown
    assert "It looked at evidence that is gone" in shown


def test_no_page_leads_to_what_is_gone(built: Path, after: World) -> None:
    name = gone(after).rpartition("/")[2]
    for page in built.rglob("*.html"):
        path = page.relative_to(built).as_posix()
        for link in Reading(page.read_bytes()).links():
            if "://" not in link and page.name != "404.html":
                assert (built / resolve(link, path)[0]).exists(), (path, link)
                assert name not in link


def test_the_entries_page_says_who_asked_and_who_redacted(built: Path) -> None:
    shown = Reading((built / "log/entries/000.html").read_bytes()).shown
    assert "Asked that 1 record be deleted: erasure-request" in shown
    assert "Redacted 1 record" in shown


def test_pages_compare_equal_for_who_has_the_bundle_and_who_has_not(
    before: World, after: World, built: Path, tmp_path: Path
) -> None:
    copy = after.copy(tmp_path / "copy")
    copy.write(gone(after), before.store.read(gone(after)))
    build_site(copy, after.history, tmp_path / "site")
    assert (tmp_path / "site" / f"{PAGE}.html").read_bytes() == (built / f"{PAGE}.html").read_bytes()
    assert not (tmp_path / "site" / gone(after)).exists()
    assert compare_site(verify_registry(copy, after.trust).history, LocalStore(built)).differing == ()


def test_an_earlier_state_shows_the_tombstone_too(before: World, after: World, tmp_path: Path) -> None:
    """The site as of a size from before the redaction is built without what is gone since."""
    size = before.history.checkpoint.size
    build_site(after.store, after.history, tmp_path / "past", size)
    facts = json.loads((tmp_path / "past" / f"{PAGE}.json").read_bytes())
    assert [e["index"] for e in facts["evidence"] if "unproven" in e] == [2]
    assert not (tmp_path / "past" / gone(after)).exists()


def test_the_rules_page_says_which_decisions_it_cannot_count(built: Path, after: World) -> None:
    facts = json.loads((built / "policy/index.json").read_bytes())
    (redact,) = [e.event for e in after.history.state.entries.values() if isinstance(e.event, Redact)]
    assert facts["unproven"] == len(redact.decisions) == 3
    shown = Reading((built / "policy/index.html").read_bytes()).shown
    assert "Not counted: 3 decisions whose evidence is redacted" in shown
    assert "not asked yet" not in shown
