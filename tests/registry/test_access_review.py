"""The access review: a decision on every binding of the rules in force; and each way to get by with less."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from muniment.core.digest import digest_of
from muniment.core.errors import Malformed
from muniment.evidence.statement import Statement
from muniment.registry import propose
from muniment.registry.access import AccessReview, Granted, grants
from muniment.registry.check import check
from muniment.registry.documents import documents
from muniment.registry.event import Event
from muniment.registry.leaf import derive_leaf
from muniment.registry.predicate import format_event, parse_event
from muniment.registry.snapshot import format_snapshot, parse_snapshot
from tests.registry.paper import Paper
from tests.registry.staff import MAY, staff
from tests.registry.test_check import refused
from tests.world import POLICY


def audited(**more: Any) -> dict[str, Any]:
    """registry.yaml in which the administrator reviews access."""
    may = {**MAY, "administrator": [*MAY["administrator"], "access-review"]}
    return staff(roles={role: {"may": kinds} for role, kinds in may.items()}, **more)


@pytest.fixture
def paper() -> Paper:
    return Paper(POLICY, **audited())


def review(paper: Paper, **changed: Any) -> Statement:
    """A review that keeps everything, for half a year."""
    assert paper.state.config is not None
    granted = tuple(Granted(binding, may, "keep", "needed") for binding, may in grants(paper.state.config))
    told: dict[str, Any] = {
        "size": paper.state.size,
        "granted": granted,
        "next_review_by": paper.at + timedelta(days=180),
        "summary": "nothing to change",
    } | changed
    return propose.access_review(paper.state, at=paper.at, **told)


def changed(statement: Statement, **fields: Any) -> Statement:
    """The review with some fields of its event changed."""
    event = parse_event(statement)
    assert isinstance(event, AccessReview)
    return format_event(replace(event, **fields))


def test_a_review_is_in_the_log_and_a_document_says_what_it_came_to(paper: Paper) -> None:
    assert "access-review" not in documents(paper.state)
    paper.put("administrator", review(paper))
    entry = paper.state.access["access-review"].index
    assert json.loads(documents(paper.state)["access-review"]) == {
        "configuration": str(paper.state.config.digest) if paper.state.config else "",
        "decisions": {"keep": 5, "remove": 0, "change": 0},
        "entry": entry,
        "nextReviewBy": "2026-07-30T08:01:00Z",
    }
    assert paper.state.entries[entry].kind == "access-review"
    assert paper.state.config is not None
    assert paper.state.configured_at == 0


def test_the_next_review_follows_the_last(paper: Paper) -> None:
    first = review(paper)
    paper.put("administrator", first)
    event = parse_event(review(paper, summary=None))
    assert isinstance(event, Event)
    assert event.after == paper.state.access["access-review"].index
    paper.put("administrator", review(paper, summary=None))
    assert refused(paper, "administrator", changed(first, summary="again"))


def test_a_state_with_a_review_is_kept_and_read_again(paper: Paper) -> None:
    paper.put("administrator", review(paper))
    state = paper.state
    assert state.config is not None
    assert state.genesis is not None
    again = parse_snapshot(format_snapshot(state), state.config.origin, state.genesis)
    assert again is not None
    assert again.access == state.access


def other_configuration(paper: Paper) -> Statement:
    statement = review(paper)
    paper.put("administrator", paper.configuration(registry=paper.registry(title="another")))
    return statement


def before_the_configuration(paper: Paper) -> Statement:
    size = paper.state.size
    paper.put("administrator", paper.configuration(registry=paper.registry(title="another")))
    paper.put("administrator", paper.configuration(registry=paper.registry(title="a third")))
    return review(paper, size=size)


def left_out(paper: Paper) -> Statement:
    statement = review(paper)
    event = parse_event(statement)
    assert isinstance(event, AccessReview)
    return changed(statement, granted=event.granted[1:])


def narrower(paper: Paper) -> Statement:
    statement = review(paper)
    event = parse_event(statement)
    assert isinstance(event, AccessReview)
    return changed(statement, granted=(replace(event.granted[0], may=("approve",)), *event.granted[1:]))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (other_configuration, "of another configuration than the one in force"),
        (before_the_configuration, "of another configuration than the one in force"),
        (lambda paper: review(paper, size=paper.state.size + 1), "of another configuration than the one in force"),
        (lambda paper: changed(review(paper), configuration=digest_of(b"x")), "of another configuration than the one"),
        (left_out, "does not list the bindings"),
        (narrower, "does not list the bindings"),
        (lambda paper: review(paper, next_review_by=paper.at), "due already"),
    ],
)
def test_a_review_that_is_none_of_the_rules_in_force(
    paper: Paper, make: Callable[[Paper], Statement], told: str
) -> None:
    assert told in refused(paper, "administrator", make(paper))


def test_nobody_reviews_access_without_a_role_that_may_in_all_namespaces(paper: Paper) -> None:
    assert "may not sign access-review" in refused(paper, "reviewer", review(paper))
    may = {**MAY, "reviewer": [*MAY["reviewer"], "access-review"]}  # bound in one namespace
    narrow = Paper(POLICY, **staff(roles={role: {"may": kinds} for role, kinds in may.items()}))
    assert "may not sign access-review" in refused(narrow, "reviewer", review(narrow))


@pytest.mark.parametrize(
    "fields",
    [{"decision": "perhaps"}, {"reason": ""}],
)
def test_a_decision_is_one_of_three_and_has_a_reason(paper: Paper, fields: dict[str, str]) -> None:
    event = parse_event(review(paper))
    assert isinstance(event, AccessReview)
    granted = (replace(event.granted[0], **fields), *event.granted[1:])
    signed = paper.sign("administrator", format_event(replace(event, granted=granted)))
    with pytest.raises(Malformed):
        check(paper.state, signed, paper.at, derive_leaf(signed))
