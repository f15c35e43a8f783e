"""What show and history say of how a version fares: what runs of it, and approvals that emergencies owe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from muniment.core.name import VersionId
    from muniment.registry.state import Breach, Deployment, Entry, State


def trouble_of(state: State, version: VersionId, now: datetime) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What is said of a version besides its own document: as JSON, and as lines for people."""
    from muniment.registry.documents import breach_document, deployment_document

    breaches = sorted((b for b in state.breaches.values() if b.version == version), key=lambda b: b.index)
    places = sorted(((k, d) for k, d in state.deployments.items() if d.version == version), key=lambda p: p[0][1:])
    values: dict[str, list[dict[str, Any]]] = {
        "deployments": [
            {"environment": d.environment, "instance": d.instance} | deployment_document(d) for _, d in places
        ],
        "breaches": [breach_document(b) | {"overdue": b.is_overdue(now)} for b in breaches],
    }
    lines = {
        "deployments": [_deployment(d) for _, d in places],
        "breaches": [f"entry {b.index}: {_breach(b, now)}" for b in breaches],
    }
    return {k: v for k, v in values.items() if v}, {k: v for k, v in lines.items() if v}


def note_of(state: State, entry: Entry, now: datetime) -> str:
    """What is remarkable about an entry, or nothing."""
    from muniment.registry.event import Rollback

    if not isinstance(entry.event, Rollback):
        return ""
    breach = state.breaches.get((entry.event.version.name, entry.index))
    return f"emergency: {_breach(breach, now)}" if breach else ""


def _deployment(deployment: Deployment) -> str:
    from muniment.core.instant import format_instant

    where = f"{deployment.environment}, instance {deployment.instance}"
    return f"{deployment.status} in {where} since {format_instant(deployment.since)} (entry {deployment.index})"


def _breach(breach: Breach, now: datetime) -> str:
    from muniment.core.instant import format_instant

    late = " OVERDUE" if breach.is_overdue(now) else ""
    if breach.settled_at is not None:
        when = f"approvals came by {format_instant(breach.settled_at)}{', LATE' if late else ''}"
        return f"{when} (entry {breach.settled_by})"
    missing = "; ".join(f"{rule}: {fact}" for rule, fact in zip(breach.rules, breach.missing, strict=True))
    return f"approvals owed until {format_instant(breach.deadline)}{late}: {missing}"
