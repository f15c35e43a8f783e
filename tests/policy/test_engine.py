"""Rules of one's own, when a rule applies, from when on it fails, and what a policy may say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from muniment.core.errors import Malformed
from muniment.policy.document import read_policy
from muniment.policy.engine import evaluate, failures, parse_policy
from muniment.policy.facts import ApprovalFact, StandingFact, TenureFact
from muniment.policy.finding import Status
from muniment.policy.variables import VARIABLES, variables
from tests.policy.make import AT, DAY, artifact, datum, evidence, facts, judge, signer
from tests.source import TOP

OWN = {"id": "own", "title": "It is so", "message": "It is not so.", "fix": "Make it so."}


def ask(require: str, *found: Any, **other: Any) -> Status:
    return judge(OWN | {"require": require}, facts("promote", *found, **other)).status


def test_a_rule_of_ones_own() -> None:
    good = judge(OWN | {"require": "environment == 'production'"}, facts())
    assert (good.status, good.title, good.reason, good.fix, good.page) == (
        Status.PASS,
        "It is so",
        "It is so.",
        "",
        "docs/policy.md",
    )
    bad = judge(OWN | {"require": "environment != 'production'", "controls": ["A.1"]}, facts())
    assert (bad.status, bad.reason, bad.fix, bad.controls) == (Status.FAIL, "It is not so.", "Make it so.", ("A.1",))


@pytest.mark.parametrize(
    "require",
    [
        "metrics.f1 > 0.5",  # a missing key
        "metrics['f1'] > 0.5",
        "version.nmae == 'cpu'",  # an unknown field
        "evidence[0].kind == 'bom'",  # a missing item
        "kinds > 1",  # a wrong type
        "timestamp('tomorrow') < timestamp(now)",  # a date that is none
        "bom.metadata.component.name == 'cpu'",  # there is no ML-BOM
        "current.metrics.f1 < 1.0",  # nothing stands there
        "size(kinds)",  # no yes and no no
        "[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, "
        "[1,2,3,4,5,6,7,8,9].all(d, a + b + c + d + a + b + c + d + a + b + c + d + a + b + c + d + a + b > 0))))",
    ],
)
@pytest.mark.parametrize("part", ["require", "when"])
def test_what_cannot_be_decided_fails(require: str, part: str) -> None:
    found = judge(OWN | {"require": "true"} | {part: require}, facts())
    assert found.status is Status.FAIL
    assert f"cannot be decided: its `{part}`" in found.reason


@pytest.mark.parametrize(
    "require", ["timestamp('\U0001f600')", "int('\U0001f600')", "duration('\U0001f600')", "{}['\U0001f600']"]
)
def test_what_is_quoted_is_written_alike_by_every_interpreter(require: str) -> None:
    """Decisions in the log repeat it to the letter, and which characters `repr` shows changes with its tables."""
    found = judge(OWN | {"require": f"{require} == 1"}, facts())
    assert "'\\U0001f600'" in found.reason


def test_a_rule_that_does_not_apply() -> None:
    assert (
        judge(OWN | {"require": "false", "when": "environment == 'staging'"}, facts()).status is Status.NOT_APPLICABLE
    )
    assert judge(OWN | {"require": "false", "when": "environment == 'production'"}, facts()).status is Status.FAIL
    assert judge(OWN | {"require": "false", "kinds": ["dataset"]}, facts()).status is Status.NOT_APPLICABLE
    assert judge(OWN | {"require": "false", "environments": ["staging"]}, facts()).status is Status.NOT_APPLICABLE


def test_a_built_in_rule_that_meets_a_broken_record_fails() -> None:
    """An evaluation admitted by no check of ours: it has no metrics."""
    rule = {"rule": "metric-threshold", "with": {"metric": "f1", "min": 0.5}}
    found = judge(rule, facts("promote", evidence("evaluation", {"metrics": [{"metric": "f1"}]})))
    assert (found.status, found.reason) == (Status.FAIL, "The rule cannot be decided: a record has no 'value'.")
    found = judge(rule, facts("promote", evidence("evaluation", {"metrics": 7})))
    assert (found.status, found.reason) == (
        Status.FAIL,
        "The rule cannot be decided: a record is not as it should be.",
    )


@pytest.mark.parametrize("day", ["2026-02-01", "2026-02-01T00:00:00Z"])
def test_before_it_is_effective_a_rule_warns(day: str) -> None:
    rule = OWN | {"require": "false", "effectiveOn": day}
    found = judge(rule, facts())
    assert found.status is Status.WARN
    assert found.reason == "It is not so. It fails from 2026-02-01T00:00:00Z on."
    assert failures((found,)) == ()
    turn = datetime(2026, 2, 1, tzinfo=UTC)
    assert judge(rule, facts(at=turn - timedelta(seconds=1))).status is Status.WARN
    assert judge(rule, facts(at=turn)).status is Status.FAIL
    assert judge(rule | {"require": "true"}, facts()).status is Status.PASS


def test_only_the_rules_of_the_gate_are_asked_in_their_order() -> None:
    rules = [
        OWN | {"id": name, "gate": gate, "require": "true"}
        for name, gate in [("b", "promote"), ("c", "release"), ("a", "promote")]
    ]
    assert [f.rule for f in evaluate(parse_policy({"rules": rules}), facts())] == ["b", "a"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"require": "nosuch == 1"}, r"rule own, require, line 1, column 1: there is no variable 'nosuch'"),
        ({"require": "true &&\n  kinds."}, r"rule own, require, line 2, column 9: the end is in the wrong place"),
        ({"when": "1 +", "require": "true"}, r"rule own, when, line 1, column 4"),
        ({"require": "now() < 1"}, "no function 'now'"),
        ({"require": 7}, "not of type 'string'"),
        ({"require": "x" * 5000}, "require: .x+"),
        ({}, "no `rule` and no `require`"),
        ({"require": "true", "title": None}, "title"),
        ({"require": "true", "with": {}}, "`with` is for built-in rules"),
        ({"require": "true", "rule": "metric-threshold"}, "`require` is for rules of one's own"),
        ({"require": "true", "effectiveOn": "2026-02-30"}, "2026-02-30T00:00:00Z' is not a time"),
        ({"require": "true", "effectiveOn": "soon"}, "does not match"),
        ({"require": "true", "severity": "waived"}, "waived"),
        ({"require": "true", "gate": "release", "environments": ["production"]}, "no environment at the gate"),
        ({"require": "true", "controls": ["a", "a"]}, "non-unique"),
        ({"require": "true", "id": "A"}, "does not match"),
        ({"require": "true", "title": "a\nb"}, "does not match"),
    ],
)
def test_a_policy_that_is_written_wrongly(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        parse_policy({"rules": [OWN | {"gate": "promote"} | rule]})


def test_what_is_wrong_is_told_with_line_and_column() -> None:
    text = b"rules:\n  - {rule: evidence-required, gate: release, with: {evidence: [bom]}}\n"
    text += b"  - id: own\n    gate: promote\n"
    own = b"    title: t\n    message: m\n    require: nosuch\n"
    for wrong, said in (
        (text + own, "line 3, column 5: The rule own, require, line 1, column 1: there is no variable"),
        (text, "line 3, column 5: The rule own: it has no `rule` and no `title`"),
        (text.replace(b"evidence-required", b"evidence"), "line 2, column 5: There is no built-in rule"),
    ):
        with pytest.raises(Malformed, match=f"^policy.yaml, {said}"):
            read_policy(wrong, "policy.yaml")
    assert len(read_policy(text + own.replace(b"nosuch", b"retired"), "policy.yaml").rules) == 2


@pytest.mark.parametrize("key", ["id", "title", "message"])
def test_what_a_rule_of_ones_own_needs(key: str) -> None:
    rule = {k: v for k, v in (OWN | {"gate": "promote", "require": "true"}).items() if k != key}
    with pytest.raises(Malformed, match=f"no `rule` and no `{key}`"):
        parse_policy({"rules": [rule]})


def test_a_built_in_rule_may_be_given_ones_own_words() -> None:
    rule = {"rule": "evidence-required", "title": "Papers", "fix": "Ask #ml.", "with": {"evidence": ["bom"]}}
    found = judge(rule, facts())
    assert (found.title, found.fix, found.page) == ("Papers", "Ask #ml.", "docs/rules/evidence-required.md")


def test_the_variables_are_those_that_the_docs_name() -> None:
    page = (TOP / "docs" / "policy.md").read_text("utf-8")
    assert list(variables(facts(), VARIABLES)) == list(VARIABLES)
    assert [name for name in VARIABLES if f"| `{name}` |" not in page] == []


def test_what_an_expression_sees() -> None:
    scored = evidence(
        "evaluation",
        {"metrics": [{"metric": "f1", "value": 0.5}, {"metric": "f1", "value": 1, "slice": "cpu"}]},
        2 * DAY,
    )
    again = evidence("evaluation", {"metrics": [{"metric": "f1", "value": 0.75}]}, DAY)
    bom = evidence("bom", {"bomFormat": "CycloneDX"}, signer=signer("tess", "trainer"))
    standing = StandingFact("production", "aiops/cpu@0.9.0", AT - DAY, (artifact(),), (scored,))
    known = facts(
        "promote",
        again,
        scored,
        bom,
        approvals=(
            ApprovalFact("reviewer", "ann", "1", "personal-signature", AT),
            ApprovalFact("reviewer", "operator", "2"),
        ),
        author=signer("op", "operator", claims=(("buildTrigger", "push"),)),
        standing=(standing,),
        history=(TenureFact("aiops/cpu@0.8.0", AT - 2 * DAY, AT - DAY), TenureFact("aiops/cpu@0.9.0", AT - DAY, None)),
        data=(datum("train", {"name": "train"}),),
    )
    for require in (
        "metrics == {'f1': 0.75, 'f1[cpu]': 1.0}",
        "current.metrics['f1'] == 0.5 && current.version.version == '0.9.0' && current.bom == null",
        "standing.production == current && !('staging' in standing)",
        "bom.bomFormat == 'CycloneDX'",
        "evidence.exists(e, e.kind == 'bom' && 'trainer' in e.signer.roles && e.signer.person == 'tess' && e.bound)",
        "evidence.all(e, timestamp(now) - timestamp(e.signedAt) <= duration('48h'))",
        "approvals.map(a, a.person) == ['ann'] && approvals[0].grade == 'personal-signature'",
        "author.claims.buildTrigger == 'push' && author.roles == ['operator']",
        "version == {'id': 'aiops/cpu@1.0.0', 'namespace': 'aiops', 'name': 'cpu', 'version': '1.0.0'}",
        "history.map(h, h.until) == ['2026-01-30T08:05:00Z', null]",
        "data[0].records[0].predicate.name == 'train' && data[0].retired == null && !retired",
        "artifacts[0].kind == 'model' && kinds == ['model'] && gate == 'promote' && incidents == []",
    ):
        assert judge(OWN | {"require": require}, known).reason == "It is so.", require
    assert judge(OWN | {"require": "author == null && current == null"}, facts()).status is Status.PASS
    two = replace(known, evidence=(bom, replace(bom, predicate={})))
    assert judge(OWN | {"require": "bom == null"}, two).status is Status.PASS
    assert (
        judge(OWN | {"require": "bom != null"}, replace(two, evidence=(bom, replace(bom, bound=False)))).status
        is Status.PASS
    )


def test_other_time_zones_give_the_same_text() -> None:
    zone = timezone(timedelta(hours=5))
    assert variables(facts(at=AT.astimezone(zone)), ["now"]) == {"now": "2026-01-31T08:05:00Z"}


def test_a_broken_record_spoils_only_what_reads_it() -> None:
    """Admitted by no check of ours: an evaluation without metrics."""
    known = facts("promote", evidence("evaluation"))
    found = judge(OWN | {"require": "metrics == {}"}, known)
    assert found.reason == "The rule cannot be decided: its `require`: nothing is known of metrics."
    assert judge(OWN | {"require": "size(evidence) == 1 && kinds == ['model']"}, known).status is Status.PASS
    nameless = replace(known, subject="sha256:0")
    assert judge(OWN | {"require": "version != null"}, nameless).status is Status.FAIL
