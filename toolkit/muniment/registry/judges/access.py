"""access-review: a decision on every binding of the configuration in force, by who may review all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from muniment.core.errors import Refused
from muniment.policy.finding import Finding
from muniment.registry.access import ACCESS_KEY, AccessReview, grants
from muniment.registry.event import Event
from muniment.registry.judges.common import Change, config_of
from muniment.registry.state import AccessState, State
from muniment.signing.identity import Signed


def judge(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits a review of the rules in force; it changes none of them."""
    assert isinstance(event, AccessReview)
    config = config_of(state)
    if event.configuration != config.digest or not state.configured_at < event.size <= state.size:
        raise Refused(
            f"The review is of another configuration than the one in force (entry {state.configured_at}).",
            "Draft it again and decide on what changed: muniment access-review --draft FILE.",
        )
    if [(g.binding, g.may) for g in event.granted] != grants(config):
        raise Refused(
            "The review does not list the bindings of the configuration it names.",
            "Draft it again with muniment, and leave the bindings as they are written there.",
        )
    if event.next_review_by <= at:
        raise Refused("The next review would be due already.", "Give a later time as nextReviewBy.")
    reviewed = AccessState(state.size, event, at)
    return (lambda s: replace(s, access=s.access.set(ACCESS_KEY, reviewed))), ()
