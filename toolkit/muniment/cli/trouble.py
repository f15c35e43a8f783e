"""What show and history say of trouble: approvals that emergencies owe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from muniment.core.name import VersionId
    from muniment.registry.state import Breach, Entry, State


def trouble_of(state: State, version: VersionId, now: datetime) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What is said of a version besides its own document: as JSON, and as lines for people."""
    from muniment.registry.documents import breach_document

    breaches = [b for _, b in sorted(state.breaches.items(), key=lambda b: b[1].index) if b.version == version]
    if not breaches:
        return {}, {}
    documents = [breach_document(b) | {"overdue": b.is_overdue(now)} for b in breaches]
    return {"breaches": documents}, {"breaches": [f"entry {b.index}: {_breach(b, now)}" for b in breaches]}


def note_of(state: State, entry: Entry, now: datetime) -> str:
    """What is remarkable about an entry, or nothing."""
    from muniment.registry.event import Rollback

    if not isinstance(entry.event, Rollback):
        return ""
    breach = state.breaches.get((entry.event.version.name, entry.index))
    return f"emergency: {_breach(breach, now)}" if breach else ""


def _breach(breach: Breach, now: datetime) -> str:
    from muniment.core.instant import format_instant

    late = " OVERDUE" if breach.is_overdue(now) else ""
    if breach.settled_at is not None:
        when = f"approvals came by {format_instant(breach.settled_at)}{', LATE' if late else ''}"
        return f"{when} (entry {breach.settled_by})"
    missing = "; ".join(f"{rule}: {fact}" for rule, fact in zip(breach.rules, breach.missing, strict=True))
    return f"approvals owed until {format_instant(breach.deadline)}{late}: {missing}"
