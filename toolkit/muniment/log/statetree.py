"""The state tree: what is true now, provable subject by subject, present or absent.

It is an RFC 6962 tree over the leaves `<subject> <64 hex digits of the document's SHA-256>\\n`, sorted by their bytes.
A subject is UTF-8 without characters up to U+0020 and without U+007F, so leaves sort as their subjects do.
One primitive proves everything: leaves that stand side by side under the root. One leaf proves presence; the two
neighbours of a gap prove absence; neighbours with all leaves between them prove a complete listing.

Nothing but the root must be trusted: the size and indexes that come with a proof may be claims of whoever made it. A
leaf cannot pass for a node, so no shape that fits the root hides a leaf between two neighbours or beyond an edge.
The root is trusted to be that of a sorted tree, which only replay shows: absence is asserted by the log until then.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Malformed, Mismatch, Missing, Untrusted
from muniment.log.merkle import HASH_SIZE, MemoryTree, check_range, leaf_hash, prove_range
from muniment.log.text import MAX_NUMBER, format_base64, parse_base64

_SUBJECT = re.compile("[^\x00-\x20\x7f\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class StateLeaf:
    """A subject and the digest of the document that says its state."""

    subject: str
    document: Digest

    def __post_init__(self) -> None:
        if not _SUBJECT.fullmatch(self.subject):
            raise Malformed(f"{self.subject[:80]!r} cannot be a subject.", "Use text without spaces and control codes.")


@dataclass(frozen=True, slots=True)
class RangeProof:
    """Leaves that stand side by side from index `begin`, and the hashes left and right that lead to the root."""

    begin: int
    leaves: tuple[StateLeaf, ...]
    hashes: tuple[bytes, ...]


class StateTree:
    """The tree over a set of documents by subject."""

    __slots__ = ("_keys", "leaves", "tree")

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        leaves = (StateLeaf(subject, digest_of(document)) for subject, document in documents.items())
        self.leaves = tuple(sorted(leaves, key=lambda leaf: _key(leaf.subject)))
        self.tree = MemoryTree(leaf_hash(format_leaf(leaf)) for leaf in self.leaves)
        self._keys = [_key(leaf.subject) for leaf in self.leaves]

    @property
    def size(self) -> int:
        """The number of subjects."""
        return len(self.leaves)

    @property
    def root(self) -> bytes:
        """The 32-byte root; `EMPTY_ROOT` without subjects."""
        return self.tree.root()

    def prove(self, subject: str) -> RangeProof:
        """The proof that a subject has its document. Raises `Missing` for a subject that is not there."""
        at = bisect_left(self._keys, _key(subject))
        if at == self.size or self.leaves[at].subject != subject:
            raise Missing(f"{subject} is not in the state tree.", "Ask for its absence.")
        return self._prove(at, at + 1)

    def prove_absence(self, subject: str) -> RangeProof:
        """The proof that a subject is not there: the neighbours of its gap. Raises `Mismatch` if it is there."""
        proof = self.prove_range(subject, _after(subject))
        if any(leaf.subject == subject for leaf in proof.leaves):
            raise Mismatch(f"{subject} is in the state tree.", "Ask for its presence.")
        return proof

    def prove_listing(self, prefix: str) -> RangeProof:
        """The proof of all subjects that begin with a prefix; "" lists the whole tree."""
        return self._prove_between(*_bounds_of(prefix))

    def prove_range(self, low: str, high: str | None) -> RangeProof:
        """The proof of all subjects from `low` up to but not including `high` (None: to the end)."""
        return self._prove_between(_key(low), None if high is None else _key(high))

    def _prove_between(self, low: bytes, high: bytes | None) -> RangeProof:
        begin = bisect_left(self._keys, low)
        end = self.size if high is None else max(begin, bisect_left(self._keys, high))
        return self._prove(max(begin - 1, 0), min(end + 1, self.size))

    def _prove(self, begin: int, end: int) -> RangeProof:
        return RangeProof(begin, self.leaves[begin:end], prove_range(self.tree, begin, end, self.size))


def check_presence(root: bytes, size: int, subject: str, document: bytes, proof: RangeProof) -> None:
    """Holds if the subject has exactly this document under the root; else `Untrusted`, or `Mismatch` for another."""
    found = {leaf.subject: leaf.document for leaf in _checked(root, size, proof)}
    if subject not in found:
        raise Untrusted(f"The proof does not speak of {subject}.", "Ask for a proof of this subject.")
    if found[subject] != digest_of(document):
        raise Mismatch(f"The document of {subject} is not the one in the state tree.", "Fetch the document again.")


def check_absence(root: bytes, size: int, subject: str, proof: RangeProof) -> None:
    """Holds if the subject is not under the root; else `Untrusted`."""
    StateLeaf(subject, digest_of(b""))
    if check_range_of(root, size, subject, _after(subject), proof):
        raise Untrusted(f"{subject} is in the state tree.", "It is not absent.")


def check_listing(root: bytes, size: int, prefix: str, proof: RangeProof) -> tuple[StateLeaf, ...]:
    """All subjects under the root that begin with the prefix, proved complete; else `Untrusted`."""
    return _between(root, size, *_bounds_of(prefix), proof)


def check_range_of(root: bytes, size: int, low: str, high: str | None, proof: RangeProof) -> tuple[StateLeaf, ...]:
    """All subjects under the root from `low` up to but not including `high`, proved complete; else `Untrusted`."""
    return _between(root, size, _key(low), None if high is None else _key(high), proof)


def format_leaf(leaf: StateLeaf) -> bytes:
    """`<subject> <64 hex digits>\\n`."""
    return f"{leaf.subject} {leaf.document.hex}\n".encode()


def parse_leaf(data: bytes) -> StateLeaf:
    """The leaf that bytes hold. Raises `Malformed`."""
    try:
        subject, _, document = data.decode("utf-8").removesuffix("\n").partition(" ")
    except UnicodeDecodeError as error:
        raise Malformed("A leaf of the state tree is not UTF-8.", "Build the tree again.") from error
    leaf = StateLeaf(subject, Digest(document))
    if format_leaf(leaf) != data:
        raise Malformed("A leaf of the state tree is not `<subject> <sha256>` on one line.", "Build the tree again.")
    return leaf


def format_proof(proof: RangeProof) -> dict[str, Any]:
    """The JSON value of a range proof: `{"begin": n, "hashes": [base64…], "leaves": [[subject, hex]…]}`."""
    return {
        "begin": proof.begin,
        "hashes": [format_base64(value) for value in proof.hashes],
        "leaves": [[leaf.subject, leaf.document.hex] for leaf in proof.leaves],
    }


def parse_proof(value: Any) -> RangeProof:
    """The range proof that a JSON value holds. Raises `Malformed`."""
    what = "The proof from the state tree"
    if not isinstance(value, dict) or set(value) != {"begin", "hashes", "leaves"}:
        raise Malformed(f"{what} is not an object of begin, hashes and leaves.", "Fetch it again.")
    begin, hashes, leaves = value["begin"], value["hashes"], value["leaves"]
    pairs = isinstance(leaves, list) and all(_is_texts(pair) and len(pair) == 2 for pair in leaves)
    if type(begin) is not int or not 0 <= begin <= MAX_NUMBER or not _is_texts(hashes) or not pairs:
        raise Malformed(f"{what} has a field of the wrong kind.", "Fetch it again.")
    return RangeProof(
        begin,
        tuple(StateLeaf(subject, Digest(document)) for subject, document in leaves),
        tuple(parse_base64(text, what, HASH_SIZE) for text in hashes),
    )


def _key(text: str) -> bytes:
    """What subjects sort by. Raises `Malformed` for text that UTF-8 cannot hold."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Malformed("A subject is not text.", "Use valid Unicode.") from error


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _checked(root: bytes, size: int, proof: RangeProof) -> tuple[StateLeaf, ...]:
    hashes = [leaf_hash(format_leaf(leaf)) for leaf in proof.leaves]
    check_range(hashes, proof.begin, size, proof.hashes, root)
    keys = [_key(leaf.subject) for leaf in proof.leaves]
    if any(a >= b for a, b in pairwise(keys)):
        raise Untrusted("The leaves of the state tree are not in order.", "The tree was not built by the rules.")
    return proof.leaves


def _between(root: bytes, size: int, low: bytes, high: bytes | None, proof: RangeProof) -> tuple[StateLeaf, ...]:
    leaves = _checked(root, size, proof)
    end = proof.begin + len(leaves)
    starts = proof.begin == 0 or _key(leaves[0].subject) < low
    stops = end == size or (high is not None and _key(leaves[-1].subject) >= high)
    if not starts or not stops:
        raise Untrusted("The proof does not reach both ends of what was asked.", "Ask for a proof of this range.")
    return tuple(leaf for leaf in leaves if low <= _key(leaf.subject) and (high is None or _key(leaf.subject) < high))


def _after(subject: str) -> str:
    """The lowest text above a subject that a subject can be: `!` is the lowest character of subjects."""
    return subject + "!"


def _bounds_of(prefix: str) -> tuple[bytes, bytes | None]:
    """The bounds between which all subjects with a prefix lie; the last byte of UTF-8 is never 0xFF."""
    low = _key(prefix)
    return low, (low[:-1] + bytes([low[-1] + 1]) if low else None)
