"""Leaf files: one leaf a line, 256 a file, nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.errors import Malformed, Usage
from muniment.log.lines import format_lines, leaf_file, parse_lines

LEAF = st.binary(min_size=1, max_size=60).filter(lambda leaf: b"\n" not in leaf)


@pytest.mark.parametrize(
    ("index", "path"),
    [
        (0, "log/000.jsonl"),
        (255, "log/000.jsonl"),
        (256, "log/001.jsonl"),
        (255_999, "log/999.jsonl"),
        (256_000, "log/x001/000.jsonl"),
    ],
)
def test_a_leaf_has_its_file(index, path):
    assert leaf_file(index) == path


def test_there_is_no_leaf_before_the_first():
    with pytest.raises(Usage, match="no leaf"):
        leaf_file(-1)


@given(st.lists(LEAF, min_size=1, max_size=256))
def test_leaves_come_back(leaves):
    assert parse_lines(format_lines(leaves), "log/000.jsonl") == leaves


@given(st.binary(max_size=80))
def test_what_is_read_is_written_the_same(data):
    try:
        leaves = parse_lines(data, "log/000.jsonl")
    except Malformed:
        return
    assert format_lines(leaves) == data


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"{}", b"{}\n\n", b"\n{}\n", b"{}\n{}", b"{}\n" * 257, b"x" * 65536 + b"\n"],
    ids=["empty", "one empty line", "no end", "empty last", "empty first", "cut off", "257 lines", "long line"],
)
def test_a_broken_file_is_malformed(data):
    with pytest.raises(Malformed, match=r"log/007\.jsonl"):
        parse_lines(data, "log/007.jsonl")


def test_the_bounds():
    assert len(parse_lines(b"{}\n" * 256, "f")) == 256
    assert parse_lines(b"x" * 65535 + b"\n", "f") == [b"x" * 65535]
    with pytest.raises(Malformed, match="line 3"):
        parse_lines(b"{}\n{}\n\n{}\n", "f")


@pytest.mark.parametrize("leaves", [[], [b""], [b"a\nb"], [b"a\n"], [b"a"] * 257])
def test_what_a_file_cannot_hold_is_not_written(leaves):
    with pytest.raises(Malformed):
        format_lines(leaves)
