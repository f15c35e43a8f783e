"""Tiles: every path a log publishes, and the same proofs from tiles as from memory."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.core.errors import Malformed, Missing, Usage
from muniment.log.checkpoint import Checkpoint, format_checkpoint
from muniment.log.lines import format_lines, leaf_file
from muniment.log.merkle import MemoryTree, leaf_hash, prove_consistency, prove_inclusion, prove_range, root_at
from muniment.log.note import Cosigner, Note, NoteSigner, format_note
from muniment.log.tiles import (
    TileReader,
    entries_path,
    entry_bundles,
    format_entry_bundle,
    parse_entry_bundle,
    parse_path_number,
    path_number,
    tile_path,
    tiles,
)

from .vectors import cases, tree_of

LOG = NoteSigner("example.org/log", bytes(range(32)))
WITNESS = Cosigner("witness.example/w", bytes(range(1, 33)))


@pytest.mark.parametrize("case", cases("tile_paths"), ids=lambda case: case["path"])
def test_numbers_are_written_as_c2sp_writes_them(case):
    assert path_number(case["n"]) == case["path"]
    assert parse_path_number(case["path"]) == case["n"]


@given(st.integers(0, 2**63 - 1))
def test_a_path_number_comes_back(n):
    for number in (n, 2**63 - 1):
        assert parse_path_number(path_number(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "0001",
        "x000/001",
        "x001/x002",
        "x001/" * 2000 + "001",
        "x999/" * 6 + "999",
        "001/002",
        "X001/002",
        "x01/002",
        "x001/002/",
        "٠٠١",
        "-01",
    ],
)
def test_another_spelling_of_a_number_is_malformed(text):
    with pytest.raises(Malformed):
        parse_path_number(text)


def test_paths():
    assert tile_path(0, 0) == "tile/0/000"
    assert tile_path(3, 1234067, 17) == "tile/3/x001/x234/067.p/17"
    assert tile_path(63, 0) == "tile/63/000"
    assert entries_path(999, 255) == "tile/entries/999.p/255"
    for call in (
        lambda: tile_path(64, 0),
        lambda: tile_path(-1, 0),
        lambda: tile_path(0, -1),
        lambda: tile_path(0, 0, 0),
        lambda: entries_path(0, 257),
        lambda: path_number(2**63),
    ):
        with pytest.raises(Usage):
            call()


def test_the_paths_a_log_publishes_and_which_of_them_never_change():
    """A log grows from one published size to the next; what becomes of each file is in `paths.txt`."""
    sizes, shown, fate = (5, 200, 256, 300, 300 + 256, 65_536 + 256 + 7), [], {}
    for step, size in enumerate(sizes, 1):
        shown.append(_published(size, sizes[:step]))
    for before, after in pairwise(shown):
        for path, data in before.items():
            if path not in after:
                fate[path] = "until the full one stands"
            elif after[path] != data:
                fate[path] = "grows" if after[path].startswith(data) else "replaced"
    lines = {path: fate.get(path, "never changes") for files in shown for path in files}
    golden = Path(__file__).with_name("paths.txt").read_text("utf-8")
    assert "".join(f"{path} {what}\n" for path, what in sorted(lines.items()) if _interesting(path)) == golden
    assert not [path for path, what in lines.items() if not _interesting(path) and what != "never changes"]


def _published(size: int, sizes: tuple[int, ...]) -> dict[str, bytes]:
    """All that a log publishes at a size: its own files and its tiles."""
    entries = [b"entry %d" % i for i in range(size)]
    tree = tree_of(size)
    files = {leaf_file(at): format_lines(entries[at : at + 256]) for at in range(0, size, 256)}
    files |= {f"checkpoints/{one}": _note(tree, one, cosigned=one < size) for one in sizes}
    files["checkpoint"] = files[f"checkpoints/{size}"]
    return files | dict(tiles(tree, sizes)) | dict(entry_bundles(entries, sizes))


def _note(tree: MemoryTree, size: int, cosigned: bool) -> bytes:
    """A checkpoint as the log signs it; a witness's line may join it later."""
    text = format_checkpoint(Checkpoint(LOG.name, size, tree.root(size)))
    return format_note(Note(text, (LOG.sign(text), WITNESS.cosign(text, 1))[: 1 + cosigned]))


def _interesting(path: str) -> bool:
    """Not one of the many full files in the middle of the largest size."""
    number = re.fullmatch(r"(?:log|tile/\w+)/(\d{3})(?:\.jsonl)?", path)
    return number is None or not 3 <= int(number[1]) <= 255


def test_partial_tiles_go_with_the_full_one_and_those_of_the_edge_stay():
    tree = tree_of(600)
    made = dict(tiles(tree, [0, 5, 256, 300, 520, 600]))
    assert {path: len(data) // 32 for path, data in made.items()} == {
        "tile/0/000": 256,
        "tile/0/001": 256,
        "tile/0/002.p/8": 8,
        "tile/0/002.p/88": 88,
        "tile/1/000.p/1": 1,
        "tile/1/000.p/2": 2,
    }
    assert dict(tiles(tree, [])) == dict(tiles(tree, [0])) == {}
    with pytest.raises(Usage):
        list(tiles(tree, [601]))


def test_many_checkpoints_leave_few_partial_tiles():
    """A checkpoint every other entry: at most 127 partial tiles a level, however long the log."""
    tree, entries = tree_of(2_000), [b"entry"] * 2_000
    every = list(range(2, 2_001, 2))
    partial = [path for path, _ in (*tiles(tree, every), *entry_bundles(entries, every)) if ".p/" in path]
    assert len(partial) == 2 * (2_000 % 256 // 2) + 7
    for size in every:
        assert root_at(TileReader(_fetch(dict(tiles(tree, every))), size), size) == tree.root(size)


def test_c2sps_example_of_70000_leaves_and_of_256():
    tree = tree_of(70_000)
    made = dict(tiles(tree, [70_000]))
    assert len([path for path in made if path.startswith("tile/0/") and ".p/" not in path]) == 273
    partial = {path: len(data) // 32 for path, data in made.items() if ".p/" in path}
    assert partial == {"tile/0/273.p/112": 112, "tile/1/001.p/17": 17, "tile/2/000.p/1": 1}
    assert "tile/1/000" in made
    assert len(made) == 273 + 1 + 3
    assert set(dict(tiles(tree, [256]))) == {"tile/0/000", "tile/1/000.p/1"}


@settings(max_examples=25)
@given(st.integers(1, 600), st.data())
def test_proofs_from_tiles_are_those_from_memory(size, data):
    tree = tree_of(600)
    reader = TileReader(_fetch(dict(tiles(tree, [size]))), size)
    index = data.draw(st.integers(0, size - 1))
    assert root_at(reader, size) == tree.root(size)
    assert prove_inclusion(reader, index, size) == prove_inclusion(tree, index, size)
    assert prove_consistency(reader, index + 1, size) == prove_consistency(tree, index + 1, size)
    assert prove_range(reader, 0, index + 1, size) == prove_range(tree, 0, index + 1, size)


def test_a_reader_reaches_across_levels():
    tree = tree_of(70_000)
    reader = TileReader(_fetch(dict(tiles(tree, [70_000]))), 70_000)
    assert root_at(reader, 70_000) == tree.root()
    assert prove_inclusion(reader, 65_600, 70_000) == prove_inclusion(tree, 65_600, 70_000)


def test_a_removed_partial_tile_is_replaced_by_the_full_one():
    tree = tree_of(300)
    files = dict(tiles(tree, [5, 300]))
    assert "tile/0/000.p/5" not in files
    assert root_at(TileReader(_fetch(files), 5), 5) == tree.root(5)


def test_a_missing_or_cut_tile_is_not_a_proof():
    tree = tree_of(300)
    files = dict(tiles(tree, [300]))
    with pytest.raises(Missing, match=r"tile/0/001\.p/44"):
        root_at(TileReader(_fetch({p: d for p, d in files.items() if p != "tile/0/001.p/44"}), 300), 300)
    with pytest.raises(Malformed):
        root_at(TileReader(_fetch({p: d[:-1] for p, d in files.items()}), 300), 300)
    reader = TileReader(_fetch(files), 300)
    for level, index in ((0, 300), (9, 0), (-1, 0), (0, -1)):
        with pytest.raises(Missing):
            reader.read(level, index)


def test_a_reader_stays_within_its_size_even_where_there_is_more():
    files = dict(tiles(tree_of(300), [300]))
    reader = TileReader(_fetch(files | {"tile/0/000.p/5": files["tile/0/000"]}), 5)
    with pytest.raises(Missing):
        reader.read(0, 5)
    with pytest.raises(Missing):
        reader.read(2, 1)
    with pytest.raises(Malformed):
        reader.read(0, 4)


def test_entry_bundles_hash_to_their_tiles():
    entries = [b"entry %d" % i for i in range(300)]
    made = dict(entry_bundles(entries, [5, 260, 300]))
    assert set(made) == {"tile/entries/000", "tile/entries/001.p/4", "tile/entries/001.p/44"}
    hashes = dict(tiles(tree_of(300), [5, 260, 300]))
    for path, data in made.items():
        level0 = hashes[path.replace("entries", "0")]
        assert b"".join(map(leaf_hash, parse_entry_bundle(data))) == level0


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_a_bundle_comes_back(entries):
    assert parse_entry_bundle(format_entry_bundle(entries)) == tuple(entries)


def test_the_bounds_of_a_bundle():
    longest = b"x" * 65535
    assert parse_entry_bundle(format_entry_bundle([longest])) == (longest,)
    for entries in ([], [b""] * 257, [longest + b"x"]):
        with pytest.raises(Malformed):
            format_entry_bundle(entries)
    for data in (b"", b"\x00", b"\x00\x02a", b"\x00\x01ab", b"\x00\x00" * 257, b"\x00\x01a\x00"):
        with pytest.raises(Malformed):
            parse_entry_bundle(data)


def _fetch(files):
    def fetch(path: str) -> bytes:
        if path not in files:
            raise Missing(f"There is no {path}.")
        return files[path]

    return fetch
