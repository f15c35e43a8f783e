"""Each built-in rule: what holds, what fails with reason and fix, and that what is not known fails."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from muniment.core.digest import digest_of
from muniment.core.errors import Malformed
from muniment.policy.engine import evaluate, failures, parse_policy
from muniment.policy.facts import ApprovalFact, EvidenceFact, Facts
from muniment.policy.finding import Finding, Status

AT = datetime(2026, 1, 31, 8, 5, tzinfo=UTC)
DIGEST = digest_of(b"model")


def evidence(kind: str, predicate: dict[str, Any] | None = None) -> EvidenceFact:
    return EvidenceFact(kind, predicate or {}, (DIGEST,), digest_of(kind.encode()), AT)


def facts(gate: str = "promote", *found: EvidenceFact, approvals: tuple[ApprovalFact, ...] = (), **other: Any) -> Facts:
    known: dict[str, Any] = {
        "kinds": frozenset({"model"}),
        "environment": "production",
        "authors": frozenset({"op", "operator"}),
    }
    return Facts(gate, "aiops/cpu@1.0.0", at=AT, evidence=found, approvals=approvals, **(known | other))


def judge(rule: dict[str, Any], of: Facts) -> Finding:
    (finding,) = evaluate(parse_policy({"rules": [{"gate": of.gate, **rule}]}), of)
    return finding


EVIDENCE = {"rule": "evidence-required", "with": {"evidence": ["bom", "evaluation"]}}


def test_evidence_present() -> None:
    assert judge(EVIDENCE, facts("release", evidence("bom"), evidence("evaluation"))).status is Status.PASS


def test_evidence_lacking() -> None:
    found = judge(EVIDENCE, facts("release", evidence("bom")))
    assert (found.status, found.waits) == (Status.FAIL, False)
    assert "no evaluation" in found.reason
    assert "muniment attest evaluation" in found.fix
    assert "policy.yaml" in found.waiver


def bom(licence: list[dict[str, Any]]) -> EvidenceFact:
    component = {"type": "machine-learning-model", "name": "cpu", "bom-ref": "m", "licenses": licence}
    return evidence("bom", {"metadata": {"component": component}})


LICENCES = {"rule": "licence-allowed", "with": {"allow": ["MIT", "Apache-2.0"]}}


@pytest.mark.parametrize("expression", ["MIT", "apache-2.0", "GPL-3.0-only OR MIT"])
def test_licence_allowed(expression: str) -> None:
    assert judge(LICENCES, facts("release", bom([{"expression": expression}]))).status is Status.PASS


@pytest.mark.parametrize(
    "licence", [[{"expression": "GPL-3.0-only"}], [{"expression": "MIT AND GPL-3.0-only"}], [{"expression": "("}], []]
)
def test_licence_not_allowed_or_not_known(licence: list[dict[str, Any]]) -> None:
    found = judge(LICENCES, facts("release", bom(licence)))
    assert found.status is Status.FAIL
    assert "cpu" in found.reason


def typed(kind: str, licence: str) -> EvidenceFact:
    """A BOM whose only component is of a type."""
    component = {"type": kind, "name": "cpu", "bom-ref": "m", "licenses": [{"expression": licence}]}
    return evidence("bom", {"metadata": {"component": component}})


@pytest.mark.parametrize("kind", ["file", "firmware", "application", "data"])
def test_a_model_called_something_else_is_judged_all_the_same(kind: str) -> None:
    """A trainer types the model as a file, and no rule for models would look at its licence."""
    assert judge(LICENCES, facts("release", typed(kind, "GPL-3.0-only"))).status is Status.FAIL
    assert judge(LICENCES, facts("release", typed(kind, "MIT"))).status is Status.PASS
    models = {"rule": "licence-allowed", "with": {"allow": ["MIT"], "components": ["model"]}}
    found = judge(models, facts("release", typed(kind, "GPL-3.0-only")))
    assert (found.status, found.reason) == (Status.FAIL, "The ML-BOM names no model.")


def test_a_bom_of_nothing() -> None:
    assert judge(LICENCES, facts("release", evidence("bom", {}))).reason == "The ML-BOM names no component."


def test_hardware_has_no_licence() -> None:
    device = {"type": "device", "name": "gpu", "bom-ref": "d"}
    model = {"type": "machine-learning-model", "name": "cpu", "bom-ref": "m", "licenses": [{"expression": "MIT"}]}
    both = evidence("bom", {"metadata": {"component": model}, "components": [device]})
    assert judge(LICENCES, facts("release", both)).status is Status.PASS
    assert judge(LICENCES, facts("release", typed("device", "GPL-3.0-only"))).status is Status.FAIL


def test_only_the_components_that_are_asked_for() -> None:
    rule = {"rule": "licence-allowed", "with": {"allow": ["MIT"], "components": ["library"]}}
    assert judge(rule, facts("release", bom([{"expression": "GPL-3.0-only"}]))).status is Status.PASS
    accept = {"rule": "licence-allowed", "with": {"allow": ["MIT"], "unknown": "accept"}}
    assert judge(accept, facts("release", bom([]))).status is Status.PASS


def test_no_bom_is_no_licence() -> None:
    for other in ((), (evidence("evaluation", {"components": []}),)):
        assert judge(LICENCES, facts("release", *other)).reason == "There is no ML-BOM, so no licence is known."


def test_licences_of_every_bom_are_judged() -> None:
    two = judge(LICENCES, facts("release", bom([{"expression": "MIT"}]), bom([{"expression": "GPL-3.0-only"}])))
    assert (two.status, two.reason) == (Status.FAIL, "Not on the allow-list: cpu (GPL-3.0-only).")
    many = [bom([]) for _ in range(5)]
    assert judge(LICENCES, facts("release", *many)).reason.endswith("cpu (no licence) and 2 more.")
    assert judge(LICENCES, facts("release", *many[:3])).reason.endswith("cpu (no licence).")


METRIC = {"rule": "metric-threshold", "with": {"metric": "f1", "min": 0.5}}


def measured(*values: float, part: str | None = None) -> EvidenceFact:
    more = {"slice": part} if part else {}
    return evidence("evaluation", {"metrics": [{"metric": "f1", "value": v, **more} for v in values]})


def test_metric_within() -> None:
    assert judge(METRIC, facts("promote", measured(0.5))).status is Status.PASS


@pytest.mark.parametrize("found", [[], [measured(0.49)], [measured(0.9), measured(0.1)], [measured(0.9, part="cpu")]])
def test_metric_below_or_not_measured(found: list[EvidenceFact]) -> None:
    assert judge(METRIC, facts("promote", *found)).status is Status.FAIL


def test_only_the_metric_asked_for_counts() -> None:
    other = evidence("evaluation", {"metrics": [{"metric": "auc", "value": 0.1}]})
    found = judge(METRIC, facts("promote", other, measured(0.9), evidence("bom", {})))
    assert (found.status, found.reason) == (Status.PASS, "f1 is 0.9, at least 0.5.")
    assert judge(METRIC, facts("promote", other)).reason == "No evaluation measures f1."


def test_metric_of_a_slice() -> None:
    rule = {"rule": "metric-threshold", "with": {"metric": "f1", "max": 0.2, "slice": "cpu"}}
    assert judge(rule, facts("promote", measured(0.1, part="cpu"))).status is Status.PASS


APPROVALS = {"rule": "approvals-required", "with": {"count": 2, "role": "reviewer"}}


def approvals(*who: tuple[str, str | None, str]) -> tuple[ApprovalFact, ...]:
    return tuple(ApprovalFact(*a) for a in who)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (approvals(("reviewer", "ann", "1"), ("reviewer", "bob", "2")), Status.PASS),
        (approvals(("reviewer", "ann", "1"), ("reviewer", "ann", "2")), Status.FAIL),  # two identities of one person
        (
            approvals(("reviewer", "ann", "1"), ("reviewer", "operator", "2")),
            Status.FAIL,
        ),  # the author's other identity
        (approvals(("reviewer", "ann", "1"), ("reviewer", None, "op")), Status.FAIL),  # the author's own signature
        (approvals(("reviewer", "ann", "1"), ("trainer", "bob", "2")), Status.FAIL),  # another role
        (
            approvals(("reviewer", None, "1"), ("reviewer", None, "2")),
            Status.FAIL,
        ),  # mapped to nobody: one slot at most
        ((), Status.FAIL),
    ],
)
def test_approvals(given: tuple[ApprovalFact, ...], status: Status) -> None:
    found = judge(APPROVALS, facts(approvals=given))
    assert found.status is status
    assert found.waits is (status is Status.FAIL)


def test_somebody_and_nobody_are_not_two() -> None:
    """An identity mapped to nobody may be the same person's second one."""
    given = approvals(("reviewer", "ann", "1"), ("reviewer", None, "2"))
    assert judge(APPROVALS, facts(approvals=given)).reason == "Approved by 1 of 2 in the role reviewer."


def test_an_authors_own_approval_is_named_as_the_reason() -> None:
    own = judge(APPROVALS, facts(approvals=approvals(("reviewer", "operator", "2"))))
    assert "an author's own approval does not count" in own.reason
    assert "author" not in judge(APPROVALS, facts()).reason


def test_an_identity_mapped_to_nobody_fills_one_slot() -> None:
    rule = {"rule": "approvals-required", "with": {"count": 1, "role": "reviewer"}}
    assert judge(rule, facts(approvals=approvals(("reviewer", None, "1")))).status is Status.PASS


def test_a_rule_for_other_kinds_and_environments_does_not_apply() -> None:
    for other in ({"kinds": ["dataset"]}, {"environments": ["staging"]}):
        assert judge(METRIC | other, facts("promote")).status is Status.NOT_APPLICABLE


def test_a_warning_does_not_keep_out() -> None:
    found = judge(METRIC | {"severity": "warn"}, facts("promote"))
    assert found.status is Status.WARN
    assert failures((found,)) == ()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"rule": "no-such-rule", "gate": "release"}, "does not exist"),
        ({"rule": "metric-threshold", "gate": "promote", "with": {"metric": "f1"}}, "valid under any"),
        ({"rule": "metric-threshold", "gate": "promote"}, "required"),
        ({"rule": "evidence-required", "gate": "release", "with": {"evidence": ["hearsay"]}}, "hearsay"),
        ({"rule": "evidence-required", "gate": "coffee"}, "coffee"),
        ({"rule": "evidence-required", "gate": "release", "wiht": {}}, "wiht"),
    ],
)
def test_a_policy_that_is_written_wrongly(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        parse_policy({"rules": [rule]})


def test_two_uses_of_one_id() -> None:
    rule = {"gate": "release", **EVIDENCE}
    with pytest.raises(Malformed, match="twice"):
        parse_policy({"rules": [rule, rule]})
