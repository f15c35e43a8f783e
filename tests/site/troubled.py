"""The sample's story as it went on: emergencies at night, what is owed since, and what runs."""

from __future__ import annotations

import copy
from datetime import timedelta

from muniment.core.digest import digest_of
from muniment.core.name import parse_name, parse_version_id
from muniment.evidence.statement import format_statement
from muniment.registry import propose, recovery
from muniment.registry.event import Archive
from muniment.registry.genesis import configure_statement
from tests.site.sample import Sample

CPU = parse_name("aiops/cpu-anomaly")
AGREED = {"id": "agreed", "rule": "approvals-required", "gate": "rollback", "with": {"count": 1, "role": "reviewer"}}

TRIGGERS = [
    {
        "id": "recall",
        "title": "It misses incidents",
        "environment": "production",
        "metric": "recall",
        "below": 0.7,
        "severity": "critical",
    },
    {
        "id": "latency",
        "title": "It is slow",
        "environment": "production",
        "metric": "latency",
        "above": 10,
        "severity": "low",
    },
]


def troubled(story: Sample) -> Sample:
    """The registry after two emergency rollbacks, of which the first was approved afterwards."""
    s = copy.deepcopy(story)
    _configure(s)
    s.add("operator", propose.incident(s.state, CPU, "INC-2026-017", "resolved", "The backups are known.", s.now))
    s.publish()
    for number in (18, 19):
        stands, incident = str(s.state.current(CPU, "production")), f"INC-2026-0{number}"
        s.open_incident(stands, "production", incident, "It sees nothing.")
        back = recovery.rollback(s.state, CPU, "production", None, incident, "Nobody answered.", s.now, "operator")
        s.add("operator", back)
        s.add("operator", propose.incident(s.state, CPU, incident, "resolved", "Mended.", s.now))
        if number == 18:
            approved = digest_of(format_statement(back))
            s.add("reviewer", propose.approve(s.state, approved, "reviewer", "It was right.", s.now))
        s.publish()
    _run(s)
    s.publish()
    return s


def _run(s: Sample) -> None:
    """What stands is started at one instance and stopped at another; a version is retired to an archive."""
    stands = s.state.current(CPU, "production")
    assert stands is not None
    for instance, status in (("east", "running"), ("west", "running"), ("west", "stopped")):
        deployed = propose.deploy(s.state, stands, "production", status, s.now, instance=instance)
        s.add("operator", deployed)
    for hour, recall in ((3, 0.9), (2, 0.61)):
        begins, ends = s.now - timedelta(hours=hour), s.now - timedelta(hours=hour - 1)
        numbers = {"recall": recall, "alarms": 12}
        s.add(
            "operator", propose.observe(s.state, stands, "production", begins, ends, 3600, numbers, {"cpu": 0.2}, s.now)
        )
    unused, kept = parse_version_id("aiops/ensemble@0.1.0"), Archive("s3://archive/ensemble.tar", digest_of(b"tar"))
    s.add("operator", propose.retire(s.state, unused, "unused", "Nobody asked for it.", None, s.now, kept))


def _configure(s: Sample) -> None:
    assert s.state.config is not None
    source = s.state.config.source
    registry, rules = copy.deepcopy(source["registry"]), source["policy"]["rules"]
    registry["roles"]["operator"]["may"] += ["emergency-rollback", "deploy", "observe"]
    changed = {**source, "registry": registry, "policy": {"rules": [*rules, AGREED], "triggers": TRIGGERS}}
    s.add("administrator", configure_statement(s.state, changed, s.now))
