"""The state tree: presence, absence and complete listings, against liars who choose shape and order."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.canonical import format_json, parse_canonical
from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Malformed, Mismatch, Missing, MunimentError, Rejected, Untrusted
from muniment.log.merkle import EMPTY_ROOT, MemoryTree, leaf_hash, prove_range
from muniment.log.statetree import (
    RangeProof,
    StateLeaf,
    StateTree,
    check_absence,
    check_listing,
    check_presence,
    check_range_of,
    format_leaf,
    format_proof,
    parse_leaf,
    parse_proof,
)

from .vectors import flipped

CHARS = st.characters(min_codepoint=0x21, exclude_categories=["Cs"], exclude_characters="\x7f")
SUBJECT = st.one_of(st.text(CHARS, min_size=1, max_size=6), st.text("ab!~é\U0001f600/", min_size=1, max_size=4))
DOCUMENTS = st.dictionaries(SUBJECT, st.binary(max_size=8), max_size=24)


def names(leaves: tuple[StateLeaf, ...]) -> list[str]:
    return [leaf.subject for leaf in leaves]


def sorted_names(subjects) -> list[str]:
    return sorted(subjects, key=str.encode)


@given(DOCUMENTS)
def test_the_tree_is_rfc_6962_over_sorted_lines(documents):
    state = StateTree(documents)
    lines = sorted(f"{s} {hashlib.sha256(d).hexdigest()}\n".encode() for s, d in documents.items())
    assert [format_leaf(leaf) for leaf in state.leaves] == lines
    assert state.root == MemoryTree(map(leaf_hash, lines)).root()
    assert state.size == len(documents)


@given(DOCUMENTS, st.randoms())
def test_the_root_does_not_depend_on_the_order_of_the_documents(documents, random):
    pairs = list(documents.items())
    random.shuffle(pairs)
    assert StateTree(dict(pairs)).root == StateTree(documents).root


def plain_root(documents) -> bytes:
    """The root by the definition alone."""
    lines = sorted(f"{s} {hashlib.sha256(d).hexdigest()}\n".encode() for s, d in documents.items())
    return MemoryTree(map(leaf_hash, lines)).root()


@given(st.lists(DOCUMENTS, max_size=8))
def test_a_tree_brought_up_to_date_is_the_tree_of_all(steps):
    state, documents, past = StateTree(), {}, []
    for changed in steps:
        state, documents = state.updated(changed), documents | changed
        assert state.root == plain_root(documents)
        past.append((state, dict(documents)))
    for old, then in past:
        assert old.root == StateTree(then).root
        assert old.leaves == StateTree(then).leaves


@pytest.mark.parametrize("seed", range(4))
def test_a_large_tree_brought_up_to_date(seed):
    """Over many runs: single leaves and many at once, put in and replaced, with older trees asked again meanwhile."""
    dice = random.Random(seed)  # noqa: S311 - a test

    def drawn(count: int) -> dict[str, bytes]:
        return {f"{dice.choice('abc')}/{dice.randrange(9000)}": dice.randbytes(4) for _ in range(count)}

    documents = drawn(dice.choice([0, 1, 2100, 7000]))
    state = StateTree(documents)
    kept = [(state, state.root)]
    for _ in range(60):
        changed = drawn(dice.choice([0, 1, 1, 1, 2, 5, 40, 700]))
        state, documents = state.updated(changed), documents | changed
        assert state.root == plain_root(documents)
        kept.append((state, state.root))
        old, root = dice.choice(kept)
        assert StateTree.updated(old, {}).root == root
    for subject in dice.sample(sorted(documents), 20):
        check_presence(state.root, state.size, subject, documents[subject], state.prove(subject))
        check_absence(state.root, state.size, subject + "!", state.prove_absence(subject + "!"))
    listed = check_listing(state.root, state.size, "b/", state.prove_listing("b/"))
    assert names(listed) == sorted_names(s for s in documents if s.startswith("b/"))


def test_a_change_at_the_seam_of_two_runs_reaches_all_that_stand_before_it():
    """Every window that was ever asked for, at every shift, holds the first leaf of the second run as it is now."""
    documents = {f"m/{number:04}": b"" for number in range(2100)}
    state = StateTree(documents)
    shifts = [f"a/{number:04}" for number in range(1100)]
    for number, shift in enumerate(shifts):
        changed = {shift: b""} | ({state._firsts[0].decode(): b"other"} if number == 550 else {})
        state, documents = state.updated(changed), documents | changed
        assert number < 550 or state.root == plain_root(documents), number
        state.root  # noqa: B018 - it is asked for, so that it is known


def known_windows(state: StateTree) -> int:
    return sum(root is not None for run in state._runs for row in run.rows for root in row)


def test_a_change_costs_less_than_the_leaves_it_moves():
    dice = random.Random(1)  # noqa: S311 - a test
    state, hashed = StateTree({f"{dice.random()}": b"" for _ in range(6000)}), []
    for _ in range(1600):
        state = state.updated({f"{dice.random()}": b""})
        before = known_windows(state) if len(hashed) >= 1500 else 0
        state.root  # noqa: B018 - it is asked for, so that it is known
        hashed.append(known_windows(state) - before if before else 0)
    assert 0 < sum(hashed[-99:]) / 99 < 600


def test_the_empty_tree():
    state = StateTree({})
    assert (state.root, state.size) == (EMPTY_ROOT, 0)
    check_absence(state.root, 0, "a", state.prove_absence("a"))
    assert check_listing(state.root, 0, "", state.prove_listing("")) == ()
    with pytest.raises(Missing):
        state.prove("a")


@given(DOCUMENTS.filter(bool), st.data())
def test_presence_is_proved_and_each_change_is_noticed(documents, data):
    state = StateTree(documents)
    subject = data.draw(st.sampled_from(sorted(documents)))
    proof = state.prove(subject)
    assert names(proof.leaves) == [subject]
    check_presence(state.root, state.size, subject, documents[subject], proof)
    with pytest.raises(Mismatch):
        check_presence(state.root, state.size, subject, documents[subject] + b"x", proof)
    with pytest.raises(Untrusted):
        check_presence(state.root, state.size, subject + "x", documents[subject], proof)
    _each_change_is_noticed(state, proof, lambda root, bad: check_presence(root, state.size, subject, b"", bad), data)


@given(DOCUMENTS, SUBJECT, st.data())
def test_absence_is_proved_and_each_change_is_noticed(documents, subject, data):
    documents.pop(subject, None)
    state = StateTree(documents)
    proof = state.prove_absence(subject)
    assert len(proof.leaves) <= 2
    check_absence(state.root, state.size, subject, proof)
    with pytest.raises(Missing):
        state.prove(subject)
    _each_change_is_noticed(state, proof, lambda root, bad: check_absence(root, state.size, subject, bad), data)


@given(DOCUMENTS.filter(bool), st.data())
def test_what_is_there_cannot_be_proved_absent(documents, data):
    state = StateTree(documents)
    subject = data.draw(st.sampled_from(sorted(documents)))
    with pytest.raises(Mismatch):
        state.prove_absence(subject)
    for proof in (state.prove(subject), state.prove_listing(""), state.prove_range(subject, subject + "!")):
        with pytest.raises(Untrusted):
            check_absence(state.root, state.size, subject, proof)
    others = sorted_names(set(documents) - {subject})
    if others:
        other = data.draw(st.sampled_from(others))
        with pytest.raises(Untrusted):
            check_absence(state.root, state.size, subject, state.prove(other))


@given(DOCUMENTS, st.text("ab!~é/", max_size=2), st.data())
def test_a_listing_is_complete_and_each_change_is_noticed(documents, prefix, data):
    state = StateTree(documents)
    proof = state.prove_listing(prefix)
    found = check_listing(state.root, state.size, prefix, proof)
    assert names(found) == sorted_names(s for s in documents if s.startswith(prefix))
    assert all(leaf.document == digest_of(documents[leaf.subject]) for leaf in found)
    _each_change_is_noticed(state, proof, lambda root, bad: check_listing(root, state.size, prefix, bad), data)


@given(DOCUMENTS, SUBJECT, st.one_of(st.none(), SUBJECT))
def test_a_range_is_complete(documents, low, high):
    state = StateTree(documents)
    found = check_range_of(state.root, state.size, low, high, state.prove_range(low, high))
    inside = (s for s in documents if low.encode() <= s.encode() and (high is None or s.encode() < high.encode()))
    assert names(found) == sorted_names(inside)


@given(DOCUMENTS.filter(lambda documents: len(documents) > 1), st.data())
def test_a_listing_that_leaves_out_a_subject_is_refused(documents, data):
    """A withholder hands out any honest range in place of the one that was asked for."""
    state = StateTree(documents)
    begin = data.draw(st.integers(0, state.size - 1))
    end = data.draw(st.integers(begin + 1, state.size))
    proof = RangeProof(begin, state.leaves[begin:end], prove_range(state, begin, end, state.size))
    low = data.draw(st.sampled_from(sorted(documents)))
    try:
        found = check_range_of(state.root, state.size, low, None, proof)
    except Untrusted:
        return
    assert names(found) == sorted_names(s for s in documents if s.encode() >= low.encode())


@given(DOCUMENTS.filter(lambda documents: len(documents) > 1), st.data())
def test_no_claimed_size_or_index_hides_a_subject(documents, data):
    """Only the root is trusted: whoever makes the proof may lie about size and index, and gains nothing."""
    state = StateTree(documents)
    subject = data.draw(st.sampled_from(sorted(documents)))
    size, begin = data.draw(st.integers(0, 60)), data.draw(st.integers(0, 60))
    start = data.draw(st.integers(0, state.size - 1))
    end = data.draw(st.integers(start + 1, state.size))
    hashes = prove_range(state, start, end, state.size)
    for kept in (hashes, hashes[1:], hashes[:-1], ()):
        with pytest.raises(Rejected):
            check_absence(state.root, size, subject, RangeProof(begin, state.leaves[start:end], kept))


def test_a_tree_out_of_order_is_noticed_where_it_shows_and_only_there():
    """The operator sorts wrongly. A range over the fault is refused; one beside it lies, and only replay finds out."""
    lines = [StateLeaf(s, digest_of(s.encode())) for s in ("a", "d", "b", "e")]
    tree = MemoryTree(leaf_hash(format_leaf(leaf)) for leaf in lines)
    believed = set()
    for begin, end in ((0, 1), (0, 2), (1, 3), (2, 4), (3, 4), (0, 4)):
        proof = RangeProof(begin, tuple(lines[begin:end]), prove_range(tree, begin, end, 4))
        for subject in ("b", "d"):
            try:
                check_absence(tree.root(), 4, subject, proof)
            except Untrusted:
                continue
            believed.add((begin, end, subject))
    assert believed == {(0, 2, "b"), (2, 4, "d")}
    assert StateTree({s: s.encode() for s in ("a", "d", "b", "e")}).root != tree.root()


def test_an_operator_who_repeats_a_subject_is_noticed_when_both_show():
    lines = [StateLeaf("a", digest_of(b"1")), StateLeaf("a", digest_of(b"2"))]
    tree = MemoryTree(leaf_hash(format_leaf(leaf)) for leaf in lines)
    with pytest.raises(Untrusted, match="order"):
        check_listing(tree.root(), 2, "a", RangeProof(0, tuple(lines), ()))


def test_an_inner_node_does_not_pass_for_a_leaf():
    state = StateTree({"a": b"1", "b": b"2", "c": b"3", "d": b"4"})
    left, right = state.read(1, 0), state.read(1, 1)
    outer = RangeProof(0, (), (left, right))
    with pytest.raises(Untrusted):
        check_absence(state.root, 2, "b", outer)
    with pytest.raises(Untrusted):
        check_absence(state.root, 4, "b", outer)


@pytest.mark.parametrize("subject", ["", " ", "a b", "a\n", "a\x00", "\x1f", "a\x7f", "\ud800"])
def test_what_cannot_be_a_subject(subject):
    state = StateTree({"a": b""})
    for call in (
        lambda: StateTree({subject: b""}),
        lambda: StateLeaf(subject, digest_of(b"")),
        lambda: check_absence(state.root, 1, subject, state.prove_listing("")),
    ):
        with pytest.raises(Malformed):
            call()


def test_text_that_utf8_cannot_hold_is_malformed_everywhere():
    state = StateTree({"a": b""})
    for call in (state.prove, state.prove_absence, state.prove_listing, lambda low: state.prove_range(low, None)):
        with pytest.raises(Malformed):
            call("\ud800")


@given(SUBJECT, st.binary(max_size=9))
def test_a_leaf_comes_back(subject, document):
    leaf = StateLeaf(subject, digest_of(document))
    assert parse_leaf(format_leaf(leaf)) == leaf


HEX = "0" * 64


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a",
        f"a {HEX}".encode(),
        f"a  {HEX}\n".encode(),
        f" {HEX}\n".encode(),
        f"a {HEX}\n\n".encode(),
        f"a {HEX} \n".encode(),
        f"a {HEX[:-1]}\n".encode(),
        f"a {HEX.replace('0', 'A')}\n".encode(),
        b"\xff " + HEX.encode() + b"\n",
    ],
)
def test_another_spelling_of_a_leaf_is_malformed(data):
    with pytest.raises(Malformed):
        parse_leaf(data)


@given(DOCUMENTS, st.text("ab", max_size=1))
def test_a_proof_comes_back_from_canonical_json(documents, prefix):
    proof = StateTree(documents).prove_listing(prefix)
    assert parse_proof(parse_canonical(format_json(format_proof(proof)), "The proof")) == proof


GOOD = {"begin": 0, "hashes": ["A" * 43 + "="], "leaves": [["a", HEX]]}


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {**GOOD, "more": 1},
        {**GOOD, "begin": -1},
        {**GOOD, "begin": 1.0},
        {**GOOD, "begin": True},
        {**GOOD, "begin": "0"},
        {**GOOD, "begin": 2**63},
        {**GOOD, "hashes": "A"},
        {**GOOD, "hashes": [None]},
        {**GOOD, "hashes": ["AAAA"]},
        {**GOOD, "hashes": ["A" * 43]},
        {**GOOD, "leaves": [["a"]]},
        {**GOOD, "leaves": [["a", HEX, HEX]]},
        {**GOOD, "leaves": ["ab"]},
        {**GOOD, "leaves": [["a", 1]]},
        {**GOOD, "leaves": [["a b", HEX]]},
        {**GOOD, "leaves": [["a", "sha256:" + HEX]]},
    ],
)
def test_another_value_is_no_proof(value):
    assert parse_proof({**GOOD, "begin": 2**63 - 1}).begin == 2**63 - 1
    assert parse_proof(GOOD).leaves == (StateLeaf("a", Digest(HEX)),)
    with pytest.raises(Malformed):
        parse_proof(value)


def _each_change_is_noticed(state: StateTree, proof: RangeProof, check, data) -> None:
    """Every hash and every leaf changed in turn, and the root: each must be refused."""
    bit = data.draw(st.integers(0, 255))
    bad = [
        replace(proof, hashes=(*proof.hashes[:at], flipped(value, bit), *proof.hashes[at + 1 :]))
        for at, value in enumerate(proof.hashes)
    ]
    for at, leaf in enumerate(proof.leaves):
        for other in (replace(leaf, document=digest_of(b"other")), replace(leaf, subject=leaf.subject + "~")):
            bad.append(replace(proof, leaves=(*proof.leaves[:at], other, *proof.leaves[at + 1 :])))
        bad.append(replace(proof, leaves=proof.leaves[:at] + proof.leaves[at + 1 :]))
    bad += [replace(proof, hashes=(*proof.hashes, state.root)), replace(proof, begin=proof.begin + 1)]
    for one in bad:
        with pytest.raises(MunimentError):
            check(state.root, one)
    with pytest.raises(Untrusted):
        check(flipped(state.root, bit), proof)
