"""Insiders and administrators against `check` itself: what they sign is verified, and not admitted all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from muniment.core.canonical import format_json
from muniment.core.digest import digest_of
from muniment.core.errors import Malformed, MunimentError, Refused
from muniment.core.name import parse_version_id
from muniment.evidence.statement import Statement, Subject
from muniment.log.note import NoteSigner
from muniment.registry import propose, recovery
from muniment.registry.check import check
from muniment.registry.config import parse_config
from muniment.registry.leaf import derive_leaf
from muniment.signing.identity import Signed
from tests.registry.paper import Paper, identity, model, other, signature, target
from tests.world import POLICY, registry_document


@pytest.fixture
def paper() -> Paper:
    return Paper()


def refused(paper: Paper, who: Any, statement: Statement) -> str:
    """Why a record is not admitted; the state stays the same object."""
    before, signed = paper.state, paper.sign(who, statement)
    with pytest.raises(MunimentError) as caught:
        check(paper.state, signed, paper.at, derive_leaf(signed))
    assert paper.state is before
    findings = [f"{f.rule}: {f.reason}" for f in getattr(caught.value, "findings", ())]
    return " ".join([caught.value.fact, *findings])


def with_predicate(signed: Signed, predicate: dict[str, Any]) -> Signed:
    """A record with a predicate that no JSON library of muniment's would write."""
    return replace(signed, statement=replace(signed.statement, predicate=predicate))


# What a log, a page or a terminal cannot hold


def test_a_leaf_that_no_leaf_file_can_hold(paper: Paper) -> None:
    """Admitted, it would make every later publish fail when the leaf file is written."""
    assert "65535" in refused(paper, "trainer", signature(name="m" * 65_535))


@pytest.mark.parametrize("name", ["m\x1b[2J", "m\n", "m\x7f", "m\x9b", "m\u2028", "m\u202egnp.exe", "m\u2066"])
def test_a_name_that_rules_the_terminal(paper: Paper, name: str) -> None:
    assert "control character" in refused(paper, "trainer", signature(name=name))
    paper.put("trainer", signature())
    assert "control character" in refused(paper, "trainer", paper.proposal("aiops/cpu@1.0.0", model(name=name)))


@pytest.mark.parametrize("field", ["incident", "instance"])
def test_an_id_that_no_subject_of_the_state_can_hold(paper: Paper, field: str) -> None:
    """Admitted, it would make every later publish fail when its batch is ended."""
    version = paper.release("aiops/cpu@1.0.0")
    kinds = {**paper.registry()["roles"], "operator": {"may": ["promote", "incident", "deploy"]}}
    paper.put("administrator", paper.configuration(registry=paper.registry(roles=kinds)))
    paper.promote(version)
    statements = {
        "incident": propose.incident(paper.state, version.name, "I-1", "opened", "slow", paper.at, severity="low"),
        "instance": propose.deploy(paper.state, version, "production", "running", paper.at, instance="eu"),
    }
    said = statements[field]
    whole = {**said.predicate, field: f"{said.predicate[field]}\n"}
    name = digest_of(format_json({"incident": whole[field], "name": "aiops/cpu"}))
    subjects = (Subject("incident", name),) if field == "incident" else said.subjects
    assert "does not match" in refused(paper, "operator", replace(said, predicate=whole, subjects=subjects))
    paper.put("operator", said)


def test_a_record_that_names_more_than_a_state_can_bear(paper: Paper) -> None:
    subjects = tuple(Subject(f"m{i}", digest_of(b"%d" % i)) for i in range(10_001))
    assert "more than 10000" in refused(paper, "trainer", replace(signature(), subjects=subjects))


@pytest.mark.parametrize("value", ["\ud800", float("inf"), 2**53, {"\udfff": 1}])
def test_a_value_that_cannot_be_written_again(paper: Paper, value: Any) -> None:
    signed = paper.sign("trainer", signature())
    odd = with_predicate(signed, {**signed.statement.predicate, "note": value})
    with pytest.raises(Malformed, match="cannot be written as JSON"):
        check(paper.state, odd, paper.at, derive_leaf(odd))


# Rules dodged


def test_a_model_behind_a_config(paper: Paper) -> None:
    """The first artifact is a harmless configuration, so that rules for models do not look at the second."""
    strict = Paper({"rules": [{**rule, "kinds": ["model"]} for rule in POLICY["rules"]]})
    artifacts = (model(b"c", "config", "config"), model())
    assert "evidence-required" in refused(strict, "trainer", strict.proposal("aiops/cpu@1.0.0", *artifacts))
    strict.put("trainer", signature())
    strict.put("trainer", strict.proposal("aiops/cpu@1.0.0", *artifacts))
    version = parse_version_id("aiops/cpu@1.0.0")
    assert "approvals-required" in refused(strict, "operator", strict.promotion(version))


def test_an_event_named_as_evidence(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    event = target_of_entry(paper, paper.state.versions[version].events[0])
    statement = propose.release(paper.state, parse_version_id("aiops/cpu@1.0.1"), (model(),), (event,), paper.at)
    assert "is no evidence" in refused(paper, "trainer", statement)


def target_of_entry(paper: Paper, index: int) -> Any:
    record = paper.state.entries[index].record
    assert record is not None
    return record.statement_digest


def test_an_author_whose_second_identity_is_named_later(paper: Paper) -> None:
    """It approved while nobody knew whose it was; the configuration says so before the approval is used."""
    second = other(identity("reviewer"), subject="second@sandbox.muniment.dev")
    pattern = {"issuer": second.issuer, "subject": second.subject}
    document = paper.registry()
    bindings = [*document["bindings"], {"role": "reviewer", "namespaces": "all", "identity": pattern}]
    paper.put("administrator", paper.configuration(registry={**document, "bindings": bindings}))
    version = paper.release("aiops/cpu@1.0.0")
    statement = paper.promotion(version)
    paper.approve(second, statement)
    persons = {**document["persons"], "operator": [*document["persons"]["operator"], pattern]}
    paper.put("administrator", paper.configuration(registry={**document, "bindings": bindings, "persons": persons}))
    assert "author's own approval" in refused(paper, "operator", statement)


def test_an_administrator_of_one_namespace(paper: Paper) -> None:
    document = paper.registry()
    mine = {"issuer": identity("stranger").issuer, "subject": identity("stranger").subject}
    bindings = [*document["bindings"], {"role": "administrator", "namespaces": ["other"], "identity": mine}]
    paper.put("administrator", paper.configuration(registry={**document, "bindings": bindings}))
    assert "may not sign configure" in refused(paper, "stranger", paper.configuration(policy={"rules": []}))


def two(**more: Any) -> dict[str, Any]:
    """Two administrators, both needed, and a third of one namespace only."""
    document = registry_document()
    reviewer = {"issuer": identity("reviewer").issuer, "subject": identity("reviewer").subject}
    stranger = {"issuer": identity("stranger").issuer, "subject": identity("stranger").subject}
    bindings = [
        *document["bindings"],
        {"role": "administrator", "namespaces": "all", "identity": reviewer},
        {"role": "administrator", "namespaces": ["other"], "identity": stranger},
    ]
    persons = {**document["persons"], "stranger": [stranger]}
    return {"bindings": bindings, "persons": persons, "administrators": {"threshold": 2}, **more}


def test_a_threshold_of_administrators() -> None:
    paper = Paper(**two())
    weaker = paper.configuration(policy={"rules": []})
    assert "1 of 2 administrators" in refused(paper, "administrator", weaker)
    paper.approve("administrator", weaker, "administrator")
    assert "1 of 2 administrators" in refused(paper, "administrator", weaker)
    paper.approve("stranger", weaker, "administrator")
    assert "1 of 2 administrators" in refused(paper, "administrator", weaker)
    paper.approve("reviewer", weaker, "administrator")
    paper.put("administrator", weaker)
    assert paper.state.config is not None
    assert paper.state.config.policy.rules == ()
    assert all(a.consumed_by == paper.state.configured_at for a in paper.state.approvals[target(weaker)])


def test_an_administrator_who_approved_in_another_role() -> None:
    paper = Paper(**two())
    weaker = paper.configuration(policy={"rules": []})
    paper.approve("reviewer", weaker, "reviewer")
    assert "1 of 2 administrators" in refused(paper, "administrator", weaker)


def test_an_approval_cannot_be_used_twice(paper: Paper) -> None:
    """The same promotion, signed by a second operator after a rollback of what the first one did."""
    first, second = paper.release("aiops/cpu@1.0.0", b"one"), paper.release("aiops/cpu@2.0.0", b"two")
    paper.promote(first)
    statement = paper.promotion(second)
    paper.approve("reviewer", statement)
    paper.put("operator", statement)
    paper.open_incident()
    back = recovery.rollback(paper.state, first.name, "production", None, "INC-1", "bad", paper.at)
    paper.put("operator", back)
    document = paper.registry()
    mine = {"issuer": identity("stranger").issuer, "subject": identity("stranger").subject}
    bindings = [*document["bindings"], {"role": "operator", "namespaces": "all", "identity": mine}]
    paper.put("administrator", paper.configuration(registry={**document, "bindings": bindings}))
    again = paper.sign("stranger", statement, paper.at - timedelta(minutes=5))
    with pytest.raises(Refused, match="the last event of its target is entry"):
        check(paper.state, again, paper.at, derive_leaf(again))


def test_an_approval_after_the_fact(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    statement = paper.promotion(version, "staging")
    paper.put("operator", statement)
    approval = propose.approve(paper.state, target(statement), "reviewer", "late", paper.at)
    assert "in the log already" in refused(paper, "reviewer", approval)


def test_a_version_that_replaces_itself(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    statement = propose.retire(paper.state, version, "unsafe", "leaks", version, paper.at)
    assert "replacement" in refused(paper, "operator", statement)


def test_a_second_genesis_is_no_first(paper: Paper) -> None:
    first = paper.state.entries[0].record
    assert first is not None
    again = paper.sign("administrator", first.statement)
    with pytest.raises(Refused, match="already"):
        check(paper.state, again, paper.at, derive_leaf(again))


# Configurations that would end a registry, or promise what is not done


@pytest.mark.parametrize(
    ("changed", "fact"),
    [
        ({"logKeys": ["garbage"]}, "key"),
        ({"logKeys": [NoteSigner("other.example/log", bytes(32)).vkey]}, "is not named"),
        ({"administrators": {"threshold": 2}}, "threshold"),
        ({"roles": {**registry_document()["roles"], "administrator": {"may": ["approve"]}}}, "may configure"),
    ],
)
def test_a_configuration_after_which_nothing_can_change(paper: Paper, changed: dict[str, Any], fact: str) -> None:
    assert paper.state.config is not None
    with pytest.raises(Malformed, match=fact):
        parse_config({**paper.state.config.source, "registry": paper.registry(**changed)})


def test_administrators_who_may_not_approve_cannot_reach_their_threshold(paper: Paper) -> None:
    document = two()
    document["roles"] = {**registry_document()["roles"], "administrator": {"may": ["configure"]}}
    assert paper.state.config is not None
    with pytest.raises(Malformed, match="threshold"):
        parse_config({**paper.state.config.source, "registry": paper.registry(**document)})


@pytest.mark.parametrize(
    ("rule", "fact"),
    [
        ({"gate": "promote", "environments": ["prodction"]}, "prodction"),
        ({"gate": "release", "environments": ["production"]}, "no environment"),
        ({"gate": "submit"}, "submit"),
        ({"gate": "deploy", "environments": ["prodction"]}, "prodction"),
        ({"gate": "retire"}, "'retire' is not one of"),
    ],
)
def test_a_rule_that_would_never_be_asked(paper: Paper, rule: dict[str, Any], fact: str) -> None:
    policy = {"rules": [{"rule": "evidence-required", "with": {"evidence": ["bom"]}, **rule}]}
    assert paper.state.config is not None
    with pytest.raises(Malformed, match=fact):
        parse_config({**paper.state.config.source, "policy": policy})


def test_a_github_issuer_of_an_enterprise_is_pinned_too(paper: Paper) -> None:
    document = paper.registry()
    github = "https://token.actions.githubusercontent.com/some-enterprise"
    binding = {
        "role": "operator",
        "namespaces": "all",
        "identity": {"issuer": github, "subject": "https://github.com/a/b/w.yml@main"},
    }
    assert paper.state.config is not None
    with pytest.raises(Malformed, match="does not pin"):
        parse_config(
            {**paper.state.config.source, "registry": {**document, "bindings": [*document["bindings"], binding]}}
        )


def administrators(**roles: list[str]) -> dict[str, Any]:
    """A threshold of two, and each one's role and namespaces; a `clerk` configures and cannot approve."""
    document = registry_document()
    known = {w: {"issuer": identity(w).issuer, "subject": identity(w).subject} for w in roles}
    kept = [b for b in document["bindings"] if b["role"] != "administrator"]
    bindings = list(kept)
    for who, (role, *namespaces) in roles.items():
        bindings.append({"role": role, "identity": known[who], "namespaces": namespaces or "all"})
    may = {**document["roles"], "clerk": {"may": ["configure"]}}
    return {"bindings": bindings, "roles": may, "administrators": {"threshold": 2}}


@pytest.mark.parametrize(
    ("roles", "fine"),
    [
        ({"administrator": ["administrator"], "reviewer": ["administrator"]}, True),
        ({"administrator": ["administrator"], "reviewer": ["clerk"]}, True),
        ({"administrator": ["clerk"], "reviewer": ["clerk"]}, False),
        ({"administrator": ["administrator"], "reviewer": ["administrator", "other"]}, False),
        ({"administrator": ["administrator"], "stranger": ["administrator"]}, False),
    ],
)
def test_enough_administrators_for_their_threshold(paper: Paper, roles: dict[str, list[str]], fine: bool) -> None:
    assert paper.state.config is not None
    configuration = {**paper.state.config.source, "registry": paper.registry(**administrators(**roles))}
    if fine:
        assert parse_config(configuration).threshold == 2
    else:
        with pytest.raises(Malformed, match="threshold is 2"):
            parse_config(configuration)


def test_an_administrator_who_is_a_person_in_one_repository_only(paper: Paper) -> None:
    """The binding lets in more identities than the person has: those would be nobody, and fill no threshold."""
    document = administrators(administrator=["administrator"], reviewer=["administrator"])
    reviewer = {"issuer": identity("reviewer").issuer, "subject": identity("reviewer").subject}
    document["persons"] = {
        **paper.registry()["persons"],
        "reviewer": [{**reviewer, "claims": {"sourceRepositoryIdentifier": "1"}}],
    }
    assert paper.state.config is not None
    with pytest.raises(Malformed, match="1 persons may configure"):
        parse_config({**paper.state.config.source, "registry": paper.registry(**document)})


def test_a_field_that_registry_yaml_does_not_have(paper: Paper) -> None:
    assert paper.state.config is not None
    with pytest.raises(Malformed, match="threshhold"):
        parse_config({**paper.state.config.source, "registry": paper.registry(threshhold=2)})


def test_an_administrator_nobody_knows_is_not_the_second_one() -> None:
    """Mapped to no person, it may be the first one's other identity."""
    document = two()
    stranger = {"issuer": identity("stranger").issuer, "subject": identity("stranger").subject}
    document["bindings"] = [*document["bindings"], {"role": "administrator", "namespaces": "all", "identity": stranger}]
    document["persons"] = {p: found for p, found in document["persons"].items() if p != "stranger"}
    paper = Paper(**document)
    weaker = paper.configuration(policy={"rules": []})
    paper.approve("stranger", weaker, "administrator")
    assert "1 of 2 administrators" in refused(paper, "administrator", weaker)
    assert "0 of 2 administrators" in refused(paper, "stranger", weaker)
