"""A version stands on a record of every kind that is asked for."""

from __future__ import annotations

from muniment.policy.finding import Status
from tests.policy.make import evidence, facts, judge

EVIDENCE = {"rule": "evidence-required", "with": {"evidence": ["bom", "evaluation"]}}


def test_evidence_present() -> None:
    assert judge(EVIDENCE, facts("release", evidence("bom"), evidence("evaluation"))).status is Status.PASS


def test_evidence_lacking() -> None:
    found = judge(EVIDENCE, facts("release", evidence("bom")))
    assert (found.status, found.waits) == (Status.FAIL, False)
    assert "no evaluation" in found.reason
    assert "muniment attest evaluation" in found.fix
    assert "muniment waive evidence-required aiops/cpu@1.0.0" in found.waiver


def test_what_came_later_counts_at_later_gates_only() -> None:
    later = (evidence("bom", bound=False), evidence("evaluation"))
    assert judge(EVIDENCE, facts("release", *later)).reason == "The release stands on no bom."
    assert judge(EVIDENCE, facts("promote", *later)).status is Status.PASS
