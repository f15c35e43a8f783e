"""A registry looked at by its makers: what it adds up to, at a time, and what waits in its inbox."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from muniment.cli import options

if TYPE_CHECKING:
    from muniment.insight.due.common import Glance


def glance(registry: str, effective: str | None) -> Glance:
    """A registry at a time that an option gives, else now; on its own word."""
    from muniment.insight.due.common import Glance
    from muniment.registry.draft import PATIENCE
    from muniment.verify.monitor import Watch, inbox_of, waiting_in

    at = _moment(effective)
    state, store = options.own_history(registry).state, inbox_of(options.readable(registry))
    waiting = waiting_in(store, state, Watch((), (), PATIENCE, at)) if store is not None else None
    return Glance(state, at, waiting)


def _moment(effective: str | None) -> datetime:
    return options.moment(effective, "--effective-time") if effective is not None else options.now()
