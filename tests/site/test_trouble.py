"""What went wrong, on the pages of a name and of its versions."""

from __future__ import annotations

import json
import re

from tests.site.reading import Reading, resolve

NAME = "models/aiops/cpu-anomaly"


def told(site: dict[str, bytes], page: str) -> tuple[dict[str, object], str]:
    """A page's facts and its text."""
    return json.loads(site[f"{page}/index.json"]), Reading(site[f"{page}/index.html"]).shown


def test_emergencies_are_shown_with_what_they_owe(later: dict[str, bytes]) -> None:
    facts, text = told(later, NAME)
    assert [(b["version"]["version"], b["settledAt"] is None) for b in facts["breaches"]] == [  # type: ignore[attr-defined]
        ("1.0.0", True),
        ("2.0.0", False),
    ]
    assert "approvals owed 1.0.0 was put back in production as an emergency by operator" in text
    assert "approved afterwards 2.0.0 was put back in production as an emergency" in text
    facts, text = told(later, f"{NAME}/1.0.0")
    assert len(facts["breaches"]) == 1  # type: ignore[arg-type]
    assert "They are owed until" in text
    assert "Let in as an emergency by operator" in text
    assert "Emergencies" not in told(later, f"{NAME}/0.9.0")[1]


def test_a_finding_that_is_excused_asks_for_nothing(later: dict[str, bytes]) -> None:
    facts, text = told(later, f"{NAME}/1.0.0")
    waived = [f for g in facts["gates"] for f in g["findings"] if f["status"] == "waived"]  # type: ignore[attr-defined]
    assert waived
    assert all(f["fix"] and f["waiver"] for f in waived)
    assert not any(f["fix"] in text or f["waiver"] in text for f in waived)


def test_what_runs_is_shown_with_what_was_said_of_it(later: dict[str, bytes]) -> None:
    for page in (NAME, f"{NAME}/1.0.0"):
        facts, text = told(later, page)
        assert [(d["instance"], d["status"], d["stands"]) for d in facts["deployments"]] == [  # type: ignore[attr-defined]
            ("east", "running", True),
            ("west", "stopped", True),
        ]
        assert "Running in production, instance east" in text
        assert "Stopped in production, instance west" in text
    assert "Deployments" not in told(later, f"{NAME}/2.0.0")[1]


def test_a_retired_version_says_where_it_is_kept(later: dict[str, bytes]) -> None:
    facts, text = told(later, "models/aiops/ensemble/0.1.0")
    assert facts["verdict"]["archive"]["location"] == "s3://archive/ensemble.tar"  # type: ignore[index]
    assert "Kept at s3://archive/ensemble.tar" in text


def test_what_was_observed_is_shown_with_the_triggers_that_fired(later: dict[str, bytes]) -> None:
    for page, windows in ((NAME, 1), (f"{NAME}/1.0.0", 2)):
        facts, text = told(later, page)
        (observed,) = facts["observed"]  # type: ignore[misc]
        assert [t["alarm"] for t in observed["triggers"]] == ["fired", "unknown"]
        assert "Fired It misses incidents recall, critical recall: 0.61, below 0.7 in 1 window." in text
        assert "Not known It is slow" in text
        assert len(observed["windows"]) == 2
        assert text.count("drift of cpu") == windows
    assert "Observed" not in told(later, f"{NAME}/2.0.0")[1]


def test_pages_in_trouble_are_whole(later: dict[str, bytes]) -> None:
    """Every link inside leads to a file."""
    for path in (p for p in later if p.startswith("models/") and p.endswith(".html")):
        for link in Reading(later[path]).links():
            target, _ = resolve(link, path)
            assert re.match(r"[a-z]+:", link) or target in later, (path, link)


def test_an_incident_and_the_rollback_that_answered_it(site: dict[str, bytes]) -> None:
    for page in (NAME, f"{NAME}/1.0.0", f"{NAME}/2.0.0"):
        facts, text = told(site, page)
        (incident,) = facts["incidents"]  # type: ignore[misc]
        assert (incident["id"], incident["resolved"], incident["version"]["version"]) == (
            "INC-2026-017",
            False,
            "2.0.0",
        )
        assert [r["kind"] for r in incident["rollbacks"]] == ["rollback"]
        assert "INC-2026-017 open" in text
        assert "rollback to 1.0.0" in text


def test_versions_that_no_incident_concerns_show_none(site: dict[str, bytes]) -> None:
    for page in (f"{NAME}/0.9.0", "models/aiops/disk-forecast"):
        facts, text = told(site, page)
        assert facts["incidents"] == []
        assert "Incidents" not in text


def test_the_rules_page_lists_the_triggers(later: dict[str, bytes]) -> None:
    facts, text = told(later, "policy")
    assert [t["id"] for t in facts["triggers"]] == ["recall", "latency"]  # type: ignore[attr-defined]
    assert "It misses incidents recall recall production below 0.7 in 1 window critical" in text
