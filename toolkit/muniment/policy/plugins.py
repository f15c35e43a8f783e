"""Rules in Python that other packages offer under the entry point group `muniment.rules`.

Each is a function of the facts that returns a `Verdict`, or None where it does not apply. They are asked in dry runs
and can only warn: what is admitted, and what a replay finds, never depends on what happens to be installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from muniment.policy.facts import Facts, Verdict
from muniment.policy.finding import Finding, Status

GROUP = "muniment.rules"


def installed() -> tuple[EntryPoint, ...]:
    """The rules that installed packages offer, by name."""
    return tuple(sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)))


def advice(facts: Facts, points: Iterable[Any]) -> tuple[Finding, ...]:
    """What each rule says, as passes and warnings; one that breaks is a warning itself."""
    return tuple(finding for point in points if (finding := _ask(point, facts)) is not None)


def _ask(point: Any, facts: Facts) -> Finding | None:
    title = f"Advice of {point.value}"
    try:
        rule: Callable[[Facts], Verdict | None] = point.load()
        verdict = rule(facts)
        if verdict is None:
            return None
        status = Status.PASS if verdict.holds else Status.WARN
        return Finding(point.name, title, status, facts.subject, verdict.reason, "" if verdict.holds else verdict.fix)
    except Exception as error:
        reason = f"The rule broke: {type(error).__name__}."
        return Finding(point.name, title, Status.WARN, facts.subject, reason, "Tell the package's authors.")
