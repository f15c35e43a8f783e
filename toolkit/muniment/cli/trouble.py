"""What show and history say of how a version fares: what runs, what was observed, what emergencies owe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from muniment.evidence.review import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from muniment.core.name import VersionId
    from muniment.policy.triggers import Reading
    from muniment.registry.state import Breach, Deployment, Entry, Observed, State


def trouble_of(state: State, version: VersionId, now: datetime) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What is said of a version besides its own document: as JSON, and as lines for people."""
    from muniment.registry.documents import breach_document, deployment_document, observed_document

    breaches = sorted((b for b in state.breaches.values() if b.version == version), key=lambda b: b.index)
    places = sorted(((k, d) for k, d in state.deployments.items() if d.version == version), key=lambda p: p[0][1:])
    seen = sorted(((e, o) for (v, e), o in state.observed.items() if v == version), key=lambda p: p[0])
    values: dict[str, list[dict[str, Any]]] = {
        "deployments": [
            {"environment": d.environment, "instance": d.instance} | deployment_document(d) for _, d in places
        ],
        "observed": [{"environment": e} | observed_document(o) for e, o in seen],
        "breaches": [breach_document(b) | {"overdue": b.is_overdue(now)} for b in breaches],
    }
    lines = {
        "deployments": [_deployment(d) for _, d in places],
        "observed": [line for e, o in seen for line in _observed(e, o)],
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


def reading_json(readings: Sequence[Reading]) -> list[dict[str, str]]:
    """What triggers say, as JSON."""
    return [
        {"trigger": r.trigger, "title": r.title, "severity": r.severity, "alarm": r.alarm.value, "reason": r.reason}
        for r in readings
    ]


def reading_lines(readings: Sequence[Reading], version: VersionId, environment: str) -> list[str]:
    """What fired and what is not known; and the commands that answer what fired."""
    from muniment.policy.triggers import Alarm
    from muniment.registry.observing import answers

    told = [r for r in readings if r.alarm is not Alarm.QUIET]
    fired = [r for r in told if r.alarm is Alarm.FIRED]
    lines = [f"trigger {r.trigger} ({r.severity}) {_WORDS[r.alarm]}: {r.title}: {r.reason}" for r in told]
    if fired:
        gravest = max(fired, key=lambda r: SEVERITIES.index(r.severity)).severity
        opening, asking = answers(version, environment, gravest, ", ".join(r.trigger for r in fired))
        lines += [f"  try: {opening}", f"  then: {asking}"]
    return lines


_WORDS = {"fired": "fired", "unknown": "is not known"}


def _observed(environment: str, observed: Observed) -> list[str]:
    from muniment.core.instant import format_instant

    last = observed.windows[-1]
    numbers = ", ".join(f"{name} {value!r}" for name, value in sorted(last.metrics.items()))
    when = f"{format_instant(last.begins)} to {format_instant(last.ends)}"
    lines = [f"{environment}, {when}: {numbers} on {last.samples} samples (entry {last.index})"]
    told = (r for r in observed.readings if r.alarm in _WORDS)
    return lines + [f"{environment}: trigger {r.trigger} {_WORDS[r.alarm]}: {r.reason}" for r in told]


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
