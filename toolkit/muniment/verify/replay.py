"""A whole registry, believed in nothing but the pins: every field, decision and root is derived again.

Which keys may sign a checkpoint follows from the pinned first entry and the rotations in the log, so the checkpoint's
signature is judged last, by the keys in force at its size; until then its text is a claim like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from muniment.core.digest import Digest
from muniment.core.errors import MunimentError, Rejected, Untrusted
from muniment.core.instant import format_instant, format_posix
from muniment.log.checkpoint import Checkpoint, parse_checkpoint
from muniment.log.merkle import leaf_hash
from muniment.log.note import parse_note, verify_note
from muniment.log.policy import open_cosigned
from muniment.registry.anchor import check_anchor
from muniment.registry.fold import Blob, History, blob_reader, fold, read_leaves, tree_of
from muniment.registry.paths import CHECKPOINT, anchor_path, checkpoint_path
from muniment.registry.snapshot import resume
from muniment.registry.state import State
from muniment.registry.store import Reader
from muniment.verify.memory import Seen, departure
from muniment.verify.trust import Trust


@dataclass(frozen=True, slots=True)
class Vouched:
    """Who stands behind a checkpoint besides the log's key: witnesses with the POSIX times they state, and an anchor.

    `anchored_at` is the proved time of the anchor, None where trust asks for none.
    """

    witnesses: Mapping[str, int]
    anchored_at: datetime | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """A registry that was verified, and who vouches for its checkpoint; `resumed` entries were verified before."""

    history: History
    vouched: Vouched
    resumed: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What a reader knows of a log before it looks: the checkpoint it remembers, and a state derived before."""

    seen: Seen | None = None
    state: State | None = None


NOTHING = Known()


def criteria(trust: Trust, whole: bool = True) -> tuple[str, ...]:
    """What verification will demand, in words, before it is done: of a whole registry, or of a pack."""
    demands = [
        f"checkpoint of {trust.origin} signed by {', '.join(trust.log_keys)}, or a key the log rotated these to",
        f"first entry hashes to {trust.genesis}",
        f"signatures by certificates of the {'SANDBOX ' if trust.sandbox else ''}Sigstore root {trust.root}, or one "
        "the log rotated it to",
        f"{'every entry' if whole else 'every entry of its story'} derived again from its bundle, judged again by the "
        f"rules then in force; {'every state root too' if whole else 'its documents proved under the last state root'}",
    ]
    if trust.policy.quorum != "none":
        demands.append(f"checkpoint cosigned by the quorum {trust.policy.quorum} of {len(trust.policy.witnesses)}")
    if trust.anchor is not None:
        demands.append(f"checkpoint anchored in Sigstore's log by {trust.anchor.subject} ({trust.anchor.issuer})")
    return tuple(demands)


def verify_registry(
    reader: Reader, trust: Trust, size: int | None = None, known: Known = NOTHING, processes: int = 1
) -> Replayed:
    """The registry up to its checkpoint, or the one of `size`, verified. Raises `Rejected` or `Unchecked` errors.

    What is `known` is not verified again, and must be continued: raises `Departed` for a checkpoint that does not, as
    soon as it is certain that the log signed it.
    """
    note = reader.read(CHECKPOINT if size is None else checkpoint_path(size))
    checkpoint = claimed(note, trust)
    if size not in (None, checkpoint.size):
        raise Untrusted(
            f"{reader.place} gives a checkpoint of {checkpoint.size} entries as that of {size}.",
            "Files were swapped; fetch the registry again, whole.",
        )
    leaves = read_leaves(reader, checkpoint.size)
    tree = tree_of(leaves)
    if tree.root() != checkpoint.root:
        raise Untrusted("The entries do not hash to the signed checkpoint.", "The log was altered; fetch it again.")
    check_genesis(leaves[0], trust)
    departed = departure(known.seen.checkpoint if known.seen else None, checkpoint, note, tree.root)
    try:
        state, resumed = _derive(resume(known.state, leaves), leaves, blob_reader(reader), processes)
        anchor = reader.read(anchor_path(checkpoint.size)) if trust.anchor is not None else None
        vouched = check_vouched(note, anchor, state, trust)
    except MunimentError as error:
        if departed is not None and verify_note(parse_note(note), [log.key for log in trust.policy.logs]):
            raise departed from error
        raise
    if departed is not None:
        raise departed
    entries = tuple(state.entries[i] for i in range(state.size))
    return Replayed(History(entries, state, checkpoint, note, tuple(leaves)), vouched, resumed)


def _derive(start: State, leaves: list[bytes], blob: Blob, processes: int) -> tuple[State, int]:
    """What leaves add up to, and how many of them were taken from a state derived before, which excuses nothing."""
    try:
        return fold(start, leaves[start.size :], blob, processes), start.size
    except Rejected:
        if not start.size:
            raise
        return fold(State(), leaves, blob, processes), 0


def claimed(note: bytes, trust: Trust) -> Checkpoint:
    """The checkpoint of a note that says it is the pinned log's; `check_vouched` says whether that is true."""
    checkpoint = parse_checkpoint(parse_note(note).text)
    if checkpoint.origin != trust.origin:
        raise Untrusted(
            f"The checkpoint is of the log {checkpoint.origin}, not {trust.origin}.", "Give the right registry."
        )
    if checkpoint.size < 1:
        raise Untrusted("The checkpoint speaks of an empty log.", "Every registry begins with a configure entry.")
    return checkpoint


def check_genesis(leaf: bytes, trust: Trust) -> None:
    """Raises `Untrusted` unless a leaf is the pinned first one."""
    if Digest(leaf_hash(leaf).hex()) != trust.genesis:
        raise Untrusted(
            "The log does not begin with the pinned entry.", "It is another registry, or its past was rewritten."
        )


def check_vouched(note: bytes, anchor: bytes | None, state: State, trust: Trust) -> Vouched:
    """Who vouches for a checkpoint whose entries add up to `state`; `anchor` is its bundle where trust asks for one.

    Raises `Untrusted` unless a log key in force signed it, pinned keys and root were ever in force, the witnesses make
    the quorum, and the anchor is by whom trust names.
    """
    _check_pinned(state, trust)
    cosigned = open_cosigned(note, trust.policy_with(state.eras[-1].log_keys))
    anchored_at = None
    if trust.anchor is not None:
        assert anchor is not None
        anchored_at = check_anchor(anchor, note, state, trust.anchor).signed_at
    return Vouched(cosigned.witnesses, anchored_at)


def witnessed(vouched: Vouched) -> tuple[str, ...]:
    """Who vouches for a checkpoint, in words."""
    lines = [f"cosigned by {name} at {format_posix(at)}" for name, at in sorted(vouched.witnesses.items())]
    if vouched.anchored_at is not None:
        lines.append(f"anchored at {format_instant(vouched.anchored_at)}")
    return tuple(lines)


def _check_pinned(state: State, trust: Trust) -> None:
    """Raises `Untrusted` unless pinned keys are among those this log ever had.

    A log that forks from before a rotation never reaches the keys that newer pins name.
    """
    if not any(set(era.log_keys) & set(trust.log_keys) for era in state.eras):
        raise Untrusted(
            "No pinned log key was ever one of this log's.",
            "It is another log, or one that was cut off before its keys were rotated.",
        )
    if trust.root not in {era.root for era in state.eras}:
        raise Untrusted(
            "The registry was never signed under the pinned Sigstore root.",
            "Do not take the root from the registry; ask its makers.",
        )
