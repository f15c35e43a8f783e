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
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from types import MappingProxyType
from typing import Any

from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Malformed, Mismatch, Missing, Untrusted
from muniment.log.merkle import HASH_SIZE, check_range, leaf_hash, node_hash, prove_range, root_at
from muniment.log.text import MAX_NUMBER, format_base64, parse_base64

_SUBJECT = re.compile("[^\x00-\x20\x7f\ud800-\udfff]+")
_HEIGHT = 9  # windows of up to 512 leaves are kept
_WIDTH = 1024  # runs are 1 to 2 times as long, save the only one: a window reaches into one other run at most
_FEW = 16  # where more than a sixteenth of a run changes, nothing of its windows is kept


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


class _Run:
    """Leaves side by side, and the roots of windows: `rows[level][i]` is that of the 2^level leaves from leaf i on.

    Rows are filled as roots are asked for. A window may reach into the run that follows, `after`, and holds for that
    one only. When a leaf is put in, only the windows that it falls into are lost; all others serve again once the
    shift of what stands right of it comes round, so that a root costs far less than the leaves it moves.
    """

    __slots__ = ("after", "leaves", "rows")

    def __init__(self, leaves: list[StateLeaf], rows: list[list[bytes | None]], after: _Run | None) -> None:
        self.leaves, self.rows, self.after = leaves, rows, after

    def having(self, changed: Sequence[StateLeaf]) -> list[_Run]:
        """The runs that stand in its place when leaves are put in or replaced."""
        changed = [leaf for leaf in changed if not self._has(leaf)]
        if not changed:
            return [self]
        if len(changed) * _FEW > len(self.leaves):
            merged = {leaf.subject: leaf for leaf in (*self.leaves, *changed)}
            return _cut(sorted(merged.values(), key=_key_of), None, self.after)
        leaves, rows = self.leaves.copy(), [row.copy() for row in self.rows]
        for leaf in changed:
            at = bisect_left(leaves, _key_of(leaf), key=_key_of)
            if at < len(leaves) and leaves[at].subject == leaf.subject:
                leaves[at] = leaf
            else:
                leaves.insert(at, leaf)
                for row in rows:
                    row.insert(at, None)
            for level, row in enumerate(rows):
                first = max(0, at + 1 - (1 << level))
                row[first : at + 1] = [None] * (at + 1 - first)
            rows[0][at] = leaf_hash(format_leaf(leaf))
        return _cut(leaves, rows, self.after)

    def _has(self, leaf: StateLeaf) -> bool:
        at = bisect_left(self.leaves, _key_of(leaf), key=_key_of)
        return at < len(self.leaves) and self.leaves[at] == leaf

    def follow(self, after: _Run) -> None:
        """Forgets what reaches beyond the run where another run follows than did."""
        if self.after is not after:
            for level, row in enumerate(self.rows[1:], 1):
                first = max(0, len(row) + 1 - (1 << level))
                row[first:] = [None] * (len(row) - first)
            self.after = after


class StateTree:
    """The tree over a set of documents by subject: a value, and a `HashReader`. A subject stays once it is there."""

    __slots__ = ("_firsts", "_runs", "_starts", "_upper", "size")

    def __init__(self, documents: Mapping[str, bytes] = MappingProxyType({})) -> None:
        self._hold(_cut(_leaves(documents), None, None))

    def updated(self, documents: Mapping[str, bytes]) -> StateTree:
        """The tree in which these subjects have these documents, and all others their own."""
        runs = self._runs.copy()
        touched = groupby(_leaves(documents), key=lambda leaf: bisect_right(self._firsts, _key_of(leaf)))
        for at, changed in reversed([(at, list(leaves)) for at, leaves in touched]):
            runs[at : at + 1] = runs[at].having(changed)
        tree = StateTree.__new__(StateTree)
        tree._hold(runs)
        return tree

    def _hold(self, runs: list[_Run]) -> None:
        self._runs = runs
        self._firsts = [_key_of(run.leaves[0]) for run in runs[1:]]
        self._starts = list(accumulate((len(run.leaves) for run in runs), initial=0))
        self._upper: dict[tuple[int, int], bytes] = {}
        self.size = self._starts.pop()

    @property
    def leaves(self) -> tuple[StateLeaf, ...]:
        """All leaves, in order."""
        return tuple(leaf for run in self._runs for leaf in run.leaves)

    @property
    def root(self) -> bytes:
        """The 32-byte root; `EMPTY_ROOT` without subjects."""
        return root_at(self, self.size)

    def read(self, level: int, index: int) -> bytes:
        """The root of leaves [index * 2^level, (index + 1) * 2^level). Raises `Missing`."""
        if level < 0 or index < 0 or (index + 1) << level > self.size:
            raise Missing(f"The state tree of {self.size} has no subtree {index} at level {level}.", "Ask within it.")
        if level <= _HEIGHT:
            at = bisect_right(self._starts, index << level) - 1
            return self._window(at, (index << level) - self._starts[at], level)
        if (level, index) not in self._upper:
            halves = (self.read(level - 1, 2 * index), self.read(level - 1, 2 * index + 1))
            self._upper[level, index] = node_hash(*halves)
        return self._upper[level, index]

    def prove(self, subject: str) -> RangeProof:
        """The proof that a subject has its document. Raises `Missing` for a subject that is not there."""
        at = self._find(_key(subject))
        if not any(leaf.subject == subject for leaf in self._slice(at, at + 1)):
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
        begin = self._find(low)
        end = self.size if high is None else max(begin, self._find(high))
        return self._prove(max(begin - 1, 0), min(end + 1, self.size))

    def _window(self, at: int, offset: int, level: int) -> bytes:
        """The root of the 2^level leaves from an offset in a run on."""
        run = self._runs[at]
        if offset >= len(run.leaves):
            return self._window(at + 1, offset - len(run.leaves), level)
        if offset + (1 << level) > len(run.leaves):
            run.follow(self._runs[at + 1])
        known = run.rows[level][offset]
        if known is None:
            middle = offset + (1 << (level - 1))
            known = node_hash(self._window(at, offset, level - 1), self._window(at, middle, level - 1))
            run.rows[level][offset] = known
        return known

    def _find(self, key: bytes) -> int:
        """The index of the first leaf that does not sort below a key."""
        at = bisect_right(self._firsts, key)
        return self._starts[at] + bisect_left(self._runs[at].leaves, key, key=_key_of)

    def _slice(self, begin: int, end: int) -> tuple[StateLeaf, ...]:
        first = bisect_right(self._starts, begin) - 1
        leaves = [leaf for run in self._runs[first : bisect_left(self._starts, end)] for leaf in run.leaves]
        return tuple(leaves[begin - self._starts[first] : end - self._starts[first]])

    def _prove(self, begin: int, end: int) -> RangeProof:
        return RangeProof(begin, self._slice(begin, end), prove_range(self, begin, end, self.size))


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


def _leaves(documents: Mapping[str, bytes]) -> list[StateLeaf]:
    return sorted((StateLeaf(subject, digest_of(data)) for subject, data in documents.items()), key=_key_of)


def _cut(leaves: list[StateLeaf], rows: list[list[bytes | None]] | None, after: _Run | None) -> list[_Run]:
    """Runs of these leaves that are not too long; `rows` are None where nothing is known of them yet."""
    if rows is None:
        unknown: list[list[bytes | None]] = [[None] * len(leaves) for _ in range(_HEIGHT)]
        rows = [[leaf_hash(format_leaf(leaf)) for leaf in leaves], *unknown]
    count = len(leaves) // _WIDTH if len(leaves) > 2 * _WIDTH else 1
    bounds = [len(leaves) * n // count for n in range(count + 1)]
    runs: list[_Run] = []
    for begin, end in reversed(list(pairwise(bounds))):
        after = _Run(leaves[begin:end], [row[begin:end] for row in rows], after)
        runs.append(after)
    return runs[::-1]


def _key_of(leaf: StateLeaf) -> bytes:
    return leaf.subject.encode()


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
