"""Findings as lines for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from muniment.policy.finding import Finding, Status


def findings_text(findings: Iterable[Finding]) -> list[str]:
    """A line a finding, and the remedy under each that fails."""
    lines: list[str] = []
    for finding in findings:
        if finding.status is Status.NOT_APPLICABLE:
            continue
        lines.append(f"{finding.status.value:5} {finding.rule}: {finding.reason}")
        if finding.fix:
            lines.append(f"      fix: {finding.fix}")
    return lines


def findings_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as JSON values."""
    return [
        {
            "rule": f.rule,
            "title": f.title,
            "status": f.status.value,
            "subject": f.subject,
            "reason": f.reason,
            "fix": f.fix,
            "waiver": f.waiver,
            "waits": f.waits,
        }
        for f in findings
    ]
