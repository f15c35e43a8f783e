"""What the reports say of the sample story, and of registries that something is wrong with."""

from __future__ import annotations

import copy
import csv
import io
import json
from dataclasses import replace

import pytest

from muniment.audit.controls import load_framework
from muniment.audit.desk import open_desk
from muniment.audit.exceptions import exceptions
from muniment.audit.report import report_pages
from muniment.audit.whole import registry_facts
from muniment.core.canonical import parse_canonical
from muniment.core.digest import digest_of
from muniment.core.errors import Mismatch, Missing
from muniment.core.name import parse_version_id
from muniment.evidence.statement import format_statement
from muniment.log.checkpoint import Checkpoint
from muniment.registry.event import Approve, Promote
from tests.audit.bench import HOSTED, PERSON, VERSION, Bench
from tests.site.sample import Sample

RUNNING = "models/aiops/cpu-anomaly/1.0.0"


@pytest.fixture(scope="module")
def whole(report):
    return json.loads(report["report.json"])


def of(report, folder):
    return json.loads(report[f"{folder}/report.json"])


def kinds(bench):
    return [item["kind"] for item in exceptions(open_desk(bench.history(), bench.blob))]


def test_there_is_a_report_on_the_registry_and_one_on_every_version(tale, report):
    pages = [path for path in report if path.endswith("index.html")]
    assert pages[0] == "index.html"
    assert len(pages) == 1 + len(tale.state.versions)
    assert {path.replace("index.html", "report.json") for path in pages} <= set(report)


def test_exceptions_come_gravest_first(whole):
    found = [(x["kind"], x["version"]) for x in whole["exceptions"]]
    assert found == [
        ("rolled back", "aiops/cpu-anomaly@2.0.0"),
        ("retired", "aiops/cpu-anomaly@0.9.0"),
        ("rule not met", "aiops/cpu-anomaly@0.9.0"),
    ]
    assert "INC-2026-017" in whole["exceptions"][0]["text"]
    assert "Nobody approved the return." in whole["exceptions"][0]["text"]
    assert whole["exceptions"][0]["reason"] == "False alarms on every nightly backup."


def test_exceptions_stand_before_everything_else(report):
    text = report["index.html"].decode()
    sections = ["exceptions", "running", "versions", "signers", "rules", "entries", "basis"]
    places = [text.index(f'<section id="{name}">') for name in sections]
    assert places == sorted(places)


def test_the_report_says_that_refusals_are_not_in_the_log(sheets):
    assert "A record that was refused never enters the log" in sheets["index.html"].shown


def test_what_runs_names_who_put_it_there_and_who_approved_it(whole):
    running = {(s["environment"], s["version"]): s for s in whole["standing"]}
    assert next(iter(running))[0] == "production"
    back = running[("production", "aiops/cpu-anomaly@1.0.0")]
    assert back["by"]["kind"] == "rollback"
    assert (back["by"]["signer"]["person"], back["by"]["roles"]) == ("operator A", ["operator"])
    assert back["by"]["incident"] == "INC-2026-017"
    assert back["by"]["approvals"] == []
    (approval,) = back["before"]["approvals"]
    assert (approval["signer"]["person"], approval["role"]) == ("reviewer A", "reviewer")
    assert [(f["rule"], f["status"]) for f in back["before"]["findings"]] == [("four-eyes", "pass")]


def test_the_populations_add_up_to_the_checkpoint(whole, tale):
    count = whole["population"]
    kinds = ("events", "evidence", "decisions", "batchEnds")
    assert sum(count[kind] for kind in kinds) == count["entries"] == tale.checkpoint().size
    assert [e["entry"] for e in whole["entries"]] == list(range(count["entries"]))
    assert [v["id"] for v in whole["versions"]] == [str(v) for v in tale_order(tale)]
    for item in whole["entries"]:
        if item["kind"] != "state":
            assert item["signer"]["subject"]
            assert item["signedAt"].endswith("Z")


def tale_order(tale: Sample):
    return sorted(tale.state.versions, key=lambda v: tale.state.versions[v].events[0])


def test_a_version_report_answers_all_rows_with_digest_signer_time_and_result(report):
    rows = of(report, RUNNING)["assessment"]["rows"]
    assert [r["state"] for r in rows] == ["present", "present", "present", "needs a person", "missing", "missing"]
    for item in rows[2]["evidence"]:
        assert item["statement"].startswith("sha256:")
        assert item["signer"].startswith("https://github.com/")
        assert item["verification"] == {
            "signature": "verified",
            "log": "included",
            "bundle": "held",
            "result": "verified",
        }


def test_the_registry_and_the_version_report_agree(report, whole):
    for version in whole["versions"]:
        own = of(report, version["page"].removesuffix("/index.html"))
        assert {r["id"]: r["state"] for r in own["assessment"]["rows"]} == version["states"]
        assert own["basis"] == whole["basis"]


def test_a_version_report_tells_who_released_approved_and_promoted(report):
    decisions = of(report, RUNNING)["decisions"]
    assert [d["kind"] for d in decisions] == ["release", "promote", "promote", "promote", "promote", "rollback"]
    other = "aiops/cpu-anomaly@2.0.0"
    assert [d["version"] for d in decisions[1:]] == [own := "aiops/cpu-anomaly@1.0.0", own, other, other, own]
    assert decisions[0]["signer"]["means"] == "workflow"
    assert decisions[2]["signer"]["means"] == "person"
    assert [a["signer"]["person"] for a in decisions[2]["approvals"]] == ["reviewer A"]
    assert decisions[2]["approvals"][0]["reason"] == "Metrics and data reviewed."


def test_a_version_report_has_numbers_licence_and_recipe(report):
    facts = of(report, RUNNING)
    (evaluation,) = facts["evaluations"]
    assert {(m["metric"], m["slice"]) for m in evaluation["metrics"]} >= {("f1", None), ("f1", "bursts")}
    assert facts["licences"]["own"] == "Apache-2.0"
    assert {"key": "random_state", "value": "7"} in facts["recipe"]["seeds"]
    assert facts["recipe"]["inputs"][1]["versions"] == ["aiops/telemetry@2026.01"]


def test_pages_show_what_their_json_says(report, sheets, whole):
    shown = sheets["index.html"].shown
    for item in whole["exceptions"]:
        assert item["text"] in shown
    for row in of(report, RUNNING)["assessment"]["rows"]:
        page = sheets[f"{RUNNING}/index.html"].shown
        assert row["id"] in page
        assert row["reason"] in page


def test_json_is_canonical_and_labelled(report):
    for path, data in report.items():
        if path.endswith(".json"):
            assert parse_canonical(data, path)["sandbox"] is True


def test_a_sandbox_is_labelled_on_every_page_and_row(report, sheets):
    for page in sheets.values():
        assert "Sandbox registry." in page.shown
    for path in ("entries.csv", "versions.csv"):
        rows = list(csv.DictReader(io.StringIO(report[path].decode())))
        assert rows
        assert all(row["sandbox"] == "yes" for row in rows)


def test_a_real_registry_is_not(tmp_path):
    bench = Bench(real=True)
    bench.released((bench.provenance(),))
    for page in report_pages(bench.history(), bench.blob):
        if page.path.endswith(".html"):
            assert b"Sandbox registry." not in page.data
            assert b">sandbox<" not in page.data
        elif page.path.endswith(".json"):
            assert json.loads(page.data)["sandbox"] is False


def test_nothing_is_ever_called_compliant(report):
    for path, data in report.items():
        assert b"compliant" not in data.lower(), path


def test_a_bundle_that_is_gone_or_altered_does_not_verify(tale):
    entry = next(e for e in tale.history().entries if e.kind == "provenance")
    digest = entry.record.bundle

    def gone(wanted):
        if wanted == digest:
            raise Missing(f"There is no blob {wanted}.")
        return tale.blob(wanted)

    def told(wanted):
        if wanted == digest:
            raise Mismatch(f"{wanted} was altered.")
        return tale.blob(wanted)

    for blob, word in (
        (gone, "missing"),
        (told, "altered"),
        (lambda d: tale.blob(d) + b" " * (d == digest), "altered"),
    ):
        desk = open_desk(tale.history(), blob)
        assert desk.checked(entry)["bundle"] == word
        first = exceptions(desk)[0]
        assert (first["kind"], first["entry"]) == ("does not verify", entry.index)


def test_a_leaf_that_the_checkpoint_does_not_hold_does_not_verify(tale):
    history = tale.history()
    head = Checkpoint(history.checkpoint.origin, history.checkpoint.size, b"\1" * 32)
    desk = open_desk(replace(history, checkpoint=head), tale.blob)
    assert desk.checked(history.entries[0]) == {
        "signature": "verified",
        "log": "not included",
        "bundle": "held",
        "result": "failed",
    }


def test_one_hand_that_releases_and_promotes_is_an_exception():
    bench = Bench(PERSON)
    bench.released((bench.provenance(),))
    assert kinds(bench) == []
    bench.rules["registry"]["bindings"].append(
        {"role": "operator", "namespaces": "all", "identity": {"issuer": PERSON[0], "subject": PERSON[1]}}
    )
    bench.configure(bench.rules)
    bench.who["operator"] = PERSON
    bench.promote(str(VERSION), "staging", "alone")
    bench.publish()
    assert kinds(bench) == ["one hand"]


def test_what_stands_and_was_made_of_something_retired_is_an_exception(tale):
    story = copy.deepcopy(tale)
    story.retire("aiops/telemetry@2026.01", "data-withdrawn", "A sensor was broken.", None)
    story.publish()
    found = exceptions(open_desk(story.history(), story.blob))
    made = [(x["version"], x["text"].rpartition(" in ")[2]) for x in found if x["kind"] == "made of retired"]
    assert made == [("aiops/cpu-anomaly@1.0.0", "production."), ("aiops/cpu-anomaly@2.0.0", "staging.")]


def test_approvals_that_nobody_used_or_nobody_gave_are_exceptions():
    bench = Bench()
    bench.released((bench.provenance(),))
    bench.rules["registry"]["persons"].pop("reviewer A")
    bench.configure(bench.rules)
    bench.promote(str(VERSION), "staging", "fine", approve="looked")
    bench.publish()
    assert kinds(bench) == ["no person"]
    waits = Promote(
        log=bench.log(), after=None, at=bench.now, version=VERSION, environment="production", reason="not yet"
    )
    target = digest_of(format_statement(bench.statement("operator", waits)))
    approve = Approve(
        log=bench.log(), after=None, at=bench.now, target=target, role="reviewer", decision="approved", reason="go"
    )
    bench.event("reviewer", approve)
    bench.publish()
    assert kinds(bench) == ["no person", "no person", "unused approval"]


def test_roles_are_those_of_the_time():
    bench = Bench()
    bench.released((bench.provenance(),))
    rules = copy.deepcopy(bench.rules)
    rules["registry"]["bindings"] = [b for b in rules["registry"]["bindings"] if b["role"] != "trainer"]
    bench.configure(rules)
    bench.publish()
    facts = registry_facts(open_desk(bench.history(), bench.blob), load_framework("slsa"))
    released = next(e for e in facts["entries"] if e["kind"] == "release")
    assert released["roles"] == ["trainer"]
    trainer = next(s for s in facts["signers"] if s["signer"]["subject"] == HOSTED[1])
    assert trainer["roles"] == []
    assert [c["roles"] for c in facts["rules"]["changes"]] == [["administrator"], ["administrator"]]


def test_a_registry_with_nothing_but_its_rules_has_a_report():
    bench = Bench()
    pages = {p.path: p.data for p in report_pages(bench.history(), bench.blob)}
    assert b"None in this period." in pages["index.html"]
    assert json.loads(pages["report.json"])["versions"] == []


def test_a_version_that_is_not_released_has_none(tale):
    with pytest.raises(Missing, match="not released"):
        list(report_pages(tale.history(), tale.blob, parse_version_id("aiops/cpu-anomaly@9.9.9")))


def test_a_configuration_is_judged_by_the_one_before_it():
    bench = Bench()
    rules = copy.deepcopy(bench.rules)
    rules["registry"]["roles"]["chief"] = rules["registry"]["roles"].pop("administrator")
    for binding in rules["registry"]["bindings"]:
        if binding["role"] == "administrator":
            binding["role"] = "chief"
    bench.configure(rules)
    bench.publish()
    desk = open_desk(bench.history(), bench.blob)
    changes = registry_facts(desk, load_framework("slsa"))["rules"]["changes"]
    assert [c["roles"] for c in changes] == [["administrator"], ["administrator"]]
    assert desk.config_at(changes[1]["entry"] + 1) == bench.state.config


def test_after_a_second_rollback_the_approval_of_the_promotion_is_still_named(tale):
    story = copy.deepcopy(tale)
    new, old = "aiops/cpu-anomaly@2.0.0", "aiops/cpu-anomaly@1.0.0"
    story.promote(new, "production", "again", "fine now")
    story.publish()
    story.open_incident(new, "production", "INC-2026-018", "not fine")
    story.rollback(old, new, "production", "INC-2026-018", "not fine")
    story.publish()
    facts = registry_facts(open_desk(story.history(), story.blob), load_framework("slsa"))
    assert facts["standing"][0]["by"]["incident"] == "INC-2026-018"
    assert facts["standing"][0]["before"]["kind"] == "promote"
    assert facts["standing"][0]["before"]["approvals"][0]["reason"] == "Metrics and data reviewed."


def test_emergencies_are_exceptions(tale):
    from tests.site.troubled import troubled

    story = troubled(tale)
    facts = registry_facts(open_desk(story.history(), story.blob), load_framework("slsa"))
    told = [e for e in facts["exceptions"] if e["kind"] == "emergency"]
    assert [e["version"] for e in told] == ["aiops/cpu-anomaly@2.0.0", "aiops/cpu-anomaly@1.0.0"]
    assert "the approvals came by" in told[0]["text"]
    assert "the approvals are owed until" in told[1]["text"]
    assert told[1]["reason"] == "Approved by 0 of 1 in the role reviewer."
