"""`muniment due`: text, JSON, exit codes, what a job is told, and mistakes."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from muniment.core.instant import format_instant
from tests.cli.run import muniment
from tests.cli.test_bad_input import files, plain
from tests.cli.test_bad_input import place as place
from tests.cli.test_oversight import ask, run
from tests.cli.test_running import RESOLVED
from tests.world import World, now


def test_what_waits_is_listed_with_its_date_and_overdue_once_that_has_come(told: World, place: Path) -> None:
    assert run(told, place, "operator", *RESOLVED).code == 0
    assert muniment("due", "-r", place / "registry").out == "nothing falls due within 30d\n"
    statement, before = ask(told, place), files(place / "registry")
    ran = muniment("due", "-r", place / "registry", "--within", "31d", "--json", "--fail-overdue")
    (found,) = json.loads(ran.out)["due"]
    assert ran.code == 0
    assert (found["kind"], found["about"], found["name"], found["status"]) == ("inbox", statement, "aiops/cpu", "due")
    later = ["--effective-time", format_instant(now() + timedelta(days=31))]
    ran = muniment("due", "-r", place / "registry", *later)
    assert ran.code == 0
    assert f"  overdue  inbox         {statement}\n    A promote by" in ran.out
    assert "    try: Give what it waits for" in ran.out
    assert muniment("due", "-r", place / "registry", *later, "--fail-overdue").code == 1
    assert muniment("due", "aiops/cpu", "-r", place / "registry", *later, "--fail-overdue").code == 1
    assert muniment("due", "aiops/other", "-r", place / "registry", *later, "--fail-overdue").code == 0
    assert files(place / "registry") == before


def test_a_job_hears_of_it(told: World, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(told, place, "operator", *RESOLVED).code == 0
    ask(told, place)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(place / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place / "summary"))
    ran = muniment("due", "-r", place / "registry", "--effective-time", "40d")
    assert "::warning title=Overdue::" in ran.err
    assert "### 1 fall due, 1 of them overdue" in (place / "summary").read_text()
    assert "overdue<<" in (place / "output").read_text()


def test_a_place_without_an_inbox_is_said_to_be_one(told: World, place: Path) -> None:
    (place / "registry" / "registry.yaml").unlink(missing_ok=True)
    ran = muniment("due", "-r", place / "registry")
    assert ran.code == 0
    assert "note: The inbox is not visible here" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "fact"),
    [
        (["--within", "soon"], 2, "--within 'soon' is no length of time"),
        (["--effective-time", "yesterday"], 2, "--effective-time"),
        (["--effective-time", ""], 2, "--effective-time"),
        (["cpu"], 3, "cpu"),
        ([""], 3, "'' is not a name"),
        (["-r", "nowhere"], 3, "nowhere"),
    ],
)
def test_mistakes(told: World, place: Path, arguments: list[str], code: int, fact: str) -> None:
    plain(muniment("due", "-r", place / "registry", *arguments), code, fact)


def test_the_end_of_time(told: World, place: Path) -> None:
    """No time can be written that is later than the year 9999, so what falls due ends there."""
    ran = muniment("due", "-r", place / "registry", "--effective-time", "9999-12-31", "--json")
    assert (ran.code, json.loads(ran.out)["until"]) == (0, "9999-12-31T23:59:59Z")
