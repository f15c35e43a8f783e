"""Findings in every format: the text people see is a golden file, the others hold to their forms."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from muniment import __version__
from muniment.interop.findings import FORMATS, Asked, findings_text, junit, markdown, report_json, sarif
from muniment.policy.finding import Finding, Status

GOLDEN = Path(__file__).parent / "findings"
SUBJECT = "aiops/cpu@1.0.0"
ASKED = Asked(SUBJECT, "promote", "production", False)
FINDINGS = (
    Finding(
        "papers",
        "Required evidence is present",
        Status.PASS,
        SUBJECT,
        "The release stands on bom.",
        page="docs/rules/evidence-required.md",
    ),
    Finding(
        "licences",
        "Licences are allowed",
        Status.FAIL,
        SUBJECT,
        "Not allowed: <b>cpu</b> | `x` (GPL-3.0-only).",
        "Replace the component.",
        "Turn to #ml. Whoever may waive licences runs: muniment waive licences aiops/cpu@1.0.0 --until YYYY-MM-DD",
        page="docs/rules/licence-allowed.md",
        controls=("A.1", "A.2"),
    ),
    Finding("fresh", "Evidence is recent", Status.WARN, SUBJECT, "The newest bom is 40 days old.", "Make it anew."),
    Finding(
        "review",
        "A privacy review is in force",
        Status.WAIVED,
        SUBJECT,
        "There is no privacy review. Waived by vera as risk until 2026-02-20T00:00:00Z, 20 days left: it is booked",
        "Have it reviewed.",
        "…",
        waived_by="sha256:" + "0" * 64,
        expires=datetime(2026, 2, 20, tzinfo=UTC),
    ),
    Finding("data", "Training data may be used", Status.NOT_APPLICABLE, SUBJECT, "The rule is not for this case."),
)


@pytest.mark.parametrize("form", FORMATS)
def test_what_people_and_programs_see(form: str) -> None:
    value = FORMATS[form](ASKED, FINDINGS)
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    assert text.replace(__version__, "VERSION").rstrip("\n") == (GOLDEN / f"findings.{form}").read_text("utf-8").rstrip(
        "\n"
    )


def test_text_names_only_what_applies() -> None:
    assert "data" not in "\n".join(findings_text(FINDINGS))
    assert FORMATS["text"](ASKED, FINDINGS[4:]) == "no rule applies"


def test_sarif_says_each_outcome_in_its_own_way() -> None:
    (run,) = sarif(ASKED, FINDINGS)["runs"]
    results = {r["ruleId"]: r for r in run["results"]}
    said = {rule: (r["kind"], r["level"]) for rule, r in results.items()}
    assert said == {
        "papers": ("pass", "none"),
        "licences": ("fail", "error"),
        "fresh": ("fail", "warning"),
        "review": ("fail", "error"),
        "data": ("notApplicable", "none"),
    }
    for index, (result, rule) in enumerate(zip(run["results"], run["tool"]["driver"]["rules"], strict=True)):
        assert (result["ruleIndex"], result["ruleId"]) == (index, rule["id"])
        # A result of another kind than fail must have the level none: SARIF 2.1.0, 3.27.10.
        assert (result["kind"] == "fail") == (result["level"] != "none")
    assert [s["justification"] for s in results["review"]["suppressions"]] == [FINDINGS[3].reason]
    assert all("suppressions" not in r for rule, r in results.items() if rule != "review")
    assert len({r["partialFingerprints"]["finding/v1"] for r in run["results"]}) == len(FINDINGS)


def test_junit_counts_what_it_holds() -> None:
    root = ElementTree.fromstring(junit(ASKED, FINDINGS))  # noqa: S314 - our own text
    for level in (root, root[0]):
        assert [level.get(k) for k in ("tests", "failures", "skipped", "errors")] == ["5", "1", "2", "0"]
    assert [len(list(root.iter(tag))) for tag in ("testcase", "failure", "skipped", "system-out")] == [5, 1, 2, 1]
    failure = next(root.iter("failure"))
    assert failure.get("message") == FINDINGS[1].reason
    assert "muniment waive licences" in (failure.text or "")


@pytest.mark.parametrize("text", ["\x00", "\x1b[31m", "\ufffe", "\ud800", "]]>", "&lt;<a>", "💥"])
def test_junit_holds_any_text(text: str) -> None:
    hostile = Finding("a", text, Status.FAIL, text, text, text)
    root = ElementTree.fromstring(junit(Asked(text, "promote", None, False), [hostile]))  # noqa: S314 - our own text
    kept = "\ufffd" if text in ("\x00", "\ufffe", "\ud800") else text.replace("\x1b", "\ufffd")
    assert next(root.iter("failure")).get("message") == kept


def test_markdown_holds_no_markup_of_others() -> None:
    text = markdown(ASKED, FINDINGS)
    assert "<b>" not in text
    assert "Rules that do not apply: 1." in text
    assert "muniment waive" in text
    assert markdown(Asked(SUBJECT, "release", None, True), ()).startswith(
        "### aiops/cpu&#64;1.0.0 at the gate release: passes"
    )


def test_json_names_the_waiver() -> None:
    value = report_json(ASKED, FINDINGS)
    assert (value["version"], value["gate"], value["environment"], value["passes"]) == (
        SUBJECT,
        "promote",
        "production",
        False,
    )
    assert (value["findings"][3]["waivedBy"], value["findings"][3]["expires"]) == (
        "sha256:" + "0" * 64,
        "2026-02-20T00:00:00Z",
    )
    assert "waivedBy" not in value["findings"][0]
    assert value["findings"][1]["controls"] == ["A.1", "A.2"]
