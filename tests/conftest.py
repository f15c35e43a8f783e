"""Fixtures: worlds, made once a session where a test only reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A fresh registry with only its genesis."""
    made = make_world(tmp_path)
    yield made
    made.sandbox.__exit__(None, None, None)


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry with two versions, one in production after a rollback; tests copy it and never write to it."""
    from muniment.core.name import parse_name
    from muniment.registry import recovery
    from tests.world import now

    made = make_world(tmp_path_factory.mktemp("told"))
    first = made.release("aiops/cpu@1.0.0", b"one")
    made.promote(first)
    second = made.release("aiops/cpu@2.0.0", b"two")
    made.promote(second)
    made.open_incident("aiops/cpu", "INC-7")
    back = recovery.rollback(
        made.state, parse_name("aiops/cpu"), "production", None, "INC-7", "false alarms doubled", now()
    )
    assert not made.put("operator", back).turned
    yield made
    made.sandbox.__exit__(None, None, None)
