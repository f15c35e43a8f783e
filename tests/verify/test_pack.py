"""Packs: one file that proves a version's standing, and nothing when a byte, an entry or a proof is touched."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from muniment.core.canonical import format_json
from muniment.core.digest import Digest
from muniment.core.errors import MunimentError, Rejected, Unchecked, Untrusted
from muniment.core.instant import format_instant
from muniment.core.name import parse_version_id
from muniment.log.checkpoint import Checkpoint, sign_checkpoint
from muniment.log.merkle import prove_inclusion
from muniment.log.statetree import StateTree, format_proof
from muniment.log.text import format_base64
from muniment.registry.documents import documents
from muniment.registry.fold import blob_reader, tree_of
from muniment.registry.leaf import StateLeaf, format_state_leaf, parse_leaf
from muniment.verify.pack import make_pack, open_pack
from muniment.verify.target import verify_target
from tests.world import World

FIRST = parse_version_id("aiops/cpu@1.0.0")


@pytest.fixture(scope="module")
def pack(told: World) -> bytes:
    return make_pack(told.history, FIRST, blob_reader(told.store))


def test_it_proves_where_the_version_stands(told: World, pack: bytes) -> None:
    opened = open_pack(pack, told.trust)
    assert opened.version == FIRST
    assert opened.state.environments_of(FIRST) == ("production",)
    assert opened.checkpoint == told.history.checkpoint


def test_any_changed_byte_is_found(told: World, pack: bytes) -> None:
    dice = random.Random(7)  # noqa: S311 - a test
    for _ in range(150):
        at = dice.randrange(len(pack))
        broken = pack[:at] + bytes([pack[at] ^ (1 << dice.randrange(8))]) + pack[at + 1 :]
        with pytest.raises((Rejected, Unchecked)):
            open_pack(broken, told.trust)


def test_every_entry_is_needed_or_its_absence_shows(told: World, pack: bytes) -> None:
    value = json.loads(pack)
    for position in range(len(value["entries"])):
        less = copy.deepcopy(value)
        del less["entries"][position]
        with pytest.raises((Rejected, Unchecked)):
            open_pack(format_json(less), told.trust)


def test_every_bundle_is_needed(told: World, pack: bytes) -> None:
    value = json.loads(pack)
    for position, entry in enumerate(value["entries"]):
        if "bundle" in entry:
            less = copy.deepcopy(value)
            del less["entries"][position]["bundle"]
            with pytest.raises((Rejected, Unchecked)):
                open_pack(format_json(less), told.trust)


def test_every_proof_is_checked(told: World, pack: bytes) -> None:
    value = json.loads(pack)
    for position, entry in enumerate(value["entries"]):
        wrong: Any = copy.deepcopy(value)
        wrong["entries"][position]["proof"] = entry["proof"][1:] or ["A" * 43 + "="]
        with pytest.raises(MunimentError):
            open_pack(format_json(wrong), told.trust)
    for subject in value["state"]["listings"]:
        wrong = copy.deepcopy(value)
        del wrong["state"]["listings"][subject]
        with pytest.raises(Rejected):
            open_pack(format_json(wrong), told.trust)


def test_an_older_story_does_not_pass_for_the_present(told: World, pack: bytes) -> None:
    """The operator leaves out the rollback and keeps the newest checkpoint: the stage's document tells."""
    value = json.loads(pack)
    rollback = next(e for e in value["entries"] if e["leaf"]["type"].endswith("/rollback/v1"))
    del rollback["bundle"]
    with pytest.raises(Rejected):
        open_pack(format_json(value), told.trust)


def signed_tree(told: World, documents: dict[str, bytes]) -> tuple[StateTree, bytes, bytes]:
    """What the operator can always do: a state of its own, stated in the last leaf, under a checkpoint of its key."""
    tree = StateTree(documents)
    last = parse_leaf(told.history.leaves[-1])
    assert isinstance(last, StateLeaf)
    leaf = format_state_leaf(replace(last, root=Digest(tree.root.hex())))
    log = tree_of([*told.history.leaves[:-1], leaf])
    return tree, leaf, sign_checkpoint(Checkpoint(told.trust.origin, log.size, log.root()), told.key)


def with_state(told: World, pack: bytes, documents: dict[str, bytes]) -> bytes:
    """The pack under the operator's own state, every proof made anew."""
    value = json.loads(pack)
    tree, leaf, note = signed_tree(told, documents)
    log = tree_of([*told.history.leaves[:-1], leaf])
    value["checkpoint"] = note.decode()
    value["entries"][-1]["leaf"] = json.loads(leaf)
    for entry in value["entries"]:
        entry["proof"] = [format_base64(h) for h in prove_inclusion(log, entry["index"], log.size)]
    value["continues"] = []
    listings = {prefix: format_proof(tree.prove_listing(prefix)) for prefix in value["state"]["listings"]}
    return format_json({**value, "state": {"listings": listings, "size": tree.size}})


def test_the_operator_can_sign_the_true_state_anew(told: World, pack: bytes) -> None:
    assert open_pack(with_state(told, pack, documents(told.state)), told.trust).version == FIRST


@pytest.mark.parametrize(
    "subject",
    [
        "name/aiops/cpu/incident/7",
        "name/aiops/cpu/waiver/1.0.0/rule",
        "name/aiops/cpu/version/3.0.0",
        "name/aiops/cpu/stage/staging",
        "name/aiops/cpu/!",
        "config/more",
        "artifact",
        "approval",
    ],
)
def test_what_the_log_says_beyond_the_pack_shows(told: World, pack: bytes, subject: str) -> None:
    """An open incident, a waiver, a revocation, kinds that are yet to come: left out of a pack, each of them shows."""
    own = documents(told.state)
    if "/" not in subject:
        subject = next(s for s in own if s.startswith(f"{subject}/") and s in listed(told, pack)) + "/revoked"
    with pytest.raises(Untrusted, match=f"says other things of {subject}"):
        open_pack(with_state(told, pack, {**own, subject: b"{}"}), told.trust)


def listed(told: World, pack: bytes) -> set[str]:
    prefixes = json.loads(pack)["state"]["listings"]
    return {s for s in documents(told.state) if any(s.startswith(p) for p in prefixes)}


def test_every_document_that_a_pack_speaks_of_is_compared(told: World, pack: bytes) -> None:
    own = documents(told.state)
    speaks = listed(told, pack)
    kinds = {s.split("/")[0] for s in speaks}
    assert kinds == {"config", "name", "artifact", "approval"}
    for subject in speaks:
        for changed in ({**own, subject: b"[]"}, {s: d for s, d in own.items() if s != subject}):
            with pytest.raises(Untrusted, match=f"says other things of {subject}"):
                open_pack(with_state(told, pack, changed), told.trust)
    for subject in set(own) - speaks:
        assert open_pack(with_state(told, pack, {**own, subject: b"[]"}), told.trust).version == FIRST


def test_what_is_said_of_other_names_is_no_matter(told: World, pack: bytes) -> None:
    more = {**documents(told.state), "name/aiops/cpu2/incident/7": b"{}", "name/aiops/cp/incident/7": b"{}"}
    assert open_pack(with_state(told, pack, more), told.trust).version == FIRST


def test_the_answer_of_a_pack(told: World, pack: bytes, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(pack)
    done = verify_target(str(tmp_path / "p"), [], told.trust)
    size, at = told.history.checkpoint.size, format_instant(told.history.entries[-1].admitted_at)
    assert done.facts[0] == (
        f"aiops/cpu@1.0.0 is in production as of checkpoint {size} ({at}); nothing revokes it, "
        "asserted by the log and replayed by: nobody"
    )
    assert done.asserted == (
        "nothing else was said of aiops/cpu: no other version, move or retirement",
        "no other record about its artifacts, windows of observation apart",
        "no other word on the approvals behind it",
        "no other configuration than entry 0",
    )


def test_other_pins_refuse_it(told: World, pack: bytes) -> None:
    with pytest.raises(Rejected):
        open_pack(pack, replace(told.trust, origin="somewhere.else/aiops"))
    with pytest.raises(Rejected):
        open_pack(pack, replace(told.trust, genesis=replace(told.trust.genesis, hex="0" * 64)))


@pytest.mark.parametrize("junk", [b"", b"{}", b"[]", b"not json", b'{"type":"x"}', b"\xff\xfe"])
def test_what_is_no_pack(told: World, junk: bytes) -> None:
    with pytest.raises(Unchecked):
        open_pack(junk, told.trust)
