"""A year of the organisation: three namespaces, fifteen versions, its policy tightened twice, somebody who leaves, two
incidents with rollbacks, one of them an emergency, a deletion, and two waivers of which one expires."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from muniment.evidence.statement import Statement
from muniment.registry import propose
from tests.governance.organisation import Organisation, pattern, target

Rule = dict[str, Any]
FIRST: list[Rule] = [
    {
        "id": "dataset-record",
        "rule": "evidence-required",
        "gate": "release",
        "kinds": ["dataset"],
        "with": {"evidence": ["dataset"]},
    },
    {
        "id": "model-evidence",
        "rule": "evidence-required",
        "gate": "release",
        "kinds": ["model"],
        "with": {"evidence": ["signature", "provenance", "evaluation"]},
    },
    {
        "id": "detects",
        "rule": "metric-threshold",
        "gate": "promote",
        "kinds": ["model"],
        "environments": ["production"],
        "with": {"metric": "f1", "min": 0.8},
    },
    {
        "id": "reviewed",
        "rule": "approvals-required",
        "gate": "promote",
        "kinds": ["model"],
        "environments": ["production"],
        "with": {"count": 1, "role": "reviewer"},
    },
    {"id": "return", "rule": "recovery-point", "gate": "rollback", "with": {"maxDays": 120}},
]
# March: files are scanned, and models that predict incidents are reviewed for privacy.
SECOND: list[Rule] = [
    *FIRST,
    {
        "id": "scanned",
        "rule": "file-safety",
        "gate": "promote",
        "kinds": ["model"],
        "environments": ["production"],
        "with": {"maxDays": 90},
        "escalation": "#model-risk",
    },
    {
        "id": "private",
        "rule": "privacy-review",
        "gate": "promote",
        "kinds": ["model"],
        "environments": ["production"],
        "when": "version.namespace == 'incidents'",
        "with": {"role": "privacy"},
        "waivable": False,
    },
    {"id": "no-secrets", "rule": "secrets-in-metadata", "gate": "submit"},
]
# July: two persons, each by a signature of their own, nothing worse than what runs, and a quiet end of the year.
_TWO: Rule = {"count": 2, "role": "reviewer", "grade": "personal-signature", "apartFrom": ["evaluation"]}
THIRD: list[Rule] = [
    *({**rule, "with": _TWO} if rule["id"] == "reviewed" else rule for rule in SECOND),
    {
        "id": "no-worse",
        "rule": "no-regression",
        "gate": "promote",
        "kinds": ["model"],
        "environments": ["production"],
        "with": {"metric": "f1", "better": "higher", "tolerance": 0.01},
    },
    {
        "id": "year-end",
        "rule": "freeze-window",
        "gate": "promote",
        "environments": ["production"],
        "with": {
            "windows": [
                {"from": "2025-12-15T00:00:00Z", "until": "2026-01-05T00:00:00Z", "reason": "nobody is there to watch"}
            ]
        },
    },
    {"id": "agreed", "rule": "approvals-required", "gate": "rollback", "with": {"count": 1, "role": "reviewer"}},
    {"id": "still-safe", "rule": "file-safety", "gate": "deploy", "kinds": ["model"], "with": {"maxDays": 180}},
    {
        "id": "young-data",
        "title": "Data of this year or the last",
        "gate": "release",
        "kinds": ["model"],
        "require": "data.all(d, size(d.records) > 0)",
        "message": "A dataset the model was trained on has no record.",
        "fix": "Publish the record of the dataset first.",
    },
]


TRIGGERS = [
    {
        "id": "alarms",
        "title": "Alarms doubled",
        "environment": "production",
        "metric": "alarm-rate",
        "above": 0.08,
        "windows": 2,
        "severity": "high",
    }
]


def live(folder: Path) -> Organisation:
    """The organisation after its year."""
    of = Organisation(folder, {"rules": FIRST, "escalation": "#governance"})
    for months in (_winter, _spring, _summer, _autumn):
        months(of)
    return of


def bring(of: Organisation, version: str, data: str, f1: float) -> None:
    """Evidence of a model and its release, by the trainer."""
    of.do(f"evidence about {version}", "trainer", *of.evidence(version, data, f1))
    of.do(f"release {version}", "trainer", of.release(version))


def promote(of: Organisation, version: str, *reviewers: str) -> Statement:
    """A version into staging, and with approvals into production; gives what was asked for last."""
    of.do(f"promote {version} to staging", "operator", of.promote(version, "staging"))
    statement = of.promote(version, "production")
    for reviewer in reviewers:
        of.do(f"approve the promotion of {version}", reviewer, of.approve(statement))
    of.do(f"promote {version} to production", "operator", statement)
    return statement


def _winter(of: Organisation) -> None:
    of.on("2025-01-08")
    for data in ("anomaly/metrics@2024", "capacity/load@2024", "incidents/tickets@2024"):
        of.do(f"the record of {data}", "trainer", of.dataset(data))
        of.do(f"release {data}", "trainer", of.release(data, "dataset"))
    of.on("2025-01-20")
    bring(of, "anomaly/cpu@1.0.0", "anomaly/metrics@2024", 0.84)
    promote(of, "anomaly/cpu@1.0.0", "reviewer")
    of.on("2025-02-03")
    signature, provenance, evaluation = of.evidence("anomaly/disk@1.0.0", "anomaly/metrics@2024", 0.81)
    of.do("evidence about anomaly/disk@1.0.0, but for an evaluation", "trainer", signature, provenance)
    of.do("release anomaly/disk@1.0.0", "trainer", of.release("anomaly/disk@1.0.0"))
    of.do("the evaluation of anomaly/disk@1.0.0", "engineer", evaluation)
    of.do("release anomaly/disk@1.0.0 again", "trainer", of.release("anomaly/disk@1.0.0"))
    of.on("2025-02-10")
    waiting = promote(of, "anomaly/disk@1.0.0")
    of.on("2025-02-11")
    of.do("approve the promotion that waits", "reviewer", of.approve(waiting))
    of.on("2025-02-24")
    bring(of, "capacity/scaler@1.0.0", "capacity/load@2024", 0.79)
    refused = promote(of, "capacity/scaler@1.0.0", "auditor")
    of.do("the same promotion once more", "operator", refused)


def _spring(of: Organisation) -> None:
    of.on("2025-03-03")
    policy = {"rules": SECOND, "escalation": "#governance"}
    stricter = of.configuration(policy, sequencer=pattern("publisher"))
    of.do("a stricter policy: scans, privacy reviews", "administrator", stricter)
    of.do("approve the policy as its own author", "administrator", of.approve(stricter, "administrator"))
    of.on("2025-03-04")
    of.do("approve the stricter policy", "deputy", of.approve(stricter, "administrator"))
    of.on("2025-03-10")
    bring(of, "incidents/tickets-risk@1.0.0", "incidents/tickets@2024", 0.86)
    promote(of, "incidents/tickets-risk@1.0.0", "reviewer")
    of.on("2025-03-12")
    waiver = of.waive("incidents/tickets-risk@1.0.0", "scanned", 30)
    of.do("no scanner for its format yet: waive the scan for a month", "risk", waiver)
    of.do("waive the privacy review as well", "risk", of.waive("incidents/tickets-risk@1.0.0", "private", 30))
    of.do("a privacy review of incidents/tickets-risk@1.0.0", "privacy", of.review("incidents/tickets-risk@1.0.0"))
    of.on("2025-04-07")
    bring(of, "anomaly/cpu@1.1.0", "anomaly/metrics@2024", 0.87)
    of.do("a scan of anomaly/cpu@1.1.0", "scanner", of.scan("anomaly/cpu@1.1.0"))
    promote(of, "anomaly/cpu@1.1.0", "auditor")
    of.on("2025-04-22")
    bring(of, "incidents/tickets-risk@1.1.0", "incidents/tickets@2024", 0.88)
    of.do("a privacy review of incidents/tickets-risk@1.1.0", "privacy", of.review("incidents/tickets-risk@1.1.0"))
    of.do("waive the scan, for longer than is allowed", "risk", of.waive("incidents/tickets-risk@1.1.0", "scanned", 60))
    of.do("waive the scan for a week", "risk", of.waive("incidents/tickets-risk@1.1.0", "scanned", 7))
    of.on("2025-05-02")
    promote(of, "incidents/tickets-risk@1.1.0", "reviewer")
    of.do("a scan of incidents/tickets-risk@1.1.0", "scanner", of.scan("incidents/tickets-risk@1.1.0"))


def _summer(of: Organisation) -> None:
    of.on("2025-05-26")
    leaving = of.configuration(bindings=of.bindings(engineer="2025-06-01T00:00:00Z"))
    of.do("the engineer leaves: the binding ends in June", "administrator", leaving)
    of.do("approve that", "deputy", of.approve(leaving, "administrator"))
    of.on("2025-05-30")
    evidence = of.evidence("anomaly/disk@1.1.0", "anomaly/metrics@2024", 0.9)
    of.do("evidence about anomaly/disk@1.1.0", "trainer", *evidence[:2])
    of.do("the evaluation of anomaly/disk@1.1.0, on the last day", "engineer", evidence[2])
    of.on("2025-06-02")
    of.do(
        "another evaluation, a day late", "engineer", of.evaluation("anomaly/disk@1.1.0", "anomaly/metrics@2024", 0.95)
    )
    of.do("release anomaly/disk@1.1.0, on what was signed before", "trainer", of.release("anomaly/disk@1.1.0"))
    of.on("2025-06-16")
    bring(of, "anomaly/cpu@1.2.0", "anomaly/metrics@2024", 0.91)
    of.do("a scan of anomaly/cpu@1.2.0", "scanner", of.scan("anomaly/cpu@1.2.0"))
    promote(of, "anomaly/cpu@1.2.0", "reviewer")
    of.on("2025-06-19T02:40:00Z")
    of.do(
        "open INC-7: alarms every night",
        "oncall",
        of.incident(
            "anomaly/cpu", "INC-7", "opened", "Alarms doubled at two.", severity="high", environment="production"
        ),
    )
    of.do(
        "locate it to 1.2.0",
        "oncall",
        of.incident("anomaly/cpu", "INC-7", "located", "Only 1.2.0 alarms.", version="anomaly/cpu@1.2.0"),
    )
    of.do("roll back to 1.1.0", "oncall", of.rollback("anomaly/cpu@1.1.0", "INC-7"))
    of.do("roll back to 1.2.0 again", "operator", of.rollback("anomaly/cpu@1.2.0", "INC-7"))
    of.on("2025-06-23")
    of.do("resolve INC-7", "oncall", of.incident("anomaly/cpu", "INC-7", "resolved", "1.1.0 runs; 1.2.0 is retired."))
    of.do(
        "retire anomaly/cpu@1.2.0, which stands in staging",
        "operator",
        of.retire("anomaly/cpu@1.2.0", "defective", "anomaly/cpu@1.1.0"),
    )
    of.do("promote anomaly/cpu@1.1.0 to staging", "operator", of.promote("anomaly/cpu@1.1.0", "staging"))
    of.do("retire anomaly/cpu@1.2.0", "operator", of.retire("anomaly/cpu@1.2.0", "defective", "anomaly/cpu@1.1.0"))
    of.do("promote it all the same", "operator", of.promote("anomaly/cpu@1.2.0", "production"))
    of.on("2025-07-01")
    stricter = of.configuration({"rules": THIRD, "escalation": "#governance", "triggers": TRIGGERS})
    of.do("a stricter policy: two persons, no regression, a quiet year's end", "deputy", stricter)
    of.do("approve it", "administrator", of.approve(stricter, "administrator"))


def _autumn(of: Organisation) -> None:
    of.on("2025-08-04")
    data = "anomaly/metrics@2025"
    of.do(f"the record of {data}", "trainer", of.dataset(data))
    of.do(f"release {data}", "trainer", of.release(data, "dataset"))
    bring(of, "anomaly/cpu@2.0.0", data, 0.85)
    of.do("a scan of anomaly/cpu@2.0.0", "scanner", of.scan("anomaly/cpu@2.0.0"))
    of.on("2025-08-11")
    promote(of, "anomaly/cpu@2.0.0", "reviewer", "auditor")
    of.do("a better evaluation of anomaly/cpu@2.0.0", "trainer", of.evaluation("anomaly/cpu@2.0.0", data, 0.93))
    bring(of, "anomaly/cpu@2.1.0", data, 0.92)
    of.do("a scan of anomaly/cpu@2.1.0", "scanner", of.scan("anomaly/cpu@2.1.0"))
    waiting = promote(of, "anomaly/cpu@2.1.0", "reviewer")
    of.do("approve it as the same person from home", "reviewer-at-home", of.approve(waiting))
    of.on("2025-08-13")
    no = of.approve(waiting, decision="rejected", reason="The alarms of June are not in the test.")
    of.do("reject it", "auditor", no)
    of.on("2025-08-18")
    of.do("take the rejection back", "auditor", propose.revoke(of.state, target(no), "They are now.", of.at))
    of.do("approve it", "auditor", of.approve(waiting, again="auditor"))
    of.on("2025-09-08")
    bring(of, "capacity/scaler@1.1.0", "capacity/load@2024", 0.9)
    of.do("a scan of capacity/scaler@1.1.0", "scanner", of.scan("capacity/scaler@1.1.0"))
    promote(of, "capacity/scaler@1.1.0", "reviewer", "auditor")
    of.do(
        "retire capacity/scaler@1.0.0",
        "operator",
        of.retire("capacity/scaler@1.0.0", "superseded", "capacity/scaler@1.1.0"),
    )
    of.on("2025-09-22")
    asked = of.ask_deletion("privacy-review", "incidents/tickets-risk@1.0.0")
    of.do("somebody asks that the privacy review of incidents/tickets-risk@1.0.0 goes", "privacy", asked)
    of.do("delete it, as the one who asked", "privacy", of.redact(asked))
    of.do("delete it", "deputy", of.redact(asked))
    of.do("put the version back into production", "operator", of.promote("incidents/tickets-risk@1.0.0", "production"))
    of.on("2025-10-06")
    of.do("who may do what: the yearly review", "administrator", of.review_access(365))
    of.on("2025-11-19T23:00:00Z")
    of.do("it runs", "deployer", of.deploy("anomaly/cpu@2.1.0"))
    of.do("start 2.0.0 beside it", "deployer", of.deploy("anomaly/cpu@2.0.0", instance="eu-north"))
    for hour, rate in ((0, 0.04), (1, 0.11), (2, 0.13)):
        of.on(f"2025-11-20T0{hour}:30:00Z")
        of.do(f"an hour of it: alarm rate {rate}", "deployer", of.observe("anomaly/cpu@2.1.0", rate))
    of.on("2025-11-20T02:40:00Z")
    opened = of.incident(
        "anomaly/cpu", "INC-8", "opened", "Alarms again.", severity="critical", environment="production"
    )
    of.do("open INC-8", "oncall", opened)
    of.do("locate it", "oncall", of.incident("anomaly/cpu", "INC-8", "located", "Seen.", version="anomaly/cpu@2.1.0"))
    of.do("roll back to 1.1.0, for which an approval is asked", "oncall", of.rollback("anomaly/cpu@1.1.0", "INC-8"))
    emergency = of.emergency("anomaly/cpu@1.1.0", "INC-8")
    of.do("roll back to 1.1.0 in an emergency", "oncall", emergency)
    of.do("1.1.0 runs", "deployer", of.deploy("anomaly/cpu@1.1.0"))
    of.do("a scan of anomaly/cpu@1.1.0", "scanner", of.scan("anomaly/cpu@1.1.0"))
    of.do("1.1.0 runs", "deployer", of.deploy("anomaly/cpu@1.1.0"))
    of.on("2025-11-21")
    of.do("approve the emergency the morning after, as its author", "robot", of.approve(emergency))
    of.do("approve the emergency", "reviewer", of.approve(emergency))
    of.on("2025-11-24")
    of.do("resolve INC-8", "oncall", of.incident("anomaly/cpu", "INC-8", "resolved", "The sensor was broken."))
    of.do("a scan of anomaly/cpu@2.1.0", "scanner", of.scan("anomaly/cpu@2.1.0"))
    again = of.promote("anomaly/cpu@2.1.0", "production")
    for who in ("reviewer", "auditor"):
        of.do("approve the return of 2.1.0", who, of.approve(again))
    of.do("promote anomaly/cpu@2.1.0 to production", "operator", again)
    of.on("2025-12-16")
    of.do("a scan of anomaly/disk@1.1.0", "scanner", of.scan("anomaly/disk@1.1.0"))
    promote(of, "anomaly/disk@1.1.0", "reviewer", "auditor")
