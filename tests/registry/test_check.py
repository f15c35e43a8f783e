"""Every rule of `check`, one at a time: what it lets pass at its very edge, and what not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from muniment.core.canonical import format_json
from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Malformed, MunimentError, Refused, Untrusted
from muniment.core.name import Name, VersionId, parse_name, parse_version_id
from muniment.evidence.statement import Statement, Subject
from muniment.log.merkle import leaf_hash
from muniment.registry import propose, recovery
from muniment.registry.check import check
from muniment.registry.config import parse_config
from muniment.registry.documents import documents, stage_document
from muniment.registry.event import Event, LogRef, Rollback, subjects_of
from muniment.registry.fold import batches, end_batch
from muniment.registry.judges.common import config_of
from muniment.registry.leaf import StateLeaf, derive_leaf, format_state_leaf, parse_leaf
from muniment.registry.predicate import format_event, parse_event
from muniment.registry.state import State, Tenure
from muniment.signing.identity import Identity
from tests.registry.paper import KEY, Paper, identity, model, other, root, signature, target
from tests.world import CLAIMS, POLICY, registry_document

CPU = parse_name("aiops/cpu")


@pytest.fixture
def paper() -> Paper:
    return Paper()


def refused(paper: Paper, who: str | Identity, statement: Statement, error: type[MunimentError] = Refused) -> str:
    """Why a record is not admitted."""
    signed = paper.sign(who, statement)
    with pytest.raises(error) as caught:
        check(paper.state, signed, paper.at, derive_leaf(signed))
    return caught.value.fact


def changed(statement: Statement, change: Callable[[Any], Event]) -> Statement:
    """An event with something changed, its subjects kept."""
    return format_event(change(parse_event(statement)), statement.subjects)


def two_versions(paper: Paper) -> tuple[VersionId, VersionId]:
    return paper.release("aiops/cpu@1.0.0", b"one"), paper.release("aiops/cpu@2.0.0", b"two")


# Time


def test_time_stands_still_or_goes_on(paper: Paper) -> None:
    signed = paper.sign("trainer", signature())
    last = paper.state.admitted_at
    assert last is not None
    old = replace(signed, signed_at=last)
    assert check(paper.state, old, last, derive_leaf(old)).size == paper.state.size + 1
    with pytest.raises(Refused, match="before the one it follows"):
        check(paper.state, replace(old, signed_at=last - timedelta(days=1)), last - timedelta(seconds=1), b"")
    with pytest.raises(Refused, match="signed after its batch"):
        check(paper.state, replace(old, signed_at=last + timedelta(seconds=1)), last, b"")


@pytest.mark.parametrize(("ahead", "fine"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_an_event_states_when_it_was_signed(paper: Paper, ahead: int, fine: bool) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    statement = changed(
        paper.promotion(version, "staging"), lambda e: replace(e, at=paper.at + timedelta(seconds=ahead))
    )
    if fine:
        paper.put("operator", statement)
        assert paper.state.current(CPU, "staging") == version
    else:
        assert "five minutes" in refused(paper, "operator", statement)


@pytest.mark.parametrize(("ahead", "fine"), [(300, True), (301, False), (-301, False)])
def test_genesis_states_when_it_was_signed(ahead: int, fine: bool) -> None:
    paper = Paper()
    first = paper.state.entries[0].record
    assert first is not None
    at = first.signed_at + timedelta(seconds=ahead)
    statement = changed(first.statement, lambda e: replace(e, at=at))
    signed = paper.sign("administrator", statement, first.signed_at)
    if fine:
        assert check(State(), signed, paper.at, derive_leaf(signed)).size == 1
    else:
        with pytest.raises(Refused, match="five minutes"):
            check(State(), signed, paper.at, derive_leaf(signed))


# Genesis


def genesis(change: Callable[[Any], Event], who: str = "administrator", state: State | None = None) -> State:
    paper = Paper()
    first = paper.state.entries[0].record
    assert first is not None
    signed = paper.sign(who, changed(first.statement, change))
    return check(state or State(), signed, paper.at, derive_leaf(signed))


@pytest.mark.parametrize(
    "change",
    [
        lambda e: replace(e, after=0),
        lambda e: replace(e, log=replace(e.log, genesis=digest_of(b"x"))),
        lambda e: replace(e, log=LogRef("other.example/log", None)),
    ],
)
def test_a_genesis_that_is_none(change: Callable[[Any], Event]) -> None:
    with pytest.raises(Refused, match="no genesis"):
        genesis(change)


def test_a_genesis_after_something_else() -> None:
    with pytest.raises(Refused, match="no genesis"):
        genesis(lambda e: e, state=State(size=1))


def test_a_genesis_by_somebody_who_may_not_configure() -> None:
    with pytest.raises(Refused, match="may not configure"):
        genesis(lambda e: e, "operator")


def test_genesis_sets_what_later_records_are_held_to(paper: Paper) -> None:
    state = paper.state
    assert (state.configured_at, state.last["config"]) == (0, 0)
    assert state.genesis == Digest(leaf_hash(state.entries[0].leaf).hex())
    assert config_of(state).origin == registry_document()["origin"]


def test_a_record_before_genesis(paper: Paper) -> None:
    for statement in (signature(), paper.proposal("aiops/cpu@1.0.0", model())):
        signed = paper.sign("trainer", statement)
        with pytest.raises(Refused, match="does not begin with a configure"):
            check(State(), signed, paper.at, derive_leaf(signed))


# Who may


def test_kinds_that_no_registry_knows(paper: Paper) -> None:
    odd = Statement((Subject("x", digest_of(b"x")),), "https://muniment.dev/state/v1", {})
    assert "no kind of record" in refused(paper, "trainer", odd)


def test_evidence_by_somebody_without_the_role(paper: Paper) -> None:
    assert "may not sign signature" in refused(paper, "operator", signature())


@pytest.mark.parametrize(
    "change",
    [
        {"root": digest_of(b"another root")},
        {"issuer": "https://elsewhere.example"},
        {"subject": "https://github.com/other/workflow"},
        {"claims": ()},
        *({"claims": tuple(sorted({**CLAIMS, name: "other"}.items()))} for name in CLAIMS),
    ],
)
def test_an_identity_that_is_not_quite_the_bound_one(paper: Paper, change: dict[str, Any]) -> None:
    assert "may not sign" in refused(paper, other(identity("trainer"), **change), signature())


def test_a_namespace_that_is_not_configured(paper: Paper) -> None:
    assert "not configured" in refused(paper, "trainer", paper.proposal("nowhere/cpu@1.0.0", model()))


def test_a_role_in_one_namespace_is_none_in_another(paper: Paper) -> None:
    assert "in other" in refused(paper, "trainer", paper.proposal("other/cpu@1.0.0", model()))


def test_an_approval_in_a_role_that_is_not_held(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    for role in ("administrator", "operator", "king"):
        approval = propose.approve(paper.state, target(paper.promotion(version)), role, "fine", paper.at)
        assert f"does not hold the role {role}" in refused(paper, "reviewer", approval)


def test_an_approver_of_another_namespace_does_not_count() -> None:
    document = registry_document()
    document["bindings"] = [
        {**b, "namespaces": ["other"]} if b["role"] == "reviewer" else b for b in document["bindings"]
    ]
    paper = Paper(**document)
    version = paper.release("aiops/cpu@1.0.0")
    statement = paper.promotion(version)
    paper.approve("reviewer", statement)
    assert "approvals-required" in refused(paper, "operator", statement)


def test_evidence_by_a_signer_of_another_namespace() -> None:
    """It may sign signatures somewhere, so the record is in the log; a release here cannot stand on it."""
    document = registry_document()
    stranger = {"issuer": identity("stranger").issuer, "subject": identity("stranger").subject}
    document["bindings"].append({"role": "trainer", "namespaces": ["other"], "identity": stranger})
    paper = Paper(**document)
    paper.put("stranger", signature())
    assert "whose signer may not sign it in aiops" in refused(
        paper, "trainer", paper.proposal("aiops/cpu@1.0.0", model())
    )
    paper.put("trainer", signature())
    paper.put("trainer", paper.proposal("aiops/cpu@1.0.0", model()))
    assert parse_version_id("aiops/cpu@1.0.0") in paper.state.versions


# For this log, at this moment


@pytest.mark.parametrize(
    "log",
    [
        lambda log: replace(log, origin="other.example/log"),
        lambda log: replace(log, genesis=digest_of(b"x")),
        lambda log: replace(log, genesis=None),
    ],
)
def test_an_event_for_another_log(paper: Paper, log: Callable[[LogRef], LogRef]) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    statement = changed(paper.promotion(version, "staging"), lambda e: replace(e, log=log(e.log)))
    assert "another log" in refused(paper, "operator", statement)


@pytest.mark.parametrize("after", [0, 1, 10**6])
def test_an_event_that_follows_another_entry(paper: Paper, after: int) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    statement = changed(paper.promotion(version, "staging"), lambda e: replace(e, after=after))
    assert f"follows entry {after}, but nothing happened" in refused(paper, "operator", statement)


def test_every_event_moves_its_target_on(paper: Paper) -> None:
    first, second = two_versions(paper)
    for statement in (paper.promotion(first, "staging"), paper.promotion(second, "staging")):
        fresh = changed(statement, lambda e: replace(e, after=paper.state.last.get("name/aiops/cpu/stage/staging")))
        paper.put("operator", fresh)
    last = paper.state.last
    index = paper.state.size - 2
    version = "name/aiops/cpu/version"
    assert last["name/aiops/cpu/stage/staging"] == last[f"{version}/1.0.0"] == last[f"{version}/2.0.0"] == index
    assert paper.state.versions[first].events[-2:] == (index - 2, index)
    assert paper.state.versions[second].events[-1:] == (index,)
    tenures = paper.state.stages[(CPU, "staging")]
    since = paper.at - timedelta(minutes=1)
    assert tenures[-1] == Tenure(second, index, since, digest_of(format_json(stage_document(tenures[:-1]))))
    assert [t.version for t in tenures] == [first, second]


def test_an_approval_in_a_row_of_its_signer(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    statement = paper.promotion(version)
    paper.approve("reviewer", statement)
    again = propose.approve(paper.state, target(statement), "reviewer", "once more", paper.at)
    assert "follows no entry" in refused(paper, "reviewer", again)


# Versions


def test_two_versions_that_differ_in_capitals_alone(paper: Paper) -> None:
    """Where folders know no capitals one would have the other's pages."""
    paper.release("aiops/cpu@3.0.0-RC1", b"three")
    paper.put("trainer", signature(b"other"))
    again = paper.proposal("aiops/cpu@3.0.0-rc1", model(b"other"))
    assert "differs from aiops/cpu@3.0.0-RC1 in capital letters alone" in refused(paper, "trainer", again)
    paper.put("trainer", paper.proposal("aiops/memory@3.0.0-rc1", model(b"other")))


def test_a_release_of_a_version_that_is_there(paper: Paper) -> None:
    paper.release("aiops/cpu@1.0.0")
    again = paper.proposal("aiops/cpu@1.0.0", model())
    assert "released already (entry" in refused(paper, "trainer", changed(again, lambda e: replace(e, evidence=())))


def test_a_version_that_is_not_there(paper: Paper) -> None:
    paper.release("aiops/cpu@1.0.0")
    statement = paper.promotion(parse_version_id("aiops/cpu@1.0.0"), "staging")
    gone = changed(statement, lambda e: replace(e, version=parse_version_id("aiops/cpu@9.9.9")))
    assert "is not released" in refused(paper, "operator", gone)


@pytest.mark.parametrize("kind", ["promote", "rollback", "retire"])
def test_subjects_that_are_not_the_artifacts(paper: Paper, kind: str) -> None:
    first, second = two_versions(paper)
    paper.promote(first)
    paper.promote(second)
    paper.open_incident()
    statement = {
        "promote": paper.promotion(first, "staging"),
        "rollback": recovery.rollback(paper.state, CPU, "production", None, "INC-1", "bad", paper.at),
        "retire": propose.retire(paper.state, first, "unused", "old", None, paper.at),
    }[kind]
    wrong = replace(statement, subjects=subjects_of((model(b"other"),)))
    assert "subjects are not the artifacts" in refused(paper, "operator", wrong)


def test_an_environment_that_is_not_configured(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    assert "not configured" in refused(paper, "operator", paper.promotion(version, "moon"))


def test_a_version_that_stands_there_already(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    paper.put("operator", paper.promotion(version, "staging"))
    assert "already" in refused(paper, "operator", paper.promotion(version, "staging"))


def rollback(paper: Paper, version: VersionId, replaces: VersionId) -> Statement:
    artifacts = paper.state.versions[version].artifacts
    config = config_of(paper.state)
    event = Rollback(
        log=LogRef(config.origin, paper.state.genesis),
        after=paper.state.last.get(f"name/{version.name}/stage/production"),
        at=paper.at,
        version=version,
        environment="production",
        replaces=replaces,
        incident="INC-1",
        reason="bad",
    )
    return format_event(event, subjects_of(artifacts))


def test_rollbacks_that_are_none(paper: Paper) -> None:
    first, second = two_versions(paper)
    alien = paper.release("aiops/gpu@1.0.0", b"gpu")
    assert "does not stand in production" in refused(paper, "operator", rollback(paper, first, second))
    paper.promote(second)
    assert "does not stand in production" in refused(paper, "operator", rollback(paper, first, alien))
    assert "never stood in production" in refused(paper, "operator", rollback(paper, first, second))
    paper.put("operator", paper.promotion(first, "staging"))
    assert "never stood in production" in refused(paper, "operator", rollback(paper, first, second))
    paper.promote(first)
    assert "does not stand in production" in refused(paper, "operator", rollback(paper, second, second))
    assert "There is no incident INC-1 of aiops/cpu" in refused(paper, "operator", rollback(paper, second, first))
    paper.open_incident()
    paper.put("operator", rollback(paper, second, first))
    assert paper.state.current(CPU, "production") == second


@pytest.mark.parametrize("digest", [None, model().digest])
def test_a_retirement_says_where_the_version_is_kept(paper: Paper, digest: Digest | None) -> None:
    from muniment.registry.documents import version_document
    from muniment.registry.event import Archive

    version = paper.release("aiops/cpu@1.0.0")
    kept = Archive("s3://archive/cpu-1.0.0.tar", digest)
    paper.put("operator", propose.retire(paper.state, version, "unused", "old", None, paper.at, kept))
    told = version_document(paper.state.versions[version])["retired"]["archive"]
    assert told == {"location": kept.location} | ({"digest": str(digest)} if digest else {})


def test_an_archive_that_is_nowhere(paper: Paper) -> None:
    from muniment.registry.event import Archive

    version = paper.release("aiops/cpu@1.0.0")
    for nowhere in ("", "a\u0000b"):
        statement = propose.retire(paper.state, version, "unused", "old", None, paper.at, Archive(nowhere))
        assert "schema retire-v1" in refused(paper, "operator", statement, Malformed)


def test_what_stands_in_an_environment_that_was_taken_away_is_not_retired() -> None:
    """The environment may come back, and a retired version would stand in it."""
    paper = Paper({"rules": []})
    version = paper.release("aiops/cpu@1.0.0")
    paper.put("operator", paper.promotion(version, "staging"))
    paper.put("administrator", paper.configuration(registry=paper.registry(environments=["production"])))
    assert "stands in staging" in refused(
        paper, "operator", propose.retire(paper.state, version, "unused", "old", None, paper.at)
    )


def test_retirement(paper: Paper) -> None:
    first, second = two_versions(paper)
    paper.put("operator", paper.promotion(first, "staging"))
    gone = propose.retire(paper.state, first, "unused", "old", None, paper.at)
    assert "stands in staging" in refused(paper, "operator", gone)
    paper.put("operator", propose.retire(paper.state, second, "unsafe", "leaks", first, paper.at))
    again = propose.retire(paper.state, second, "unsafe", "leaks", None, paper.at)
    assert "retired already" in refused(paper, "operator", again)
    assert "is retired" in refused(paper, "operator", paper.promotion(second, "staging"))
    paper.put("operator", paper.promotion(paper.release("aiops/cpu@3.0.0", b"three"), "staging"))
    gone = propose.retire(paper.state, first, "unused", "old", second, paper.at)
    assert "is retired itself" in refused(paper, "operator", gone)
    paper.put("operator", propose.retire(paper.state, first, "unused", "old", None, paper.at))
    assert paper.state.versions[first].retired is not None
    assert json.loads(documents(paper.state)["name/aiops/cpu/version/2.0.0"])["retired"] == {
        "category": "unsafe",
        "reason": "leaks",
        "replacement": "aiops/cpu@1.0.0",
    }
    assert propose.latest(paper.state, Name("aiops", "cpu")) == parse_version_id("aiops/cpu@3.0.0")


# Configuration


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"origin": "other.example/log", "logKeys": None}, "origin"),
        ({"logKeys": None}, "log keys"),
    ],
)
def test_what_no_configuration_changes(paper: Paper, changes: dict[str, Any], fact: str) -> None:
    from muniment.log.note import NoteSigner

    name = changes.get("origin", KEY.name)
    statement = paper.configuration(
        registry=paper.registry(**changes | {"logKeys": [NoteSigner(name, b"1" * 32).vkey]})
    )
    for_this_log = changed(statement, lambda e: replace(e, log=LogRef(KEY.name, paper.state.genesis)))
    assert f"changes the registry's {fact}" in refused(paper, "administrator", for_this_log)


def test_the_sigstore_root_stays(paper: Paper) -> None:
    value = json.loads(root())
    value["tlogs"] = []
    assert "changes the registry's root" in refused(paper, "administrator", paper.configuration(trustedRoot=value))
    value["certificateAuthorities"], value["timestampAuthorities"], value["ctlogs"] = [], [], []
    real = paper.configuration(trustedRoot=value, registry=paper.registry(sandbox=False))
    assert "changes the registry's sandbox" in refused(paper, "administrator", real)


def test_a_configuration_is_in_force_at_once(paper: Paper) -> None:
    paper.put("administrator", paper.configuration(policy={"rules": []}))
    assert paper.state.configured_at == paper.state.size - 2
    paper.put("trainer", paper.proposal("aiops/cpu@1.0.0", model()))
    assert json.loads(documents(paper.state)["config"])["entry"] == paper.state.configured_at


def test_one_administrator_nobody_knows_is_enough_for_a_threshold_of_one() -> None:
    paper = Paper(persons={})
    paper.put("administrator", paper.configuration(policy={"rules": []}))
    assert config_of(paper.state).policy.rules == ()


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        (
            {"bindings": [{"role": "king", "namespaces": "all", "identity": {"issuer": "a", "subject": "b"}}]},
            "role 'king'",
        ),
        ({"environments": ["production", "Prod uction"]}, "not a name"),
        ({"namespaces": {"aiops": {}, "other": {}, "A B": {}}}, "not a name"),
        ({"sandbox": False}, "declares the registry real"),
        ({"roles": {**registry_document()["roles"], "operator": {"may": ["fly"]}}}, "'fly'"),
        ({"origin": "two\nlines"}, "origin"),
    ],
)
def test_configurations_that_are_wrong(paper: Paper, changes: dict[str, Any], fact: str) -> None:
    with pytest.raises(Malformed, match=fact):
        parse_config({**config_of(paper.state).source, "registry": paper.registry(**changes)})


@pytest.mark.parametrize("part", ["registry", "policy", "trustedRoot"])
def test_configurations_that_lack_a_part(paper: Paper, part: str) -> None:
    source = dict(config_of(paper.state).source)
    for broken in ({**source, part: []}, {k: v for k, v in source.items() if k != part}):
        with pytest.raises(Malformed, match=f"no {part}"):
            parse_config(broken)


def bound(paper: Paper, **changes: Any) -> None:
    """registry.yaml with one more binding, parsed."""
    binding = {
        "role": "operator",
        "namespaces": "all",
        "identity": {"issuer": "https://a.example", "subject": "b"},
    } | changes
    bindings = [*paper.registry()["bindings"], binding]
    parse_config({**config_of(paper.state).source, "registry": paper.registry(bindings=bindings)})


def test_bindings(paper: Paper) -> None:
    bound(paper)
    bound(paper, namespaces=["other"])
    with pytest.raises(Malformed, match="'moon'"):
        bound(paper, namespaces=["moon"])
    for odd in ({"issuer": "https://*.example", "subject": "b"}, {"issuer": "https://a.example", "subject": "*"}):
        with pytest.raises(Malformed, match="wildcard"):
            bound(paper, identity=odd)
    with pytest.raises(Malformed, match="wildcard"):
        bound(paper, identity={"issuer": "https://a", "subject": "b", "claims": {"buildTrigger": "*"}})
    github = {"issuer": "https://token.actions.githubusercontent.com", "subject": "w"}
    bound(paper, identity={**github, "claims": CLAIMS})
    for name in CLAIMS:
        with pytest.raises(Malformed, match=f"does not pin {name}"):
            bound(paper, identity={**github, "claims": {k: v for k, v in CLAIMS.items() if k != name}})


# Form


def test_an_event_in_another_spelling(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    signed = paper.sign("operator", paper.promotion(version, "staging"))
    spaced = replace(signed, payload=signed.payload.replace(b":", b": ", 1))
    with pytest.raises(Malformed, match="not canonical"):
        check(paper.state, spaced, paper.at, derive_leaf(spaced))


def test_evidence_in_another_spelling_is_fine(paper: Paper) -> None:
    signed = paper.sign("trainer", signature())
    spaced = replace(signed, payload=signed.payload.replace(b":", b": ", 1))
    assert check(paper.state, spaced, paper.at, derive_leaf(spaced)).size == paper.state.size + 1


def test_evidence_that_is_malformed(paper: Paper) -> None:
    wrong = replace(signature(), predicate={"resources": []})
    assert "model signature" in refused(paper, "trainer", wrong, Malformed)


def test_a_leaf_at_the_very_edge(paper: Paper) -> None:
    spare = 65_535 - len(derive_leaf(paper.sign("trainer", signature(name="m"))))
    paper.put("trainer", signature(name="m" * (1 + spare)))
    refused(paper, "trainer", signature(b"two", name="m" * (2 + spare)), Malformed)


@pytest.mark.parametrize(("count", "field"), [(64, "subjects"), (65, "subjectsDigest")])
def test_many_subjects_become_a_digest(paper: Paper, count: int, field: str) -> None:
    artifacts = tuple(model(b"%d" % i, name=f"m{i}") for i in range(count))
    leaf = json.loads(derive_leaf(paper.sign("trainer", paper.proposal("aiops/cpu@1.0.0", *artifacts))))
    assert {"subjects", "subjectsDigest"} & set(leaf) == {field}


@pytest.mark.parametrize("text", [b"[]", b"1", b"null", b'"x"'])
def test_leaves_that_are_no_objects(text: bytes) -> None:
    with pytest.raises(Malformed, match="not an object"):
        parse_leaf(text)


def test_a_state_leaf_with_more_to_say(paper: Paper) -> None:
    value = json.loads(format_state_leaf(StateLeaf(paper.at, digest_of(b"x")))) | {"a": 1}
    with pytest.raises(Malformed, match="must not have"):
        parse_leaf(json.dumps(value, separators=(",", ":"), sort_keys=True).encode())


def test_batches_of_leaves(paper: Paper) -> None:
    end = format_state_leaf(StateLeaf(paper.at, digest_of(b"x")))
    record = derive_leaf(paper.sign("trainer", signature()))
    found = list(batches([record, record, end, end, record], 7))
    assert [(b.start, len(b.records), b.end is not None) for b in found] == [
        (7, 2, True),
        (10, 0, True),
        (11, 1, False),
    ]
    assert list(batches([record, end])) == [replace(found[0], start=0, records=(record,))]


def test_a_wrong_state_root(paper: Paper) -> None:
    leaf = StateLeaf(paper.at, digest_of(b"x"))
    with pytest.raises(Untrusted, match="state root"):
        end_batch(paper.state, leaf, format_state_leaf(leaf))


def test_policy_is_asked_with_the_time_of_the_batch(paper: Paper) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    record = paper.state.entries[paper.state.versions[version].events[0]]
    assert [f.status for f in record.findings] == ["pass"]
    assert len(POLICY["rules"]) == 2


def test_a_failure_that_cannot_be_mended_does_not_wait() -> None:
    evidence = {"id": "bom", "rule": "evidence-required", "gate": "promote", "with": {"evidence": ["bom"]}}
    paper = Paper({"rules": [*POLICY["rules"], evidence]})
    version = paper.release("aiops/cpu@1.0.0")
    signed = paper.sign("operator", paper.promotion(version))
    with pytest.raises(Refused) as caught:
        check(paper.state, signed, paper.at, derive_leaf(signed))
    assert caught.value.waits is False
    approved = Paper()
    version = approved.release("aiops/cpu@1.0.0")
    signed = approved.sign("operator", approved.promotion(version))
    with pytest.raises(Refused) as caught:
        check(approved.state, signed, approved.at, derive_leaf(signed))
    assert caught.value.waits is True


def test_an_event_that_names_other_subjects_than_it_speaks_of(paper: Paper) -> None:
    paper.promote(paper.release("aiops/cpu@1.0.0"))
    said = propose.incident(paper.state, parse_name("aiops/cpu"), "I-1", "opened", "slow", paper.at, severity="low")
    other = replace(said, subjects=(Subject("other", digest_of(b"other")),))
    assert "subjects are not what its predicate speaks of" in refused(paper, "operator", other, Malformed)


def test_a_release_of_two_artifacts_alike(paper: Paper) -> None:
    with pytest.raises(Malformed, match="two artifacts alike"):
        propose.release(paper.state, parse_version_id("aiops/cpu@1.0.0"), (model(b"a"), model(b"b")), (), paper.at)


def test_a_release_that_names_an_event_as_evidence(paper: Paper) -> None:
    paper.release("aiops/cpu@1.0.0")
    (event,) = [e.record.statement_digest for e in paper.state.entries.values() if e.kind == "release" and e.record]
    said = propose.release(paper.state, parse_version_id("aiops/cpu@1.0.1"), (model(),), (event,), paper.at)
    assert "which is no evidence" in refused(paper, "trainer", said)
