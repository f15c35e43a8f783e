"""The Merkle tree agrees with RFC 6962, with other implementations, and with nobody who lies."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.core.errors import Malformed, Missing, Rejected, Unchecked, Untrusted, Usage
from muniment.log.merkle import (
    EMPTY_ROOT,
    Edge,
    MemoryTree,
    check_consistency,
    check_inclusion,
    check_range,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusion,
    prove_range,
    root_at,
)

from .vectors import cases, flipped, tree_of, unbase64

SIZES = st.integers(1, 400)
TREE = tree_of(600)


def rfc_root(leaves: list[bytes]) -> bytes:
    """MTH(D[n]) of RFC 6962, section 2.1, as the text writes it."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + rfc_root(leaves[:k]) + rfc_root(leaves[k:])).digest()


@pytest.mark.parametrize("case", cases("merkle_rfc6962_hasher"), ids=lambda case: case["desc"])
def test_hashes_are_those_of_rfc_6962(case):
    made = {
        "empty": lambda: EMPTY_ROOT,
        "leaf": lambda: leaf_hash(case["data"].encode()),
        "node": lambda: node_hash(case["left"].encode(), case["right"].encode()),
    }[case["kind"]]()
    assert made.hex() == case["want"]


@pytest.mark.parametrize("case", cases("merkle_inclusion"), ids=lambda case: case["file"])
def test_inclusion_vectors(case):
    def check() -> None:
        proof = [unbase64(value) for value in case["proof"] or ()]
        check_inclusion(unbase64(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, unbase64(case["root"]))

    if case["wantErr"]:
        with pytest.raises((Untrusted, Malformed)):
            check()
    else:
        check()


@pytest.mark.parametrize("case", cases("merkle_consistency"), ids=lambda case: case["file"])
def test_consistency_vectors(case):
    def check() -> None:
        proof = [unbase64(value) for value in case["proof"] or ()]
        check_consistency(case["size1"], unbase64(case["root1"]), case["size2"], unbase64(case["root2"]), proof)

    if case["wantErr"]:
        with pytest.raises((Untrusted, Malformed)):
            check()
    else:
        check()


def test_roots_and_proofs_are_those_of_gos_tlog():
    """The digest is of all roots up to 600 and all proofs at twelve sizes, as golang.org/x/mod v0.42.0 makes them."""
    seen = hashlib.sha256()
    for size in range(1, 601):
        seen.update(TREE.root(size))
    for size in (1, 2, 3, 7, 64, 255, 256, 257, 300, 511, 512, 600):
        for index in range(size):
            seen.update(b"".join(prove_inclusion(TREE, index, size)))
            seen.update(b"".join(prove_consistency(TREE, index + 1, size)))
    assert seen.hexdigest() == "7556c3163a339a97521970037349c2b7c180384d7756664a96ba13dd93e94371"


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_the_root_is_the_one_rfc_6962_defines(leaves):
    assert MemoryTree(map(leaf_hash, leaves)).root() == rfc_root(leaves)


@given(st.lists(st.binary(max_size=9), max_size=70))
def test_an_edge_grows_as_its_tree_does(leaves):
    tree, edge = MemoryTree(), Edge()
    for size, leaf in enumerate(map(leaf_hash, leaves)):
        assert (edge.size, edge.root()) == (size, tree.root())
        assert len(edge.hashes) == size.bit_count()
        tree.append(leaf)
        edge = edge.append(leaf)
    assert edge.root() == tree.root()


@pytest.mark.parametrize("bad", [b"", bytes(31), bytes(33)])
def test_an_edge_takes_hashes_only(bad):
    with pytest.raises(Malformed):
        Edge().append(bad)


@given(SIZES, st.data())
def test_each_leaf_is_included_and_each_changed_hash_is_noticed(size, data):
    index = data.draw(st.integers(0, size - 1))
    leaf, root, proof = TREE.read(0, index), TREE.root(size), prove_inclusion(TREE, index, size)
    check_inclusion(leaf, index, size, proof, root)
    bit = data.draw(st.integers(0, 255))
    for at in range(len(proof)):
        bad = [*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]]
        with pytest.raises(Untrusted):
            check_inclusion(leaf, index, size, bad, root)
    for a_leaf, a_root in ((flipped(leaf, bit), root), (leaf, flipped(root, bit))):
        with pytest.raises(Untrusted):
            check_inclusion(a_leaf, index, size, proof, a_root)


@given(SIZES, st.data())
def test_a_proof_holds_at_no_other_index_and_at_no_other_length(size, data):
    index = data.draw(st.integers(0, size - 1))
    leaf, root, proof = TREE.read(0, index), TREE.root(size), prove_inclusion(TREE, index, size)
    for other in {*range(max(index - 3, 0), index + 4), size - 1 - index, size, -1} - {index}:
        with pytest.raises(Untrusted):
            check_inclusion(leaf, other, size, proof, root)
    for bad in (proof[:-1], proof[1:], (*proof, root), (root, *proof)):
        if bad != proof:
            with pytest.raises(Untrusted):
                check_inclusion(leaf, index, size, bad, root)


@given(st.integers(2, 400), st.data())
def test_each_growth_is_consistent_and_each_changed_hash_is_noticed(new, data):
    old = data.draw(st.integers(1, new - 1))
    old_root, new_root, proof = TREE.root(old), TREE.root(new), prove_consistency(TREE, old, new)
    check_consistency(old, old_root, new, new_root, proof)
    assert proof
    bit = data.draw(st.integers(0, 255))
    for at in range(len(proof)):
        with pytest.raises(Untrusted):
            check_consistency(old, old_root, new, new_root, [*proof[:at], flipped(proof[at], bit), *proof[at + 1 :]])
    for first, then in ((flipped(old_root, bit), new_root), (old_root, flipped(new_root, bit)), (new_root, old_root)):
        with pytest.raises(Untrusted):
            check_consistency(old, first, new, then, proof)
    for bad in (proof[:-1], proof[1:], (*proof, old_root)):
        with pytest.raises(Untrusted):
            check_consistency(old, old_root, new, new_root, bad)


@given(st.integers(2, 120), st.data())
def test_an_operator_who_rewrites_an_old_leaf_cannot_prove_consistency(new, data):
    """The operator re-hashes the whole log around the change and makes the proof by the rules."""
    old = data.draw(st.integers(1, new - 1))
    changed = data.draw(st.integers(0, old - 1))
    hashes = [TREE.read(0, index) for index in range(new)]
    hashes[changed] = leaf_hash(b"another past")
    forged = MemoryTree(hashes)
    with pytest.raises(Untrusted):
        check_consistency(old, TREE.root(old), new, forged.root(), prove_consistency(forged, old, new))
    check_consistency(old, forged.root(old), new, forged.root(), prove_consistency(forged, old, new))


def test_consistency_from_nothing_and_backwards_is_refused():
    tree = tree_of(5)
    with pytest.raises(Untrusted):
        check_consistency(0, EMPTY_ROOT, 5, tree.root(), ())
    with pytest.raises(Untrusted):
        check_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, ())
    with pytest.raises(Untrusted):
        check_consistency(5, tree.root(), 4, tree.root(4), prove_consistency(tree, 4, 5))
    for old, new in ((0, 5), (0, 0), (6, 5), (-1, 5)):
        with pytest.raises(Usage):
            prove_consistency(tree, old, new)
    with pytest.raises(Missing):
        prove_consistency(tree, 5, 8)


def test_equal_sizes_need_equal_roots_and_no_proof():
    tree = tree_of(6)
    assert prove_consistency(tree, 6, 6) == ()
    check_consistency(6, tree.root(), 6, tree.root(), ())
    with pytest.raises(Untrusted):
        check_consistency(6, tree.root(), 6, tree.root(5), ())
    with pytest.raises(Untrusted):
        check_consistency(6, tree.root(), 6, tree.root(), (tree.root(),))


@given(st.integers(1, 80), st.data())
def test_each_range_is_provable_and_each_changed_hash_is_noticed(size, data):
    begin = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(begin + 1, size))
    leaves, root = [TREE.read(0, index) for index in range(begin, end)], TREE.root(size)
    proof = prove_range(TREE, begin, end, size)
    check_range(leaves, begin, size, proof, root)
    bit = data.draw(st.integers(0, 255))
    for values in (proof, leaves):
        for at in range(len(values)):
            bad = [*values[:at], flipped(values[at], bit), *values[at + 1 :]]
            with pytest.raises(Untrusted):
                check_range(*((leaves, begin, size, bad) if values is proof else (bad, begin, size, proof)), root)
    for bad in (proof[:-1], proof[1:], (*proof, root)):
        if bad != proof:
            with pytest.raises(Untrusted):
                check_range(leaves, begin, size, bad, root)


@settings(max_examples=60)
@given(st.integers(2, 18), st.data())
def test_no_claimed_shape_makes_leaves_neighbours_that_are_not(size, data):
    """A prover may claim any size and index: what fits the root still shows every leaf between two leaves."""
    first = data.draw(st.integers(0, size - 2))
    second = data.draw(st.integers(first + 1, size - 1))
    pair = [TREE.read(0, first), TREE.read(0, second)]
    for claimed in range(2, 2 * size + 2):
        for begin in range(claimed - 1):
            for hashes in _honest_pools(size, first, second):
                if _fits(pair, begin, claimed, hashes, TREE.root(size)):
                    assert second == first + 1
                    assert (begin == 0) == (first == 0)
                    assert (begin + 2 == claimed) == (second == size - 1)


def _honest_pools(size: int, first: int, second: int) -> list[tuple[bytes, ...]]:
    """Hashes a liar would have at hand: the true proofs around both leaves."""
    left, right = prove_range(TREE, first, first + 1, size), prove_range(TREE, second, second + 1, size)
    whole = prove_range(TREE, first, second + 1, size)
    return [left, right, whole, left[:-1], right[1:]]


def _fits(leaves: list[bytes], begin: int, size: int, proof: tuple[bytes, ...], root: bytes) -> bool:
    try:
        check_range(leaves, begin, size, proof, root)
    except Untrusted:
        return False
    return True


def test_the_empty_range_proves_the_empty_tree_and_nothing_else():
    check_range((), 0, 0, (), EMPTY_ROOT)
    assert prove_range(tree_of(0), 0, 0, 0) == ()
    tree = tree_of(3)
    for begin, size, proof, root in (
        (0, 3, (tree.root(),), tree.root()),
        (0, 0, (), tree.root()),
        (0, 0, (EMPTY_ROOT,), EMPTY_ROOT),
        (1, 0, (), EMPTY_ROOT),
    ):
        with pytest.raises(Untrusted):
            check_range((), begin, size, proof, root)
    with pytest.raises(Usage):
        prove_range(tree, 1, 1, 3)


def test_the_largest_tree_of_a_range_proof_has_2_to_the_63_minus_1_leaves():
    leaf, path = leaf_hash(b""), [bytes([level] * 32) for level in range(63)]
    root = leaf
    for value in path:
        root = node_hash(root, value)
    check_range((leaf,), 0, 2**63 - 1, path, root)
    with pytest.raises(Untrusted, match="has no range"):
        check_range((leaf,), 0, 2**63, path, root)


def test_absurd_sizes_are_refused_quickly():
    leaf = leaf_hash(b"")
    for size in (2**63, 2**5000):
        with pytest.raises(Untrusted):
            check_range((leaf,), 0, size, (), leaf)
        with pytest.raises(Untrusted):
            check_inclusion(leaf, 0, size, (), leaf)
        with pytest.raises(Untrusted):
            check_consistency(1, leaf, size, leaf, ())


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_hash_has_32_bytes(length):
    tree, odd = tree_of(4), b"\x01" * length
    leaf, root, proof = tree.read(0, 1), tree.root(), prove_inclusion(tree, 1, 4)
    for call in (
        lambda: tree.append(odd),
        lambda: check_inclusion(odd, 1, 4, proof, root),
        lambda: check_inclusion(leaf, 1, 4, (proof[0], odd), root),
        lambda: check_inclusion(leaf, 1, 4, proof, odd),
        lambda: check_consistency(2, odd, 4, root, prove_consistency(tree, 2, 4)),
        lambda: check_consistency(2, tree.root(2), 4, root, (odd,)),
        lambda: check_range((odd,), 1, 4, proof, root),
    ):
        with pytest.raises(Malformed):
            call()
    assert tree.size == 4


def test_an_inner_node_does_not_pass_for_a_leaf():
    """Second preimage: the tree over the two inner nodes of a tree of four has another root."""
    tree = tree_of(4)
    left, right = tree.read(1, 0), tree.read(1, 1)
    assert MemoryTree([leaf_hash(left), leaf_hash(right)]).root() != tree.root()
    check_inclusion(left, 0, 2, (right,), tree.root())
    with pytest.raises(Untrusted):
        check_inclusion(leaf_hash(tree.read(0, 0) + tree.read(0, 1)), 0, 2, (right,), tree.root())


@given(st.lists(st.integers(0, 300), min_size=2, max_size=4))
def test_a_tree_remembers_its_earlier_roots(sizes):
    tree = MemoryTree()
    roots = {0: tree.root()}
    for index in range(max(sizes)):
        assert tree.append(leaf_hash(b"entry %d" % index)) == index
        roots[index + 1] = tree.root()
    for size in sizes:
        assert root_at(tree, size) == tree.root(size) == roots[size]
    for old, new in pairwise(sorted({size for size in sizes if size})):
        check_consistency(old, roots[old], new, roots[new], prove_consistency(tree, old, new))


def test_what_is_not_in_the_tree_is_missing_or_a_wrong_question():
    tree = tree_of(5)
    for level, index in ((0, 5), (1, 2), (3, 0), (-1, 0), (0, -1), (64, 0)):
        with pytest.raises(Missing):
            tree.read(level, index)
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(Usage):
            prove_inclusion(tree, index, size)
    with pytest.raises(Usage):
        tree.root(-1)
    with pytest.raises(Missing):
        tree.root(9)


def test_false_and_unknown_do_not_share_a_class():
    tree = tree_of(4)
    with pytest.raises(Rejected) as false:
        check_inclusion(tree.read(0, 0), 1, 4, prove_inclusion(tree, 1, 4), tree.root())
    with pytest.raises(Unchecked) as unknown:
        check_inclusion(b"", 1, 4, prove_inclusion(tree, 1, 4), tree.root())
    assert (false.value.exit_code, unknown.value.exit_code) == (1, 3)
