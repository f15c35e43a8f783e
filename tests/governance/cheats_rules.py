"""Attempts to cheat with rules, waivers and the life of a version."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from muniment.core.digest import Digest, digest_of
from muniment.core.name import parse_version_id
from muniment.evidence.statement import Statement, Subject
from muniment.registry import propose
from muniment.registry.predicate import format_event, parse_event
from muniment.registry.reach import evidence_about
from tests.governance.cheats_people import NEXT, changed, cheat, event_of
from tests.governance.organisation import DAY, Organisation, pattern, target
from tests.governance.year import bring

# Rules


def _no_rules(of: Organisation) -> Statement:
    return of.configuration({"rules": []})


@cheat("may not sign configure records")
def _the_operator_weakens_a_rule(of: Organisation) -> Any:
    return of.sign("operator", _no_rules(of))


@cheat("1 of 2 administrators stand behind the configuration")
def _one_administrator_weakens_a_rule_alone(of: Organisation) -> Any:
    return of.sign("administrator", _no_rules(of))


@cheat("1 of 2 administrators stand behind the configuration")
def _one_administrator_approves_the_own_rules(of: Organisation) -> Any:
    statement = _no_rules(of)
    of.put("administrator", of.approve(statement, "administrator"))
    return of.sign("administrator", statement)


@cheat("1 of 2 administrators stand behind the configuration")
def _a_reviewer_s_approval_stands_for_an_administrator_s(of: Organisation) -> Any:
    statement = _no_rules(of)
    of.put("reviewer", of.approve(statement))
    return of.sign("administrator", statement)


@cheat("1 of 2 administrators stand behind the configuration")
def _one_administrator_lowers_the_threshold_to_one(of: Organisation) -> Any:
    return of.sign("administrator", of.configuration(administrators={"threshold": 1}))


@cheat("1 of 2 administrators stand behind the configuration")
def _one_administrator_makes_a_person_of_the_own_second_identity(of: Organisation) -> Any:
    source = of.state.config.source["registry"]
    persons = {**source["persons"], "deputy": [*source["persons"]["deputy"], pattern("stranger")]}
    return of.sign("administrator", of.configuration(persons=persons))


@cheat("holds a wildcard")
def _a_binding_for_everybody(of: Organisation) -> Any:
    statement = of.configuration()
    source = json.loads(json.dumps(statement.predicate["configuration"]))
    source["registry"]["bindings"][0]["identity"]["subject"] = "*"
    return _reconfigured(of, source)


@cheat("declares the registry real, and its Sigstore trusted root says otherwise")
def _the_sandbox_declared_to_be_real(of: Organisation) -> Any:
    source = json.loads(json.dumps(of.configuration().predicate["configuration"]))
    source["registry"]["sandbox"] = False
    return _reconfigured(of, source)


def _reconfigured(of: Organisation, source: dict[str, Any]) -> Any:
    event = replace(parse_event(of.configuration()), configuration=source)
    return of.sign("administrator", format_event(event))


@cheat("1 of 2 administrators stand behind the rotation")
def _one_administrator_takes_over_the_log_s_key(of: Organisation) -> Any:
    from muniment.log.note import NoteSigner

    own = NoteSigner(of.key.name, bytes(32)).vkey
    return of.sign("administrator", propose.rotate(of.state, (own,), None, "Lost.", of.at))


# Waivers


@cheat("The waiver begins before it was signed")
def _a_waiver_after_the_fact(of: Organisation) -> Any:
    return of.sign("risk", of.waive("anomaly/cpu@2.0.0", "no-worse", 30, not_before=of.at - 10 * DAY))


@cheat("does not let private be waived")
def _a_waiver_of_what_cannot_be_waived(of: Organisation) -> Any:
    return of.sign("risk", of.waive("incidents/tickets-risk@1.1.0", "private", 10))


@cheat("has no rule 'all'")
def _a_waiver_of_everything(of: Organisation) -> Any:
    return of.sign("risk", of.waive(NEXT, "all", 10))


@cheat("may not sign waive records")
def _the_operator_waives(of: Organisation) -> Any:
    return of.sign("operator", of.waive(NEXT, "reviewed", 10))


@cheat("lasts more than 45 days")
def _a_waiver_for_ever(of: Organisation) -> Any:
    return of.sign("risk", of.waive(NEXT, "reviewed", 4000))


@cheat("nobody waives a rule for their own work")
def _the_operator_waives_from_home_for_the_own_promotion(of: Organisation) -> Any:
    of.put("operator-at-home", of.waive("anomaly/cpu@2.0.0", "no-worse", 10))
    return of.sign("operator", of.promote("anomaly/cpu@2.0.0", "production"))


@cheat("no-worse")
def _a_waiver_for_another_version(of: Organisation) -> Any:
    of.put("risk", of.waive("anomaly/cpu@1.0.0", "no-worse", 10))
    return of.sign("operator", of.promote("anomaly/cpu@2.0.0", "production"))


@cheat("model-evidence")
def _a_waiver_for_other_bytes_than_are_released(of: Organisation) -> Any:
    of.put("risk", of.waive("capacity/scaler@8.0.0", "model-evidence", 10))
    artifacts = (of.artifact("capacity/scaler@8.0.1"),)
    return of.sign(
        "trainer", propose.release(of.state, parse_version_id("capacity/scaler@8.0.0"), artifacts, (), of.at)
    )


@cheat("ended at")
def _a_waiver_that_ended(of: Organisation) -> Any:
    of.put("risk", of.waive(NEXT, "reviewed", 1))
    of.at += 2 * DAY
    return of.sign("operator", of.promote(NEXT, "production"))


@cheat("is retired")
def _a_waiver_for_what_is_retired(of: Organisation) -> Any:
    return of.sign("risk", of.waive("anomaly/cpu@1.2.0", "reviewed", 10))


# Versions


@cheat("anomaly/cpu@1.2.0 is retired")
def _a_promotion_of_what_is_retired(of: Organisation) -> Any:
    return of.sign("operator", of.promote("anomaly/cpu@1.2.0", "production"))


@cheat("never stood in staging")
def _staging_is_skipped(of: Organisation) -> Any:
    bring(of, "anomaly/cpu@3.0.0", "anomaly/metrics@2025", 0.96)
    return of.sign("operator", of.promote("anomaly/cpu@3.0.0", "production"))


@cheat("is released already")
def _other_bytes_under_a_version_that_is_out(of: Organisation) -> Any:
    entry = event_of(of, "release", NEXT)
    artifacts = (of.artifact("anomaly/cpu@6.6.6"),)
    made = propose.release(of.state, parse_version_id(NEXT), artifacts, (), of.at)
    assert entry.event.artifacts != artifacts
    return of.sign("trainer", made)


@cheat("about other artifacts")
def _evidence_of_another_model(of: Organisation) -> Any:
    named = evidence_about(of.state, (of.artifact(NEXT),))
    return of.sign("trainer", of.release("anomaly/cpu@4.0.0", evidence=named))


@cheat("that is not in the log")
def _evidence_that_nobody_has_seen(of: Organisation) -> Any:
    return of.sign("trainer", of.release("anomaly/cpu@4.0.0", evidence=(digest_of(b"trust me"),)))


@cheat("which is no evidence")
def _an_approval_named_as_evidence(of: Organisation) -> Any:
    named = (event_of(of, "approve").record.statement_digest,)
    return of.sign("trainer", of.release("anomaly/cpu@4.0.0", evidence=named))


@cheat("rejects it")
def _a_bad_review_is_left_out(of: Organisation) -> Any:
    """The release is of before; the gate asks the log for what was said since."""
    version = "incidents/tickets-risk@1.2.0"
    bring(of, version, "incidents/tickets@2024", 0.9)
    of.put("scanner", of.scan(version))
    of.put("privacy", of.review(version))
    of.put("operator", of.promote(version, "staging"))
    of.put("privacy", of.review(version, decision="rejected"))
    return of.sign("operator", of.promote(version, "production"))


@cheat("f1 is 0.5")
def _a_bad_evaluation_is_left_out(of: Organisation) -> Any:
    of.put("trainer", of.evaluation("anomaly/disk@1.1.0", "anomaly/metrics@2025", 0.5))
    return of.sign("operator", of.promote("anomaly/disk@1.1.0", "production"))


@cheat("is not what its numbers say")
def _an_evaluation_that_passes_below_its_threshold(of: Organisation) -> Any:
    statement = of.evaluation(NEXT, "anomaly/metrics@2025", 0.2)
    statement.predicate["metrics"][0]["passed"] = True
    return of.sign("trainer", statement)


@cheat("verdict is not the worst of its files'")
def _a_scan_that_calls_the_whole_safe(of: Organisation) -> Any:
    return of.sign("scanner", changed(of.scan(NEXT, "unsafe"), verdict="safe"))


@cheat("never stood in production")
def _a_rollback_to_what_never_stood_there(of: Organisation) -> Any:
    of.put("oncall", of.incident("anomaly/cpu", "INC-8", "opened", "Slow.", severity="low"))
    return of.sign("oncall", of.rollback("anomaly/cpu@2.0.0", "INC-8"))


@cheat("days ago, and 120 are allowed")
def _a_rollback_to_what_is_too_old(of: Organisation) -> Any:
    of.put("oncall", of.incident("anomaly/cpu", "INC-9", "opened", "Slow.", severity="low"))
    return of.sign("oncall", of.rollback("anomaly/cpu@1.0.0", "INC-9"))


@cheat("stands in production")
def _what_runs_is_retired(of: Organisation) -> Any:
    return of.sign("operator", of.retire("anomaly/cpu@2.1.0", "unused"))


@cheat("is retired itself")
def _a_retired_version_as_replacement(of: Organisation) -> Any:
    return of.sign("operator", of.retire("anomaly/cpu@2.0.0", "superseded", "anomaly/cpu@1.2.0"))


@cheat("INC-7")
def _a_closed_incident_is_opened_again(of: Organisation) -> Any:
    return of.sign("oncall", of.incident("anomaly/cpu", "INC-7", "opened", "Again.", severity="low"))


@cheat("may not sign incident records")
def _a_stranger_closes_an_incident(of: Organisation) -> Any:
    of.put("oncall", of.incident("anomaly/disk", "INC-10", "opened", "Slow.", severity="low"))
    return of.sign("stranger", of.incident("anomaly/disk", "INC-10", "resolved", "It is nothing."))


# Deletion and review


def _reviewed(of: Organisation) -> Digest:
    """The statement of the newest privacy review that is still there."""
    found = [e for e in of.history.entries if e.kind == "privacy-review" and e.record is not None]
    return found[-1].record.statement_digest


def _asked(of: Organisation) -> Statement:
    """A request for that review, in the log."""
    request = propose.request_deletion(of.state, (_reviewed(of),), "other", "Tidy.", None, of.at)
    of.put("privacy", request)
    return request


@cheat("may not sign request-deletion records")
def _the_trainer_asks_that_a_review_goes(of: Organisation) -> Any:
    request = propose.request_deletion(of.state, (_reviewed(of),), "other", "Tidy.", None, of.at)
    return of.sign("trainer", request)


@cheat("may not sign redact records")
def _the_operator_deletes(of: Organisation) -> Any:
    return of.sign("operator", of.redact(_asked(of)))


@cheat("two persons are needed: one who asks and one who redacts")
def _who_asked_deletes(of: Organisation) -> Any:
    return of.sign("privacy", of.redact(_asked(of)))


@cheat("events are never deleted")
def _an_approval_is_deleted(of: Organisation) -> Any:
    approval = event_of(of, "approve").record.statement_digest
    request = propose.request_deletion(of.state, (approval,), "other", "Tidy.", None, of.at)
    return of.sign("privacy", request)


@cheat("Nobody asked that entry")
def _more_is_deleted_than_was_asked_for(of: Organisation) -> Any:
    asked, scan = _asked(of), event_of(of, "scan").record.bundle
    made = of.redact(asked)
    return of.sign("deputy", changed(made, bundles=[*made.predicate["bundles"], str(scan)]))


@cheat("names other decisions than those that looked at the records")
def _who_deletes_answers_for_nothing(of: Organisation) -> Any:
    of.put("privacy", of.review(NEXT))
    bring(of, "incidents/tickets-risk@1.3.0", "incidents/tickets@2024", 0.9)
    evidence = event_of(of, "evaluation").record.statement_digest
    request = propose.request_deletion(of.state, (evidence,), "other", "Tidy.", None, of.at)
    of.put("privacy", request)
    return of.sign("deputy", changed(of.redact(request), decisions=[]))


@cheat("There is no privacy review in the role privacy")
def _a_bad_review_is_deleted(of: Organisation) -> Any:
    """Of its kind nothing else counts: the good one before it was contradicted."""
    version = "incidents/tickets-risk@1.5.0"
    bring(of, version, "incidents/tickets@2024", 0.9)
    of.put("scanner", of.scan(version))
    of.put("privacy", of.review(version))
    of.put("operator", of.promote(version, "staging"))
    bad = of.review(version, decision="rejected")
    of.put("privacy", bad)
    request = propose.request_deletion(of.state, (target(bad),), "other", "Tidy.", None, of.at)
    of.put("privacy", request)
    assert of.put("deputy", of.redact(request)).admitted
    return of.sign("operator", of.promote(version, "production"))


@cheat("The statement was redacted")
def _a_deleted_review_is_signed_again(of: Organisation) -> Any:
    version = "incidents/tickets-risk@1.4.0"
    review = of.review(version)
    of.put("privacy", review)
    of.put("privacy", request := of.ask_deletion("privacy-review", version))
    assert of.put("deputy", of.redact(request)).admitted
    return of.sign("privacy", review)


@cheat("is of another configuration than the one in force")
def _access_is_reviewed_as_it_was_before(of: Organisation) -> Any:
    made, before = of.review_access(), digest_of(b"before")
    other = replace(made, subjects=(Subject("configuration", before),))
    return of.sign("administrator", changed(other, configuration=str(before)))


@cheat("does not list the bindings of the configuration it names")
def _a_binding_is_left_out_of_the_review(of: Organisation) -> Any:
    made = of.review_access()
    return of.sign("administrator", changed(made, granted=made.predicate["granted"][:-1]))


@cheat("may not sign access-review records")
def _the_operator_reviews_access(of: Organisation) -> Any:
    return of.sign("operator", of.review_access())
