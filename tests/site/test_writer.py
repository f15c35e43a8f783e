"""What a build does to a folder, and what it leaves alone."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from muniment.core.errors import Unreachable, Usage
from muniment.site.page import Page
from muniment.site.render import render
from muniment.site.writer import Written, write_site
from tests.site.sample import Sample


def build(story: Sample, size: int, out: Path, registry: Path | None = None) -> Written:
    notes = {s: n for s, n in story.notes.items() if s <= size}
    return write_site(render(story.histories[size], story.blob, notes), out, registry or out.parent / "registry")


def listing(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_second_build_writes_nothing(story: Sample, tmp_path: Path) -> None:
    size = max(story.histories)
    first = build(story, size, tmp_path / "site")
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "site").rglob("*")}
    second = build(story, size, tmp_path / "site")
    assert first.written > 100
    assert (second.written, second.removed, second.same) == (0, 0, first.written)
    assert times == {p: p.stat().st_mtime_ns for p in (tmp_path / "site").rglob("*")}


def test_a_build_that_died_is_gone_on_with(story: Sample, tmp_path: Path) -> None:
    """Its folder holds no litter, and is known for one that a build began."""
    size, out = max(story.histories), tmp_path / "site"

    def dying() -> Iterator[Page]:
        yield from islice(render(story.histories[size], story.blob, story.notes), 20)
        yield Page("checkpoint/in/the/way", b"")

    with pytest.raises(Unreachable):
        write_site(dying(), out, tmp_path / "registry")
    assert not list(out.rglob(".write-*"))
    build(story, size, out)
    build(story, size, tmp_path / "whole")
    assert listing(out) == listing(tmp_path / "whole")


def test_a_disk_that_is_full_leaves_no_litter(story: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, mode: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "chmod", full)
    with pytest.raises(Unreachable, match="No space left"):
        build(story, max(story.histories), tmp_path / "site")
    assert listing(tmp_path / "site") == {}


def test_going_back_leaves_exactly_the_site_of_then(story: Sample, tmp_path: Path) -> None:
    early, late = sorted(story.histories)[4], max(story.histories)
    build(story, early, tmp_path / "then")
    build(story, late, tmp_path / "site")
    done = build(story, early, tmp_path / "site")
    assert done.removed > 0
    assert listing(tmp_path / "site") == listing(tmp_path / "then")
    assert not [p for p in (tmp_path / "site").rglob("*") if p.is_dir() and not any(p.iterdir())]


def test_an_anchor_does_not_outlive_its_checkpoint(story: Sample, tmp_path: Path) -> None:
    size, out = max(story.histories), tmp_path / "site"
    write_site(render(story.histories[size], story.blob, story.notes, {size: b"{}"}), out, tmp_path / "registry")
    assert (out / "checkpoint.sigstore.json").exists()
    build(story, sorted(story.histories)[-2], out)
    assert not list(out.rglob("*.sigstore.json"))


def test_other_peoples_files_stay(story: Sample, tmp_path: Path) -> None:
    early, late = sorted(story.histories)[4], max(story.histories)
    build(story, late, tmp_path / "site")
    (tmp_path / "site" / "CNAME").write_text("models.example")
    (tmp_path / "site" / "assets" / "logo.png").write_bytes(b"logo")
    build(story, early, tmp_path / "site")
    assert (tmp_path / "site" / "CNAME").exists()
    assert (tmp_path / "site" / "assets" / "logo.png").exists()


def test_a_folder_with_other_things_is_refused_untouched(story: Sample, tmp_path: Path) -> None:
    out = tmp_path / "documents"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(Usage, match="is not empty"):
        build(story, max(story.histories), out)
    assert listing(out) == {"thesis.txt": b"mine"}


def test_a_file_or_link_in_place_of_the_folder_is_refused(story: Sample, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("file", "link"):
        with pytest.raises(Usage):
            build(story, max(story.histories), tmp_path / name)
    assert not any((tmp_path / "real").iterdir())


def test_built_into_the_registry_its_own_files_stay_untouched(story: Sample, tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    own = {
        "checkpoint": b"own",
        "checkpoints/2": b"own",
        "log/000.jsonl": b"own",
        "inbox/ab.sigstore.json": b"own",
        "registry.yaml": b"own",
        "blob/sha256/ab/abcd": b"own",
    }
    for path, data in own.items():
        (registry / path).parent.mkdir(parents=True, exist_ok=True)
        (registry / path).write_bytes(data)
    build(story, max(story.histories), registry, registry)
    build(story, min(story.histories), registry, registry)
    after = listing(registry)
    assert {p: after[p] for p in own} == own
    assert "index.html" in after
    assert "checkpoints/5" not in after


def test_a_manifest_cannot_send_the_writer_outside(story: Sample, tmp_path: Path) -> None:
    out = tmp_path / "site"
    build(story, max(story.histories), out)
    (tmp_path / "victim").write_text("x")
    (out / "manifest" / "all.json").write_text('{"../victim":"", "/etc/hostname":"", "a\\\\b":""}')
    build(story, max(story.histories), out)
    assert (tmp_path / "victim").exists()


def test_a_link_inside_the_site_is_not_followed(story: Sample, tmp_path: Path) -> None:
    out = tmp_path / "site"
    build(story, max(story.histories), out)
    (tmp_path / "elsewhere").mkdir()
    os.rename(out / "policy", tmp_path / "moved")
    (out / "policy").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Usage, match="symbolic link"):
        build(story, max(story.histories), out)
    assert not any((tmp_path / "elsewhere").iterdir())


def test_an_interrupted_build_leaves_no_half_files(tmp_path: Path) -> None:
    def pages():
        yield Page("index.html", b"one")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        write_site(pages(), tmp_path / "site", tmp_path / "registry")
    assert listing(tmp_path / "site") == {"index.html": b"one", "manifest/root.json": b"{}"}
