"""What a new configuration would change, as lines for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from muniment.interop.findings import findings_json, findings_text

if TYPE_CHECKING:
    from muniment.registry.change import Change, Failing, Right
    from muniment.registry.pattern import Pattern


def change_json(change: Change) -> dict[str, Any]:
    """A change as a JSON value."""
    return {
        "gained": [_right(r) for r in change.gained],
        "lost": [_right(r) for r in change.lost],
        "otherTimes": [_right(r) for r in change.moved],
        "otherFields": list(change.fields),
        "policy": change.policy,
        "newlyFailing": [
            {
                "version": str(f.version),
                "gate": f.gate,
                "environment": f.environment,
                "findings": findings_json(f.findings),
            }
            for f in change.failing
        ],
    }


def change_text(change: Change) -> list[str]:
    """A line an identity and namespace, and one a version and gate with what would fail."""
    lines = [
        *_lines("gains", change.gained),
        *_lines("loses", change.lost),
        *_lines("keeps, at other times:", change.moved),
    ]
    lines += [f"registry.yaml says otherwise of {', '.join(change.fields)}"] if change.fields else []
    lines += ["policy.yaml changes: muniment policy diff says what"] if change.policy else []
    for failing in change.failing:
        lines.append(f"{failing.version} would no longer pass the gate {_gate(failing)}")
        lines += [f"  {line}" for line in findings_text(failing.findings)]
    return lines or ["nothing changes"]


def pattern_json(pattern: Pattern) -> dict[str, Any]:
    """An identity as registry.yaml has it."""
    return {"issuer": pattern.issuer, "subject": pattern.subject} | (
        {"claims": dict(pattern.claims)} if pattern.claims else {}
    )


def _right(right: Right) -> dict[str, Any]:
    return {"identity": pattern_json(right.identity), "kind": right.kind, "namespace": right.namespace}


def _lines(verb: str, rights: Iterable[Right]) -> list[str]:
    kinds: dict[tuple[Pattern, str], list[str]] = {}
    for right in rights:
        kinds.setdefault((right.identity, right.namespace), []).append(right.kind)
    return [f"{who.subject} {verb} {', '.join(found)} in {place}" for (who, place), found in kinds.items()]


def _gate(failing: Failing) -> str:
    return f"{failing.gate} to {failing.environment}" if failing.environment else failing.gate
