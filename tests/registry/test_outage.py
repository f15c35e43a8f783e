"""Sigstore was away when a checkpoint should have been anchored: the next run mends it, and nobody is alarmed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from muniment.core.document import Source
from muniment.core.errors import Unreachable
from muniment.evidence.statement import Statement, format_statement
from muniment.log.note import NoteSigner
from muniment.registry.genesis import found
from muniment.registry.inbox import submit
from muniment.registry.paths import anchor_path, checkpoint_path
from muniment.registry.sequencer import Published, publish
from muniment.registry.store.local import LocalStore
from muniment.signing.bundle import Bundle
from muniment.verify.monitor import Monitored, Watch, monitor
from muniment.verify.replay import verify_registry
from muniment.verify.selfread import read_history
from muniment.verify.trust import trust_of
from tests.registry.paper import signature
from tests.signing.forge import Forge
from tests.world import POLICY, identities, registry_document

BEGIN = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


@dataclass
class Plant:
    """A registry at a time of its own, anchored by the administrator unless Sigstore is `down`."""

    store: LocalStore
    forge: Forge
    at: datetime = BEGIN
    down: bool = False
    key: NoteSigner = field(default_factory=lambda: NoteSigner(registry_document()["origin"], bytes(32)))

    def by(self, who: str, payload: bytes) -> Bundle:
        """A bundle signed now."""
        return self.forge.bundle(identity=identities()[who], payload=payload, certified=self.at, stamped=(self.at,))

    def sign(self, payload: bytes) -> Bundle:
        """An anchor, where Sigstore can be reached."""
        if self.down:
            raise Unreachable("Rekor cannot be reached.")
        return self.by("administrator", payload)

    def put(self, *statements: Statement) -> Published:
        """Submits and publishes."""
        submit(self.store, *(self.by("trainer", format_statement(s)).data for s in statements))
        return publish(self.store, self.key, self.at, lambda: self)

    def watched(self, book: Path) -> Monitored:
        """What a monitor that begins now sees."""
        trust = trust_of(read_history(self.store))
        assert trust.anchor is not None
        verify_registry(self.store, trust)
        return monitor(self.store, trust, LocalStore(book), Watch((), (), timedelta(days=7), self.at))


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """A registry of one batch, and one that was committed while Sigstore was away."""
    made = Plant(LocalStore(tmp_path / "registry"), Forge(BEGIN - timedelta(days=1)))
    made.store.root.mkdir()
    known = identities()["administrator"]
    document: dict[str, Any] = registry_document()
    document["sequencer"] = {"issuer": known.issuer, "subject": known.subject}
    registry, policy = (
        Source(name, yaml.safe_dump(value).encode())
        for name, value in (("registry.yaml", document), ("policy.yaml", POLICY))
    )
    found(made.store, made, made.key, registry, policy, made.forge.root_bytes(), made.at)
    made.at += timedelta(days=1)
    made.down = True
    with pytest.raises(Unreachable):
        made.put(signature())
    made.down = False
    assert made.store.exists(checkpoint_path(4))
    return made


@pytest.mark.parametrize("hours", [0.5, 2, 200])
@pytest.mark.parametrize("more", [(), (signature(b"more"),)], ids=["nothing new", "more"])
def test_the_next_run_mends_it(plant: Plant, tmp_path: Path, hours: float, more: tuple[Statement, ...]) -> None:
    """A batch that no anchor can date any more is followed by one of now, if need be of nothing."""
    plant.at += timedelta(hours=hours)
    done = plant.put(*more)
    assert [e.kind for e in done.admitted[:2]] == ["signature", "state"]
    assert done.history.state.size == 4 + (2 if more else int(hours > 1))
    assert plant.watched(tmp_path / "book").published == (2, done.history.state.size)
    assert plant.store.exists(anchor_path(done.history.state.size))


def test_a_log_at_rest_stays_as_it_is(plant: Plant) -> None:
    """Only what a dead run left too old to be anchored is followed by a batch of its own time."""
    plant.down = False
    size = plant.put().history.checkpoint.size
    plant.at += timedelta(days=3)
    assert plant.put().history.checkpoint.size == size
