"""Attempts to cheat, by insiders and others, on the day after the year: each is refused with the finding that says why,
and the log stays as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from muniment.registry.paths import blob_path
from muniment.signing.bundle import parse_bundle
from tests.governance import cheats_rules, cheats_running  # noqa: F401 - adds its attempts
from tests.governance.cheats_people import CHEATS, NEXT, event_of, ready
from tests.governance.organisation import Organisation, why
from tests.governance.year import bring, live


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    """The organisation after its year, with a version that is ready for production."""
    of = live(tmp_path_factory.mktemp("year"))
    of.on("2026-02-02")
    bring(of, NEXT, "anomaly/metrics@2025", 0.94)
    of.do("a scan", "scanner", of.scan(NEXT))
    of.do("promote to staging", "operator", of.promote(NEXT, "staging"))
    return of


@pytest.fixture
def of(year: Organisation) -> Iterator[Organisation]:
    """The same, with nothing in the inbox before and after."""
    _empty(year)
    yield year
    _empty(year)


def _empty(of: Organisation) -> None:
    for path in of.store.list("inbox"):
        of.store.remove(path)


def test_what_is_in_the_log_is_not_admitted_again(of: Organisation) -> None:
    """A promotion's own bundle, played again after the rollback, leaves the inbox and changes nothing."""
    before = of.store.read("checkpoint")
    played = of.store.read(blob_path(event_of(of, "promote", "anomaly/cpu@1.1.0").record.bundle))
    assert of.send(parse_bundle(played)).admitted == ()
    assert of.store.read("checkpoint") == before
    assert of.store.list("inbox") == []


def test_there_are_sixty_of_them() -> None:
    assert len(CHEATS) >= 60


@pytest.mark.parametrize("name", CHEATS)
def test_cheat(of: Organisation, name: str) -> None:
    expected, attempt = CHEATS[name]
    made = attempt(of)
    before = of.store.read("checkpoint")
    done = of.send(*(made if isinstance(made, tuple) else (made,)))
    told = " ".join(line.strip() for turned in done.turned for line in why(turned))
    assert not done.admitted
    assert of.store.read("checkpoint") == before
    assert done.turned
    assert expected, told
    assert expected in told, told


def test_the_honest_way_is_open(of: Organisation) -> None:
    """What was refused above was refused for what it says: the same promotion, with two others behind it, passes."""
    assert of.send(of.sign("operator", ready(of, "reviewer", "auditor"))).admitted
    assert str(of.standing("anomaly/cpu")) == NEXT
