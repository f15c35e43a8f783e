"""Attempts to cheat with what runs: emergencies, deploys, observations, decisions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from muniment.core.instant import format_instant
from tests.governance.cheats_people import NEXT, changed, cheat, event_of
from tests.governance.organisation import Organisation

RUNS = "anomaly/cpu@2.1.0"


def _incident(of: Organisation, number: str) -> str:
    of.put("oncall", of.incident("anomaly/cpu", number, "opened", "Slow.", severity="low"))
    return number


@cheat("does not hold the role oncall, or it may not emergency-rollback")
def _an_emergency_by_who_may_only_roll_back(of: Organisation) -> Any:
    return of.sign("operator", of.emergency("anomaly/cpu@1.1.0", _incident(of, "INC-20")))


@cheat("There is no incident INC-99")
def _an_emergency_without_an_incident(of: Organisation) -> Any:
    return of.sign("oncall", of.emergency("anomaly/cpu@1.1.0", "INC-99"))


@cheat("The incident INC-7 of anomaly/cpu is resolved")
def _an_emergency_for_an_incident_that_is_closed(of: Organisation) -> Any:
    return of.sign("oncall", of.emergency("anomaly/cpu@1.1.0", "INC-7"))


@cheat("never stood in production, so it is no recovery point")
def _an_emergency_to_what_never_stood_there(of: Organisation) -> Any:
    return of.sign("oncall", of.emergency(NEXT, _incident(of, "INC-21")))


@cheat("auditor rejected it as reviewer")
def _an_emergency_that_was_rejected(of: Organisation) -> Any:
    statement = of.emergency("anomaly/cpu@1.1.0", _incident(of, "INC-22"))
    of.put("auditor", of.approve(statement, decision="rejected", reason="No."))
    return of.sign("oncall", statement)


@cheat("is in the log already")
def _an_emergency_of_long_ago_is_approved_twice(of: Organisation) -> Any:
    return of.sign("auditor", of.approve(event_of(of, "rollback").record.statement))


@cheat("does not stand in production")
def _what_does_not_stand_there_is_started(of: Organisation) -> Any:
    return of.sign("deployer", of.deploy(NEXT))


@cheat("may not sign deploy records")
def _the_operator_deploys(of: Organisation) -> Any:
    return of.sign("operator", of.deploy(RUNS))


@cheat("does not run at the instance mars")
def _what_never_ran_is_stopped(of: Organisation) -> Any:
    return of.sign("deployer", of.deploy(RUNS, "stopped", "mars"))


@cheat("neither stands nor runs in production")
def _good_numbers_of_what_does_not_run(of: Organisation) -> Any:
    return of.sign("deployer", of.observe(NEXT, 0.0))


@cheat("may not sign observe records")
def _good_numbers_by_the_trainer(of: Organisation) -> Any:
    return of.sign("trainer", of.observe(RUNS, 0.0))


@cheat("begins before the one in entry")
def _good_numbers_over_bad_ones(of: Organisation) -> Any:
    """A window in place of one that was observed already."""
    of.put("deployer", of.observe(RUNS, 0.2))
    return of.sign("deployer", of.observe(RUNS, 0.0, hours=3))


@cheat("The window ends after it was signed")
def _numbers_of_tomorrow(of: Organisation) -> Any:
    window = {"begins": format_instant(of.at), "ends": "2031-01-01T00:00:00Z"}
    return of.sign("deployer", changed(of.observe(RUNS, 0.0), **window))


@cheat("is not the registry's sequencer")
def _the_operator_signs_a_decision(of: Organisation) -> Any:
    return of.sign("operator", event_of(of, "policy-decision").record.statement)


@cheat("The decision is on nothing that one is owed of")
def _the_sequencer_decides_otherwise(of: Organisation) -> Any:
    said = event_of(of, "policy-decision").record.statement
    return of.sign("publisher", replace(said, predicate={**said.predicate, "findings": []}))
