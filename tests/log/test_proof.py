"""Proof files: their text, and that they prove exactly one leaf of one log."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.errors import Malformed, Untrusted
from muniment.log.checkpoint import Checkpoint, sign_checkpoint
from muniment.log.merkle import MemoryTree, leaf_hash, prove_inclusion
from muniment.log.note import NoteSigner
from muniment.log.proof import TlogProof, check_proof, format_proof, parse_proof

from .vectors import cases, flipped, tree_of, unbase64

ORIGIN = "example.org/log"
LOG = NoteSigner(ORIGIN, bytes(range(32)))
TREE = tree_of(200)
HASH = st.binary(min_size=32, max_size=32)


def proof_of(index: int, size: int) -> TlogProof:
    """The proof that an honest log hands out."""
    note = sign_checkpoint(Checkpoint(ORIGIN, size, TREE.root(size)), LOG)
    return TlogProof(index, prove_inclusion(TREE, index, size), note)


@pytest.mark.parametrize("case", cases("tlog_proof"), ids=lambda case: case["desc"])
def test_proof_vectors(case):
    data = case["text"].encode()
    if not case["ok"]:
        with pytest.raises(Malformed):
            parse_proof(data)
        return
    proof = parse_proof(data)
    assert proof.index == case["index"]
    assert list(proof.hashes) == [unbase64(text) for text in case["hashes"]]
    assert proof.extra == case.get("extra", "").encode()
    assert proof.checkpoint == case["checkpoint"].encode()
    assert format_proof(proof) == data


@given(st.integers(0, 2**63 - 1), st.lists(HASH, max_size=63), st.binary(max_size=80), st.binary(max_size=80))
def test_a_proof_comes_back(index, hashes, extra, checkpoint):
    proof = TlogProof(index, tuple(hashes), checkpoint + b"\n", extra)
    assert parse_proof(format_proof(proof)) == proof


@given(st.integers(1, 200), st.data())
def test_a_proof_holds_and_each_changed_part_is_noticed(size, data):
    index = data.draw(st.integers(0, size - 1))
    leaf, proof = TREE.read(0, index), parse_proof(format_proof(proof_of(index, size)))
    assert check_proof(proof, leaf, ORIGIN, [LOG.verifier]).size == size
    bit = data.draw(st.integers(0, 255))
    bad = [replace(proof, index=index + 1), replace(proof, checkpoint=proof.checkpoint.replace(b"example", b"exbmple"))]
    for at, value in enumerate(proof.hashes):
        bad.append(replace(proof, hashes=(*proof.hashes[:at], flipped(value, bit), *proof.hashes[at + 1 :])))
    for one in bad:
        with pytest.raises(Untrusted):
            check_proof(one, leaf, ORIGIN, [LOG.verifier])
    with pytest.raises(Untrusted):
        check_proof(proof, flipped(leaf, bit), ORIGIN, [LOG.verifier])


def test_extra_data_is_carried_and_proves_nothing():
    proof = replace(proof_of(3, 9), extra=b"say what you like")
    assert parse_proof(format_proof(proof)).extra == b"say what you like"
    assert check_proof(proof, TREE.read(0, 3), ORIGIN, [LOG.verifier]).size == 9


def test_a_host_without_the_log_key_cannot_prove_another_leaf():
    forged = MemoryTree([leaf_hash(b"forged")])
    thief = NoteSigner(ORIGIN, bytes(32))
    for signer, keys in ((thief, [LOG.verifier]), (LOG, [thief.verifier])):
        proof = TlogProof(0, (), sign_checkpoint(Checkpoint(ORIGIN, 1, forged.root()), signer))
        with pytest.raises(Untrusted):
            check_proof(proof, leaf_hash(b"forged"), ORIGIN, keys)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"proof@v1", b"proof@v2"),
        (b"index 3", b"index 03"),
        (b"index 3", b"index  3"),
        (b"index 3", b"Index 3"),
        (b"index 3", b"3"),
        (b"index 3\n", b""),
        (b"index 3\n", b"index 3\nindex 3\n"),
        (b"index 3\n", b"extra \nindex 3\n"),
        (b"index 3\n", b"extra QQ\nindex 3\n"),
        (b"index 3\n", b"extra QQ==\nextra QQ==\nindex 3\n"),
        (b"index 3\n", b"index 3\nextra QQ==\n"),
        (b"index 3\n", b"index 3\n" + b"A" * 43 + b"B=\n"),
        (b"index 3\n", "index 3\nä\n".encode()),
        (b"\n\n", b"\n"),
        (b"\n\n", b"\r\n\r\n"),
    ],
)
def test_another_spelling_is_malformed(old, new):
    data = format_proof(proof_of(3, 9))
    with pytest.raises(Malformed):
        parse_proof(data.replace(old, new, 1) if old != b"\n\n" else data.replace(old, new))


def test_a_proof_of_63_hashes_is_read():
    proof = replace(proof_of(3, 9), hashes=(bytes(32),) * 63)
    assert parse_proof(format_proof(proof)) == proof


def test_what_a_proof_cannot_hold_is_not_written():
    good = proof_of(3, 9)
    for bad in (
        replace(good, index=-1),
        replace(good, index=2**63),
        replace(good, hashes=(b"short",)),
        replace(good, hashes=(bytes(32),) * 64),
        replace(good, checkpoint=b""),
        replace(good, checkpoint=b"no end"),
    ):
        with pytest.raises(Malformed):
            format_proof(bad)
