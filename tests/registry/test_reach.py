"""What led to an artifact: found in one walk, however the steps are listed."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.core.digest import Digest, digest_of
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.statement import Statement, Subject
from muniment.registry import reach as asked
from muniment.registry.event import ReleasedArtifact
from muniment.registry.state import Entry
from tests.registry.paper import START, Paper

STEPS = 300


def made(number: int) -> Digest:
    return digest_of(b"%d" % number)


def step(paper: Paper, number: int) -> Entry:
    """A step that made a number from the next one."""
    materials = [{"name": "in", "digest": {"sha256": made(number + 1).hex}}]
    predicate: dict[str, Any] = {"name": "step", "command": [], "materials": materials}
    signed = paper.sign("trainer", Statement((Subject("out", made(number)),), EVIDENCE["link"], predicate))
    return Entry(number, b"", "link", signed, None, START)


def test_flooder_of_a_release_with_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listed against their order every round found one step more and read all again, for every reader for ever."""
    paper, read = Paper(), list[Any]()
    entries = [step(paper, number) for number in reversed(range(STEPS))]
    materials_of = asked.link.materials_of
    monkeypatch.setattr(asked.link, "materials_of", lambda predicate: read.append(1) or materials_of(predicate))
    known = asked.reach(entries, [ReleasedArtifact("out", "model", made(0))])
    assert known.back == {made(number) for number in range(STEPS + 1)}
    assert len(read) <= STEPS


def test_steps_in_a_circle() -> None:
    paper = Paper()
    entries = [step(paper, 0), step(paper, 1)]
    back = Statement(
        (Subject("out", made(2)),), EVIDENCE["link"], {"materials": [{"name": "in", "digest": {"sha256": made(0).hex}}]}
    )
    entries.append(Entry(2, b"", "link", paper.sign("trainer", back), None, START))
    known = asked.reach(entries, [ReleasedArtifact("out", "model", made(1))])
    assert known.back == {made(0), made(1), made(2)}
