"""What falls due: everything of a registry that has a date on which somebody has to act.

One function a kind in `ASKED`; each looks at the whole registry and leaves dates and names to `due`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from muniment.core.name import Name
from muniment.insight.due.common import Due, Glance
from muniment.insight.due.deletion import deletions
from muniment.insight.due.evidence import flagged, reviews, too_old
from muniment.insight.due.keys import log_keys, sigstore, third_parties
from muniment.insight.due.running import triggers
from muniment.insight.due.words import (
    access_reviews,
    approvals,
    bindings,
    breaches,
    coming_rules,
    incidents,
    undecided,
    waivers,
)

__all__ = ["ASKED", "Due", "Glance", "due"]

ASKED: tuple[Callable[[Glance], Iterable[Due]], ...] = (
    reviews,
    too_old,
    flagged,
    approvals,
    waivers,
    bindings,
    coming_rules,
    incidents,
    triggers,
    breaches,
    undecided,
    deletions,
    access_reviews,
    log_keys,
    sigstore,
    third_parties,
)
"""Every kind of thing that falls due. A further kind is a further function here."""


def due(glance: Glance, until: datetime, name: Name | None = None) -> tuple[Due, ...]:
    """What falls due up to a time, the oldest in front; with a name, only what is of that name."""
    found = (one for ask in ASKED for one in ask(glance))
    kept = (one for one in found if one.at <= until and (name is None or one.name == name))
    return tuple(sorted(kept, key=lambda one: (one.at, one.kind, one.about, one.fact)))
