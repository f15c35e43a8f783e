"""What falls due: each kind of it before, at and after its time; and what does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from muniment.core.digest import Digest, digest_of
from muniment.core.instant import format_instant
from muniment.core.name import VersionId, parse_name, parse_version_id
from muniment.evidence.kinds import EVENTS, EVIDENCE
from muniment.evidence.statement import Statement, Subject
from muniment.insight.due import Due, Glance, due
from muniment.log.note import NoteSigner
from muniment.registry import propose, recovery
from muniment.registry.access import Granted, grants
from muniment.registry.event import ReleasedArtifact
from muniment.signing.lifetime import root_lifetimes
from muniment.verify.monitor import Waiting
from tests.registry.paper import KEY, Paper, identity, model, root, signature, target
from tests.registry.staff import MAY, pattern, staff
from tests.signing.pki import authority
from tests.site.sample import dataset_predicate, provenance_predicate
from tests.world import POLICY

CPU = parse_name("aiops/cpu")
MAKES = ["signature", "provenance", "release", "approve", "dataset", "privacy-review", "evaluation", "vulns"]
EVER = timedelta(days=10_000)
AGE = {"rule": "evidence-age", "gate": "promote", "with": {"evidence": ["signature"], "maxDays": 30}}


def paper(*rules: dict[str, Any], **document: Any) -> Paper:
    """A registry whose trainer makes every kind of record."""
    roles = {role: {"may": may} for role, may in {**MAY, "trainer": MAKES}.items()}
    return Paper({"rules": [*POLICY["rules"], *rules]}, **{**staff(roles=roles), **document})


def review(subject: ReleasedArtifact, made: datetime, until: datetime, *data: Digest) -> Statement:
    """A privacy review of an artifact."""
    predicate: dict[str, Any] = {
        "decision": "approved",
        "summary": "looked at",
        "scope": ["all"],
        "reviewedAt": format_instant(made),
        "validUntil": format_instant(until),
        "personalData": {"present": False},
    }
    predicate |= {"data": [{"name": f"data {n}", "digest": str(d)} for n, d in enumerate(data)]} if data else {}
    return Statement((Subject(subject.name, subject.digest),), EVIDENCE["privacy-review"], predicate)


def seen(registry: Paper, days: float = 0, waiting: tuple[Waiting, ...] | None = ()) -> Glance:
    """The registry as it is looked at some days from now."""
    return Glance(registry.state, registry.at + timedelta(days=days), waiting)


def of_kind(kind: str, glance: Glance, within: timedelta = EVER) -> list[Due]:
    """What falls due of a kind."""
    return [one for one in due(glance, glance.at + within) if one.kind == kind]


def status(kind: str, glance: Glance) -> list[str]:
    """The status of each of a kind."""
    return [one.status(glance.at) for one in of_kind(kind, glance)]


# Reviews and evidence.


def reviewed(*rules: dict[str, Any]) -> tuple[Paper, VersionId]:
    """A version whose review holds for ten days."""
    registry = paper(*rules)
    version = registry.release("aiops/cpu@1.0.0")
    registry.put("trainer", review(model(), registry.at, registry.at + timedelta(days=10)))
    return registry, version


def test_a_review_ends_and_is_overdue_only_where_its_version_stands() -> None:
    registry, version = reviewed()
    (found,) = of_kind("review", seen(registry))
    assert (found.about, found.name) == ("aiops/cpu@1.0.0", version.name)
    assert found.fact == f"Its privacy-review by {identity('trainer').subject} holds until then."
    assert registry.state.entries[found.entry or 0].kind == "privacy-review"
    assert status("review", seen(registry)) == ["due"]
    assert status("review", seen(registry, 11)) == ["lapsed"]
    registry.promote(version)
    assert status("review", seen(registry, 11)) == ["overdue"]
    assert not of_kind("review", seen(registry), timedelta(days=9))
    assert of_kind("review", seen(registry), timedelta(days=10))


def test_a_newer_review_takes_the_place_of_an_older_one() -> None:
    registry, _ = reviewed()
    registry.put("trainer", review(model(), registry.at, registry.at + timedelta(days=90)))
    (found,) = of_kind("review", seen(registry))
    assert found.at > registry.at + timedelta(days=80)


def test_nothing_of_a_retired_version_falls_due() -> None:
    registry, version = reviewed()
    registry.put("operator", propose.retire(registry.state, version, "superseded", "old", None, registry.at))
    assert not of_kind("review", seen(registry))


def test_evidence_that_a_rule_will_find_too_old() -> None:
    rule = {
        "id": "fresh",
        "rule": "evidence-age",
        "gate": "promote",
        "with": {"evidence": ["signature"], "maxDays": 30},
    }
    registry, version = reviewed(rule)
    (found,) = of_kind("evidence-age", seen(registry))
    assert found.fact == "The rule fresh will find its signature too old for staging, production."
    registry.promote(version, "staging")
    assert status("evidence-age", seen(registry, 29)) == ["due"]
    assert status("evidence-age", seen(registry, 31)) == ["overdue"]


def test_evidence_is_not_overdue_where_the_rule_guards_another_environment() -> None:
    registry, version = reviewed(AGE | {"environments": ["production"]})
    registry.promote(version, "staging")
    assert status("evidence-age", seen(registry, 31)) == ["lapsed"]


@pytest.mark.parametrize(
    ("gate", "kinds", "count"), [("promote", ["model"], 1), ("promote", ["dataset"], 0), ("release", ["model"], 0)]
)
def test_a_rule_that_is_not_asked_again_lets_nothing_fall_due(gate: str, kinds: list[str], count: int) -> None:
    registry, _ = reviewed(AGE | {"gate": gate, "kinds": kinds})
    assert len(of_kind("evidence-age", seen(registry))) == count


def test_a_rule_of_ones_own_has_no_date() -> None:
    own = {"id": "own", "title": "t", "gate": "promote", "require": "size(evidence) > 0", "message": "m"}
    registry, _ = reviewed(own)
    assert not of_kind("evidence-age", seen(registry))


def test_a_review_may_end_sooner_by_policy_than_by_itself() -> None:
    rule = {"rule": "privacy-review", "gate": "promote", "with": {"maxDays": 5, "independent": False}}
    registry, _ = reviewed(rule)
    (found,) = of_kind("evidence-age", seen(registry))
    assert timedelta(days=4) < found.at - registry.at < timedelta(days=5)


def test_a_scan_and_its_database_get_too_old() -> None:
    rule = {
        "rule": "security-scan",
        "gate": "promote",
        "with": {"maxSeverity": "low", "maxDays": 7, "maxDatabaseDays": 3},
    }
    registry, _ = reviewed(rule)
    when = format_instant(registry.at)
    predicate = {
        "scanner": {"uri": "https://scan.example", "db": {"lastUpdate": when}, "result": []},
        "metadata": {"scanStartedOn": when, "scanFinishedOn": when},
    }
    registry.put("trainer", Statement((Subject("model", model().digest),), EVIDENCE["vulns"], predicate))
    found = of_kind("evidence-age", seen(registry))
    assert ["database" in one.fact for one in found] == [True, False]
    assert found[1].at - found[0].at == timedelta(days=4)


@pytest.mark.parametrize(
    ("ended", "params"),
    [("2026-01-31T08:00:00Z", {"maxDatabaseDays": 3}), ("9999-12-31T08:00:00Z", {"maxDays": 7})],
)
def test_a_scan_that_says_no_time_to_count_from_has_no_date(ended: str, params: dict[str, int]) -> None:
    """It names no database, or ends when no later time can be written: the rule fails for it already."""
    rule = {"rule": "security-scan", "gate": "promote", "with": {"maxSeverity": "low"} | params}
    registry, _ = reviewed(rule)
    times = {"scanStartedOn": ended, "scanFinishedOn": ended}
    predicate = {"scanner": {"uri": "https://scan.example", "result": []}, "metadata": times}
    registry.put("trainer", Statement((Subject("model", model().digest),), EVIDENCE["vulns"], predicate))
    assert not of_kind("evidence-age", seen(registry))


# Data that changed.

OLD, NEW = b"rows of may", b"rows of june"


def dataset(content: bytes) -> ReleasedArtifact:
    """A dataset of one file."""
    return model(content, "dataset", "rows")


def described(content: bytes, licence: str = "MIT") -> Statement:
    """The record of a dataset."""
    predicate = dataset_predicate() | {"licence": licence}
    return Statement((Subject("rows", dataset(content).digest),), EVIDENCE["dataset"], predicate)


def trained(content: bytes) -> Statement:
    """The provenance of the model, which names the dataset."""
    digest = {"sha256": dataset(content).digest.hex}
    used = {"name": "rows", "digest": digest, "annotations": {"role": "training"}}
    return Statement((Subject("model", model().digest),), EVIDENCE["provenance"], provenance_predicate([used], 1))


def evaluated(content: bytes) -> Statement:
    """An evaluation of the model on a dataset."""
    data = {"name": "held back", "digest": str(dataset(content).digest)}
    harness = {"name": "bench", "digest": str(digest_of(b"bench"))}
    metrics = [{"metric": "f1", "value": 0.9}]
    predicate = {"data": data, "harness": harness, "metrics": metrics, "assuranceLevel": "self_attested"}
    return Statement((Subject("model", model().digest),), EVIDENCE["evaluation"], predicate)


def release(registry: Paper, version: str, artifact: ReleasedArtifact) -> VersionId:
    """A version of one artifact, on all the evidence about it."""
    registry.put("trainer", registry.proposal(version, artifact))
    return parse_version_id(version)


def standing_on(content: bytes) -> Paper:
    """A model, reviewed, that was trained on a dataset; both are released."""
    registry = paper()
    registry.put("trainer", signature(content, "rows"))
    release(registry, "aiops/rows@1.0.0", dataset(content))
    registry.put("trainer", described(content))
    registry.put("trainer", signature())
    registry.put("trainer", trained(content))
    release(registry, "aiops/cpu@1.0.0", model())
    registry.put("trainer", review(model(), registry.at, registry.at + timedelta(days=10)))
    return registry


def supersede(registry: Paper) -> None:
    """A newer version of the dataset."""
    registry.put("trainer", signature(NEW, "rows"))
    release(registry, "aiops/rows@2.0.0", dataset(NEW))


def withdraw(registry: Paper) -> None:
    """The retirement of the dataset."""
    old = parse_version_id("aiops/rows@1.0.0")
    statement = propose.retire(registry.state, old, "data-withdrawn", "asked for", None, registry.at)
    registry.put("operator", statement)


def describe(registry: Paper) -> None:
    """Another record of the same rows."""
    registry.put("trainer", described(OLD, "CC-BY-4.0"))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (supersede, "aiops/rows@1.0.0, which was superseded by aiops/rows@2.0.0"),
        (withdraw, "aiops/rows@1.0.0, which was retired (data-withdrawn)"),
        (describe, "aiops/rows@1.0.0, which was described otherwise"),
    ],
)
def test_a_review_is_flagged_by_what_becomes_of_its_data(change: Callable[[Paper], None], what: str) -> None:
    registry = standing_on(OLD)
    assert not of_kind("data-changed", seen(registry))
    change(registry)
    (found,) = of_kind("data-changed", seen(registry))
    assert found.fact == f"Its privacy-review rests on {what} at entry {registry.state.size - 2}."
    assert found.about == "aiops/cpu@1.0.0"
    assert found.status(registry.at) == "lapsed"
    registry.promote(parse_version_id("aiops/cpu@1.0.0"))
    assert status("data-changed", seen(registry)) == ["overdue"]
    registry.put("trainer", review(model(), registry.at, registry.at + timedelta(days=20)))
    assert not of_kind("data-changed", seen(registry))


def test_nothing_of_a_retired_version_is_flagged() -> None:
    registry = standing_on(OLD)
    supersede(registry)
    gone = parse_version_id("aiops/cpu@1.0.0")
    registry.put("operator", propose.retire(registry.state, gone, "superseded", "old", None, registry.at))
    assert not of_kind("data-changed", seen(registry))


def test_another_statement_that_describes_the_data_alike_changes_nothing() -> None:
    registry = standing_on(OLD)
    registry.put("trainer", replace(described(OLD), subjects=(Subject("the rows", dataset(OLD).digest),)))
    assert not of_kind("data-changed", seen(registry))


def test_data_that_is_no_version_is_named_as_provenance_names_it() -> None:
    registry = paper()
    for statement in (described(OLD), signature(), trained(OLD)):
        registry.put("trainer", statement)
    release(registry, "aiops/cpu@1.0.0", model())
    registry.put("trainer", review(model(), registry.at, registry.at + timedelta(days=10)))
    describe(registry)
    (found,) = of_kind("data-changed", seen(registry))
    assert "rests on rows, which was described otherwise" in found.fact


def test_the_gravest_change_is_told() -> None:
    registry = standing_on(OLD)
    for change in (describe, supersede, withdraw):
        change(registry)
    (found,) = of_kind("data-changed", seen(registry))
    assert "was retired" in found.fact


def test_the_same_record_by_another_signer_changes_nothing() -> None:
    roles = {
        role: {"may": may} for role, may in {**MAY, "trainer": MAKES, "operator": [*MAY["operator"], "dataset"]}.items()
    }
    registry = standing_on(OLD)
    registry.put("administrator", registry.configuration(registry=registry.registry(roles=roles)))
    registry.put("operator", described(OLD))
    assert not of_kind("data-changed", seen(registry))


def test_a_newer_version_that_was_retired_supersedes_nothing() -> None:
    registry = standing_on(OLD)
    supersede(registry)
    new = parse_version_id("aiops/rows@2.0.0")
    registry.put("operator", propose.retire(registry.state, new, "defective", "wrong", None, registry.at))
    assert not of_kind("data-changed", seen(registry))


def test_the_same_bytes_under_another_version_supersede_nothing() -> None:
    registry = standing_on(OLD)
    release(registry, "aiops/rows@1.0.1", dataset(OLD))
    assert not of_kind("data-changed", seen(registry))


def test_an_evaluation_rests_on_the_data_it_was_made_on_and_a_review_on_what_it_names() -> None:
    registry = standing_on(NEW)
    registry.put("trainer", signature(OLD, "rows"))
    release(registry, "aiops/held@1.0.0", dataset(OLD))
    registry.put("trainer", evaluated(OLD))
    registry.put("trainer", review(model(), registry.at, registry.at + timedelta(days=20), dataset(OLD).digest))
    old = parse_version_id("aiops/held@1.0.0")
    registry.put("operator", propose.retire(registry.state, old, "unsafe", "poisoned", None, registry.at))
    kinds = [one.fact.split(" rests")[0] for one in of_kind("data-changed", seen(registry))]
    assert kinds == ["Its evaluation", "Its privacy-review"]


# Words.


def test_an_approval_that_ends_unused() -> None:
    registry = paper()
    statement = registry.promotion(registry.release("aiops/cpu@1.0.0"))
    wanted = target(statement)
    ends = registry.at + timedelta(days=2)
    registry.put("reviewer", propose.approve(registry.state, wanted, "reviewer", "yes", registry.at, expires=ends))
    waits = Waiting("inbox/x", EVENTS["promote"], wanted, "operator", registry.at, "it waits", False, CPU)
    (found,) = of_kind("approval", seen(registry))
    assert (found.at, found.about, found.name) == (ends, str(wanted), None)
    assert [one.name for one in of_kind("approval", seen(registry, 0, (waits,)))] == [CPU]
    assert not of_kind("approval", seen(registry, 3))
    assert status("approval", seen(registry, 3, (waits,))) == ["overdue"]
    registry.put("operator", statement)
    assert not of_kind("approval", seen(registry))


def test_an_approval_that_was_taken_back_or_is_for_good_or_a_rejection_does_not_end() -> None:
    registry = paper()
    first, second, third = (digest_of(bytes([n])) for n in range(3))
    ends = registry.at + timedelta(days=2)
    for wanted, decision, end in ((first, "approved", ends), (second, "rejected", ends), (third, "approved", None)):
        registry.put(
            "reviewer",
            propose.approve(registry.state, wanted, "reviewer", "r", registry.at, decision=decision, expires=end),
        )
    assert [one.about for one in of_kind("approval", seen(registry))] == [str(first)]
    word = registry.state.entries[registry.state.approvals[first][0].index].record
    assert word is not None
    registry.put("reviewer", propose.revoke(registry.state, word.statement_digest, "wrong", registry.at))
    assert not of_kind("approval", seen(registry))


BOM = {"id": "bom", "rule": "evidence-required", "gate": "promote", "with": {"evidence": ["bom"]}}


def waived() -> tuple[Paper, VersionId]:
    """A version that stands in staging by a waiver of five days."""
    registry = paper(BOM)
    version = registry.release("aiops/cpu@1.0.0")
    waive(registry, version, 5)
    registry.promote(version, "staging")
    return registry, version


def waive(registry: Paper, version: VersionId, days: int) -> None:
    """A waiver of the BOM."""
    ends, subjects = registry.at + timedelta(days=days), (Subject("model", model().digest),)
    registry.put(
        "stranger",
        propose.waive(registry.state, version, subjects, "bom", "risk", "later", registry.at, ends, None, registry.at),
    )


def test_a_waiver_ends_and_is_overdue_where_its_rule_fails_again() -> None:
    registry, version = waived()
    assert status("waiver", seen(registry)) == ["due"]
    assert status("waiver", seen(registry, 6)) == ["overdue"]
    waive(registry, version, 30)
    (found,) = of_kind("waiver", seen(registry))
    assert found.at > registry.at + timedelta(days=29)


def test_a_waiver_that_ended_is_forgotten_where_its_rule_does_not_fail() -> None:
    registry = paper(BOM)
    waive(registry, registry.release("aiops/cpu@1.0.0"), 5)
    assert status("waiver", seen(registry)) == ["due"]
    assert not of_kind("waiver", seen(registry, 6))


def test_a_waiver_that_was_taken_back_or_whose_version_is_retired_does_not_end() -> None:
    registry, version = waived()
    word = registry.state.entries[registry.state.waivers[version][0].index].record
    assert word is not None
    registry.put("stranger", propose.revoke(registry.state, word.statement_digest, "wrong", registry.at))
    assert not of_kind("waiver", seen(registry))
    other = paper(BOM)
    waive(other, other.release("aiops/cpu@1.0.0"), 5)
    other.put("operator", propose.retire(other.state, version, "unused", "old", None, other.at))
    assert not of_kind("waiver", seen(other))


def test_a_waiver_for_a_version_that_is_not_released_yet() -> None:
    registry = paper(BOM)
    waive(registry, parse_version_id("aiops/cpu@1.0.0"), 5)
    assert status("waiver", seen(registry)) == ["due"]
    assert not of_kind("waiver", seen(registry, 6))


def test_a_binding_expires_and_is_no_duty_afterwards() -> None:
    bound = {"role": "reviewer", "namespaces": ["aiops"], "identity": pattern("stranger")}
    registry = paper(bindings=[*staff()["bindings"], bound | {"expires": "2026-03-01T00:00:00Z"}])
    (found,) = of_kind("binding", seen(registry))
    assert (found.about, format_instant(found.at)) == (identity("stranger").subject, "2026-03-01T00:00:00Z")
    assert "reviewer in aiops" in found.fact
    assert not of_kind("binding", seen(registry, 60))
    everywhere = bound | {"namespaces": "all", "expires": "2026-03-01T00:00:00Z"}
    (found,) = of_kind("binding", seen(paper(bindings=[*staff()["bindings"], everywhere])))
    assert "reviewer in all namespaces" in found.fact


def test_a_rule_to_come_names_who_would_fail() -> None:
    registry = paper(BOM | {"effectiveOn": "2026-06-01"})
    registry.promote(registry.release("aiops/cpu@1.0.0"), "staging")
    registry.release("aiops/cpu@2.0.0", b"others")
    (found,) = of_kind("rule", seen(registry))
    assert (found.about, format_instant(found.at)) == ("bom", "2026-06-01T00:00:00Z")
    assert "1 would not pass it again: aiops/cpu@1.0.0." in found.fact
    assert not of_kind("rule", seen(registry, 200))
    (harmless,) = of_kind("rule", seen(paper(BOM | {"effectiveOn": "2026-06-01"})))
    assert "all would pass" in harmless.fact


def test_an_incident_is_a_duty_until_it_is_located_and_answered() -> None:
    registry = paper()
    first, second = registry.release("aiops/cpu@1.0.0"), registry.release("aiops/cpu@2.0.0", b"others")
    registry.promote(first)
    registry.promote(second)

    def tell(action: str, **more: Any) -> None:
        registry.put("operator", propose.incident(registry.state, CPU, "INC-1", action, "r", registry.at, **more))

    tell("opened", severity="high")
    (found,) = of_kind("incident", seen(registry))
    assert "is located to no version" in found.fact
    assert status("incident", seen(registry, 6)) == ["due"]
    assert status("incident", seen(registry, 8)) == ["overdue"]
    tell("located", version=second)
    (found,) = of_kind("incident", seen(registry))
    assert "lies in aiops/cpu@2.0.0, which still stands in production" in found.fact
    back = recovery.rollback(registry.state, CPU, "production", None, "INC-1", "r", registry.at)
    registry.put("operator", back)
    assert not of_kind("incident", seen(registry))


def test_an_incident_in_what_stands_nowhere_or_was_answered_is_no_duty() -> None:
    registry = paper()
    idle, first = registry.release("aiops/cpu@0.9.0", b"idle"), registry.release("aiops/cpu@1.0.0")
    second = registry.release("aiops/cpu@2.0.0", b"others")

    def tell(number: str, action: str, **more: Any) -> None:
        statement = propose.incident(registry.state, CPU, number, action, "r", registry.at, **more)
        registry.put("operator", statement)

    tell("INC-1", "opened", severity="low", version=idle)
    assert not of_kind("incident", seen(registry))
    for version in (first, second):
        registry.promote(version, "staging")
        registry.promote(version)
    tell("INC-2", "opened", severity="high", version=second)
    assert len(of_kind("incident", seen(registry))) == 1
    back = propose.rollback(registry.state, first, "production", "INC-2", "r", registry.at)
    registry.put("operator", back)
    assert registry.state.environments_of(second) == ("staging",)
    assert not of_kind("incident", seen(registry))
    tell("INC-3", "opened", severity="high")
    assert len(of_kind("incident", seen(registry))) == 1
    tell("INC-3", "resolved")
    assert not of_kind("incident", seen(registry))


def test_what_waits_in_the_inbox_is_thrown_out_after_thirty_days() -> None:
    registry = paper()
    waits = Waiting("inbox/x", EVENTS["promote"], digest_of(b"x"), "operator", registry.at, "0 of 1.", False, CPU)
    (found,) = of_kind("inbox", seen(registry, 0, (waits,)))
    assert (found.at, found.name) == (registry.at + timedelta(days=30), CPU)
    assert "A promote by operator waits" in found.fact
    assert not of_kind("inbox", seen(registry, 0, None))


def test_a_deletion_that_was_asked_for_is_a_duty_until_it_is_carried_out() -> None:
    may = {**MAY, "operator": [*MAY["operator"], "request-deletion", "redact"], "trainer": MAKES}
    registry = paper(roles={role: {"may": kinds} for role, kinds in may.items()})
    registry.put("trainer", signature())
    wanted = target(signature())
    asked = propose.request_deletion(
        registry.state, (wanted,), "erasure-request", "a person asked", "DSR-7", registry.at
    )
    registry.put("operator", asked)
    (found,) = of_kind("deletion", seen(registry))
    assert (found.about, found.entry) == (str(target(asked)), registry.state.size - 2)
    assert found.at == registry.state.admitted_at + timedelta(days=30)
    assert f"The deletion request DSR-7 (erasure-request) for {wanted} was not carried out" in found.fact
    registry.put("operator", propose.redact(registry.state, target(asked), (), "granted", registry.at))
    assert not of_kind("deletion", seen(registry))


def test_the_next_access_review_is_due_as_the_last_one_says() -> None:
    may = {**MAY, "administrator": [*MAY["administrator"], "access-review"]}
    registry = paper(roles={role: {"may": kinds} for role, kinds in may.items()})
    assert not of_kind("access-review", seen(registry))
    config, until = registry.state.config, registry.at + timedelta(days=50)
    assert config is not None
    granted = tuple(Granted(binding, kinds, "keep", "needed") for binding, kinds in grants(config))
    statement = propose.access_review(registry.state, registry.state.size, granted, until, None, registry.at)
    registry.put("administrator", statement)
    (found,) = of_kind("access-review", seen(registry))
    assert (found.at, found.entry) == (until, registry.state.access["access-review"].index)
    assert status("access-review", seen(registry, 51)) == ["overdue"]


# Keys.


def test_a_log_key_is_due_where_there_is_a_limit() -> None:
    assert not of_kind("log-key", seen(paper()))
    registry = paper(limits={"logKeyDays": 90})
    began = registry.state.entries[0].admitted_at
    (found,) = of_kind("log-key", seen(registry))
    assert (found.about, found.at, found.entry) == (KEY.vkey, began + timedelta(days=90), 0)
    registry.at += timedelta(days=10)
    other = NoteSigner(KEY.name, bytes([1]) * 32).vkey
    registry.put("administrator", propose.rotate(registry.state, (KEY.vkey, other), None, "old", registry.at))
    first, second = of_kind("log-key", seen(registry))
    assert (first.about, first.at) == (KEY.vkey, began + timedelta(days=90))
    assert (second.about, second.at) == (other, registry.state.admitted_at + timedelta(days=90))
    assert status("log-key", seen(registry, 85)) == ["overdue", "due"]


def begun() -> datetime:
    """When every key of the world's trusted root may sign."""
    return max(one.start for one in root_lifetimes(root())).replace(microsecond=0)


def rotated(registry: Paper, value: dict[str, Any], days: int) -> Glance:
    """The registry with another trusted root, some days after every key of it began."""
    registry.put("administrator", propose.rotate(registry.state, None, value, "newer", registry.at))
    return Glance(registry.state, begun() + timedelta(days=days), ())


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("tlogs", "transparency log"),
        ("ctlogs", "certificate log"),
        ("certificateAuthorities", "certificate authority"),
        ("timestampAuthorities", "timestamp authority"),
    ],
)
def test_keys_of_the_sigstore_instance_end(kind: str, what: str) -> None:
    end = begun() + timedelta(days=10)
    value = json.loads(root())
    for service in value[kind]:
        service.get("publicKey", service)["validFor"]["end"] = format_instant(end)
    registry = paper()
    found = [one for one in of_kind("sigstore", rotated(registry, value, 1)) if what in one.fact]
    assert {one.at for one in found} == {end}
    assert {one.fact for one in found} == {f"The {what} may not sign after then; then none of its kind is left."}
    late = Glance(registry.state, end + timedelta(days=1), ())
    (last,) = [one for one in of_kind("sigstore", late) if what in one.fact]
    assert last.status(late.at) == "overdue"


def test_a_key_whose_kind_goes_on_is_no_duty_once_it_ended() -> None:
    value, registry = json.loads(root()), paper()
    ended = json.loads(json.dumps(value["tlogs"][0]))
    ended["publicKey"]["validFor"]["end"] = format_instant(begun() + timedelta(days=10))
    value["tlogs"].append(ended)
    (found,) = [one for one in of_kind("sigstore", rotated(registry, value, 1)) if "transparency" in one.fact]
    assert "others of its kind last longer" in found.fact
    late = Glance(registry.state, begun() + timedelta(days=11), ())
    assert not [one for one in of_kind("sigstore", late) if "transparency" in one.fact]


def test_certificates_and_keys_of_third_parties() -> None:
    made = authority("Example CA")
    sources = {"lab": {"kinds": ["vulns"], "certificate": {"authorities": [made.pem]}}}
    registry = paper(sources=sources)
    (found,) = of_kind("source", seen(registry, 90))
    assert found.at == made.certificate.not_valid_after_utc
    assert found.about.startswith("source lab: ")


# All together.


def test_the_oldest_is_in_front_and_a_name_keeps_to_itself() -> None:
    registry, version = reviewed()
    found = due(seen(registry), registry.at + EVER)
    assert [one.at for one in found] == sorted(one.at for one in found)
    assert {one.name for one in due(seen(registry), registry.at + EVER, version.name)} == {version.name}
    assert not due(seen(registry), registry.at + EVER, parse_name("aiops/else"))
