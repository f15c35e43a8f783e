"""A registry that names its sequencer, and so holds decisions, made as tests make theirs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from muniment.registry.genesis import configure_statement
from muniment.registry.judges.common import config_of
from muniment.verify.trust import format_trust
from tests.world import identities, make_world, now


def decided_registry(folder: Path) -> Path:
    """A folder as a demo's: a registry in which a version was released and promoted, and its pins."""
    folder.mkdir()
    world, operator = make_world(folder), identities()["operator"]
    source = config_of(world.state).source
    registry = {**source["registry"], "sequencer": {"issuer": operator.issuer, "subject": operator.subject}}
    world.anchor = "operator"
    changed = configure_statement(world.state, {**source, "registry": registry}, now())
    assert not world.put("administrator", changed).turned
    world.promote(world.release("aiops/cpu@1.0.0"))
    (folder / "trust.json").write_bytes(format_trust(world.trust))
    world.sandbox.__exit__(None, None, None)
    return folder
