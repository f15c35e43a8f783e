"""What pages carry to prove themselves: it holds, it stays as it is, and it says no more than it can."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.digest import Digest, digest_of
from muniment.log.checkpoint import Checkpoint, open_checkpoint
from muniment.log.merkle import check_consistency, check_inclusion, check_range, leaf_hash, prove_consistency, root_at
from muniment.log.note import Cosigner, Note, NoteSigner, format_note, parse_note, parse_vkey
from muniment.log.proof import check_proof, parse_proof
from muniment.log.statetree import StateLeaf, StateTree, format_leaf
from muniment.log.text import parse_base64
from muniment.log.tiles import TileReader
from muniment.registry.documents import documents
from muniment.registry.event import RotateKey
from muniment.site import paths
from muniment.site.compare import compare_site
from muniment.site.facts.version import PROVED
from muniment.site.proofs import shards_of
from muniment.site.render import render
from muniment.site.views import block
from tests.site.host import Host
from tests.site.sample import ORIGIN, Sample, evaluation_predicate, sample

WITNESS = Cosigner("witness.example/w", bytes(range(1, 33)))


def data_of(page: bytes) -> dict[str, Any]:
    """The data block of a page, as a browser reads it."""
    found = re.search(rb'<script type="application/json" id="check-data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def shard_of(site: dict[str, bytes], path: str) -> Any:
    """The value that a script registers."""
    text = site[f"{path}.js"].decode()
    head = f'muniment.shard("{path}",'
    assert text.startswith(head)
    return json.loads(text.removeprefix(head).removesuffix(");\n"))


def opened(check: dict[str, Any]) -> Checkpoint:
    """The checkpoint that a page stands on."""
    keys = [parse_vkey(key) for key in check["keys"]]
    return open_checkpoint(check["checkpoint"].encode(), check["origin"], keys)


def hashes(texts: list[str]) -> list[bytes]:
    return [parse_base64(text, "A hash") for text in texts]


def test_a_version_page_proves_each_entry_it_shows(site: dict[str, bytes], story: Sample) -> None:
    pages = [p for p in site if site[p].startswith(b"<!doctype") and b'"page":"version"' in site[p]]
    assert len(pages) == len(story.state.versions)
    for path in pages:
        check, facts = data_of(site[path]), json.loads(site[path.replace(".html", ".json")])
        assert check == facts["check"]
        checkpoint = opened(check)
        for entry in check["entries"]:
            leaf = story.leaves[entry["index"]]
            assert entry["leaf"].encode() == leaf
            proof = hashes(entry["hashes"])
            check_inclusion(leaf_hash(leaf), entry["index"], checkpoint.size, proof, checkpoint.root)
        proved = [e["index"] for e in check["entries"]]
        assert proved == sorted({*proved, *(e["index"] for e in [*facts["history"], *facts["evidence"]])})
        assert checkpoint.size == min(size for size in story.notes if size > max(proved))


def test_a_version_page_carries_its_documents_of_the_newest_state(site: dict[str, bytes], story: Sample) -> None:
    known = documents(story.state)
    for path in (p for p in site if b'"page":"version"' in site[p] and p.endswith(".html")):
        check = data_of(site[path])
        stages = json.loads(site[path.replace(".html", ".json")])["verdict"]["also"]
        assert {s: t.encode() for s, t in check["documents"].items()} == {s: known[s] for s in check["documents"]}
        assert check["subject"] in check["documents"]
        assert len(check["documents"]) == 1 + len(stages)


def test_a_page_of_entries_proves_its_range(site: dict[str, bytes], story: Sample) -> None:
    check = data_of(site["log/entries/000.html"])
    checkpoint = opened(check)
    leaves = [leaf_hash(leaf) for leaf in story.leaves]
    check_range(leaves, check["first"], checkpoint.size, hashes(check["hashes"]), checkpoint.root)


def test_the_scripts_lead_from_any_checkpoint_to_the_newest_and_to_its_state(
    site: dict[str, bytes], story: Sample
) -> None:
    head = shard_of(site, "log/head")
    newest = opened(head)
    assert newest == story.checkpoint()

    def fetch(path: str) -> bytes:
        number = path.removeprefix("tile/").partition(".p/")[0]
        return parse_base64(shard_of(site, f"log/hashes/{number}"), "Hashes")

    reader = TileReader(fetch, newest.size)
    assert root_at(reader, newest.size) == newest.root
    for size, note in story.notes.items():
        old = open_checkpoint(note, ORIGIN, [story.signer.verifier])
        check_consistency(size, old.root, newest.size, newest.root, prove_consistency(reader, size, newest.size))
    assert head["leaf"].encode() == story.leaves[-1]
    lines = [pair for _, root in head["shards"] for pair in shard_of(site, f"state/{root[:2]}/{root}")]
    tree = StateTree(documents(story.state))
    assert [tuple(pair) for pair in lines] == [(leaf.subject, leaf.document.hex) for leaf in tree.leaves]
    assert json.loads(head["leaf"])["root"] == f"sha256:{tree.root.hex()}"


def test_shards_of_the_state_lead_to_its_root() -> None:
    tree = StateTree({f"version/a/{n}": b"%d" % n for n in range(600)})
    parts = list(shards_of(tree))
    assert [len(lines) for _, lines in parts] == [256, 256, 88]
    for number, (root, lines) in enumerate(parts[:2]):
        assert tree.read(8, number).hex() == root
        assert format_leaf(StateLeaf(lines[0][0], Digest(lines[0][1]))) == format_leaf(tree.leaves[256 * number])


def test_every_entry_has_a_proof_file_that_stays_as_it_is(site: dict[str, bytes], story: Sample) -> None:
    for size, history in story.histories.items():
        notes = {s: n for s, n in story.notes.items() if s <= size}
        then = {p.path: p.data for p in render(history, story.blob, notes) if p.path.startswith("proof/")}
        assert set(then) == {paths.proof_file(index) for index in range(size)}
        assert all(site[path] == data for path, data in then.items())
    for index, leaf in enumerate(story.leaves):
        proof = parse_proof(site[paths.proof_file(index)])
        assert proof.index == index
        assert check_proof(proof, leaf_hash(leaf), ORIGIN, [story.signer.verifier]).size in story.notes


def test_no_folder_of_proof_files_holds_more_than_a_thousand() -> None:
    folders = Counter(PurePosixPath(paths.proof_file(index)).parent for index in range(12_000))
    assert max(folders.values()) == 1000
    assert len(folders) == 12
    assert paths.proof_file(1234567) == "proof/x001/x234/567.tlog-proof"


def test_a_page_does_not_follow_the_newest_checkpoint(story: Sample) -> None:
    """Each page of entries or of a version carries the checkpoint after its own last entry, whatever came later."""
    sizes = sorted(story.histories)
    notes = {s: n for s, n in story.notes.items() if s <= sizes[-3]}
    before = {p.path: p.data for p in render(story.histories[sizes[-3]], story.blob, notes)}
    after = {p.path: p.data for p in render(story.history(), story.blob, story.notes)}
    untouched = [p for p in before if p.startswith("models/aiops/telemetry") or p.endswith("0.9.0/index.html")]
    assert [p for p in untouched if p.endswith("/index.html") and b"check-data" in before[p]]
    assert all(before[p] == after[p] for p in untouched)


def test_cosignatures_that_come_later_change_no_page(site: dict[str, bytes], story: Sample) -> None:
    newest = max(story.notes)
    notes = {size: _cosigned(note) for size, note in story.notes.items()}
    history = replace(story.history(), note=notes[newest])
    cosigned = {p.path: p.data for p in render(history, story.blob, notes)}
    changed = {p.partition("/")[0] for p in site if site[p] != cosigned[p]}
    assert changed == {"checkpoint", "checkpoints", "proof"}
    proof = parse_proof(cosigned[paths.proof_file(3)])
    assert {s.name for s in parse_note(proof.checkpoint).signatures} == {ORIGIN, WITNESS.name}


def _cosigned(data: bytes) -> bytes:
    note = parse_note(data)
    return format_note(Note(note.text, (*note.signatures, WITNESS.cosign(note.text, 1_800_000_000))))


def test_a_key_in_force_is_named_with_its_checkpoint_and_a_retired_one_is_not() -> None:
    story = sample()
    rotated_at, old = len(story.leaves), story.signer
    story.signer = NoteSigner(ORIGIN, b"\x09" * 32)
    keys = (story.signer.vkey,)
    story.event("administrator", RotateKey(log=story.log(), after=None, at=story.now, reason="Yearly.", log_keys=keys))
    story.publish()
    pages = {p.path: p.data for p in render(story.history(), story.blob, story.notes)}
    before = data_of(pages["models/aiops/ensemble/0.1.0/index.html"])
    log = data_of(pages["log/index.html"])
    assert before["keys"] == [old.vkey]
    assert opened(before).size == rotated_at
    assert log["keys"] == shard_of(pages, "log/head")["keys"] == [story.signer.vkey]
    assert opened(log).size == rotated_at + 2
    assert log["eras"] == [[0, [old.vkey]], [rotated_at, [story.signer.vkey]]]
    assert compare_site(story.history(), Host(pages)).differing == ()


def test_anchors_go_with_their_checkpoints_and_change_no_page(site: dict[str, bytes], story: Sample) -> None:
    newest, old = max(story.notes), min(story.notes)
    anchors = {newest: b"{}", old: b"[]", newest + 1: b"later"}
    anchored = {p.path: p.data for p in render(story.history(), story.blob, story.notes, anchors)}
    assert {p: data for p, data in anchored.items() if site.get(p) != data} == {
        f"checkpoints/{old}.sigstore.json": b"[]",
        f"checkpoints/{newest}.sigstore.json": b"{}",
        "checkpoint.sigstore.json": b"{}",
    }


def test_a_page_of_very_many_records_says_how_many_it_does_not_prove() -> None:
    story = sample()
    release = len(story.leaves) - 2
    subject = story.subject("aiops/ensemble@0.1.0", "detector.joblib")
    for n in range(PROVED):
        story.say("trainer", "evaluation", subject, evaluation_predicate(0.9 + n / 1000, digest_of(b"data")))
    story.publish()
    pages = {p.path: p.data for p in render(story.history(), story.blob, story.notes)}
    check = data_of(pages["models/aiops/ensemble/0.1.0/index.html"])
    assert len(check["entries"]) == PROVED
    assert check["left"] == 1 + 5, "the release and its evidence come before what was said later"
    assert check["entries"][5]["index"] == release


texts = st.text() | st.sampled_from(["</script>", "<!--", "]]>", "&quot;'\"", "\u2028\u202e"])


@given(st.recursive(texts | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
def test_nothing_in_a_data_block_can_leave_it(value: Any) -> None:
    written = str(block(value))
    assert json.loads(written) == value
    assert written.isascii()
    assert not set(written) & set("<>&'")


def test_a_leaf_that_hides_something_is_hashed_as_it_is_and_shown_as_it_looks() -> None:
    from muniment.site.draw import Pen
    from muniment.site.page import Sheet

    leaf = '{"subjects":[{"name":"a\u202eb \'<x>"}]}'
    facts = {"check": {}, "first": 0, "leaves": "log/000.jsonl", "older": None, "newer": None}
    entry = {"index": 0, "kind": "state", "event": False, "version": None, "admittedAt": "2026-01-12T08:00:00Z"}
    facts["entries"] = [entry | {"leaf": leaf, "leafHash": digest_of(b"").hex, "proof": paths.proof_file(0)}]
    pen = Pen({"title": "t", "origin": ORIGIN, "sandbox": False})
    page = pen.html(Sheet("log/entries/000.html", "entries.html", facts)).decode()
    found = re.search(r"<code data-leaf='(.*?)'>(.*?)</code>", page)
    assert found
    assert json.loads(html.unescape(found[1])) == leaf
    assert "\u202e" not in page
    assert "⟨U+202E⟩" in html.unescape(found[2])


@pytest.mark.parametrize("index", [0, 999, 1000, 34067])
def test_a_proof_file_lies_where_tiles_would(index: int) -> None:
    known = {0: "000", 999: "999", 1000: "x001/000", 34067: "x034/067"}
    assert paths.proof_file(index) == f"proof/{known[index]}.tlog-proof"
