"""Packs: one file that proves a version's standing, and nothing when a byte, an entry or a proof is touched."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from muniment.core.canonical import format_json
from muniment.core.errors import MunimentError, Rejected, Unchecked
from muniment.core.name import parse_version_id
from muniment.registry.fold import blob_reader
from muniment.verify.pack import make_pack, open_pack
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
    for subject in value["state"]["proofs"]:
        wrong = copy.deepcopy(value)
        del wrong["state"]["proofs"][subject]
        with pytest.raises(Rejected):
            open_pack(format_json(wrong), told.trust)


def test_an_older_story_does_not_pass_for_the_present(told: World, pack: bytes) -> None:
    """The operator leaves out the rollback and keeps the newest checkpoint: the stage's document tells."""
    value = json.loads(pack)
    rollback = next(e for e in value["entries"] if e["leaf"]["type"].endswith("/rollback/v1"))
    del rollback["bundle"]
    with pytest.raises(Rejected):
        open_pack(format_json(value), told.trust)


def test_other_pins_refuse_it(told: World, pack: bytes) -> None:
    with pytest.raises(Rejected):
        open_pack(pack, replace(told.trust, origin="somewhere.else/aiops"))
    with pytest.raises(Rejected):
        open_pack(pack, replace(told.trust, genesis=replace(told.trust.genesis, hex="0" * 64)))


@pytest.mark.parametrize("junk", [b"", b"{}", b"[]", b"not json", b'{"type":"x"}', b"\xff\xfe"])
def test_what_is_no_pack(told: World, junk: bytes) -> None:
    with pytest.raises(Unchecked):
        open_pack(junk, told.trust)
