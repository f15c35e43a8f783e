"""Findings as other programs read them: lines for people, JSON, SARIF 2.1.0, JUnit XML, Markdown.

Source: OASIS SARIF 2.1.0 (sections 3.27, 3.35, 3.49); the JUnit XML that CI systems agree on; GitHub's job summaries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from muniment import __version__
from muniment.core.canonical import format_json
from muniment.core.digest import digest_of
from muniment.core.instant import format_instant
from muniment.interop.github import cell, table
from muniment.policy.finding import Finding, Status
from muniment.policy.gates import SUBMIT

Findings = Sequence[Finding]

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# What XML 1.0 cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LEVELS = {Status.PASS: "none", Status.NOT_APPLICABLE: "none", Status.WARN: "warning"}
_KINDS = {Status.PASS: "pass", Status.NOT_APPLICABLE: "notApplicable"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the findings answer: a subject at a gate, and whether it passes."""

    subject: str
    gate: str
    environment: str | None
    passes: bool

    @property
    def title(self) -> str:
        """`aiops/cpu@1.0.0 at the gate promote, production`."""
        return f"{self.subject} at the gate {self.gate}" + (f", {self.environment}" if self.environment else "")


def findings_text(findings: Iterable[Finding]) -> list[str]:
    """A line a finding; under one that fails what to do, how to ask for a waiver, and where the rule is explained."""
    lines: list[str] = []
    for finding in findings:
        if finding.status is Status.NOT_APPLICABLE:
            continue
        lines.append(f"{finding.status.value:5} {finding.rule}: {finding.reason}")
        if finding.remedy:
            lines.append(f"      fix: {finding.remedy}")
        if finding.status is Status.FAIL:
            lines += [f"      or: {finding.waiver}"] if finding.waiver else []
            lines += [f"      see: {finding.page}"] if finding.page else []
    return lines


def findings_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as JSON values."""
    return [_json(finding) for finding in findings]


def report_json(asked: Asked, findings: Findings) -> dict[str, Any]:
    """A dry run as one JSON value."""
    what = "record" if asked.gate == SUBMIT else "version"
    value: dict[str, Any] = {what: asked.subject, "gate": asked.gate}
    value |= {"environment": asked.environment} if asked.environment else {}
    return value | {"passes": asked.passes, "findings": findings_json(findings)}


def sarif(asked: Asked, findings: Findings) -> dict[str, Any]:
    """One SARIF run: a rule a finding, a result each; a waiver is a suppression, with its reason."""
    driver = {"name": "muniment", "version": __version__, "rules": [_sarif_rule(f) for f in findings]}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "/".join(filter(None, ["muniment", asked.gate, asked.environment, asked.subject]))},
        "results": [_sarif_result(index, f) for index, f in enumerate(findings)],
    }
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def junit(asked: Asked, findings: Findings) -> str:
    """One test suite, a test case a finding: a failure fails, what was waived or does not apply is skipped."""
    count = {status: sum(f.status is status for f in findings) for status in Status}
    skipped = count[Status.NOT_APPLICABLE] + count[Status.WAIVED]
    numbers = {"tests": str(len(findings)), "failures": str(count[Status.FAIL]), "skipped": str(skipped), "errors": "0"}
    root = ElementTree.Element("testsuites", {"name": "muniment", **numbers})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _xml(asked.title), **numbers})
    for finding in findings:
        _test_case(suite, asked, finding)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def markdown(asked: Asked, findings: Findings) -> str:
    """A table of the findings that apply, for the summary of a job."""
    shown = [f for f in findings if f.status is not Status.NOT_APPLICABLE]
    rows = [(f.status.value, f.rule, f.reason, f.remedy, f.waiver if f.status is Status.FAIL else "") for f in shown]
    left_out = len(findings) - len(shown)
    parts = [f"### {cell(asked.title)}: {'passes' if asked.passes else 'does not pass'}\n"]
    parts += [table(("", "rule", "reason", "fix", "exception"), rows)] if rows else []
    parts += [f"Rules that do not apply: {left_out}.\n"] if left_out else []
    return "\n".join(parts)


def _json(finding: Finding) -> dict[str, Any]:
    value: dict[str, Any] = {
        "rule": finding.rule,
        "title": finding.title,
        "status": finding.status.value,
        "subject": finding.subject,
        "reason": finding.reason,
        "fix": finding.fix,
        "waiver": finding.waiver,
        "waits": finding.waits,
        "page": finding.page,
        "controls": list(finding.controls),
    }
    if finding.waived_by and finding.expires is not None:
        value |= {"waivedBy": finding.waived_by, "expires": format_instant(finding.expires)}
    return value


def _sarif_rule(finding: Finding) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": finding.rule, "shortDescription": {"text": finding.title}}
    if finding.page:
        rule["help"] = {"text": finding.page}
    return rule | ({"properties": {"tags": list(finding.controls)}} if finding.controls else {})


def _sarif_result(index: int, finding: Finding) -> dict[str, Any]:
    text = " ".join(filter(None, [finding.reason, finding.remedy]))
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "kind": _KINDS.get(finding.status, "fail"),
        "level": _LEVELS.get(finding.status, "error"),
        "message": {"text": text},
        # Viewers ask for a file: the one in which the rule is written.
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": "policy.yaml"}, "region": {"startLine": 1}},
                "logicalLocations": [{"fullyQualifiedName": finding.subject, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"finding/v1": digest_of(format_json([finding.rule, finding.subject])).hex},
    }
    if finding.status is Status.WAIVED:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": finding.reason}]
    return result


def _test_case(suite: ElementTree.Element, asked: Asked, finding: Finding) -> None:
    named = {"classname": _xml(f"muniment.{asked.gate}"), "name": _xml(f"{finding.rule}: {finding.title}")}
    case = ElementTree.SubElement(suite, "testcase", named)
    match finding.status:
        case Status.FAIL:
            failure = ElementTree.SubElement(case, "failure", {"message": _xml(finding.reason), "type": finding.rule})
            failure.text = _xml("\n".join(filter(None, [finding.fix, finding.waiver, finding.page])))
        case Status.WAIVED | Status.NOT_APPLICABLE:
            said = f"{finding.status.value}: {finding.reason}"
            ElementTree.SubElement(case, "skipped", {"message": _xml(said)})
        case Status.WARN:
            ElementTree.SubElement(case, "system-out").text = _xml(f"warning: {finding.reason}")


def _xml(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)


FORMATS: dict[str, Callable[[Asked, Findings], Any]] = {
    "text": lambda asked, findings: "\n".join(findings_text(findings)) or "no rule applies",
    "json": report_json,
    "sarif": sarif,
    "junit": junit,
    "markdown": markdown,
}
"""What `--format` may be: text, or a JSON value."""
