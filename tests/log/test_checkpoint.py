"""Checkpoints: their text, and whose word makes them one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.errors import Malformed, Untrusted, Usage
from muniment.log.checkpoint import Checkpoint, format_checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from muniment.log.merkle import EMPTY_ROOT
from muniment.log.note import Cosigner, Note, NoteSigner, format_note, parse_note, sign_note

from .vectors import cases, tree_of

ORIGIN = "example.org/log"
LOG = NoteSigner(ORIGIN, bytes(range(32)))
NEXT = NoteSigner(ORIGIN, bytes(range(1, 33)))
WITNESS = Cosigner("witness.example/w", bytes(range(2, 34)))
POINT = Checkpoint(ORIGIN, 5, tree_of(5).root())
LINE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


@pytest.mark.parametrize("case", cases("checkpoint_text"), ids=lambda case: case["text"][:40])
def test_checkpoint_vectors(case):
    if not case["ok"]:
        with pytest.raises(Malformed):
            parse_checkpoint(case["text"])
        return
    checkpoint = parse_checkpoint(case["text"])
    assert format_checkpoint(checkpoint) == case["text"]
    assert list(checkpoint.extensions) == case.get("ext", [])
    assert checkpoint.origin == case.get("origin", checkpoint.origin)
    assert checkpoint.size == case.get("size", checkpoint.size)


@given(LINE, st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32), st.lists(LINE, max_size=3))
def test_a_checkpoint_comes_back(origin, size, root, extensions):
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    assert parse_checkpoint(format_checkpoint(checkpoint)) == checkpoint


@pytest.mark.parametrize(
    "checkpoint",
    [
        replace(POINT, origin=""),
        replace(POINT, origin="a\nb"),
        replace(POINT, origin="a\tb"),
        replace(POINT, size=-1),
        replace(POINT, size=2**63),
        replace(POINT, root=b"short"),
        replace(POINT, extensions=("",)),
        replace(POINT, extensions=("a\nb",)),
    ],
)
def test_what_a_checkpoint_cannot_hold_is_not_written(checkpoint):
    with pytest.raises(Malformed):
        format_checkpoint(checkpoint)


@pytest.mark.parametrize("size", ["", "+5", "05", "5 ", " 5", "5_0", "٥", "5.0", "1e3", "9223372036854775808", "00"])
def test_a_size_has_one_spelling(size):
    with pytest.raises(Malformed):
        parse_checkpoint(format_checkpoint(POINT).replace("\n5\n", f"\n{size}\n"))


def test_an_empty_log_has_the_empty_root():
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert open_checkpoint(sign_checkpoint(empty, LOG), ORIGIN, [LOG.verifier]) == empty
    with pytest.raises(Untrusted, match="root of another tree"):
        format_checkpoint(replace(POINT, size=0))


def test_a_checkpoint_signed_by_the_log_opens():
    assert open_checkpoint(sign_checkpoint(POINT, LOG), ORIGIN, [NEXT.verifier, LOG.verifier]) == POINT


def test_a_checkpoint_of_another_log_or_key_is_refused():
    note = sign_checkpoint(POINT, LOG)
    for origin, keys in ((ORIGIN, []), (ORIGIN, [NEXT.verifier]), ("example.org/other", [LOG.verifier])):
        with pytest.raises(Untrusted):
            open_checkpoint(note, origin, keys)
    with pytest.raises(Usage):
        sign_checkpoint(replace(POINT, origin="example.org/other"), LOG)


def test_a_cosignature_is_no_signature_of_the_log():
    """A known witness, or one that bears the log's name, cannot issue a checkpoint."""
    text = format_checkpoint(POINT)
    for witness in (WITNESS, Cosigner(ORIGIN, bytes(range(3, 35)))):
        note = format_note(Note(text, (witness.cosign(text, 1),)))
        with pytest.raises(Untrusted, match="log key"):
            open_checkpoint(note, ORIGIN, [witness.verifier, LOG.verifier])


def test_a_false_cosignature_by_a_known_witness_refuses_the_checkpoint():
    signed = parse_note(sign_checkpoint(POINT, LOG))
    lie = WITNESS.cosign("other\n", 1)
    note = format_note(Note(signed.text, (*signed.signatures, lie)))
    assert open_checkpoint(note, ORIGIN, [LOG.verifier]) == POINT
    with pytest.raises(Untrusted):
        open_checkpoint(note, ORIGIN, [LOG.verifier, WITNESS.verifier])


def test_a_signed_text_that_is_no_checkpoint_is_malformed():
    with pytest.raises(Malformed):
        open_checkpoint(sign_note(f"{ORIGIN}\nmany\n", LOG), ORIGIN, [LOG.verifier])


@given(st.integers(0, 8 * 200))
def test_each_changed_bit_of_the_file_is_noticed(bit):
    note = sign_checkpoint(POINT, LOG)
    at = bit // 8 % len(note)
    bad = note[:at] + bytes([note[at] ^ (1 << bit % 8)]) + note[at + 1 :]
    with pytest.raises((Untrusted, Malformed)):
        open_checkpoint(bad, ORIGIN, [LOG.verifier])
