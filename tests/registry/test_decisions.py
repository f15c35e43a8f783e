"""Decisions: two signed records of each admitted release, promote and deploy, derived by all and believed by none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from immutables import Map

from muniment.core.document import check_schema
from muniment.core.errors import Malformed, Refused
from muniment.core.name import parse_version_id
from muniment.evidence.kinds import DECISIONS
from muniment.evidence.statement import Statement
from muniment.registry import decision, facts, propose
from muniment.registry.documents import documents
from muniment.registry.judges.common import config_of
from muniment.registry.reach import evidence_about
from muniment.registry.redaction import redactable
from muniment.registry.snapshot import format_snapshot, parse_snapshot
from muniment.registry.state import Entry, State
from tests.registry.paper import Paper, model, signature
from tests.registry.staff import pattern, staff
from tests.registry.test_redaction import Kept
from tests.world import POLICY, registry_document

KINDS = list(DECISIONS)
VERSION, OTHER = (parse_version_id(f"aiops/cpu@{number}.0.0") for number in (1, 2))
AGE = {"evidence": ["bom"], "maxDays": 30}
WAIVABLE = {"rules": [{"rule": "evidence-required", "gate": "release", "with": {"evidence": ["bom"]}}]}


def paper(policy: dict[str, Any] = POLICY, **document: Any) -> Paper:
    return Paper(policy, sequencer=pattern("operator"), **document)


def decide(of: Paper, who: str = "operator") -> list[Entry]:
    """Puts every decision in that is owed, in a batch, and gives their entries."""
    size = of.state.size
    said = [decision.statement_of(of.state, index, kind) for index, kind in decision.owed(of.state)]
    of.admit(*(of.sign(who, statement) for statement in said))
    return [of.state.entries[i] for i in range(size, of.state.size - 1)]


def said(entry: Entry) -> dict[str, Any]:
    assert entry.record is not None
    return dict(entry.record.statement.predicate)


def events(state: State, *kinds: str) -> list[Entry]:
    return [e for _, e in sorted(state.entries.items()) if e.kind in kinds]


def test_what_is_owed_of_which_events() -> None:
    of = paper()
    of.promote(of.release("aiops/cpu@1.0.0"))
    release, promotion = events(of.state, "release", "promote")
    owed = [(index, kind) for index in (release.index, promotion.index) for kind in KINDS]
    assert list(decision.owed(of.state)) == owed
    assert [e.kind for e in decide(of)] == KINDS * 2
    assert list(decision.owed(of.state)) == []
    assert [decision.decided(e) for e in decision.decisions_on(of.state, promotion.index)] == [promotion.index] * 2
    for other in events(of.state, "configure", "signature", "approve", "vsa"):
        assert decision.owing(of.state, other.index).owed == of.state.owed
        assert not decision.passed_gate(other)
    assert decision.passed_gate(release)


def test_a_start_is_decided_on_and_a_stop_is_not() -> None:
    known = staff()
    known["roles"]["operator"]["may"] = [*known["roles"]["operator"]["may"], "deploy"]
    of = paper(**known)
    version = of.release("aiops/cpu@1.0.0")
    of.promote(version)
    decide(of)
    of.put("operator", propose.deploy(of.state, version, "production", "running", of.at))
    found = decide(of)
    assert [e.kind for e in found] == KINDS
    assert said(found[0])["verifiedLevels"] == ["SLSA_BUILD_LEVEL_UNEVALUATED", "MUNIMENT_DEPLOY/production"]
    assert (said(found[1])["gate"], said(found[1])["environment"]) == ("deploy", "production")
    of.put("operator", propose.deploy(of.state, version, "production", "stopped", of.at))
    assert dict(of.state.owed) == {}


def test_the_summary_says_what_slsa_asks() -> None:
    of = paper()
    of.promote(of.release("aiops/cpu@1.0.0"))
    (promotion,) = events(of.state, "promote")
    approval, evidence = events(of.state, "approve", "signature")[::-1]
    found = next(e for e in decide(of) if e.kind == "vsa" and decision.decided(e) == promotion.index)
    assert found.record is not None
    assert promotion.record is not None
    assert found.record.statement.subjects == promotion.record.statement.subjects
    value = said(found)
    check_schema(value, "standard/verification-summary-v1", "The summary")
    base = "https://test.sandbox.muniment.dev/aiops"
    bundles = [e.record.bundle for e in (evidence, approval) if e.record]
    assert value == {
        "verifier": {"id": base},
        "timeVerified": "2026-01-31T08:04:00Z",
        "resourceUri": f"{base}/aiops/cpu@1.0.0",
        "policy": {"uri": f"{base}/policy.json", "digest": {"sha256": policy_digest(of).hex}},
        "inputAttestations": [
            {"uri": f"{base}/blob/sha256/{b.hex[:2]}/{b.hex}", "digest": {"sha256": b.hex}} for b in bundles
        ],
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_UNEVALUATED", "MUNIMENT_PROMOTE/production"],
        "slsaVersion": "1.2",
        DECISIONS["policy-decision"]: about(of, promotion),
    }


def policy_digest(of: Paper) -> Any:
    genesis = of.state.entries[0].record
    assert genesis is not None
    return next(s.digest for s in genesis.statement.subjects if s.name == "policy.json")


def about(of: Paper, entry: Entry) -> dict[str, Any]:
    assert entry.record is not None
    log = {"origin": config_of(of.state).origin, "genesis": str(of.state.genesis)}
    return {"log": log, "entry": entry.index, "statement": str(entry.record.statement_digest)}


def test_the_decision_has_every_finding_and_the_policy_of_its_time() -> None:
    """It is made when another policy is in force already, and of a policy by its entry and digest."""
    of = paper(
        {"rules": [*POLICY["rules"], {"rule": "evidence-age", "gate": "release", "severity": "warn", "with": AGE}]}
    )
    of.release("aiops/cpu@1.0.0")
    then, (release,) = policy_digest(of), events(of.state, "release")
    of.put("administrator", of.configuration(policy={"rules": []}))
    found = said(decide(of)[1])
    check_schema(found, "policy-decision-v1", "The decision")
    findings = found.pop("findings")
    assert found == about(of, release) | {
        "gate": "release",
        "version": "aiops/cpu@1.0.0",
        "decidedAt": "2026-01-31T08:02:00Z",
        "policy": {"digest": str(then), "entry": 0},
        "decision": "admitted",
    }
    assert [(f["rule"], f["status"]) for f in findings] == [("evidence-required", "pass"), ("evidence-age", "warn")]
    assert findings[0]["reason"] == "The release stands on signature."


def test_a_waived_finding_names_its_waiver() -> None:
    of = paper(WAIVABLE, **staff())
    until, subject = of.at.replace(month=3, day=1), signature().subjects
    rule, why = "evidence-required", "late"
    waiver_ = propose.waive(of.state, VERSION, subject, rule, "risk", why, of.at, until, None, of.at)
    of.put("stranger", waiver_)
    waiver = of.state.entries[of.state.size - 2].record
    assert waiver is not None
    of.put("trainer", signature())
    of.put("trainer", of.proposal("aiops/cpu@1.0.0", model()))
    (finding,) = said(decide(of)[1])["findings"]
    assert (finding["status"], finding["waivedBy"]) == ("waived", str(waiver.statement_digest))
    assert finding["expires"] == "2026-03-01T08:01:00Z"


def test_without_a_sequencer_nothing_is_owed() -> None:
    of = Paper()
    of.release("aiops/cpu@1.0.0")
    assert dict(of.state.owed) == {}
    of.put("administrator", of.configuration(registry=of.registry(sequencer=pattern("operator"))))
    assert dict(of.state.owed) == {}
    of.release("aiops/cpu@2.0.0", b"two")
    of.put("administrator", of.configuration(registry={k: v for k, v in of.registry().items() if k != "sequencer"}))
    assert of.state.owed
    assert list(decision.owed(of.state)) == []
    (release,) = (e for e in events(of.state, "release") if e.index in of.state.owed)
    for kind in KINDS:
        with pytest.raises(Refused, match="is not the registry's sequencer"):
            of.put("operator", decision.statement_of(of.state, release.index, kind))
    of.put("administrator", of.configuration(registry=of.registry(sequencer=pattern("reviewer"))))
    assert [e.kind for e in decide(of, "reviewer")] == KINDS


def owing() -> tuple[Paper, list[Statement]]:
    of = paper()
    of.release("aiops/cpu@1.0.0")
    return of, [decision.statement_of(of.state, index, kind) for index, kind in decision.owed(of.state)]


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("who", ["administrator", "trainer", "stranger"])
def test_nobody_but_the_sequencer_signs_decisions(kind: int, who: str) -> None:
    of, statements = owing()
    with pytest.raises(Refused, match="is not the registry's sequencer"):
        of.put(who, statements[kind])


def test_a_sequencer_that_was_replaced() -> None:
    of, statements = owing()
    of.put("administrator", of.configuration(registry=of.registry(sequencer=pattern("reviewer"))))
    with pytest.raises(Refused, match="is not the registry's sequencer"):
        of.put("operator", statements[0])


def test_no_role_may_sign_decisions_and_no_source_is_believed_for_them() -> None:
    document = registry_document()
    for kind in KINDS:
        with pytest.raises(Malformed, match=f"may sign '{kind}', which is no kind of record"):
            Paper(roles=document["roles"] | {"operator": {"may": [kind]}})


def test_each_is_made_once() -> None:
    of, statements = owing()
    decide(of)
    for statement in statements:
        with pytest.raises(Refused, match=r"is entry [0-9]+ already"):
            of.put("operator", statement)
    of.put("administrator", of.configuration(registry=of.registry(sequencer=pattern("reviewer"))))
    for statement in statements:
        with pytest.raises(Refused, match="on nothing that one is owed of"):
            of.put("reviewer", statement)


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeVerified", "2026-01-31T08:03:00Z"),
        ("verificationResult", "FAILED"),
        ("verifiedLevels", ["SLSA_BUILD_LEVEL_3"]),
        ("inputAttestations", []),
        ("findings", []),
        ("version", "aiops/cpu@2.0.0"),
        ("policy", {}),
        ("extra", 1),
    ],
)
def test_a_sequencer_that_lies(kind: int, field: str, value: Any) -> None:
    of, statements = owing()
    true = statements[kind]
    with pytest.raises(Refused, match="says other things of entry 4 than the log adds up to"):
        of.put("operator", replace(true, predicate={**true.predicate, field: value}))


def test_a_sequencer_that_speaks_of_other_bytes() -> None:
    of, statements = owing()
    for statement in statements:
        with pytest.raises(Refused, match="says other things of entry 4"):
            of.put("operator", replace(statement, subjects=signature(b"other").subjects))


@pytest.mark.parametrize("entry", [None, 0, 2, 99, "4", True, [4]])
@pytest.mark.parametrize("kind", [0, 1])
def test_a_decision_on_nothing(entry: Any, kind: int) -> None:
    of, statements = owing()
    true = dict(statements[kind].predicate)
    place = true[DECISIONS["policy-decision"]] if kind == 0 else true
    changed = {**place, "entry": entry}
    predicate = {**true, DECISIONS["policy-decision"]: changed} if kind == 0 else changed
    with pytest.raises(Refused, match="on nothing that one is owed of"):
        of.put("operator", replace(statements[kind], predicate=predicate))
    with pytest.raises(Refused, match="on nothing"):
        of.put("operator", replace(statements[kind], predicate={DECISIONS["policy-decision"]: entry}))


def test_a_decision_of_another_log() -> None:
    """The same words in a registry with another first entry are other words."""
    _, statements = owing()
    other = paper(title="another one")
    other.release("aiops/cpu@1.0.0")
    for statement in statements:
        with pytest.raises(Refused, match="says other things"):
            other.put("operator", statement)


def test_rules_never_see_a_decision() -> None:
    of = paper()
    version = of.release("aiops/cpu@1.0.0")
    before = evidence_about(of.state, (model(),))
    decide(of)
    found = facts.gather(of.state, "promote", None, version, (), (model(),), of.at, "production")
    assert [e.kind for e in found.evidence] == ["signature"]
    assert evidence_about(of.state, (model(),)) == before
    vsa = events(of.state, "vsa")[0].record
    assert vsa is not None
    named = propose.release(of.state, OTHER, (model(),), (vsa.statement_digest,), of.at)
    with pytest.raises(Refused, match="which is no evidence"):
        of.put("trainer", named)


def test_decisions_are_not_redacted() -> None:
    of = Kept(sequencer=pattern("operator"))
    of.release("aiops/cpu@1.0.0")
    for entry in decide(of):
        assert entry.record is not None
        with pytest.raises(Refused, match="decisions are never deleted"):
            of.request(entry.record.statement_digest)
    (evidence,) = events(of.state, "signature")
    assert evidence.record is not None
    assert redactable(of.state, model().digest) == (evidence.record.statement_digest,)


def test_the_gate_submit_does_not_ask_for_them() -> None:
    no = {"id": "no", "title": "No", "gate": "submit", "require": "evidence[0].kind == 'signature'", "message": "No."}
    of = paper({"rules": [no]})
    of.release("aiops/cpu@1.0.0")
    assert [e.findings for e in decide(of)] == [(), ()]


def test_what_is_owed_is_in_snapshots_and_no_document() -> None:
    of, _ = owing()
    state = of.state
    assert state.genesis is not None
    known = parse_snapshot(format_snapshot(state), config_of(state).origin, state.genesis)
    assert known is not None
    assert known.owed == state.owed
    assert documents(replace(state, owed=Map())) == documents(state)


def test_who_lacks_a_redacted_record_reads_the_same_decisions() -> None:
    """Inputs are told by leaves; the findings are the decision's own word then, and the event is unproven."""
    of = Kept(sequencer=pattern("operator"))
    of.release("aiops/cpu@1.0.0")
    decide(of)
    (evidence,) = events(of.state, "signature")
    assert evidence.record is not None
    of.redact(evidence.record.statement_digest)
    lacking = of.again({evidence.index})
    assert [lacking.entries[e.index].record for e in events(of.state, *KINDS)] == [
        e.record for e in events(of.state, *KINDS)
    ]
    assert documents(lacking) == documents(of.state)
    (release,) = events(lacking, "release")
    assert release.unproven is not None
    assert lacking.owed == of.state.owed


def test_who_lacks_a_redacted_record_still_derives_the_rest() -> None:
    of = Kept(sequencer=pattern("operator"))
    of.release("aiops/cpu@1.0.0")
    decide(of)
    (evidence,) = events(of.state, "signature")
    assert evidence.record is not None
    of.redact(evidence.record.statement_digest)
    (decided,) = events(of.state, "policy-decision")
    for field, value in (("policy", {"digest": f"sha256:{'0' * 64}", "entry": 0}), ("findings", [{}]), ("extra", 1)):
        assert decided.record is not None
        lie = replace(decided.record.statement, predicate={**said(decided), field: value})
        of.records[decided.index] = of.sign("operator", lie)
        with pytest.raises((Refused, Malformed)):
            of.again({evidence.index})


def test_nothing_is_owed_of_what_cannot_be_derived_any_more() -> None:
    of = Kept(sequencer=pattern("operator"))
    of.release("aiops/cpu@1.0.0")
    (evidence,) = events(of.state, "signature")
    statements = [decision.statement_of(of.state, index, kind) for index, kind in decision.owed(of.state)]
    assert evidence.record is not None
    of.redact(evidence.record.statement_digest)
    assert list(decision.owed(of.state)) == []
    for statement in statements:
        with pytest.raises(Refused, match="on nothing that one is owed of"):
            of.put("operator", statement)
