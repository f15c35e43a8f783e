"""The site is a function of the log: same bytes anywhere, and the past can be rebuilt."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from muniment.core.errors import Mismatch, Missing
from muniment.log.checkpoint import open_checkpoint
from muniment.log.note import parse_vkey
from muniment.registry.fold import History, read_leaves
from muniment.registry.store.local import LocalStore
from muniment.site.paths import is_own
from muniment.site.render import history_at, render
from muniment.site.writer import write_site
from tests.site.sample import ORIGIN, Sample

HERE = Path(__file__).parent
PROGRAM = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from tests.site.sample import sample
from muniment.site.render import render
story = sample()
total = hashlib.sha256()
for page in render(story.history(), story.blob, story.notes):
    total.update(page.path.encode() + b"\\0" + hashlib.sha256(page.data).digest())
print(total.hexdigest())
"""


def test_the_bytes_do_not_depend_on_time_zone_locale_or_hash_seed(site: dict[str, bytes]) -> None:
    total = hashlib.sha256()
    for path, data in site.items():
        total.update(path.encode() + b"\0" + hashlib.sha256(data).digest())
    environ = os.environ | {"TZ": "Pacific/Chatham", "PYTHONHASHSEED": "12345", "LC_ALL": "C"}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(HERE.parents[1])], capture_output=True, text=True, env=environ, timeout=60
    )
    assert run.stdout.strip() == total.hexdigest(), run.stderr


def test_the_paths_are_those_agreed(site: dict[str, bytes]) -> None:
    shown = sorted(p for p in site if not p.startswith(("blob/", "proof/", "search/", "schemas/", "state/")))
    golden = HERE / "paths.txt"
    assert shown == golden.read_text().splitlines()


def test_no_path_is_written_twice(story: Sample) -> None:
    paths = [page.path for page in render(story.history(), story.blob, story.notes)]
    assert len(paths) == len(set(paths))
    assert len({p.lower() for p in paths}) == len(paths)


def test_every_past_state_can_be_rebuilt_byte_for_byte(story: Sample) -> None:
    last = story.history()
    for size, then in story.histories.items():
        notes = {s: n for s, n in story.notes.items() if s <= size}
        rebuilt = {p.path: p.data for p in render(history_at(last, story.notes, size), story.blob, story.notes)}
        assert rebuilt == {p.path: p.data for p in render(then, story.blob, notes)}


def test_a_size_that_was_never_published_is_refused(story: Sample) -> None:
    with pytest.raises(Missing, match="No checkpoint of size 3"):
        history_at(story.history(), story.notes, 3)


def test_a_checkpoint_of_another_history_is_refused(story: Sample) -> None:
    sizes = sorted(story.notes)
    with pytest.raises(Mismatch):
        history_at(story.history(), {**story.notes, sizes[2]: story.notes[sizes[3]]}, sizes[2])


def test_the_site_is_a_registry_again(story: Sample, site: dict[str, bytes], tmp_path: Path) -> None:
    write_site(render(story.history(), story.blob, story.notes), tmp_path / "site", tmp_path / "registry")
    store = LocalStore(tmp_path / "site")
    checkpoint = open_checkpoint(store.read("checkpoint"), ORIGIN, [parse_vkey(story.signer.vkey)])
    assert checkpoint == story.history().checkpoint
    assert read_leaves(store, checkpoint.size) == story.leaves
    assert {p for p in site if is_own(p)} >= {"checkpoint", "log/000.jsonl"}
    assert not any(p.startswith("inbox/") for p in site)
    for entry in story.history().entries:
        if entry.record is not None:
            digest = entry.record.bundle
            assert store.read(f"blob/sha256/{digest.hex[:2]}/{digest.hex}") == story.blob(digest)


def test_the_manifest_names_every_derived_file(site: dict[str, bytes]) -> None:
    root = json.loads(site["manifest/root.json"])
    assert root["shards"]["all"] == hashlib.sha256(site["manifest/all.json"]).hexdigest()
    named = json.loads(site["manifest/all.json"])
    own = ("versions/", "checkpoints/", "proof/", "manifest/")
    left_out = {p for p in site if p == "checkpoint" or p.startswith(own)}
    assert set(named) == set(site) - left_out
    assert all(hashlib.sha256(site[p]).hexdigest() == d for p, d in named.items())


def test_a_blob_that_is_gone_leaves_a_page(story: Sample) -> None:
    history: History = story.history()
    gone = next(e.record.bundle for e in history.entries if e.kind == "evaluation" and e.record)

    def blob(digest):
        if digest == gone:
            raise Missing("It was redacted.")
        return story.blob(digest)

    paths = {p.path for p in render(history, blob, story.notes)}
    assert f"blob/sha256/{gone.hex[:2]}/{gone.hex}" not in paths
    assert "models/aiops/cpu-anomaly/0.9.0/index.html" in paths
