"""The year as it went, held by a golden file, and every decision of it derived again by a reader who has pins only."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.core.name import parse_name
from muniment.insight.standing import approvals_for, words_on
from muniment.registry.fold import blob_reader
from muniment.verify.pack import make_pack, open_pack
from muniment.verify.replay import verify_registry
from muniment.verify.selfread import own_anchor
from tests.governance.organisation import Organisation
from tests.governance.year import live

GOLDEN = Path(__file__).with_name("year.txt")


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    """The organisation after its year."""
    return live(tmp_path_factory.mktemp("year"))


def test_the_year_went_as_agreed(year: Organisation) -> None:
    assert year.told == GOLDEN.read_text("utf-8").splitlines()


def test_it_was_the_year_that_was_asked_for(year: Organisation) -> None:
    versions = year.state.versions
    assert len({v.name.namespace for v in versions}) == 3
    assert len(versions) == 15
    kinds = [e.kind for e in year.history.entries]
    assert kinds.count("configure") == 4
    events = ("rollback", "waive", "revoke", "request-deletion", "redact", "access-review")
    assert [kinds.count(kind) for kind in events] == [2, 2, 1, 1, 1, 1]
    since = kinds.index("configure", 1)  # names the sequencer
    decided = sum(kinds[since:].count(kind) for kind in ("release", "promote", "deploy"))
    assert kinds.count("vsa") == kinds.count("policy-decision") == decided > 20


def test_every_decision_is_derived_again(year: Organisation) -> None:
    """From bundles and pins alone; findings and all."""
    replayed = verify_registry(year.store, year.trust)
    assert [e.findings for e in replayed.history.entries] == [e.findings for e in year.history.entries]
    assert replayed.history.state.versions == year.state.versions


def test_what_stands_in_production_is_told_by_packs(year: Organisation) -> None:
    for name in ("anomaly/cpu", "anomaly/disk", "incidents/tickets-risk", "capacity/scaler"):
        version = year.standing(name)
        assert version is not None
        anchor = own_anchor(year.store, year.history)
        opened = open_pack(make_pack(year.history, version, blob_reader(year.store), anchor), year.trust)
        assert opened.version == version


def test_who_rejected_is_not_told_as_who_approved(year: Organisation) -> None:
    """Of the words on a promotion the page of the version and the report show as approvals what approves and stands."""
    index = next(t.index for t in year.state.stages[parse_name("anomaly/cpu"), "production"] if "2.1" in str(t.version))
    words = [(a.event.decision, a.revoked_by is None) for a in words_on(year.state, index)]
    assert words.count(("rejected", False)) == 1
    assert len(approvals_for(year.state, index)) == len(words) - 1
