"""What went wrong, on the pages of a name and of its versions."""

from __future__ import annotations

import json

from tests.site.reading import Reading

NAME = "models/aiops/cpu-anomaly"


def told(site: dict[str, bytes], page: str) -> tuple[dict[str, object], str]:
    """A page's facts and its text."""
    return json.loads(site[f"{page}/index.json"]), Reading(site[f"{page}/index.html"]).shown


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
