"""Emergency rollbacks: what they may go without, who may declare them, and what is owed afterwards."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from muniment.core.errors import Malformed
from muniment.core.name import parse_name
from muniment.evidence.statement import Statement
from muniment.policy.finding import Status
from muniment.registry import propose, recovery
from muniment.registry.documents import documents
from muniment.registry.state import Breach
from tests.registry.paper import Paper, identity, signature, target
from tests.registry.staff import pattern, staff
from tests.registry.test_check import refused
from tests.registry.test_config import GITHUB, TAGS, bound, parsed
from tests.registry.test_redaction import Kept, plain
from tests.world import CLAIMS, POLICY

CPU = parse_name("aiops/cpu")
AGREED = {"id": "agreed", "rule": "approvals-required", "gate": "rollback", "with": {"count": 2, "role": "reviewer"}}
FRESH = {"rule": "evidence-age", "gate": "rollback", "with": {"evidence": ["signature"], "maxDays": 1}}


def document(**more: Any) -> dict[str, Any]:
    """registry.yaml in which the operator may declare emergencies, and two persons review."""
    said = staff()
    roles = said["roles"] | {"duty": {"may": ["rollback", "emergency-rollback"]}}
    bound = [("duty", "operator"), ("reviewer", "stranger"), ("reviewer", "operator")]
    bindings = [{"role": role, "namespaces": ["aiops"], "identity": pattern(who)} for role, who in bound]
    return said | {"roles": roles, "bindings": [*said["bindings"], *bindings]} | more


def paper_with(*rules: dict[str, Any], **more: Any) -> Paper:
    paper = Paper({"rules": [*POLICY["rules"], *rules]}, **document(**more))
    for number in (1, 2):
        paper.promote(paper.release(f"aiops/cpu@{number}.0.0", b"%d" % number))
    paper.open_incident()
    return paper


@pytest.fixture
def paper() -> Paper:
    return paper_with(AGREED)


def emergency(paper: Paper, role: str | None = "duty") -> Statement:
    return recovery.rollback(paper.state, CPU, "production", None, "INC-1", "night", paper.at, role)


def breaches(paper: Paper) -> list[Breach]:
    return [b for _, b in sorted(paper.state.breaches.items(), key=lambda b: b[1].index)]


def told(paper: Paper, subject: str) -> Any:
    return json.loads(documents(paper.state)[f"name/aiops/cpu/{subject}"])


def test_it_does_not_wait_for_approvals_and_says_so(paper: Paper) -> None:
    statement = emergency(paper)
    at = paper.at
    paper.put("operator", statement)
    assert str(paper.state.current(CPU, "production")) == "aiops/cpu@1.0.0"
    (breach,) = breaches(paper)
    (finding,) = paper.state.entries[breach.index].findings
    assert (finding.rule, finding.status, finding.waits) == ("agreed", Status.WAIVED, False)
    assert finding.reason == (
        "Approved by 0 of 2 in the role reviewer. Let in as an emergency by duty; the approvals are owed until "
        "2026-02-03T08:10:00Z."
    )
    assert finding.waived_by == str(target(statement))
    assert finding.expires == breach.deadline == at + timedelta(hours=72)
    assert told(paper, "open") == {"incidents": ["INC-1"], "breaches": [breach.index]}
    assert told(paper, f"breach/{breach.index}") == {
        "deadline": "2026-02-03T08:10:00Z",
        "entry": breach.index,
        "environment": "production",
        "missing": [{"reason": "Approved by 0 of 2 in the role reviewer.", "rule": "agreed"}],
        "role": "duty",
        "version": "aiops/cpu@1.0.0",
    }


def test_approvals_that_come_afterwards_settle_it(paper: Paper) -> None:
    statement = emergency(paper)
    paper.put("operator", statement)
    paper.approve("reviewer", statement)
    (breach,) = breaches(paper)
    assert breach.settled_by is None
    paper.approve("stranger", statement)
    (breach,) = breaches(paper)
    last = paper.state.approvals[target(statement)][-1]
    assert (breach.settled_by, breach.settled_at) == (last.index, last.at)
    assert not breach.is_overdue(paper.at + timedelta(days=99))
    assert {a.consumed_by for a in paper.state.approvals[target(statement)]} == {breach.index}
    assert told(paper, "open") == {"incidents": ["INC-1"]}
    assert told(paper, f"breach/{breach.index}")["settledBy"] == last.index
    assert "is in the log already" in refused(
        paper, "reviewer", approval(paper, statement, subject=identity("reviewer").subject)
    )


def approval(paper: Paper, statement: Statement, **more: Any) -> Statement:
    return propose.approve(paper.state, target(statement), "reviewer", "fine", paper.at, **more)


def test_an_approval_from_before_counts(paper: Paper) -> None:
    statement = emergency(paper)
    paper.approve("reviewer", statement)
    paper.put("operator", statement)
    assert breaches(paper)[0].missing == ("Approved by 1 of 2 in the role reviewer.",)
    paper.approve("stranger", statement)
    assert breaches(paper)[0].settled_by is not None


def test_with_all_approvals_there_is_no_breach(paper: Paper) -> None:
    statement = emergency(paper)
    for who in ("reviewer", "stranger"):
        paper.approve(who, statement)
    paper.put("operator", statement)
    assert not breaches(paper)
    assert paper.state.entries[paper.state.size - 2].findings[0].status is Status.PASS


def test_the_signers_own_approval_settles_nothing(paper: Paper) -> None:
    statement = emergency(paper)
    paper.put("operator", statement)
    paper.approve("reviewer", statement)
    paper.approve("operator", statement)
    assert breaches(paper)[0].settled_by is None


def test_it_is_overdue_and_settled_late(paper: Paper) -> None:
    statement = emergency(paper)
    paper.put("operator", statement)
    (breach,) = breaches(paper)
    assert not breach.is_overdue(breach.deadline - timedelta(seconds=1))
    assert breach.is_overdue(breach.deadline)
    paper.at = breach.deadline
    for who in ("reviewer", "stranger"):
        paper.approve(who, statement)
    (breach,) = breaches(paper)
    assert breach.settled_at is not None
    assert breach.is_overdue(breach.settled_at)


def test_a_later_policy_does_not_let_it_off(paper: Paper) -> None:
    """The rule is gone, or asks for less: what was owed is owed."""
    statement = emergency(paper)
    paper.put("operator", statement)
    weaker = {"rules": [{**AGREED, "with": {"count": 1, "role": "reviewer"}, "when": "false"}]}
    paper.put("administrator", paper.configuration(policy=weaker))
    paper.approve("reviewer", statement)
    assert breaches(paper)[0].settled_by is None
    paper.approve("stranger", statement)
    assert breaches(paper)[0].settled_by is not None


def test_a_rule_that_would_not_apply_any_more_is_owed_all_the_same() -> None:
    paper = paper_with({**AGREED, "when": "size(incidents) > 0"})
    statement = emergency(paper)
    paper.put("operator", statement)
    paper.put("operator", propose.incident(paper.state, CPU, "INC-1", "resolved", "gone", paper.at))
    paper.approve("reviewer", statement)
    assert breaches(paper)[0].settled_by is None
    paper.approve("stranger", statement)
    assert breaches(paper)[0].settled_by is not None


def test_only_approvals_are_owed() -> None:
    """By then the evidence is older than the gate allows: that is not what the breach is about."""
    paper = paper_with(AGREED, FRESH)
    statement = emergency(paper)
    paper.put("operator", statement)
    paper.at += timedelta(days=2)
    for who in ("reviewer", "stranger"):
        paper.approve(who, statement)
    assert breaches(paper)[0].settled_by is not None


def test_the_hours_are_those_of_the_registry() -> None:
    paper = paper_with(AGREED, limits={"emergencyHours": 4})
    at = paper.at
    paper.put("operator", emergency(paper))
    assert breaches(paper)[0].deadline == at + timedelta(hours=4)


def test_every_other_rule_holds() -> None:
    paper = paper_with(AGREED, FRESH)
    statement = emergency(paper)
    paper.at += timedelta(days=2)
    stale = propose.rollback(
        paper.state, paper.state.stages[(CPU, "production")][0].version, "production", "INC-1", "r", paper.at, "duty"
    )
    assert "does not pass the gate rollback: evidence-age" in refused(paper, "operator", stale), statement
    paper = paper_with(AGREED, {**FRESH, "severity": "warn"})
    paper.at += timedelta(days=2)
    paper.put("operator", emergency(paper))
    assert [f.status for f in paper.state.entries[paper.state.size - 2].findings] == [Status.WAIVED, Status.WARN]


def test_it_answers_an_open_incident_too(paper: Paper) -> None:
    paper.put("operator", propose.incident(paper.state, CPU, "INC-1", "resolved", "gone", paper.at))
    assert "is resolved" in refused(paper, "operator", emergency(paper))


def test_a_rejection_keeps_it_out(paper: Paper) -> None:
    statement = emergency(paper)
    paper.put("reviewer", approval(paper, statement, decision="rejected"))
    assert "rejected it" in refused(paper, "operator", statement)


def test_nobody_rejects_what_happened(paper: Paper) -> None:
    statement = emergency(paper)
    paper.put("operator", statement)
    assert "is in the log already" in refused(paper, "reviewer", approval(paper, statement, decision="rejected"))


@pytest.mark.parametrize("role", ["operator", "administrator", "nobody"])
def test_a_role_that_may_not_declare_it(paper: Paper, role: str) -> None:
    assert f"does not hold the role {role}, or it may not emergency-rollback" in refused(
        paper, "operator", emergency(paper, role)
    )


def test_a_role_that_the_signer_does_not_hold(paper: Paper) -> None:
    mine = {"role": "operator", "namespaces": ["aiops"], "identity": pattern("stranger")}
    bindings = [*paper.registry()["bindings"], mine]
    paper.put("administrator", paper.configuration(registry=paper.registry(bindings=bindings)))
    assert "does not hold the role duty" in refused(paper, "stranger", emergency(paper))


def test_without_declaring_it_nobody_is_let_off(paper: Paper) -> None:
    assert "does not pass the gate rollback: agreed" in refused(paper, "operator", emergency(paper, None))


def test_an_empty_role_is_none(paper: Paper) -> None:
    assert "schema rollback-v1" in refused(paper, "operator", emergency(paper, ""), Malformed)


def test_a_second_rollback_is_owed_for_itself(paper: Paper) -> None:
    first = emergency(paper)
    paper.put("operator", first)
    second = emergency(paper)
    paper.put("operator", second)
    for who in ("reviewer", "stranger"):
        paper.approve(who, second)
    one, two = breaches(paper)
    assert one.settled_by is None
    assert two.settled_by is not None
    assert told(paper, "open")["breaches"] == [one.index]


def test_who_may_declare_it_may_roll_back(paper: Paper) -> None:
    for may, fact in (
        (["emergency-rollback"], "may declare an emergency-rollback, and may not sign rollback"),
        (["rollback", "emergency"], "is no kind of record"),
    ):
        with pytest.raises(Malformed, match=fact):
            parsed(paper, roles={**paper.registry()["roles"], "duty": {"may": may}})


def test_a_pattern_declares_none(paper: Paper) -> None:
    with pytest.raises(Malformed, match="may sign emergency-rollback records, and is bound to a pattern"):
        bound(paper, {"issuer": GITHUB, "subject": TAGS, "claims": CLAIMS}, "duty")


@pytest.mark.parametrize(
    "more", [{"with": {**AGREED["with"], "apartFrom": ["signature"]}}, {"when": "size(evidence) > 0"}]
)
def test_a_rule_that_looks_at_evidence_is_not_excused(more: dict[str, Any]) -> None:
    """Who replays the log after that evidence was redacted could not find the same breach."""
    paper = paper_with({**AGREED, **more})
    assert "does not pass the gate rollback: agreed" in refused(paper, "operator", emergency(paper))


def kept(*rules: dict[str, Any]) -> Kept:
    """The same registry with every record kept, and somebody who redacts."""
    said = document()
    for role in ("operator", "reviewer"):
        said["roles"][role] = {"may": [*said["roles"][role]["may"], "request-deletion", "redact"]}
    said["bindings"] = [b for b in said["bindings"] if (b["role"], b["namespaces"]) != ("reviewer", ["aiops"])] + [
        {"role": "reviewer", "namespaces": "all", "identity": pattern(who)} for who in ("reviewer", "stranger")
    ]
    paper = Kept({"rules": [*POLICY["rules"], *rules]}, **said)
    for number in (1, 2):
        paper.promote(paper.release(f"aiops/cpu@{number}.0.0", b"%d" % number))
    paper.open_incident()
    return paper


def index_of(paper: Kept) -> int:
    return paper.state.statements[target(signature(b"1"))][0]


def test_who_lacks_redacted_evidence_finds_the_same_breach() -> None:
    paper = kept(AGREED, FRESH)
    statement = emergency(paper)
    paper.put("operator", statement)
    paper.approve("reviewer", statement)
    paper.redact(target(signature(b"1")))
    paper.approve("stranger", statement)
    assert breaches(paper)[0].settled_by is not None
    assert plain(paper.again({index_of(paper)})) == plain(paper.state)


def test_who_lacks_redacted_evidence_takes_the_rule_about_incidents_for_asked() -> None:
    accepting = {"rule": "recovery-point", "gate": "rollback", "with": {"incidents": "accept"}}
    paper = kept(accepting)
    version = paper.state.stages[(CPU, "production")][0].version
    located = propose.incident(paper.state, CPU, "INC-1", "located", "there", paper.at, version=version)
    paper.put("operator", located)
    paper.put("operator", emergency(paper, None))
    paper.redact(target(signature(b"1")))
    assert plain(paper.again({index_of(paper)})) == plain(paper.state)
