"""Recovery points: which versions may return to an environment, why, and what is said of those that may not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from muniment.core.errors import Missing, Refused
from muniment.core.name import VersionId, parse_name
from muniment.evidence.statement import Statement
from muniment.registry import propose, recovery
from muniment.registry.documents import documents
from muniment.registry.judges.movement import located
from muniment.registry.predicate import parse_event
from muniment.registry.recovery import Candidate, candidates
from tests.registry.paper import Paper, signature, target
from tests.registry.staff import staff
from tests.registry.test_check import refused
from tests.world import POLICY

CPU = parse_name("aiops/cpu")
FRESH = {"rule": "evidence-age", "gate": "rollback", "with": {"evidence": ["signature"], "maxDays": 1}}
REVIEWED = {"id": "agreed", "rule": "approvals-required", "gate": "rollback", "with": {"count": 1, "role": "reviewer"}}
ACCEPTING = {"rule": "recovery-point", "gate": "rollback", "with": {"incidents": "accept"}}


def three(*rules: dict[str, Any]) -> tuple[Paper, list[VersionId]]:
    """Three versions that stood in production one after the other; the last one stands there."""
    paper = Paper({"rules": [*POLICY["rules"], *rules]}, **staff())
    versions = [paper.release(f"aiops/cpu@{n}.0.0", b"%d" % n) for n in (1, 2, 3)]
    for version in versions:
        paper.promote(version)
    return paper, versions


def points(paper: Paper) -> list[Candidate]:
    return list(candidates(paper.state, CPU, "production", paper.at))


def said(paper: Paper) -> dict[str, tuple[bool, tuple[str, ...]]]:
    return {c.version.version: (c.permitted, c.against) for c in points(paper)}


def returning(paper: Paper, to: VersionId | None = None) -> Statement:
    return recovery.rollback(paper.state, CPU, "production", to, "INC-1", "it is worse", paper.at)


def incident(paper: Paper, action: str, **more: Any) -> None:
    paper.put("operator", propose.incident(paper.state, CPU, "INC-1", action, "seen", paper.at, **more))


def by_hand(paper: Paper, version: VersionId) -> Statement:
    """A rollback as somebody writes it who asks nobody."""
    return propose.rollback(paper.state, version, "production", "INC-1", "it is worse", paper.at)


def test_the_one_that_left_last_comes_first_and_is_chosen() -> None:
    paper, (one, two, three_) = three()
    assert said(paper) == {"2.0.0": (True, ()), "1.0.0": (True, ())}
    paper.open_incident()
    paper.put("operator", returning(paper))
    assert paper.state.current(CPU, "production") == two
    paper.put("operator", returning(paper))
    assert [c.version for c in points(paper)] == [two, one]
    assert paper.state.current(CPU, "production") == three_


def test_an_incident_links_to_the_rollbacks_that_answered_it() -> None:
    paper, _ = three()
    paper.open_incident()
    paper.put("operator", returning(paper))
    paper.put("operator", returning(paper))
    told = json.loads(documents(paper.state)["name/aiops/cpu/incident/INC-1"])
    moves = [i for i, e in sorted(paper.state.entries.items()) if e.kind == "rollback"]
    assert told["rollbacks"] == moves
    assert len(moves) == 2


def retire(paper: Paper, version: VersionId) -> None:
    paper.put("operator", propose.retire(paper.state, version, "unsafe", "leaks", None, paper.at))


def locate(paper: Paper, version: VersionId) -> None:
    incident(paper, "opened", severity="low")
    incident(paper, "located", version=version)


@pytest.mark.parametrize(
    ("trouble", "fact"),
    [(retire, "is retired."), (locate, "The incident INC-1 is located to aiops/cpu@2.0.0")],
)
def test_what_may_not_return(trouble: Callable[[Paper, VersionId], None], fact: str) -> None:
    paper, (one, two, _) = three()
    trouble(paper, two)
    permitted, against = said(paper)["2.0.0"]
    assert not permitted
    assert fact in against[0]
    assert parse_event(returning(paper)).version == one  # type: ignore[attr-defined]
    with pytest.raises(Refused, match="no permitted recovery point"):
        returning(paper, two)
    assert fact in refused(paper, "operator", by_hand(paper, two))


def test_policy_may_accept_incidents_and_a_resolved_one_does_not_matter() -> None:
    paper, (_, two, _) = three(ACCEPTING)
    locate(paper, two)
    assert said(paper)["2.0.0"] == (True, ())
    paper.put("operator", returning(paper))
    assert paper.state.current(CPU, "production") == two
    paper, (_, two, _) = three()
    locate(paper, two)
    incident(paper, "resolved")
    assert said(paper)["2.0.0"] == (True, ())


@pytest.mark.parametrize(
    "narrowed",
    [{"environments": ["staging"]}, {"gate": "promote", "severity": "warn"}, {"when": "false"}, {"kinds": ["dataset"]}],
)
def test_accepting_incidents_elsewhere_accepts_none_here(narrowed: dict[str, Any]) -> None:
    paper, (_, two, _) = three({**ACCEPTING, **narrowed})
    locate(paper, two)
    assert said(paper)["2.0.0"][0] is False


def test_evidence_that_is_too_old_by_then() -> None:
    paper, (one, two, _) = three(FRESH)
    paper.at += timedelta(days=3)
    again = signature(b"1")
    paper.put("trainer", replace(again, predicate={**again.predicate, "note": "measured again"}))
    permitted, against = said(paper)["2.0.0"]
    assert not permitted
    assert against[0].startswith("evidence-age: The newest signature is 3 days old")
    paper.open_incident()
    assert "does not pass the gate rollback: evidence-age" in refused(paper, "operator", by_hand(paper, two))
    paper.put("operator", returning(paper))
    assert paper.state.current(CPU, "production") == one


def test_approvals_that_are_asked_for_are_no_bar() -> None:
    paper, (_, two, _) = three(REVIEWED)
    (first, _) = points(paper)
    assert (first.version, first.permitted) == (two, True)
    assert first.lacking == ("agreed: Approved by 0 of 1 in the role reviewer.",)
    paper.open_incident()
    statement = returning(paper)
    assert "does not pass the gate rollback: agreed" in refused(paper, "operator", statement)
    paper.put("reviewer", propose.approve(paper.state, target(statement), "reviewer", "fine", paper.at))
    paper.put("operator", statement)
    assert paper.state.current(CPU, "production") == two


def test_where_there_is_none() -> None:
    paper, (one, two, _) = three()
    for version in (one, two):
        retire(paper, version)
    with pytest.raises(Missing, match=r"No earlier version of aiops/cpu can return to production\. aiops/cpu@2"):
        returning(paper)
    with pytest.raises(Missing, match="No version of aiops/cpu stands in staging"):
        candidates(paper.state, CPU, "staging", paper.at)


def test_a_rollback_answers_an_incident_that_is_open() -> None:
    paper, _ = three()
    assert "There is no incident INC-1 of aiops/cpu" in refused(paper, "operator", returning(paper))
    incident(paper, "opened", severity="high")
    incident(paper, "resolved")
    assert "The incident INC-1 of aiops/cpu is resolved" in refused(paper, "operator", returning(paper))


def test_an_incident_of_another_name_is_none_of_this_one() -> None:
    paper, _ = three()
    paper.release("aiops/gpu@1.0.0", b"gpu")
    paper.open_incident("aiops/gpu")
    assert "There is no incident INC-1 of aiops/cpu" in refused(paper, "operator", returning(paper))


def test_what_never_stood_there() -> None:
    paper, _ = three()
    four = paper.release("aiops/cpu@4.0.0", b"4")
    with pytest.raises(Refused, match="not among those that stood in production before"):
        returning(paper, four)
    with pytest.raises(Refused, match="not among those"):
        returning(paper, paper.state.current(CPU, "production"))


@pytest.mark.parametrize(("minutes", "permitted"), [(90, True), (10, False)])
def test_a_recovery_point_that_stood_long_enough(minutes: int, permitted: bool) -> None:
    rule = {"rule": "recovery-point", "gate": "rollback", "environments": ["production"], "with": {"minHours": 1}}
    paper = Paper({"rules": [*POLICY["rules"], rule]})
    one = paper.release("aiops/cpu@1.0.0", b"one")
    paper.promote(one)
    paper.at += timedelta(minutes=minutes)
    paper.promote(paper.release("aiops/cpu@2.0.0", b"two"))
    paper.open_incident()
    assert [c.permitted for c in points(paper)] == [permitted]
    if permitted:
        paper.put("operator", returning(paper))
        assert paper.state.current(CPU, "production") == one
        assert [f.rule for f in paper.state.entries[paper.state.size - 2].findings] == ["recovery-point"]
    else:
        with pytest.raises(Missing, match="It stood there for 0 hours at most"):
            returning(paper)


def test_a_rule_at_another_gate_is_not_taken_for_asked() -> None:
    """Where evidence is gone, whoever redacted it answers for rules at the gate rollback, and for no others."""
    for gate, fact in (("promote", "The incident INC-1 is located to"), ("rollback", "")):
        paper, (_, two, _) = three({**ACCEPTING, "gate": gate, "severity": "warn"})
        locate(paper, two)
        assert fact in located(paper.state, paper.state.versions[two], (), underivable=True)
        assert bool(fact) == bool(located(paper.state, paper.state.versions[two], (), underivable=True))
