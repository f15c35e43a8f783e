"""One sandbox that runs for all tests of signing, and a forge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.signing.sandbox import Sandbox, add_identity, create, person, workflow
from tests.signing.forge import Forge


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("signing") / "sandbox"
    create(path)
    add_identity(path, person("reviewer"))
    add_identity(path, workflow("trainer", environment="production", repository_id="77"))
    return path


@pytest.fixture(scope="session")
def sandbox(folder: Path) -> Iterator[Sandbox]:
    with Sandbox(folder) as running:
        yield running


@pytest.fixture(scope="session")
def forge() -> Forge:
    return Forge()
