"""Witnesses: the vectors of another implementation, each status of `add-checkpoint`, and who lies to a witness."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.core.errors import Conflict, Malformed, Missing, Untrusted
from muniment.log.checkpoint import Checkpoint, format_checkpoint, parse_checkpoint, sign_checkpoint
from muniment.log.merkle import EMPTY_ROOT, prove_consistency
from muniment.log.note import (
    ED25519,
    Cosigner,
    Note,
    NoteSigner,
    NoteVerifier,
    cosigned_at,
    format_note,
    open_note,
    parse_note,
    parse_vkey,
    sign_note,
)
from muniment.log.witness import (
    Reply,
    Request,
    add_checkpoint,
    check_continues,
    format_request,
    parse_request,
    read_path,
)

from .vectors import flipped, tree_of, vectors

ORIGIN = "example.org/log"
LOG = NoteSigner(ORIGIN, bytes(range(32)))
RETIRED = NoteSigner(ORIGIN, bytes(range(1, 33)))
WITNESS = Cosigner("example.com/witness", bytes(range(2, 34)))
KEYS = {ORIGIN: [LOG.verifier]}
TREE = tree_of(300)
TIME = 1_800_000_000


def point(size: int, tree=TREE) -> Checkpoint:
    return Checkpoint(ORIGIN, size, tree.root(size))


def note(size: int, tree=TREE, key: NoteSigner = LOG) -> bytes:
    return sign_checkpoint(point(size, tree), key)


def ask(old: int, new: int, tree=TREE, seen: int | None = None, **changes) -> Reply:
    """A request from `old` to `new`, to a witness that saw `seen` (else `old`) of the honest log."""
    proof = prove_consistency(tree, old, new) if 0 < old <= new else ()
    request = replace(Request(old, proof, note(new, tree)), **changes)
    size = old if seen is None else seen
    return add_checkpoint(format_request(request), KEYS, {ORIGIN: point(size)} if size else {}, WITNESS, TIME)


LITEWITNESS = vectors("witness_add_checkpoint")


def _known(file: str) -> dict[str, list[NoteVerifier]]:
    text = LITEWITNESS["log_keys"][file]
    if "+" in text:
        return {"go.sum database tree": [parse_vkey(text)]}
    first = next(case for case in LITEWITNESS["cases"] if case["file"] == file)
    origin = parse_checkpoint(parse_note(parse_request(first["body"].encode()).note).text).origin
    return {origin: [NoteVerifier(origin, bytes.fromhex(text), ED25519)]}


@pytest.mark.parametrize("file", LITEWITNESS["log_keys"])
def test_the_vectors_of_litewitness(file):
    """One witness takes the steps of a file in turn; an unknown origin is 404 by now, where that older one said 403."""
    known, last = _known(file), {}
    for case in (case for case in LITEWITNESS["cases"] if case["file"] == file):
        reply = add_checkpoint(case["body"].encode(), known, last, WITNESS, TIME)
        unknown = case["asserts"] == [["contains", "unknown log"]]
        assert reply.status == (404 if unknown else case["status"]), case["step"]
        for how, text in case["asserts"]:
            if how == "==":
                assert reply.body.decode() == text
            elif text.startswith("—"):
                assert text in reply.body.decode()
        if reply.status == 200:
            new = parse_checkpoint(parse_note(reply.cosigned()).text)
            last[new.origin] = new
    assert last


def test_a_request_byte_for_byte():
    request = Request(2, prove_consistency(TREE, 2, 3), note(3))
    data = format_request(request)
    assert data.startswith(b"old 2\n")
    assert data.endswith(b"\n\n" + note(3))
    assert data.count(b"\n") == 1 + len(request.proof) + 1 + note(3).count(b"\n")
    assert parse_request(data) == request


@given(st.integers(0, 2**63 - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=63), st.binary(max_size=50))
def test_a_request_comes_back(old, proof, tail):
    request = Request(old, tuple(proof), tail)
    assert parse_request(format_request(request)) == request


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"old 1",
        b"old 1\n",
        b"\n\n" + note(3),
        b"old\n\n" + note(3),
        b"old  1\n\n" + note(3),
        b"old 01\n\n" + note(3),
        b"old -1\n\n" + note(3),
        b"old 1 \n\n" + note(3),
        b"Old 1\n\n" + note(3),
        b"new 1\n\n" + note(3),
        b"old 9223372036854775808\n\n" + note(3),
        b"old 1\r\n\n" + note(3),
        b"old 1\nAAAA\n\n" + note(3),
        b"old 1\n" + b"A" * 43 + b"\n\n" + note(3),
        b"old 1\n\xff\n\n" + note(3),
        b"old 1\n" + (b"A" * 43 + b"=\n") * 64 + b"\n" + note(3),
    ],
)
def test_what_is_no_request_is_400(data):
    with pytest.raises(Malformed):
        parse_request(data)
    assert add_checkpoint(data, KEYS, {}, WITNESS, TIME).status == 400


@pytest.mark.parametrize("size", [-1, 2**63])
def test_what_a_request_cannot_hold_is_not_written(size):
    with pytest.raises(Malformed):
        format_request(Request(size, (), note(3)))


def test_200_the_line_verifies_and_the_read_half_is_the_log_and_the_witness():
    """Strangers' lines fall away: the witness serves what it verified and its own word."""
    stranger = NoteSigner("stranger", bytes(32))
    request = Request(0, (), sign_note(format_checkpoint(point(5)), stranger, LOG))
    reply = add_checkpoint(format_request(request), KEYS, {}, WITNESS, TIME)
    assert (reply.status, reply.error) == (200, None)
    served, names = open_note(reply.cosigned(), [LOG.verifier, WITNESS.verifier])
    assert names == (ORIGIN, WITNESS.name)
    assert len(served.signatures) == 2
    assert cosigned_at(served.signatures[1]) == TIME
    assert open_note(note(5) + reply.body, [WITNESS.verifier])[1] == (WITNESS.name,)
    assert read_path(ORIGIN) == "d2ddd66899fd15bead08af77cf16e1fda92ebeaacf1c56f97d32388910e8f991/checkpoint"


@settings(max_examples=60)
@given(st.integers(0, 300), st.integers(1, 300))
def test_every_step_of_an_honest_log_is_cosigned(old, new):
    old = min(old, new)
    assert ask(old, new).status == 200


def test_the_same_checkpoint_again_is_cosigned_again():
    assert ask(7, 7).status == 200


@pytest.mark.parametrize("body", [b"", b"no note", b"example.org/log\n5\n\n", note(5).partition(b"\n\n")[0]])
def test_400_for_what_is_no_checkpoint(body):
    assert add_checkpoint(b"old 0\n\n" + body, KEYS, {}, WITNESS, TIME).status == 400


def test_400_for_an_old_size_above_the_new():
    reply = ask(9, 5, proof=())
    assert reply.status == 400
    assert isinstance(reply.error, Malformed)


def test_404_for_an_unknown_log_however_signed():
    other = NoteSigner("example.org/other", bytes(range(32)))
    text = sign_checkpoint(Checkpoint(other.name, 5, TREE.root(5)), other)
    reply = ask(0, 5, note=text)
    assert reply.status == 404
    assert isinstance(reply.error, Missing)


def test_403_for_nobodys_signature_a_strangers_and_a_false_one():
    good = parse_note(note(5))
    bad = replace(good.signatures[0], signature=flipped(good.signatures[0].signature))
    assert ask(0, 5, note=note(5)[:-9]).status == 403
    text = format_checkpoint(point(5))
    for signed in (
        sign_note(text, NoteSigner("stranger", bytes(32))),
        sign_note(text, NoteSigner(ORIGIN, bytes(32))),
        format_note(Note(text, (WITNESS.cosign(text, 1),))),
        format_note(Note(text, (bad,))),
        format_note(Note(text, (good.signatures[0], bad))),
    ):
        reply = ask(0, 5, note=signed)
        assert (reply.status, type(reply.error)) == (403, Untrusted)
        assert not reply.note
        with pytest.raises(Untrusted):
            reply.cosigned()


@pytest.mark.parametrize(("old", "seen"), [(0, 5), (4, 5), (6, 5), (5, 0)])
def test_409_with_the_size_cosigned_last(old, seen):
    reply = ask(old, 9, seen=seen)
    assert (reply.status, reply.body) == (409, f"{seen}\n".encode())
    assert isinstance(reply.error, Conflict)


def test_422_for_each_false_proof():
    """After each success every hash of the proof is corrupted, dropped or doubled, and must fail."""
    for old, new in ((1, 2), (3, 7), (128, 300), (255, 256), (299, 300)):
        proof = prove_consistency(TREE, old, new)
        assert ask(old, new).status == 200
        wrong = [(*proof[:at], flipped(one), *proof[at + 1 :]) for at, one in enumerate(proof)]
        wrong += [proof[1:], (*proof, proof[0]), ()]
        for bad in wrong:
            reply = ask(old, new, proof=bad)
            assert (reply.status, type(reply.error), reply.note) == (422, Untrusted, b"")


def test_422_for_a_proof_from_the_empty_tree():
    """Consistency from size 0 needs none and admits none."""
    reply = ask(0, 5, proof=(bytes(32),))
    assert (reply.status, type(reply.error)) == (422, Untrusted)
    assert ask(0, 5).status == 200


def test_an_empty_log_is_cosigned_and_anything_continues_it():
    empty = sign_note(f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", LOG)
    reply = add_checkpoint(b"old 0\n\n" + empty, KEYS, {}, WITNESS, TIME)
    assert reply.status == 200
    last = {ORIGIN: Checkpoint(ORIGIN, 0, EMPTY_ROOT)}
    assert add_checkpoint(b"old 0\n\n" + note(5), KEYS, last, WITNESS, TIME).status == 200
    false = sign_note(f"{ORIGIN}\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", LOG)
    assert add_checkpoint(b"old 0\n\n" + false, KEYS, {}, WITNESS, TIME).status == 422


def test_the_equivocator_gets_no_second_history_cosigned():
    """The log key signs two histories: after the first, the second is refused at its size and at every later one."""
    forked = tree_of(4)
    for at in range(4, 300):
        forked.append(bytes([at % 256]) * 32)
    assert ask(0, 9).status == 200
    for new in (9, 10, 300):
        reply = ask(9, new, tree=forked)
        assert (reply.status, type(reply.error)) == (422, Untrusted)
        assert ask(9, new).status == 200
    with pytest.raises(Untrusted):
        check_continues(point(9), point(9, forked), ())


def test_the_rewinder_gets_no_older_checkpoint_cosigned():
    for old in range(9):
        assert ask(old, old or 1, seen=9).status == 409
    assert ask(9, 5, proof=(), seen=9).status == 400


def test_the_thief_of_a_retired_key_is_nobody():
    """A witness that knows the key in force does not cosign under the one before."""
    assert ask(5, 9, note=note(9, key=RETIRED)).status == 403
    both = sign_note(format_checkpoint(point(9)), RETIRED, LOG)
    assert ask(5, 9, note=both).status == 200
