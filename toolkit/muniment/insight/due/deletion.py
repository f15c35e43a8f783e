"""Deletions that were asked for and that nobody carried out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from muniment.insight.due.common import Due, Glance
from muniment.policy.reading import some
from muniment.registry.deletion import Redact, RequestDeletion

ANSWER = timedelta(days=30)
"""How long a request may stay without an answer; the GDPR says one month (Art. 12(3))."""


def deletions(glance: Glance) -> Iterator[Due]:
    """Requests by which nothing was redacted yet."""
    entries = glance.state.entries
    done = {e.event.request for e in entries.values() if isinstance(e.event, Redact)}
    for index, entry in sorted(entries.items()):
        if isinstance(entry.event, RequestDeletion) and entry.record and entry.record.statement_digest not in done:
            asked, statement = entry.event, entry.record.statement_digest
            reference = f" {asked.reference}" if asked.reference else ""
            what = some(map(str, asked.statements))
            fact = f"The deletion request{reference} ({asked.basis}) for {what} was not carried out: {asked.reason}"
            remedy = f"Grant it, whole or in part: muniment redact {statement}; or tell who asked why not."
            yield Due("deletion", entry.admitted_at + ANSWER, str(statement), fact, remedy, entry=index)
