"""The gate submit: what a record is refused for before anything stands on it, alike for everybody who replays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muniment.core.digest import digest_of
from muniment.core.errors import Refused
from muniment.evidence.statement import Statement, format_statement
from muniment.registry import propose
from muniment.registry.event import subjects_of
from muniment.registry.fold import blob_reader
from muniment.registry.inbox import submit
from muniment.verify.pack import make_pack, open_pack
from muniment.verify.replay import verify_registry
from tests.policy.rules.test_secrets_in_metadata import TOKENS
from tests.registry.paper import Paper, signature
from tests.registry.staff import staff
from tests.registry.test_known import KINDS, TRAIN, built, paper, record, scored
from tests.registry.test_sources import brought, pem
from tests.world import make_world, registry_document

SECRETS = {"rule": "secrets-in-metadata", "gate": "submit"}
DATA = {"rule": "data-allowed", "gate": "submit", "with": {"classifications": ["public"]}}


def own(require: str) -> dict[str, Any]:
    return {"id": "own", "title": "Own", "gate": "submit", "require": require, "message": "It does not hold."}


def asking(*rules: dict[str, Any], **document: Any) -> Paper:
    return paper({"rules": list(rules)}, **document)


def refused(of: Paper, statement: Statement, who: str = "trainer") -> Refused:
    with pytest.raises(Refused, match="does not pass the gate submit") as caught:
        of.put(who, statement)
    return caught.value


def test_a_secret_is_kept_out_of_the_log() -> None:
    of, said = asking(SECRETS), record()
    leaking = Statement(said.subjects, said.predicate_type, {**said.predicate, "description": TOKENS["github-token"]})
    error = refused(of, leaking)
    assert error.fact == "train does not pass the gate submit: secrets-in-metadata."
    assert (error.waits, [f.subject for f in error.findings]) == (False, ["train"])
    of.put("trainer", said)
    assert [f.status.value for f in of.state.entries[of.state.size - 2].findings] == ["pass"]


def test_events_do_not_come_to_it() -> None:
    of = asking(own("evidence[0].kind == 'signature'"))
    of.release("aiops/cpu@1.0.0")
    assert [f.rule for e in of.state.entries.values() for f in e.findings] == ["own"]


def test_who_submits_and_who_signs_by_which_roles() -> None:
    asking(own("author.roles == ['trainer'] && evidence[0].signer == author")).put("trainer", record())
    refused(asking(own("author.roles == ['reviewer']")), record())


def test_a_third_partys_word_is_judged_as_its_own_and_who_brings_it_is_known() -> None:
    roles = {**registry_document()["roles"], "trainer": {"may": ["third-party"]}}
    believed = {"vendor": {"kinds": ["signature"], "key": pem()}}
    asked = "evidence[0].signer.roles == ['vendor'] && author.roles == ['trainer'] && evidence[0].kind == 'signature'"
    of = Paper({"rules": [own(asked)]}, roles=roles, sources=believed)
    of.put("trainer", brought(signature()))
    assert [f.reason for f in of.state.entries[2].findings] == ["Own."]
    other = Paper({"rules": [own("evidence[0].signer.roles == ['trainer']")]}, roles=roles, sources=believed)
    refused(other, brought(signature()))


def test_what_the_log_holds_of_the_data_that_a_record_names() -> None:
    of = asking(DATA)
    assert "no dataset record says who may use it" in refused(of, built()).findings[0].reason
    of.put("trainer", record())
    of.put("trainer", built())


def test_a_dataset_record_by_nobody_who_may_does_not_count() -> None:
    """Who lost the role since is known by the one that was held then."""
    of = asking(DATA)
    of.put("trainer", record())
    held = {**of.registry()["roles"], "trainer": {"may": [k for k in KINDS if k != "dataset"]}}
    of.put("administrator", of.configuration(registry=of.registry(roles=held)))
    of.put("trainer", built())


def test_waivers_are_for_versions() -> None:
    of = Paper({"rules": [SECRETS]}, **staff())
    of.release("aiops/cpu@1.0.0")
    version = next(iter(of.state.versions))
    subjects = of.state.entries[2].record.statement.subjects  # type: ignore[union-attr]
    until, rule = of.at.replace(month=3, day=1), "secrets-in-metadata"
    waiver = propose.waive(of.state, version, subjects, rule, "risk", "known", of.at, until, None, of.at)
    with pytest.raises(Refused, match="does not let secrets-in-metadata be waived"):
        of.put("stranger", waiver)


def test_a_publish_tells_what_it_refuses_and_readers_find_the_same(tmp_path: Path) -> None:
    """A pack carries the dataset records that a provenance which no release names was let in by."""
    document = registry_document()
    document["roles"]["trainer"]["may"] = KINDS
    policy = {"rules": [DATA, own("evidence[0].kind != 'evaluation'")]}
    world = make_world(tmp_path, policy, document)
    version = world.release("aiops/cpu@1.0.0")
    late = Statement(subjects_of((world.model(),)), built().predicate_type, built().predicate)
    for statement in (late, record(), scored(0.5)):
        submit(world.store, world.sign("trainer", statement).data)
    done = world.publish()
    assert sorted(e.kind for e in done.admitted) == ["dataset", "provenance", "state"]
    (turned,) = done.turned
    assert (turned.kind, turned.waits, turned.error.findings[-1].reason) == ("evaluation", False, "It does not hold.")  # type: ignore[attr-defined]
    assert world.store.list("inbox") == []
    history = verify_registry(world.store, world.trust).history
    assert digest_of(format_statement(late)) in history.state.statements
    assert TRAIN in history.state.about
    opened = open_pack(make_pack(history, version, blob_reader(world.store)), world.trust)
    assert opened.version == version
    world.sandbox.__exit__(None, None, None)
