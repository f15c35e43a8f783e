"""The gate rollback: a return is asked what policy asks of recovery points."""

from __future__ import annotations

from datetime import timedelta

import pytest

from muniment.core.errors import Refused
from muniment.evidence.statement import Statement
from muniment.registry import propose
from tests.registry.paper import Paper
from tests.world import POLICY

RULE = {"rule": "recovery-point", "gate": "rollback", "environments": ["production"], "with": {"minHours": 1}}


def returning(paper: Paper) -> Statement:
    name = next(iter(paper.state.versions)).name
    return propose.rollback(paper.state, name, "production", None, "INC-1", "it is worse", paper.at)


def stood(minutes: int) -> Paper:
    """A version that stood in production for some minutes before another took its place."""
    paper = Paper({"rules": [*POLICY["rules"], RULE]})
    paper.promote(paper.release("aiops/cpu@1.0.0", b"one"))
    paper.at += timedelta(minutes=minutes)
    paper.promote(paper.release("aiops/cpu@2.0.0", b"two"))
    return paper


def test_a_recovery_point_that_stood_long_enough() -> None:
    paper = stood(90)
    paper.put("operator", returning(paper))
    name = next(iter(paper.state.versions)).name
    assert str(paper.state.current(name, "production")) == "aiops/cpu@1.0.0"
    assert [f.rule for f in paper.state.entries[paper.state.size - 2].findings] == ["recovery-point"]


def test_a_recovery_point_that_hardly_stood() -> None:
    paper = stood(10)
    with pytest.raises(Refused, match="does not pass the gate rollback: recovery-point"):
        paper.put("operator", returning(paper))
