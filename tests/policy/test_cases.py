"""What a case leaves out is the least that is known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from muniment.core.digest import digest_of
from muniment.core.document import check_schema
from muniment.policy.cases import read_facts
from muniment.policy.facts import Facts

FULL: dict[str, Any] = {
    "gate": "promote",
    "version": "a/b@2",
    "environment": "staging",
    "now": "2026-02-01",
    "artifacts": [{"kind": "model", "digest": f"sha256:{'1' * 64}"}, {"kind": "config", "name": "c"}],
    "evidence": [
        {"kind": "bom", "predicate": {}, "signedAt": "2026-01-01", "signer": {"person": None, "claims": {"a": "b"}}}
    ],
    "author": {"person": "ann", "roles": ["operator"], "grade": "environment-gated"},
    "approvals": [{"role": "reviewer", "person": None}, {"role": "reviewer", "grade": "personal-signature"}],
    "data": [{"name": "d", "records": [{"name": "d"}], "version": "a/d@1", "retired": "unused"}],
    "standing": {
        "staging": {"version": "a/b@1", "since": "2026-01-02", "evidence": [{"kind": "evaluation", "predicate": {}}]}
    },
    "history": [{"version": "a/b@1", "since": "2026-01-02"}],
    "waivers": [{"rule": "r", "until": "2026-03-01"}],
    "incidents": [{"id": "i", "version": "a/b@1"}],
    "retired": True,
}


def test_the_least_that_is_known() -> None:
    known = read_facts({})
    assert (known.gate, known.subject, known.environment, known.kinds) == (
        "release",
        "team/model@1.0.0",
        None,
        {"model"},
    )
    assert (known.at, known.evidence, known.approvals, known.waivers) == (datetime(2026, 1, 1, tzinfo=UTC), (), (), ())
    assert "author" in known.authors
    assert read_facts({"gate": "promote"}).environment == "production"


def test_everything_that_can_be_known() -> None:
    check_schema({"cases": [{"name": "x", "expect": {"r": "pass"}, "facts": FULL}]}, "policy-test", "it")
    known = read_facts(FULL)
    left = read_facts({})
    assert [f for f in Facts.__dataclass_fields__ if getattr(known, f) == getattr(left, f)] == ["escalation"]
    assert known.evidence[0].subjects == (known.artifacts[0].digest, known.artifacts[1].digest)
    assert known.artifacts[1].digest == digest_of(b"c")
    assert (known.evidence[0].signer.person, known.evidence[0].signer.claims) == (None, (("a", "b"),))
    assert known.waivers[0].subjects == {a.digest for a in known.artifacts}
    assert [a.person for a in known.approvals] == [None, "approver 2"]
    assert known.current is not None
    assert known.current.version == "a/b@1"
    assert known.data[0].records[0].predicate == {"name": "d"}
