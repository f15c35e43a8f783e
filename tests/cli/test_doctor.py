"""`muniment doctor`: what it prints, its exit codes, the local surroundings, and a job's summary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.run import Ran, muniment
from tests.cli.test_bad_input import files, plain
from tests.cli.test_bad_input import place as place
from tests.interop.test_settings import answers, github
from tests.world import World


def doctor(place: Path, *arguments: object) -> Ran:
    """The doctor on a copy of the told registry, with what lies beside it."""
    given = ["--trust", place / "trust.json", "--log-key", place / "log.key"]
    return muniment("doctor", place / "registry", *given, *arguments)


def checks(ran: Ran) -> dict[str, dict[str, Any]]:
    """The checks of a run with --json, by id."""
    return {c["id"]: c for c in json.loads(ran.out)["checks"]}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_API_URL", "MUNIMENT_LOG_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_it_says_what_is_doubtful_and_changes_nothing(told: World, place: Path) -> None:
    (place / "log.key").chmod(0o600)
    before = files(place)
    ran = doctor(place)
    assert "WARN  Access was reviewed: Nobody ever reviewed who may do what." in ran.out
    assert "      try: Draft one" in ran.out
    assert "?     GitHub's settings protect the identities: GITHUB_TOKEN or GITHUB_REPOSITORY is not set" in ran.out
    assert ran.out.splitlines()[-1].endswith("1 not-checked")
    assert ran.code == 0
    assert doctor(place, "--strict").code == 3
    assert files(place) == before


def test_what_failed_is_exit_1_whatever_was_not_checked(told: World, place: Path) -> None:
    (place / "log.key").chmod(0o644)
    ran = doctor(place, "--strict", "--json")
    assert ran.code == 1
    assert "others may read it (mode 0644)" in checks(ran)["log-key"]["fact"]


def test_the_table_of_who_can_do_what(told: World, place: Path) -> None:
    ran = doctor(place, "--who")
    assert "  reviewer: reviewer@sandbox.muniment.dev (https://accounts.sandbox.muniment.dev)\n" in ran.out
    assert "    as reviewer in aiops, since entry 0 (" in ran.out
    assert "): may sign approve\n    2 signed under it, the last at " in ran.out
    access = json.loads(doctor(place, "--json").out)["access"]
    assert [a["person"] for a in access] == ["administrator", "reviewer", "operator", None]
    assert access[1]["binding"]["role"] == "reviewer"
    assert access[1]["inForce"] is True
    assert access[1]["since"]["entry"] == 0


def test_unused_after_the_days_that_are_given(told: World, place: Path) -> None:
    later = ["--effective-time", "30d", "--json"]
    assert checks(doctor(place, *later))["unused-bindings"]["verdict"] == "ok"
    assert checks(doctor(place, *later, "--idle", "7d"))["unused-bindings"]["verdict"] == "warn"


@pytest.mark.parametrize(
    ("name", "content", "verdict", "fact"),
    [
        ("trust.json", b"{}", "fail", "schema"),
        ("log.key", b"something else", "not-checked", "not a private key"),
    ],
)
def test_a_named_file_that_holds_something_else(
    told: World, place: Path, name: str, content: bytes, verdict: str, fact: str
) -> None:
    (place / name).write_bytes(content)
    (place / name).chmod(0o600)
    check = checks(doctor(place, "--json"))["trust" if name == "trust.json" else "log-key"]
    assert (check["verdict"], fact in check["fact"]) == (verdict, True), check


@pytest.mark.parametrize("name", ["trust.json", "log.key"])
def test_a_named_file_that_is_missing(told: World, place: Path, name: str) -> None:
    (place / "log.key").chmod(0o600)
    (place / name).unlink()
    plain(doctor(place), 3, f"{place / name} does not exist.")
    (place / name).mkdir()
    plain(doctor(place, "--json"), 3, f"{place / name} cannot be read")


def test_pins_of_another_log(told: World, place: Path) -> None:
    pins = json.loads((place / "trust.json").read_bytes()) | {"genesis": f"sha256:{'0' * 64}"}
    (place / "trust.json").write_text(json.dumps(pins))
    check = checks(doctor(place, "--json"))["trust"]
    assert (check["verdict"], "pins another log" in check["fact"]) == ("fail", True)


def test_a_key_that_lies_in_the_registry_or_is_of_another_log(told: World, place: Path) -> None:
    from muniment.log.note import NoteSigner, format_skey

    (place / "log.key").chmod(0o600)
    inside = place / "registry" / "log.key"
    (place / "log.key").rename(inside)
    given = muniment("doctor", place / "registry", "--log-key", inside, "--json")
    assert "inside the registry" in checks(given)["log-key"]["fact"]
    other = NoteSigner("test.sandbox.muniment.dev/aiops", bytes(32))
    (place / "log.key").write_text(format_skey(other) + "\n")
    (place / "log.key").chmod(0o600)
    assert "no key of this log" in checks(doctor(place, "--json"))["log-key"]["fact"]


def test_what_lies_beside_the_folder_is_found_by_its_name(told: World, place: Path) -> None:
    found = checks(muniment("doctor", place / "registry", "--json"))
    assert "registry.trust.json does not exist" in found["trust"]["fact"]
    assert "No key of the log lies here" in found["log-key"]["fact"]
    assert (found["log-key"]["verdict"], found["trust"]["verdict"]) == ("not-checked", "not-checked")
    (place / "log.key").rename(place / "registry.key")
    (place / "registry.key").chmod(0o600)
    (place / "trust.json").rename(place / "registry.trust.json")
    found = checks(muniment("doctor", place / "registry", "--json"))
    assert (found["log-key"]["verdict"], found["trust"]["verdict"]) == ("ok", "ok")


def test_githubs_settings_where_there_is_a_token(told: World, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/models")
    with github(answers()) as url:
        monkeypatch.setenv("GITHUB_API_URL", url)
        found = checks(doctor(place, "--json"))
    assert {c["verdict"] for name, c in found.items() if name.startswith("github")} == {"ok"}
    monkeypatch.setenv("GITHUB_API_URL", "http://api.example")
    ran = doctor(place, "--json")
    assert (checks(ran)["github"]["verdict"], "t0ken" in ran.out + ran.err) == ("not-checked", False)


def test_a_job_gets_a_summary_and_annotations(told: World, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place / "summary"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(place / "output"))
    ran = doctor(place)
    assert "::warning title=Access was reviewed::" in ran.err
    assert "### Doctor: " in (place / "summary").read_text()
    assert "unchecked<<" in (place / "output").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "fact"),
    [(["--idle", "long"], 2, "--idle"), (["--effective-time", "soon"], 2, "--effective-time")],
)
def test_mistakes(told: World, place: Path, arguments: list[str], code: int, fact: str) -> None:
    plain(doctor(place, *arguments), code, fact)


# The access review.


@pytest.fixture
def audited(told: World, place: Path) -> Path:
    """The told registry in which the administrator reviews access."""
    document = yaml.safe_load((place / "registry" / "registry.yaml").read_bytes())
    document["roles"]["administrator"]["may"].append("access-review")
    (place / "registry.yaml").write_text(yaml.safe_dump(document))
    (place / "policy.yaml").write_bytes((place / "registry" / "policy.yaml").read_bytes())
    given = ["--config", place / "registry.yaml", "--policy", place / "policy.yaml"]
    assert signed(told, place, "configure", *given).code == 0
    return place


def signed(told: World, place: Path, *arguments: object) -> Ran:
    """A command by the administrator, published at once."""
    signing = ["--sandbox", told.folder / "sandbox", "--as", "administrator"]
    return muniment(*arguments, *signing, "-r", place / "registry", "--publish", "--log-key", place / "log.key")


def draft(place: Path, **changed: Any) -> Path:
    """A form, filled in with `keep`, or with fields of every binding changed."""
    path = place / "review.yaml"
    ran = muniment("access-review", path, "--draft", "-r", place / "registry")
    assert (ran.code, ran.out) == (0, f"wrote {path}: 4 bindings to decide on\n")
    form = yaml.safe_load(path.read_text())
    for one in form["bindings"]:
        one |= {"decision": "keep", "reason": "needed"} | changed
    path.write_text(yaml.safe_dump(form))
    return path


def test_a_review_from_draft_to_log(told: World, audited: Path) -> None:
    path = audited / "review.yaml"
    muniment("access-review", path, "--draft", "-r", audited / "registry", "--next", "2040-01-31")
    text = path.read_text()
    assert text.startswith("# Who may do what in test.sandbox.muniment.dev/aiops")
    assert "the identity belongs to no person" in text
    path.write_text(text.replace("decision: null", "decision: keep").replace("reason: null", "reason: needed"))
    assert "access-review" in signed(told, audited, "access-review", path).out
    found = checks(doctor(audited, "--json"))
    assert found["access-review"]["verdict"] == "ok"
    assert found["review-of-oneself"]["details"] == ["administrator: administrator"]
    due = json.loads(muniment("due", "-r", audited / "registry", "--within", "9999d", "--json").out)["due"]
    assert [d["at"] for d in due if d["kind"] == "access-review"] == ["2040-01-31T00:00:00Z"]


def test_a_draft_overwrites_nothing_and_asks_for_a_time_to_come(told: World, place: Path) -> None:
    path = draft(place)
    plain(muniment("access-review", path, "--draft", "-r", place / "registry"), 4, "is there already")
    past = ["--draft", "--next", "2020-01-01", "-r", place / "registry"]
    plain(muniment("access-review", place / "other.yaml", *past), 2, "no time to come")


@pytest.mark.parametrize("changed", [{"decision": None}, {"reason": None}])
def test_every_binding_needs_a_decision_and_a_reason(told: World, audited: Path, changed: dict[str, None]) -> None:
    path, before = draft(audited, **changed), files(audited / "registry")
    plain(signed(told, audited, "access-review", path), 1, "4 of 4 bindings have no decision, or no reason")
    assert files(audited / "registry") == before


def test_a_form_of_rules_that_are_in_force_no_longer(told: World, audited: Path) -> None:
    path = draft(audited)
    text = (audited / "registry.yaml").read_text() + "title: another\n"
    (audited / "registry.yaml").write_text(text)
    given = ["--config", audited / "registry.yaml", "--policy", audited / "policy.yaml"]
    assert signed(told, audited, "configure", *given).code == 0
    plain(signed(told, audited, "access-review", path), 1, "no longer the one that was reviewed")


def test_a_form_whose_bindings_were_edited_or_that_is_none(told: World, audited: Path) -> None:
    path = draft(audited, may=["approve"])
    plain(signed(told, audited, "access-review", path), 1, "bindings are not those in force")
    path.write_text("bindings: []")
    plain(signed(told, audited, "access-review", path), 3, "review.yaml, line 1")
    plain(signed(told, audited, "access-review", audited / "nothing"), 3, "does not exist")


def test_who_may_not_review_is_refused(told: World, place: Path) -> None:
    ran = signed(told, place, "access-review", draft(place))
    assert ran.code == 1
    assert "may not sign access-review records" in ran.err
