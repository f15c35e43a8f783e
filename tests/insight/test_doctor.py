"""The doctor: each check where all is well, and where it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from muniment.core.digest import digest_of
from muniment.evidence.kinds import EVENTS
from muniment.insight.access import holdings
from muniment.insight.doctor import CHECKS, Check, Exam, Verdict, examine
from muniment.insight.doctor.bindings import remarks
from muniment.insight.due import Glance
from muniment.log.note import Cosigner, format_vkey
from muniment.registry import propose
from muniment.registry.access import Granted, grants
from muniment.signing.lifetime import root_lifetimes
from muniment.verify.monitor import Waiting
from tests.registry.paper import Paper, identity, root, signature
from tests.registry.staff import MAY, pattern, staff
from tests.world import POLICY, registry_document

REVIEWS = {**MAY, "administrator": [*MAY["administrator"], "access-review"]}


def paper(policy: dict[str, Any] = POLICY, may: dict[str, list[str]] = REVIEWS, **document: Any) -> Paper:
    """A registry in which the administrator reviews access."""
    return Paper(policy, **staff(**({"roles": {role: {"may": kinds} for role, kinds in may.items()}} | document)))


def bound(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """The bindings of the staff, and more."""
    return [*staff()["bindings"], *more]


def binding(role: str, who: str, namespaces: Any = "all", **more: Any) -> dict[str, Any]:
    """A binding of one of the world's identities."""
    return {"role": role, "namespaces": namespaces, "identity": pattern(who), **more}


def exam(registry: Paper, days: float = 0, waiting: tuple[Waiting, ...] | None = ()) -> Exam:
    """The examination of a registry some days from now."""
    return Exam(Glance(registry.state, registry.at + timedelta(days=days), waiting), holdings(registry.state))


def said(check: str, registry: Paper, days: float = 0, waiting: tuple[Waiting, ...] | None = ()) -> Check:
    """What one check says."""
    (found,) = [c for c in examine(exam(registry, days, waiting)) if c.id == check]
    return found


def verdict(check: str, registry: Paper, days: float = 0) -> Verdict:
    return said(check, registry, days).verdict


def test_every_check_has_an_id_of_its_own_and_says_what_to_do_where_it_is_not_ok() -> None:
    checks = examine(exam(paper(), 400))
    assert len({c.id for c in checks}) == len(CHECKS)
    for check in checks:
        assert check.title
        assert check.fact.endswith(".") or check.details, check
        assert check.verdict is Verdict.OK or check.remedy, check


# Who can do what.


def test_administrators_are_several_and_it_takes_several() -> None:
    check = said("administrators", paper())
    assert (check.verdict, check.fact) == (
        Verdict.WARN,
        "1 may configure, and it takes 1: if one is away, nothing can change.",
    )
    second = binding("administrator", "reviewer")
    assert "each alone can change" in said("administrators", paper(bindings=bound(second))).fact
    partial = bound(binding("administrator", "reviewer", ["aiops"]))
    assert said("administrators", paper(bindings=partial)).fact == check.fact
    third = binding("administrator", "operator")
    two = paper(bindings=bound(second, third), administrators={"threshold": 2})
    assert said("administrators", two).fact == "3 may configure, and it takes 2."
    assert verdict("administrators", two) is Verdict.OK
    nobody = paper(persons={"operator": [pattern("operator")]})
    assert verdict("administrators", nobody) is Verdict.WARN
    tight = paper(bindings=bound(second), administrators={"threshold": 2})
    assert verdict("administrators", tight) is Verdict.WARN


def test_a_threshold_that_counts_on_those_who_left_cannot_be_reached() -> None:
    registry = paper(bindings=bound(binding("administrator", "reviewer")), administrators={"threshold": 2})
    examined = exam(registry)
    left = tuple(
        replace(h, binding=replace(h.binding, expires=registry.at)) if h.who == "reviewer" else h for h in examined.held
    )
    (check,) = [c for c in examine(replace(examined, held=left)) if c.id == "administrators"]
    assert (check.verdict, "cannot be reached" in check.fact) == (Verdict.FAIL, True)


ALL_THREE = {**REVIEWS, "operator": ["release", "approve", "promote"]}


def test_one_person_holds_all_that_it_takes() -> None:
    assert verdict("one-hand", paper()) is Verdict.OK
    guarded = said("one-hand", paper(may=ALL_THREE))
    assert (guarded.verdict, guarded.details) == (Verdict.WARN, ("operator in aiops", "operator in other"))
    assert verdict("one-hand", paper({"rules": []}, ALL_THREE)) is Verdict.FAIL


def test_holding_it_in_different_namespaces_is_no_holding_at_once() -> None:
    may = {**REVIEWS, "operator": ["promote", "release"]}
    split = bound(binding("reviewer", "operator", ["other"]))
    found = said("one-hand", paper(may=may, bindings=split))
    assert found.details == ("operator in other",)


def test_who_moves_versions_does_not_redact_what_speaks_against_them() -> None:
    assert verdict("redactors", paper()) is Verdict.OK
    check = said("redactors", paper(may={**REVIEWS, "operator": ["promote", "rollback", "retire", "redact"]}))
    assert (check.verdict, check.details) == (Verdict.WARN, ("operator",))
    assert verdict("redactors", paper(may={**REVIEWS, "administrator": [*REVIEWS["administrator"], "redact"]})) is (
        Verdict.OK
    )


def approvals(**asked: Any) -> dict[str, Any]:
    """A policy that asks for approvals on the way into production."""
    return {"rules": [{"rule": "approvals-required", "gate": "promote", "with": asked}]}


def test_a_rule_on_approvals_needs_more_holders_than_it_asks_for() -> None:
    tight = said("approvers", paper())
    assert (tight.verdict, tight.details) == (
        Verdict.WARN,
        ("approvals-required asks for 1 in the role reviewer; in aiops 1 hold it",),
    )
    assert verdict("approvers", paper(approvals(count=2, role="reviewer"))) is Verdict.FAIL
    more = bound(binding("reviewer", "operator", ["aiops"]))
    assert verdict("approvers", paper(bindings=more)) is Verdict.OK
    several = approvals(roles=[{"role": "reviewer", "count": 1}, {"role": "risk", "count": 3}])
    assert verdict("approvers", paper(several, bindings=more)) is Verdict.FAIL


def test_who_is_bound_elsewhere_or_is_nobody_or_may_not_approve_is_no_approver() -> None:
    for extra in (binding("reviewer", "operator", ["other"]), binding("operator", "stranger", ["aiops"])):
        assert verdict("approvers", paper(bindings=bound(extra))) is Verdict.WARN
    assert verdict("approvers", paper(approvals(count=1, role="risk"))) is Verdict.FAIL  # it may not approve
    persons = registry_document()["persons"]
    nobody = paper(bindings=bound(binding("reviewer", "stranger", ["aiops"])), persons=persons)
    assert verdict("approvers", nobody) is Verdict.WARN


def test_two_identities_of_one_person_in_different_roles() -> None:
    assert verdict("several-identities", paper()) is Verdict.OK
    persons = {"operator": [pattern("operator"), pattern("stranger")]} | {
        name: [pattern(name)] for name in ("administrator", "reviewer")
    }
    check = said("several-identities", paper(persons=persons))
    assert check.verdict is Verdict.WARN
    assert "as operator; " in check.details[0]
    assert "as risk" in check.details[0]
    same = bound(binding("operator", "stranger", "all"), binding("risk", "operator", ["aiops"]))
    assert verdict("several-identities", paper(persons=persons, bindings=same)) is Verdict.OK


def test_identities_that_decide_and_belong_to_nobody() -> None:
    assert said("unmapped-identities", paper()).details == (f"trainer in aiops: {trainer()}",)
    may = {**REVIEWS, "trainer": ["signature", "provenance", "release"]}
    assert verdict("unmapped-identities", paper(may=may)) is Verdict.OK


def trainer() -> str:
    return identity("trainer").subject


# Use.


def lived() -> Paper:
    """A registry in which a version was released and promoted."""
    registry = paper()
    registry.promote(registry.release("aiops/cpu@1.0.0"))
    return registry


def test_a_binding_is_unused_once_it_is_old_enough_to_say_so() -> None:
    registry = lived()
    assert verdict("unused-bindings", registry, 89) is Verdict.OK
    found = said("unused-bindings", registry, 91)
    assert found.verdict is Verdict.WARN
    assert {line.partition(" ")[0] for line in found.details} >= {"risk", "administrator", "operator"}
    registry.at += timedelta(days=80)
    registry.put("trainer", signature(b"newer"))
    used = said("unused-bindings", registry, 20).details
    assert not [line for line in used if line.startswith("trainer")]


def test_a_binding_that_does_not_hold_is_not_called_unused() -> None:
    extra = binding("operator", "stranger", ["aiops"], expires="2026-03-01T00:00:00Z")
    details = said("unused-bindings", paper(bindings=bound(extra)), 91).details
    assert not [line for line in details if line == "operator in aiops: stranger"]


def test_a_binding_in_all_namespaces_that_is_used_in_one() -> None:
    registry = lived()
    assert verdict("wide-bindings", registry, 10) is Verdict.OK
    check = said("wide-bindings", registry, 91)
    assert check.details == ("operator in all namespaces: operator: used in aiops only",)
    alone = paper(namespaces={"aiops": {}})
    alone.promote(alone.release("aiops/cpu@1.0.0"))
    assert verdict("wide-bindings", alone, 91) is Verdict.OK


def test_what_concerns_the_whole_registry_has_to_be_held_in_all_of_it() -> None:
    registry = paper()
    statement = registry.promotion(registry.release("aiops/cpu@1.0.0"), "staging")
    registry.approve("administrator", statement, "administrator")
    registry.put("operator", statement)
    (held,) = [h for h in exam(registry).held if h.binding.role == "administrator"]
    assert held.places == {"aiops"}
    assert not [line for line in said("wide-bindings", registry, 91).details if line.startswith("administrator")]


def test_a_role_that_nobody_holds_allows_nothing() -> None:
    registry = paper(may={**REVIEWS, "auditor": ["security-review"]})
    assert not [line for line in said("broad-roles", registry, 91).details if line.startswith("auditor")]


def test_a_workflow_that_decides_nothing_need_not_be_a_person() -> None:
    examined = exam(paper(may={**REVIEWS, "trainer": ["signature", "provenance", "release"]}))
    (held,) = [h for h in examined.held if h.binding.role == "trainer"]
    assert remarks(examined, held) == []


def test_a_role_that_allows_what_nobody_ever_did() -> None:
    registry = lived()
    assert verdict("broad-roles", registry, 10) is Verdict.OK
    details = said("broad-roles", registry, 91).details
    assert "trainer: approve, provenance" in details
    assert "operator: approve" in details
    assert not [line for line in details if line.startswith("reviewer")]
    assert not [line for line in details if "revoke" in line or "retire" in line]


def test_bindings_that_ended_and_that_end() -> None:
    extra = binding("operator", "stranger", ["aiops"], expires="2026-03-05T00:00:00Z")
    registry = paper(bindings=bound(extra))
    assert (verdict("expired-bindings", registry), verdict("expiring-bindings", registry)) == (Verdict.OK, Verdict.OK)
    soon = said("expiring-bindings", registry, 10)
    assert soon.details == ("operator in aiops: stranger, at 2026-03-05T00:00:00Z",)
    assert verdict("expired-bindings", registry, 40) is Verdict.WARN
    assert verdict("expiring-bindings", registry, 40) is Verdict.OK


def test_remarks_on_a_binding_are_what_the_checks_say_of_it() -> None:
    extra = binding("operator", "stranger", ["aiops"], expires="2026-03-05T00:00:00Z")
    registry = paper(bindings=bound(extra))
    registry.promote(registry.release("aiops/cpu@1.0.0"))

    def of(days: int) -> dict[str, list[str]]:
        examined = exam(registry, days)
        return {f"{h.binding.role} {h.who}": remarks(examined, h) for h in examined.held}

    assert of(0)["operator stranger"] == []
    assert of(10)["operator stranger"] == ["it expires within 30 days"]
    assert of(40)["operator stranger"] == ["it has expired"]
    late = of(91)
    assert late["operator stranger"] == ["it has expired"]
    assert late["operator operator"] == [
        "nothing was signed under it in 90 days",
        "held in all namespaces, used in aiops only",
    ]
    assert "the identity belongs to no person" in late[f"trainer {trainer()}"]


# The registry as a whole.


def test_a_sandbox_is_called_one() -> None:
    assert verdict("sandbox", paper()) is Verdict.WARN


def test_a_log_key_that_is_overdue() -> None:
    registry = paper(limits={"logKeyDays": 30})
    at = max(one.start for one in root_lifetimes(root()))
    registry_days = (at - registry.at).days + 1
    assert verdict("keys", paper(), registry_days) is Verdict.OK
    check = said("keys", registry, registry_days)
    assert check.verdict is Verdict.FAIL
    assert "limits.logKeyDays" in check.details[0]


def test_witnesses_sequencer_and_issuers() -> None:
    assert verdict("witnesses", paper()) is Verdict.WARN
    key = format_vkey(Cosigner("w.example", bytes(32)).verifier)
    seen = paper(witnessPolicy=[f"witness w {key}", "quorum w"])
    assert said("witnesses", seen).fact == "1 witnesses; the quorum is w."
    assert verdict("sequencer", paper()) is Verdict.WARN
    assert verdict("sequencer", paper(sequencer=pattern("operator"))) is Verdict.OK
    issuer, github = pattern("operator")["issuer"], "https://token.actions.githubusercontent.com"
    assert said("issuers", paper()).details == (f"{issuer}: not declared",)
    listed = [{"issuer": issuer, "mfa": "unknown"}, {"issuer": github, "mfa": "unknown"}]
    assert said("issuers", paper(issuers=listed)).details == (f"{issuer}: unknown",)
    listed[0]["mfa"] = "enforced"
    assert verdict("issuers", paper(issuers=listed)) is Verdict.OK


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"rule": "approvals-required", "with": {"count": 1, "role": "reviewer"}}, Verdict.OK),
        ({"id": "own", "title": "t", "require": "size(approvals) > 1", "message": "m"}, Verdict.OK),
        (
            {"rule": "approvals-required", "with": {"count": 1, "role": "reviewer"}, "effectiveOn": "2020-01-01"},
            Verdict.OK,
        ),
        ({"id": "own", "title": "t", "require": "size(evidence) > 1", "message": "m"}, Verdict.FAIL),
        ({"rule": "approvals-required", "with": {"count": 1, "role": "reviewer"}, "severity": "warn"}, Verdict.FAIL),
        ({"rule": "approvals-required", "with": {"count": 1, "role": "reviewer"}, "kinds": ["model"]}, Verdict.FAIL),
        (
            {"rule": "approvals-required", "with": {"count": 1, "role": "reviewer"}, "environments": ["staging"]},
            Verdict.FAIL,
        ),
        (
            {"rule": "approvals-required", "with": {"count": 1, "role": "reviewer"}, "effectiveOn": "2027-01-01"},
            Verdict.FAIL,
        ),
        ({"rule": "approvals-required", "with": {"count": 1, "role": "reviewer"}, "gate": "release"}, Verdict.FAIL),
    ],
)
def test_the_last_environment_is_entered_by_approval_only(rule: dict[str, Any], expected: Verdict) -> None:
    assert verdict("approvals-at-the-end", paper({"rules": [{"gate": "promote"} | rule]})) is expected


def test_a_rule_that_was_asked_and_never_applied() -> None:
    idle = {
        "id": "data",
        "rule": "evidence-required",
        "gate": "release",
        "kinds": ["dataset"],
        "with": {"evidence": ["bom"]},
    }
    registry = paper({"rules": [*POLICY["rules"], idle]})
    assert verdict("idle-rules", registry) is Verdict.OK
    registry.release("aiops/cpu@1.0.0")
    assert said("idle-rules", registry).details == ("data: asked 1 times",)


def test_what_waits_for_long() -> None:
    registry = paper()
    waits = Waiting("inbox/x", EVENTS["promote"], digest_of(b"x"), "operator", registry.at, "0 of 1.", False)
    assert said("inbox", registry, 6, (waits,)).verdict is Verdict.OK
    assert said("inbox", registry, 8, (waits,)).verdict is Verdict.WARN
    assert said("inbox", registry, 31, (waits,)).verdict is Verdict.FAIL
    assert said("inbox", registry, 0, None).verdict is Verdict.UNCHECKED


# The access review.


def review(registry: Paper, **decided: str) -> None:
    """A review for a hundred days, with other decisions for some roles."""
    assert registry.state.config is not None
    granted = tuple(
        Granted(b, may, decided.get(b["role"], "keep"), "because") for b, may in grants(registry.state.config)
    )
    until = registry.at + timedelta(days=100)
    statement = propose.access_review(registry.state, registry.state.size, granted, until, None, registry.at)
    registry.put("administrator", statement)


def test_access_was_never_reviewed_or_not_lately_or_not_as_it_is() -> None:
    registry = paper()
    assert verdict("access-review", registry) is Verdict.WARN
    review(registry)
    assert verdict("access-review", registry, 99) is Verdict.OK
    assert verdict("access-review", registry, 101) is Verdict.FAIL
    registry.put("administrator", registry.configuration(registry=registry.registry(title="another")))
    check = said("access-review", registry)
    assert (check.verdict, "changed since, at entry" in check.fact) == (Verdict.WARN, True)


def test_decisions_that_were_not_carried_out() -> None:
    registry = paper()
    review(registry, operator="change")
    check = said("review-carried-out", registry)
    assert (check.verdict, check.details[0].startswith("change: operator")) == (Verdict.WARN, True)
    review(registry, risk="remove")
    check = said("review-carried-out", registry)
    assert (check.verdict, check.details[0].startswith("remove: risk")) == (Verdict.FAIL, True)
    left = [b for b in registry.registry()["bindings"] if b["role"] != "risk"]
    registry.put("administrator", registry.configuration(registry=registry.registry(bindings=left)))
    assert verdict("review-carried-out", registry) is Verdict.OK


def test_somebody_who_confirms_their_own_rights() -> None:
    registry = paper()
    assert verdict("review-of-oneself", registry) is Verdict.OK
    review(registry)
    assert said("review-of-oneself", registry).details == ("administrator: administrator",)
    review(registry, administrator="change")
    assert verdict("review-of-oneself", registry) is Verdict.OK


def test_oneself_is_the_person_under_another_identity_too_or_the_identity_of_nobody() -> None:
    persons = {"administrator": [pattern("administrator"), pattern("stranger")]}
    registry = paper(persons=persons)
    review(registry, administrator="change")
    assert said("review-of-oneself", registry).details == ("risk: administrator",)
    unmapped = paper(persons={"operator": [pattern("operator")]})
    review(unmapped)
    assert said("review-of-oneself", unmapped).details == (f"administrator: {identity('administrator').subject}",)
