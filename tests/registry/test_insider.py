"""Insiders: valid identities that want more than their role gives. Refused, and log and blobs stay as they were."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from muniment.core.digest import digest_of
from muniment.core.errors import Missing, Refused
from muniment.core.name import parse_name, parse_version_id
from muniment.evidence.statement import Statement, Subject
from muniment.registry import propose, recovery
from muniment.registry.event import LogRef, Promote, Release, subjects_of
from muniment.registry.predicate import format_event
from muniment.registry.reach import evidence_about
from muniment.registry.sequencer import Published
from tests.world import POLICY, World, make_world, now, registry_document, statement_digest


def files(world: World) -> dict[str, bytes]:
    """Everything but the inbox."""
    root = world.store.root
    found = (p for p in sorted(root.rglob("*")) if p.is_file() and "inbox" not in p.parts)
    return {str(p.relative_to(root)): p.read_bytes() for p in found}


def turned_away(world: World, who: str, statement: Statement) -> str:
    """Why a statement was not admitted; nothing else changed."""
    before = files(world)
    done = world.put(who, statement)
    assert not done.admitted
    assert files(world) == before
    return reason(done)


def reason(done: Published) -> str:
    error = done.turned[-1].error
    failed = [f"{f.rule}: {f.reason}" for f in getattr(error, "findings", ()) if f.status == "fail"]
    return " ".join([error.fact, *failed])


def test_the_same_version_with_other_bytes(world: World) -> None:
    world.release("aiops/cpu@1.0.0", b"one")
    artifact = world.model(b"two")
    again = replace(_release(world, "aiops/cpu@1.0.0", (artifact,), ()), after=world.state.size - 2)
    assert "released already" in turned_away(world, "trainer", format_event(again))


def _release(world: World, version: str, artifacts: tuple, evidence: tuple) -> Release:
    log = LogRef(world.trust.origin, world.trust.genesis)
    wanted = parse_version_id(version)
    return Release(log=log, after=None, at=now(), version=wanted, artifacts=artifacts, evidence=evidence)


def test_a_release_without_its_evidence(world: World) -> None:
    statement = propose.release(world.state, parse_version_id("aiops/cpu@1.0.0"), (world.model(),), (), now())
    assert "evidence-required" in turned_away(world, "trainer", statement)


def test_a_release_on_evidence_about_another_artifact(world: World) -> None:
    world.release("aiops/cpu@1.0.0", b"one")
    evidence = evidence_about(world.state, (world.model(b"one"),))
    statement = propose.release(
        world.state, parse_version_id("aiops/cpu@2.0.0"), (world.model(b"two"),), evidence, now()
    )
    assert "about other artifacts" in turned_away(world, "trainer", statement)


def test_a_release_on_evidence_that_is_not_in_the_log(world: World) -> None:
    statement = propose.release(
        world.state, parse_version_id("aiops/cpu@1.0.0"), (world.model(),), (digest_of(b"?"),), now()
    )
    assert "not in the log" in turned_away(world, "trainer", statement)


def test_a_release_in_a_namespace_of_others(world: World) -> None:
    statement = propose.release(world.state, parse_version_id("other/cpu@1.0.0"), (world.model(),), (), now())
    assert "may not sign release records in other" in turned_away(world, "trainer", statement)


def test_promotion_by_the_trainer(world: World) -> None:
    version = world.release("aiops/cpu@1.0.0")
    statement = propose.promote(world.state, version, "staging", "mine", now())
    assert "may not sign promote" in turned_away(world, "trainer", statement)


def test_production_without_approval_waits(world: World) -> None:
    version = world.release("aiops/cpu@1.0.0")
    before = files(world)
    done = world.put("operator", propose.promote(world.state, version, "production", "now", now()))
    assert [t.waits for t in done.turned] == [True]
    assert files(world) == before
    assert len(world.store.list("inbox")) == 1


def test_approval_of_a_role_that_is_not_held(world: World) -> None:
    version = world.release("aiops/cpu@1.0.0")
    target = statement_digest(propose.promote(world.state, version, "production", "now", now()))
    statement = propose.approve(world.state, target, "reviewer", "as trainer", now())
    assert "does not hold the role reviewer" in turned_away(world, "trainer", statement)


def test_the_authors_own_approval_does_not_count(tmp_path: Path) -> None:
    """The operator holds the reviewer's role too, and approves what it submitted itself."""
    document = registry_document()
    mine = next(b["identity"] for b in document["bindings"] if b["role"] == "operator")
    document["bindings"].append({"role": "reviewer", "namespaces": "all", "identity": mine})
    world = make_world(tmp_path, POLICY, document)
    try:
        version = world.release("aiops/cpu@1.0.0")
        statement = propose.promote(world.state, version, "production", "now", now())
        world.put("operator", statement)
        approval = propose.approve(world.state, statement_digest(statement), "reviewer", "fine", now())
        done = world.put("operator", approval)
        assert [e.kind for e in done.admitted] == ["approve", "state"]
        assert "an author's own approval does not count" in reason(done)
        assert world.state.current(version.name, "production") is None
    finally:
        world.sandbox.__exit__(None, None, None)


def test_an_approval_of_another_statement_does_not_count(world: World) -> None:
    version = world.release("aiops/cpu@1.0.0")
    other = propose.promote(world.state, version, "staging", "other", now())
    world.put("reviewer", propose.approve(world.state, statement_digest(other), "reviewer", "fine", now()))
    done = world.put("operator", propose.promote(world.state, version, "production", "now", now()))
    assert "approvals-required" in reason(done)


def test_an_event_for_another_log(world: World) -> None:
    version = world.release("aiops/cpu@1.0.0")
    artifacts = world.state.versions[version].artifacts
    event = Promote(
        log=LogRef(world.trust.origin, digest_of(b"another genesis")),
        after=None,
        at=now(),
        version=version,
        environment="staging",
        reason="copied",
    )
    assert "another log" in turned_away(world, "operator", format_event(event, subjects_of(artifacts)))


def test_an_event_of_an_earlier_life(world: World) -> None:
    """A promotion signed before another one was admitted follows an entry that is no longer the last."""
    version = world.release("aiops/cpu@1.0.0", b"one")
    second = world.release("aiops/cpu@2.0.0", b"two")
    old = propose.promote(world.state, version, "staging", "first", now())
    world.put("operator", propose.promote(world.state, second, "staging", "second", now()))
    assert "the last event of its target is entry" in turned_away(world, "operator", old)


def test_a_back_dated_event(world: World) -> None:
    version = world.release("aiops/cpu@1.0.0")
    old = propose.promote(world.state, version, "staging", "yesterday", now() - timedelta(days=1))
    assert "more than five minutes" in turned_away(world, "operator", old)


def test_the_same_bundle_twice_changes_nothing(world: World) -> None:
    version = world.release("aiops/cpu@1.0.0")
    bundle = world.sign("operator", propose.promote(world.state, version, "staging", "go", now()))
    from muniment.registry.inbox import submit

    submit(world.store, bundle.data)
    assert len(world.publish().admitted) == 2
    before = files(world)
    submit(world.store, bundle.data)
    done = world.publish()
    assert (done.admitted, done.turned) == ((), ())
    assert files(world) == before
    assert world.store.list("inbox") == []


def test_the_same_statement_signed_again(world: World) -> None:
    version = world.release("aiops/cpu@1.0.0")
    statement = propose.promote(world.state, version, "staging", "go", now())
    world.put("operator", statement)
    assert "already" in turned_away(world, "operator", statement)


def test_a_record_of_an_unknown_type(world: World) -> None:
    statement = Statement((Subject("x", digest_of(b"x")),), "https://muniment.dev/coronate/v1", {})
    assert "no kind of record" in turned_away(world, "administrator", statement)


def test_retiring_what_stands_in_production(world: World) -> None:
    version = world.release("aiops/cpu@1.0.0")
    world.promote(version)
    statement = propose.retire(world.state, version, "unused", "away", None, now())
    assert "stands in production" in turned_away(world, "operator", statement)


def test_promoting_what_is_retired(world: World) -> None:
    version = world.release("aiops/cpu@1.0.0")
    assert not world.put("operator", propose.retire(world.state, version, "unsafe", "leaks", None, now())).turned
    statement = propose.promote(world.state, version, "staging", "again", now())
    assert "is retired" in turned_away(world, "operator", statement)


def test_rolling_back_to_what_never_stood_there(world: World) -> None:
    version = world.release("aiops/cpu@1.0.0", b"one")
    world.promote(version)
    second = world.release("aiops/cpu@2.0.0", b"two")
    statement = propose.rollback(world.state, second, "production", "INC-1", "sidestep approval", now())
    assert "no recovery point" in turned_away(world, "operator", statement)
    with pytest.raises(Refused, match="no recovery point"):
        recovery.rollback(world.state, version.name, "production", second, "INC-1", "sidestep approval", now())
    with pytest.raises(Missing):
        recovery.rollback(world.state, parse_name("aiops/cpu"), "production", None, "INC-1", "back", now())


def test_rules_weakened_by_a_stranger(world: World) -> None:
    from muniment.registry.genesis import configure_statement

    source = world.state.config
    assert source is not None
    configuration = {**source.source, "policy": {"rules": []}}
    statement = configure_statement(world.state, configuration, now())
    assert "may not sign configure" in turned_away(world, "operator", statement)
    done = world.put("administrator", statement)
    assert [e.kind for e in done.admitted] == ["configure", "state"]


def test_a_leavers_old_approval_no_longer_counts(world: World) -> None:
    """The reviewer approved, left, and then the promotion is submitted."""
    from muniment.registry.genesis import configure_statement

    version = world.release("aiops/cpu@1.0.0")
    statement = propose.promote(world.state, version, "production", "now", now())
    approval = propose.approve(world.state, statement_digest(statement), "reviewer", "fine", now())
    assert not world.put("reviewer", approval).turned
    config = world.state.config
    assert config is not None
    registry = dict(config.source["registry"])
    registry["bindings"] = [b for b in registry["bindings"] if b["role"] != "reviewer"]
    left = configure_statement(world.state, {**config.source, "registry": registry}, now())
    assert not world.put("administrator", left).turned
    assert "approvals-required" in reason(world.put("operator", statement))
