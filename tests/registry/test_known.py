"""What a gate knows of a version: records that came later, who signed them by which role, data, what stands where."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Refused
from muniment.core.instant import format_instant
from muniment.core.name import VersionId
from muniment.core.name import parse_version_id as parse
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.statement import Statement, Subject
from muniment.policy.facts import Facts
from muniment.registry import facts, propose, words
from muniment.registry.dryrun import facts_at
from tests.registry.paper import START, Paper, identity, model, other

KINDS = ["signature", "provenance", "release", "evaluation", "dataset", "privacy-review", "bom"]
TRAIN = digest_of(b"train")


def paper(policy: dict[str, Any] | None = None, **document: Any) -> Paper:
    """A registry whose trainer and reviewer may sign more kinds of evidence."""
    roles = {
        **Paper().registry()["roles"],
        "trainer": {"may": KINDS},
        "reviewer": {"may": ["approve", "privacy-review"]},
    }
    return Paper(**({"policy": policy} if policy else {}), **({"roles": roles} | document))


def scored(value: float, content: bytes = b"weights") -> Statement:
    reference = {"name": "data", "digest": str(TRAIN)}
    predicate = {
        "data": reference,
        "harness": reference,
        "metrics": [{"metric": "f1", "value": value}],
        "assuranceLevel": "self_attested",
    }
    return Statement((Subject("model", model(content).digest),), EVIDENCE["evaluation"], predicate)


def built(digest: Digest = TRAIN, role: str = "training") -> Statement:
    item = {"name": "train", "digest": {"sha256": digest.hex}, "annotations": {"role": role}}
    predicate = {
        "buildDefinition": {
            "buildType": "https://example.org/x",
            "externalParameters": {},
            "resolvedDependencies": [item],
        },
        "runDetails": {"builder": {"id": "https://example.org/b"}},
    }
    return Statement((Subject("model", model().digest),), EVIDENCE["provenance"], predicate)


def record(licence: str = "MIT") -> Statement:
    predicate = {
        "name": "train",
        "origin": {"producer": "us"},
        "licence": licence,
        "collection": "By hand.",
        "labelling": {"method": "manual"},
        "cleaning": [],
        "personalData": {"present": False},
        "access": {"classification": "public"},
        "contents": {"files": 1, "bytes": 1},
    }
    return Statement((Subject("train", TRAIN),), EVIDENCE["dataset"], predicate)


def review(at: Any, decision: str = "approved") -> Statement:
    predicate = {
        "decision": decision,
        "summary": "Looked at.",
        "scope": ["data"],
        "reviewedAt": format_instant(at),
        "validUntil": format_instant(at + timedelta(days=90)),
        "personalData": {"present": False},
    }
    return Statement((Subject("model", model().digest),), EVIDENCE["privacy-review"], predicate)


def known(of: Paper, version: VersionId, gate: str = "promote", environment: str | None = "production") -> Facts:
    return facts_at(of.state, version, gate, environment, of.at)


def test_records_that_came_after_the_release_are_known_and_not_bound() -> None:
    of = paper()
    version = of.release("aiops/cpu@1.0.0")
    of.put("trainer", scored(0.5))
    of.put("reviewer", review(of.at))
    found = known(of, version)
    assert [(e.kind, e.bound) for e in found.evidence] == [
        ("signature", True),
        ("evaluation", False),
        ("privacy-review", False),
    ]
    assert found.evidence[1].signer.roles == ("trainer",)
    assert (found.evidence[2].signer.person, found.evidence[2].signer.roles) == ("reviewer", ("reviewer",))


def test_a_bad_record_that_the_release_leaves_out_is_known() -> None:
    policy = {"rules": [{"rule": "metric-threshold", "gate": "release", "with": {"metric": "f1", "min": 0.8}}]}
    of = paper(policy)
    good = scored(0.9)
    of.put("trainer", good)
    of.put("trainer", scored(0.1))
    named = (digest_of(of.sign("trainer", good).payload),)
    release = propose.release(of.state, parse("aiops/cpu@1.0.0"), (model(),), named, of.at)
    with pytest.raises(Refused) as caught:
        of.put("trainer", release)
    assert [f.reason for f in caught.value.findings] == ["f1 is 0.1, not at least 0.8."]


def test_a_review_makes_a_promotion_pass_that_waited_for_it() -> None:
    policy = {"rules": [{"rule": "privacy-review", "gate": "promote", "with": {"role": "reviewer"}}]}
    of = paper(policy)
    promotion = of.promotion(of.release("aiops/cpu@1.0.0"))
    with pytest.raises(Refused) as caught:
        of.put("operator", promotion)
    assert caught.value.waits
    of.put("trainer", review(of.at, "rejected"))
    of.put("reviewer", review(of.at))
    of.put("operator", promotion)


def test_records_of_signers_without_a_role_in_the_namespace_do_not_count() -> None:
    document = paper().registry()
    elsewhere = [{**b, "namespaces": ["other"]} if b["role"] == "reviewer" else b for b in document["bindings"]]
    of = paper(bindings=elsewhere)
    version = of.release("aiops/cpu@1.0.0")
    of.put("reviewer", review(of.at))
    assert [e.kind for e in known(of, version).evidence] == ["signature"]


def test_a_leaver_stays_who_they_were() -> None:
    of = paper()
    version = of.release("aiops/cpu@1.0.0")
    of.put("reviewer", review(of.at))
    left = of.registry(bindings=[b for b in of.registry()["bindings"] if b["role"] != "reviewer"])
    of.put("administrator", of.configuration(registry=left))
    of.put("administrator", of.configuration(registry={**left, "title": "Another"}))
    assert of.state.config is not None
    assert of.state.config.roles_of(identity("reviewer"), "privacy-review", "aiops", of.at, of.at) == ()
    found = known(of, version).of_kind("privacy-review")
    assert [e.signer.roles for e in found] == [("reviewer",)]


def test_a_newcomer_is_not_who_they_are_now() -> None:
    """A role that is given later does not raise what was signed before."""
    of = paper()
    version = of.release("aiops/cpu@1.0.0")
    of.put("trainer", review(of.at))
    trainer = next(b for b in of.registry()["bindings"] if b["role"] == "trainer")
    more = of.registry(bindings=[*of.registry()["bindings"], {**trainer, "role": "reviewer"}])
    of.put("administrator", of.configuration(registry=more))
    assert [e.signer.roles for e in known(of, version).of_kind("privacy-review")] == [("trainer",)]


def test_the_data_that_went_in() -> None:
    of = paper()
    of.put("trainer", built())
    of.put("trainer", record())
    version = of.release("aiops/cpu@1.0.0")
    (datum,) = known(of, version).data
    assert (datum.name, datum.digest, datum.role, datum.version, datum.retired) == (
        "train",
        TRAIN,
        "training",
        None,
        None,
    )
    assert [r.predicate["licence"] for r in datum.records] == ["MIT"]
    of.put("trainer", record("GPL-3.0-only"))
    assert [r.predicate["licence"] for r in known(of, version).data[0].records] == ["MIT", "GPL-3.0-only"]


def test_a_dataset_that_is_a_version_and_was_retired() -> None:
    of = paper({"rules": []})
    of.put("trainer", built())
    version = of.release("aiops/cpu@1.0.0")
    dataset = replace(model(), name="train", kind="dataset", digest=TRAIN)
    of.put("trainer", record())
    of.put("trainer", of.proposal("aiops/train@1", dataset))
    assert (known(of, version).data[0].version, known(of, version).data[0].retired) == ("aiops/train@1", None)
    of.put("operator", propose.retire(of.state, parse("aiops/train@1"), "data-withdrawn", "asked for", None, of.at))
    assert known(of, version).data[0].retired == "data-withdrawn"


def test_other_dependencies_are_no_data_and_the_bom_names_some() -> None:
    of = paper()
    of.put("trainer", built(role="code"))
    version = of.release("aiops/cpu@1.0.0")
    assert known(of, version).data == ()
    component = {"type": "data", "name": "more", "hashes": [{"alg": "SHA-256", "content": TRAIN.hex.upper()}]}
    component["data"] = [{"type": "dataset"}]
    main = {"type": "machine-learning-model", "name": "cpu"}
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": main}, "components": [component]}
    of.put("trainer", Statement((Subject("model", model(b"two").digest),), EVIDENCE["bom"], bom))
    second = of.release("aiops/cpu@2.0.0", b"two")
    assert [(d.name, d.digest) for d in known(of, second).data] == [("more", TRAIN)]


def test_what_stands_and_stood() -> None:
    of = paper()
    one = of.release("aiops/cpu@1.0.0")
    of.put("trainer", scored(0.9))
    of.promote(one)
    two = of.release("aiops/cpu@2.0.0", b"two")
    found = known(of, two)
    assert found.current is not None
    assert (found.current.version, [e.kind for e in found.current.evidence]) == (
        "aiops/cpu@1.0.0",
        ["signature", "evaluation"],
    )
    assert [(s.environment, s.version) for s in found.standing] == [("production", "aiops/cpu@1.0.0")]
    assert [(t.version, t.until) for t in found.history] == [("aiops/cpu@1.0.0", None)]
    of.promote(two)
    history = known(of, one).history
    assert [t.version for t in history] == ["aiops/cpu@1.0.0", "aiops/cpu@2.0.0"]
    assert history[0].until == history[1].since
    assert known(of, one, "promote", "staging").history == ()
    assert known(of, one, "release", None).current is None


def test_grades_of_signatures() -> None:
    person = identity("reviewer")
    assert words.grade_of(person) == "personal-signature"
    assert words.grade_of(identity("trainer")) == "declared"
    gated = other(identity("trainer"), claims=(("deploymentEnvironment", "production"),))
    assert words.grade_of(gated) == "environment-gated"
    for robot in ("x@project.iam.gserviceaccount.com", "https://example.org/a@b", "spiffe://a/b", "a b@c", "repo:x@y"):
        assert words.grade_of(other(person, subject=robot)) == "declared"


def test_an_approval_has_its_grade_and_time() -> None:
    of = paper()
    statement = of.promotion(of.release("aiops/cpu@1.0.0"))
    of.approve("reviewer", statement)
    found = words.approvals_for(of.state, digest_of(of.sign("operator", statement).payload), "aiops", of.at)
    assert [(a.person, a.grade, a.at) for a in found] == [
        ("reviewer", "personal-signature", of.at - timedelta(minutes=1))
    ]


def test_whom_to_turn_to() -> None:
    of = paper(namespaces={"aiops": {"owners": ["administrator", "operator"]}, "other": {}})
    assert known(of, of.release("aiops/cpu@1.0.0")).escalation == "administrator, operator"
    quiet = paper()
    assert known(quiet, quiet.release("aiops/cpu@1.0.0")).escalation == ""


def test_the_author_of_an_event() -> None:
    of = paper()
    version = of.release("aiops/cpu@1.0.0")
    assert known(of, version).author is None
    signed = of.sign("operator", of.promotion(version))
    found = facts.gather(of.state, "promote", signed, version, (), (), START, "production")
    assert found.author is not None
    assert (found.author.person, found.author.roles) == ("operator", ("operator",))
    assert {"operator", identity("operator").key, identity("trainer").key} == found.authors


def test_the_same_name_under_another_trust_root_holds_no_role() -> None:
    """What a third party's Sigstore proves of a reviewer is another reviewer."""
    of = paper()
    version = of.release("aiops/cpu@1.0.0")
    of.put("reviewer", review(of.at))
    index = max(i for i, e in of.state.entries.items() if e.kind == "privacy-review")
    entry = of.state.entries[index]
    assert entry.record is not None
    foreign = replace(entry.record, identity=other(entry.record.identity, root=digest_of(b"another root")))
    of.state = replace(of.state, entries=of.state.entries.set(index, replace(entry, record=foreign)))
    assert [e.kind for e in known(of, version).evidence] == ["signature"]
