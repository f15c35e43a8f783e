"""Packs: one canonical JSON document with all that is needed to verify a version offline.

A pack carries the signed checkpoint and, where there is one, its anchor; leaves with inclusion proofs; the bundles of
every configure and rotate-key entry and of every entry behind the version's documents; and complete listings, under the
last state root, of all subjects that tell of the version's name, its artifacts, the approvals behind it and the rules.
Opening one runs the registry's own `check` over the carried entries, each at its own index and time. What they add up
to must be what is listed, no more and no less: an entry that was left out shows, and so does all that is new to the
reader. Consistency proofs from earlier checkpoints show one who remembers any of them that the log is still the same.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from muniment.core.canonical import format_json, parse_canonical
from muniment.core.digest import Digest, digest_of
from muniment.core.document import check_schema
from muniment.core.errors import Malformed, Missing, Untrusted
from muniment.core.name import VersionId, parse_version_id
from muniment.log.checkpoint import Checkpoint
from muniment.log.merkle import (
    HASH_SIZE,
    MemoryTree,
    check_consistency,
    check_inclusion,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
)
from muniment.log.statetree import StateLeaf as Subject
from muniment.log.statetree import check_listing, format_proof, parse_proof
from muniment.log.text import format_base64, parse_base64
from muniment.registry.anchor import check_anchor
from muniment.registry.documents import approval_key, artifact_key, documents, state_tree
from muniment.registry.event import CONFIG_KEY, Approve, name_key
from muniment.registry.facts import data_of
from muniment.registry.fold import Blob, History, admit_leaf, gone_by, tree_of
from muniment.registry.leaf import RecordLeaf, StateLeaf, parse_leaf
from muniment.registry.state import State, VersionState
from muniment.verify.memory import Seen, departure
from muniment.verify.replay import Vouched, check_genesis, check_vouched, claimed
from muniment.verify.select import names_of, needed, story_of
from muniment.verify.trust import Trust

TYPE = "https://muniment.dev/pack/v1"
KEPT = 16  # how many of the newest earlier checkpoints a pack continues without being asked


@dataclass(frozen=True, slots=True)
class Opened:
    """A pack that was verified: the version, the state its entries add up to, and the checkpoint it holds for.

    `asserted` rests on the state root alone, which the witnesses named in `replayed_by` have derived themselves;
    `unlisted` is what not even that is shown of.
    """

    version: VersionId
    state: State
    checkpoint: Checkpoint
    note: bytes
    vouched: Vouched
    asserted: tuple[str, ...]
    replayed_by: tuple[str, ...]
    unlisted: tuple[str, ...] = ()


def make_pack(
    history: History, version: VersionId, blob: Blob, anchor: bytes | None = None, since: Collection[int] = ()
) -> bytes:
    """The pack of a released version; `anchor` is that of the history's checkpoint.

    It proves that the log continues its checkpoints of the sizes `since` and the newest ones before its own. Raises
    `Missing` for what is not released, `Usage` for a size the log never had.
    """
    if version not in history.state.versions:
        raise Missing(f"{version} is not released.", "Name a version that the registry's catalog shows.")
    tree, indexes = tree_of(history.leaves), needed(history, version)
    story = story_of(history, version)
    entries = [_entry(history, tree, i, blob if i in story else None) for i in indexes]
    value = {
        "type": TYPE,
        "version": str(version),
        "checkpoint": history.note.decode(),
        "continues": [_continuation(tree, size) for size in _earlier(history, since)],
        "entries": entries,
        "state": _listings(history, version, story),
    }
    if anchor is not None:
        value["anchor"] = json.loads(anchor)
    return format_json(value)


def open_pack(data: bytes, trust: Trust, seen: Seen | None = None) -> Opened:
    """What a pack proves. Raises `Rejected` or `Unchecked` errors; any changed byte is found.

    It must prove that its log continues the checkpoint that was `seen`, if one was.
    """
    pack = _parse(data)
    version = parse_version_id(pack["version"])
    note = pack["checkpoint"].encode()
    checkpoint = claimed(note, trust)
    earlier = _check_earlier(pack["continues"], checkpoint)
    leaves, blobs = _check_entries(pack["entries"], checkpoint)
    if 0 not in leaves:
        raise Untrusted("The pack does not carry the log's first entry.", "Make it again with muniment pack.")
    check_genesis(leaves[0], trust)
    last = parse_leaf(leaves[checkpoint.size - 1]) if checkpoint.size - 1 in leaves else None
    if not isinstance(last, StateLeaf):
        raise Untrusted("The pack does not carry the checkpoint's state entry.", "Make it again with muniment pack.")
    state = _fold(leaves, blobs)
    _check_documents(state, version, pack["state"], last.root)
    state = replace(state, size=checkpoint.size, admitted_at=last.admitted_at)
    vouched = check_vouched(note, _anchor(pack, note, state, trust), state, trust)
    if seen is not None:
        _check_continues(earlier, seen, checkpoint, note)
    replayed_by = tuple(sorted(set(trust.replayed_by) & set(vouched.witnesses)))
    said = _asserted(state, version)
    return Opened(version, state, checkpoint, note, vouched, said, replayed_by, _unlisted(state, version))


def _earlier(history: History, since: Collection[int]) -> list[int]:
    """The sizes of earlier checkpoints that a pack continues: those asked for, and the last that were published."""
    ends = [e.index + 1 for e in history.entries if e.kind == "state"]
    return sorted({*since, *ends[-1 - KEPT :]} - {history.checkpoint.size})


def _continuation(tree: MemoryTree, size: int) -> dict[str, Any]:
    hashes = [format_base64(h) for h in prove_consistency(tree, size, tree.size)]
    return {"hashes": hashes, "root": format_base64(tree.root(size)), "size": size}


def _check_earlier(proofs: list[Any], checkpoint: Checkpoint) -> dict[int, bytes]:
    """The roots of earlier sizes, in their order, each proved to be continued."""
    roots: dict[int, bytes] = {}
    for proof in proofs:
        size, root = proof["size"], parse_base64(proof["root"], "A root in the pack", HASH_SIZE)
        if not max(roots, default=0) < size < checkpoint.size:
            raise Malformed("The pack's earlier checkpoints are not in order.", "Make it again with muniment pack.")
        hashes = [parse_base64(text, "A hash in the pack", HASH_SIZE) for text in proof["hashes"]]
        check_consistency(size, root, checkpoint.size, checkpoint.root, hashes)
        roots[size] = root
    return roots


def _check_continues(earlier: Mapping[int, bytes], seen: Seen, checkpoint: Checkpoint, note: bytes) -> None:
    """Holds if a verified checkpoint continues the one that was seen; else raises `Departed`, or `Missing`."""
    roots = {**earlier, checkpoint.size: checkpoint.root}
    departed = departure(seen.checkpoint, checkpoint, note, roots.get)
    if departed is not None:
        raise departed
    if seen.checkpoint.size not in roots:
        raise Missing(
            f"The pack does not prove that it continues the checkpoint of {seen.checkpoint.size} entries, which is "
            "remembered.",
            f"Make it again with muniment pack --since {seen.checkpoint.size}.",
        )


def _anchor(pack: dict[str, Any], note: bytes, state: State, trust: Trust) -> bytes | None:
    """The anchor that a pack carries; where trust names nobody, it must be by the sequencer that its rules name."""
    if "anchor" not in pack:
        if trust.anchor is not None:
            raise Missing("The pack carries no anchor of its checkpoint, and trust asks for one.", "Make it again.")
        return None
    anchor, config = format_json(pack["anchor"]), state.config
    if trust.anchor is None:
        if config is None or config.sequencer is None:
            raise Untrusted("The pack carries an anchor, and its rules name nobody who anchors.", "Make it again.")
        check_anchor(anchor, note, state, config.sequencer)
    return anchor


def _entry(history: History, tree: MemoryTree, index: int, blob: Blob | None) -> dict[str, Any]:
    leaf = history.leaves[index]
    value: dict[str, Any] = {
        "index": index,
        "leaf": json.loads(leaf),
        "proof": [format_base64(h) for h in prove_inclusion(tree, index, len(history.leaves))],
    }
    record = history.entries[index].record
    if blob is not None and record is not None:
        value["bundle"] = json.loads(blob(record.bundle))
    return value


def _prefixes(version: VersionState, approved: Iterable[Digest]) -> list[str]:
    """What a pack lists all of: the rules, the name with its versions, the artifacts, and the approvals it carries."""
    artifacts, approvals = (artifact_key(a.digest) for a in version.artifacts), map(approval_key, approved)
    return sorted({CONFIG_KEY, f"{name_key(version.id.name)}/", *artifacts, *approvals})


def _listings(history: History, version: VersionId, story: Iterable[int]) -> dict[str, Any]:
    events = (history.entries[index].event for index in story)
    approved = {event.target for event in events if isinstance(event, Approve)}
    tree, prefixes = state_tree(history.state), _prefixes(history.state.versions[version], approved)
    return {"size": tree.size, "listings": {prefix: format_proof(tree.prove_listing(prefix)) for prefix in prefixes}}


def _parse(data: bytes) -> dict[str, Any]:
    value = parse_canonical(data, "The pack")
    check_schema(value, "pack-v1", "The pack")
    assert isinstance(value, dict)
    return value


def _check_entries(entries: list[Any], checkpoint: Checkpoint) -> tuple[dict[int, bytes], dict[Digest, bytes]]:
    """Leaves by index, each proven included, and bundles by digest."""
    leaves: dict[int, bytes] = {}
    blobs: dict[Digest, bytes] = {}
    for entry in entries:
        index, data = entry["index"], format_json(entry["leaf"])
        if leaves and index <= max(leaves):
            raise Malformed("The pack's entries are not in order.", "Make it again with muniment pack.")
        proof = [parse_base64(text, "A proof in the pack", HASH_SIZE) for text in entry["proof"]]
        check_inclusion(leaf_hash(data), index, checkpoint.size, proof, checkpoint.root)
        leaves[index] = data
        if "bundle" in entry:
            leaf = parse_leaf(data)
            if isinstance(leaf, StateLeaf):
                raise Malformed(f"Entry {index} of the pack has a bundle it cannot have.", "Make it again.")
            blobs[leaf.bundle] = format_json(entry["bundle"])
    return leaves, blobs


def _fold(leaves: Mapping[int, bytes], blobs: Mapping[Digest, bytes]) -> State:
    """The state that the carried entries add up to, each checked at its index and at its batch's time."""

    def blob(name: Digest) -> bytes:
        if name not in blobs:
            raise Missing(f"The pack lacks the bundle {name}.", "Make it again with muniment pack.")
        return blobs[name]

    state, gone = State(), gone_by(leaves.items(), blob)
    for index, data in leaves.items():
        leaf = parse_leaf(data)
        if isinstance(leaf, RecordLeaf) and (leaf.bundle in blobs or leaf.bundle in gone):
            at = _ends(leaves, index).admitted_at
            state = admit_leaf(replace(state, size=index), data, at, blob, gone)
    return state


def _ends(leaves: Mapping[int, bytes], index: int) -> StateLeaf:
    """The state leaf that ends the batch of an entry; every leaf between must be carried."""
    while index in leaves:
        leaf = parse_leaf(leaves[index])
        if isinstance(leaf, StateLeaf):
            return leaf
        index += 1
    raise Untrusted(f"The pack lacks entry {index}, which dates another.", "Make it again with muniment pack.")


def _check_documents(state: State, version: VersionId, proven: Any, root: Digest) -> None:
    """Holds if the listed documents under the root are those that the carried entries add up to, and all of them."""
    known = state.versions.get(version)
    if known is None:
        raise Untrusted(f"The pack's entries do not release {version}.", "Make it again with muniment pack.")
    if sorted(proven["listings"]) != _prefixes(known, state.approvals):
        raise Untrusted("The pack does not list all that it speaks of.", "Make it again with muniment pack.")
    own = {subject: digest_of(document) for subject, document in documents(state).items()}
    for prefix, value in proven["listings"].items():
        listed = {leaf.subject: leaf.document for leaf in _listing(value, proven["size"], prefix, root)}
        ours = {subject: document for subject, document in own.items() if subject.startswith(prefix)}
        for subject in sorted({*listed, *ours}):
            if listed.get(subject) != ours.get(subject):
                raise Untrusted(
                    f"The log says other things of {subject} than the entries that the pack carries.",
                    "An entry was left out, or another version of muniment made the log. Make the pack again.",
                )


def _listing(value: Any, size: int, prefix: str, root: Digest) -> tuple[Subject, ...]:
    return check_listing(root.raw, size, prefix, parse_proof(value))


def _asserted(state: State, version: VersionId) -> tuple[str, ...]:
    """What rests on the state root alone: that nothing else is said of what the pack tells."""
    return (
        f"nothing else was said of {version.name}: no other version, move or retirement",
        "no other record about its artifacts, windows of observation apart",
        "no other word on the approvals behind it",
        f"no other configuration than entry {state.configured_at}",
    )


def _unlisted(state: State, version: VersionId) -> tuple[str, ...]:
    """What gates look at besides, of which a pack proves no listing: a record that was left out does not show."""
    records = [e.record for e in state.entries.values() if e.record is not None]
    data = {digest for r in records for digest in data_of(r.statement)}
    others = {name for e in state.entries.values() for name in names_of(e.event)} - {version.name}
    lines = ["other records about the data that its records name"] if data else []
    lines += [f"other events of {', '.join(map(str, sorted(others)))}"] if others else []
    return tuple(lines)
