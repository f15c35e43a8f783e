"""Attempts to cheat with approvals, identities, times and signatures."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from muniment.core.canonical import format_json
from muniment.core.digest import digest_of
from muniment.evidence.statement import Statement, format_statement
from muniment.registry import propose
from muniment.signing.bundle import parse_bundle
from tests.governance.organisation import DAY, Organisation, target
from tests.governance.year import bring
from tests.signing.forge import Forge

NEXT = "anomaly/cpu@2.2.0"  # released, scanned and in staging; nobody approved it
MINUTE = timedelta(minutes=1)
Cheat = Callable[[Organisation], Any]
CHEATS: dict[str, tuple[str, Cheat]] = {}


def cheat(expected: str) -> Callable[[Cheat], Cheat]:
    """An attempt by its name, and what its refusal says."""

    def add(attempt: Cheat) -> Cheat:
        CHEATS[attempt.__name__.strip("_")] = (expected, attempt)
        return attempt

    return add


def ready(of: Organisation, *reviewers: str) -> Statement:
    """The next version's promotion to production, approved by some."""
    statement = of.promote(NEXT, "production")
    for who in reviewers:
        assert of.put(who, of.approve(statement)).admitted, who
    return statement


def event_of(of: Organisation, kind: str, version: str = "") -> Any:
    """The last entry of a kind, about a version."""
    found = [e for e in of.history.entries if e.kind == kind and (not version or str(e.event.version) == version)]
    return found[-1]


def changed(statement: Statement, **predicate: Any) -> Statement:
    """A statement that says other things in some fields."""
    return replace(statement, predicate={**statement.predicate, **predicate})


# Approvals


@cheat("Approved by 1 of 2 in the role reviewer; an author's own approval does not count")
def _the_operator_approves_the_own_promotion_from_home(of: Organisation) -> Any:
    return of.sign("operator", ready(of, "reviewer", "operator-at-home"))


@cheat("Approved by 1 of 2 in the role reviewer")
def _two_identities_of_one_person_approve(of: Organisation) -> Any:
    return of.sign("operator", ready(of, "reviewer", "reviewer-at-home"))


@cheat("Approved by 1 of 2 in the role reviewer")
def _an_identity_of_nobody_makes_the_second_person(of: Organisation) -> Any:
    return of.sign("operator", ready(of, "reviewer", "contractor"))


@cheat("declared is less than personal-signature")
def _a_workflow_approves_in_a_person_s_name(of: Organisation) -> Any:
    return of.sign("operator", ready(of, "reviewer", "robot"))


@cheat("who signed evaluation does not count")
def _who_evaluated_approves(of: Organisation) -> Any:
    version = "anomaly/cpu@2.3.0"
    bring(of, version, "anomaly/metrics@2025", 0.95)
    of.put("scanner", of.scan(version))
    of.put("operator", of.promote(version, "staging"))
    of.put("auditor", of.evaluation(version, "anomaly/metrics@2025", 0.95))
    statement = of.promote(version, "production")
    for who in ("reviewer", "auditor"):
        of.put(who, of.approve(statement))
    return of.sign("operator", statement)


@cheat("does not hold the role reviewer")
def _an_approval_in_a_role_that_is_not_held(of: Organisation) -> Any:
    return of.sign("administrator", of.approve(of.promote(NEXT, "production")))


@cheat("may not sign approve records")
def _a_stranger_approves(of: Organisation) -> Any:
    return of.sign("stranger", of.approve(of.promote(NEXT, "production")))


@cheat("may not sign approve records")
def _the_trainer_approves(of: Organisation) -> Any:
    return of.sign("trainer", of.approve(of.promote(NEXT, "production")))


@cheat("Approved by 0 of 2")
def _approvals_of_another_digest(of: Organisation) -> Any:
    other = of.promote(NEXT, "production", "Another text.")
    for who in ("reviewer", "auditor"):
        of.put(who, of.approve(other))
    return of.sign("operator", of.promote(NEXT, "production"))


@cheat("The same statement by the same signer is entry")
def _an_approval_is_submitted_again(of: Organisation) -> Any:
    return of.sign("auditor", event_of(of, "approve").record.payload)


@cheat("is in the log already")
def _an_approval_after_the_fact(of: Organisation) -> Any:
    promoted = event_of(of, "promote", "anomaly/cpu@2.1.0")
    return of.sign("contractor", propose.approve(of.state, promoted.record.statement_digest, "reviewer", "So.", of.at))


@cheat("The approval has expired already")
def _an_approval_that_ended_before_it_came(of: Organisation) -> Any:
    return of.sign("reviewer", of.approve(of.promote(NEXT, "production"), expires=of.at - MINUTE))


@cheat("Approved by 1 of 2")
def _an_approval_that_ended_since(of: Organisation) -> Any:
    statement = ready(of, "reviewer")
    of.put("auditor", of.approve(statement, expires=of.at + 5 * MINUTE))
    of.at += 10 * MINUTE
    return of.sign("operator", of.promote(NEXT, "production")), of.sign("operator", statement, of.at - 10 * MINUTE)


@cheat("Approved by 1 of 2")
def _an_approval_that_was_taken_back(of: Organisation) -> Any:
    statement = ready(of, "reviewer")
    given = of.approve(statement)
    of.put("auditor", given)
    of.put("auditor", propose.revoke(of.state, target(given), "Not yet.", of.at))
    return of.sign("operator", statement)


@cheat("The same signer approved it already")
def _one_reviewer_approves_twice(of: Organisation) -> Any:
    statement = ready(of, "reviewer")
    return of.sign("reviewer", of.approve(statement, again="reviewer", reason="Looked again."))


@cheat("auditor rejected it as reviewer")
def _two_others_overrule_a_rejection(of: Organisation) -> Any:
    statement = ready(of, "reviewer", "contractor")
    of.put("auditor", of.approve(statement, decision="rejected", reason="No."))
    return of.sign("operator", statement)


@cheat("did not give this word")
def _somebody_takes_back_another_s_rejection(of: Organisation) -> Any:
    no = of.approve(of.promote(NEXT, "production"), decision="rejected")
    of.put("auditor", no)
    return of.sign("reviewer", propose.revoke(of.state, target(no), "Overruled.", of.at))


@cheat("rests on this approval already")
def _an_approval_is_taken_back_after_it_was_used(of: Organisation) -> Any:
    used = next(e for e in of.history.entries if e.kind == "approve")
    who = "reviewer"
    return of.sign(who, propose.revoke(of.state, used.record.statement_digest, "Regret.", of.at))


# Replays and times


@cheat("states a time more than five minutes from when it was signed")
def _an_old_promotion_is_signed_again_by_another(of: Organisation) -> Any:
    return of.sign("oncall", event_of(of, "promote", "anomaly/cpu@1.1.0").record.payload)


@cheat("follows entry")
def _a_promotion_made_for_an_earlier_state(of: Organisation) -> Any:
    statement = event_of(of, "promote", "anomaly/cpu@2.1.0").record.statement
    return of.sign("operator", changed(statement, promotedAt=of.promote(NEXT, "production").predicate["promotedAt"]))


@cheat("states a time more than five minutes from when it was signed")
def _a_back_dated_promotion(of: Organisation) -> Any:
    return of.sign("operator", changed(of.promote(NEXT, "production"), promotedAt="2025-12-01T09:00:00Z"))


@cheat("was signed after its batch was admitted")
def _a_record_from_tomorrow(of: Organisation) -> Any:
    return of.sign("scanner", of.scan(NEXT), of.at + DAY)


@cheat("is for another log")
def _an_event_for_another_registry(of: Organisation) -> Any:
    statement = of.promote(NEXT, "production")
    return of.sign("operator", changed(statement, log={**statement.predicate["log"], "origin": "plant.example/models"}))


@cheat("is for another log")
def _an_event_for_an_earlier_life_of_the_registry(of: Organisation) -> Any:
    statement = of.promote(NEXT, "production")
    earlier = {**statement.predicate["log"], "genesis": str(digest_of(b"earlier"))}
    return of.sign("operator", changed(statement, log=earlier))


# Signatures and forms


@cheat("is not the canonical one for this envelope and certificate")
def _a_payload_is_changed_after_it_was_signed(of: Organisation) -> Any:
    value = json.loads(of.sign("scanner", of.scan(NEXT)).data)
    payload = base64.b64decode(value["dsseEnvelope"]["payload"]).replace(b'"1.4"', b'"1.5"')
    value["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    return parse_bundle(format_json(value))


@cheat("in a log that the trusted root does not know")
def _a_certificate_of_a_sandbox_of_one_s_own(of: Organisation) -> Any:
    own = Organisation.__new__(Organisation)
    own.forge, own.at = Forge(of.at - DAY), of.at
    return own.sign("operator", of.promote(NEXT, "production"))


@cheat("cert is not valid at validation time")
def _a_signature_made_after_the_certificate_ended(of: Organisation) -> Any:
    from tests.governance.organisation import IDENTITIES

    late, payload = of.at - MINUTE, format_statement(of.scan(NEXT))
    return of.forge.bundle(
        identity=IDENTITIES["scanner"], payload=payload, certified=late - timedelta(hours=1), stamped=(late,)
    )


@cheat("is no kind of record this registry knows")
def _a_record_of_a_kind_that_nobody_knows(of: Organisation) -> Any:
    return of.sign("trainer", replace(of.scan(NEXT), predicate_type="https://muniment.dev/absolve/v1"))


@cheat("is not canonical JSON")
def _an_event_in_another_spelling(of: Organisation) -> Any:
    payload = format_statement(of.promote(NEXT, "production"))
    return of.sign("operator", json.dumps(json.loads(payload), indent=1).encode())


@cheat("subjects are not the artifacts of")
def _a_promotion_of_other_bytes_under_the_name(of: Organisation) -> Any:
    other = of.promote("anomaly/cpu@2.0.0", "production")
    return of.sign("operator", replace(of.promote(NEXT, "production"), subjects=other.subjects))


# Roles


@cheat("may not sign promote records")
def _the_reviewer_promotes(of: Organisation) -> Any:
    return of.sign("reviewer", of.promote(NEXT, "production"))


@cheat("may not sign release records")
def _the_operator_releases(of: Organisation) -> Any:
    return of.sign("operator", of.release("anomaly/cpu@9.0.0"))


@cheat("may not sign evaluation records")
def _who_left_evaluates(of: Organisation) -> Any:
    return of.sign("engineer", of.evaluation(NEXT, "anomaly/metrics@2025", 0.99))


@cheat("may not sign")
def _another_repository_calls_the_trainer_s_workflow(of: Organisation) -> Any:
    return of.sign("fork", of.evaluation(NEXT, "anomaly/metrics@2025", 0.99))


@cheat("may not sign")
def _the_trainer_s_workflow_at_another_branch(of: Organisation) -> Any:
    return of.sign("branch", of.evaluation(NEXT, "anomaly/metrics@2025", 0.99))


@cheat("The namespace 'payments' is not configured")
def _a_release_into_a_namespace_that_is_not_there(of: Organisation) -> Any:
    return of.sign("trainer", of.release("payments/cpu@1.0.0"))
