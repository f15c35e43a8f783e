"""A whole registry, believed in nothing but the pins: every field, decision and root is derived again."""

from __future__ import annotations

from muniment.core.digest import Digest
from muniment.core.errors import Untrusted
from muniment.log.checkpoint import Checkpoint, open_checkpoint
from muniment.log.merkle import leaf_hash
from muniment.log.note import parse_vkey
from muniment.registry.fold import History, blob_reader, fold, read_leaves, tree_of
from muniment.registry.paths import CHECKPOINT, checkpoint_path
from muniment.registry.state import State
from muniment.registry.store import Reader
from muniment.verify.trust import Trust


def criteria(trust: Trust) -> tuple[str, ...]:
    """What verification will demand, in words, before it is done."""
    return (
        f"checkpoint of {trust.origin} signed by {', '.join(trust.log_keys)}",
        f"first entry hashes to {trust.genesis}",
        f"signatures by certificates of the {'SANDBOX ' if trust.sandbox else ''}Sigstore root {trust.root}",
        "every entry derived again from its bundle, judged again by the rules then in force; every state root too",
    )


def verify_registry(reader: Reader, trust: Trust, size: int | None = None) -> History:
    """The registry up to its checkpoint, or the one of `size`, verified. Raises `Rejected` or `Unchecked` errors."""
    note = reader.read(CHECKPOINT if size is None else checkpoint_path(size))
    checkpoint = check_note(note, trust)
    leaves = read_leaves(reader, checkpoint.size)
    if tree_of(leaves).root() != checkpoint.root:
        raise Untrusted("The entries do not hash to the signed checkpoint.", "The log was altered; fetch it again.")
    check_genesis(leaves[0], trust)
    state = fold(State(), leaves, blob_reader(reader))
    check_root(state, trust)
    return History(tuple(state.entries[i] for i in range(state.size)), state, checkpoint, note, tuple(leaves))


def check_note(note: bytes, trust: Trust) -> Checkpoint:
    """The checkpoint a note signs, by the pinned keys and origin."""
    checkpoint = open_checkpoint(note, trust.origin, [parse_vkey(key) for key in trust.log_keys])
    if checkpoint.size < 1:
        raise Untrusted("The checkpoint speaks of an empty log.", "Every registry begins with a configure entry.")
    return checkpoint


def check_genesis(leaf: bytes, trust: Trust) -> None:
    """Raises `Untrusted` unless a leaf is the pinned first one."""
    if Digest(leaf_hash(leaf).hex()) != trust.genesis:
        raise Untrusted(
            "The log does not begin with the pinned entry.", "It is another registry, or its past was rewritten."
        )


def check_root(state: State, trust: Trust) -> None:
    """Raises `Untrusted` unless the registry's Sigstore root is the pinned one."""
    if state.config is None or state.config.root != trust.root:
        raise Untrusted(
            "The registry was signed under another Sigstore root than the pinned one.",
            "Do not take the root from the registry; ask its makers.",
        )
