"""Each row's state follows from the evidence, and what evidence cannot settle needs a person."""

from __future__ import annotations

import pytest

from muniment.audit.assess import ControlState, Row, assess
from muniment.audit.conditions import CONDITIONS
from muniment.audit.controls import load_framework, parse_framework
from muniment.core.errors import Malformed
from muniment.core.instant import format_instant
from muniment.evidence.kinds import OWN
from tests.audit.bench import HOSTED, PERSON, VERSION, Bench, workflow

PRESENT, MISSING, EXPIRED, PERSONAL = "present", "missing", "expired", "needs a person"
L0, L1, L2, L3 = "Build L0", "Build L1", "Build L2", "Build L3"
SOURCE, REPRODUCED = "Source L1-L4 (v1.2)", "Verified properties (development version of the spec)"
ORDER = [L0, L1, L2, L3, SOURCE, REPRODUCED]


def rows(bench: Bench) -> dict[str, Row]:
    return {row.id: row for row in assess(bench.state, VERSION, load_framework("slsa")).rows}


def states(bench: Bench) -> list[str]:
    return [row.state.value for row in rows(bench).values()]


def by_one(who: tuple[str, str, dict[str, str]], **said: str) -> Bench:
    bench = Bench(who)
    bench.released((bench.provenance(**said),))
    return bench


def test_the_six_rows_stand_in_the_order_of_the_framework():
    assert list(rows(by_one(HOSTED))) == ORDER


def test_the_states_have_these_words_and_no_others():
    assert {s.value for s in ControlState} == {PRESENT, MISSING, EXPIRED, PERSONAL}


def test_a_version_without_provenance_shows_nothing():
    bench = Bench()
    bench.released(())
    assert states(bench) == [PRESENT, *[MISSING] * 5]
    assert all(row.evidence == () for row in rows(bench).values())
    assert "names no provenance of model" in rows(bench)[L1].reason


def test_a_hosted_workflow_that_names_itself_as_builder_reaches_what_evidence_can_show():
    bench = by_one(HOSTED)
    assert states(bench) == [PRESENT, PRESENT, PRESENT, PERSONAL, MISSING, MISSING]
    assert HOSTED[1] in rows(bench)[L3].reason


def test_a_persons_signature_is_no_platforms():
    bench = by_one(PERSON)
    assert states(bench)[:4] == [PRESENT, PRESENT, MISSING, MISSING]
    assert PERSON[1] in rows(bench)[L2].reason
    assert "a person" in rows(bench)[L2].reason


@pytest.mark.parametrize(
    ("who", "said", "state", "word"),
    [
        (workflow(runnerEnvironment="self-hosted"), {}, MISSING, "self-hosted"),
        (workflow(issuer="https://gitlab.example"), {}, PERSONAL, "https://gitlab.example"),
        (HOSTED, {"builder": f"{OWN}builders/self/v1"}, MISSING, "vouches for itself"),
        (HOSTED, {"builder": "https://builder.example/x"}, PERSONAL, "https://builder.example/x"),
        (HOSTED, {"builder": "https://github.com/actions/runner/github-hosted"}, PRESENT, "github-hosted"),
        (HOSTED, {"commit": "0" * 40}, PERSONAL, "another commit"),
    ],
    ids=["own runner", "other platform", "own machine", "other builder", "the platform's runner", "other commit"],
)
def test_build_l2_asks_who_signed_where_and_as_which_builder(who, said, state, word):
    row = rows(by_one(who, **said))[L2]
    assert row.state == state
    assert word in row.reason


def test_build_l3_is_never_more_than_a_question_and_nothing_without_l2():
    assert rows(by_one(HOSTED))[L3].state == PERSONAL
    assert rows(by_one(HOSTED, builder="https://builder.example/x"))[L3].state == PERSONAL
    assert rows(by_one(PERSON))[L3].state == MISSING


def test_provenance_past_its_time_is_expired_and_judged_by_the_logs_time():
    bench = by_one(HOSTED, validUntil="2026-01-12T13:00:00Z")
    assert rows(bench)[L1].state == PRESENT
    bench.pass_time()
    row = rows(bench)[L1]
    assert row.state == EXPIRED
    assert format_instant(bench.state.admitted_at) in row.reason
    assert rows(bench)[L2].state == EXPIRED
    assert rows(bench)[L3].state == MISSING


def test_a_valid_provenance_beside_an_expired_one_counts():
    bench = Bench()
    bench.released((bench.provenance(validUntil="2020-01-01T00:00:00Z"), bench.provenance()))
    assert rows(bench)[L2].state == PRESENT


def test_an_end_that_is_no_time_needs_a_person():
    assert rows(by_one(HOSTED, validUntil="soon"))[L1].state == PERSONAL


def test_every_artifact_counts():
    bench = Bench()
    bench.released((bench.provenance("model"),), ("model", "tokenizer"))
    row = rows(bench)[L1]
    assert row.state == MISSING
    assert "tokenizer" in row.reason
    assert "of model" not in row.reason


def test_a_second_builder_of_the_same_bytes_is_a_question_and_the_same_one_twice_is_not():
    bench = Bench(HOSTED, workflow("sandbox.muniment.dev/rebuilder"))
    bench.released((bench.provenance(),))
    bench.provenance(who="trainer-0", commit="1" * 40)
    bench.publish()
    assert rows(bench)[REPRODUCED].state == MISSING
    bench.provenance(who="trainer-1")
    bench.publish()
    row = rows(bench)[REPRODUCED]
    assert row.state == PERSONAL
    assert {e.signer for e in row.evidence} == {HOSTED[1], workflow("sandbox.muniment.dev/rebuilder")[1]}


def test_evidence_is_named_by_digest_place_signer_and_time():
    bench = Bench()
    digest = bench.provenance()
    bench.released((digest,))
    (item,) = rows(bench)[L1].evidence
    entry = bench.state.entries[item.index]
    assert (item.kind, item.statement) == ("provenance", digest)
    assert (item.issuer, item.signer) == HOSTED[:2]
    assert item.signed_at == entry.record.signed_at
    assert str(bench.root) in item.verified_by


def test_every_condition_is_asked_and_exists():
    assert {c.condition for c in load_framework("slsa").controls} == set(CONDITIONS)


CONTROL = {"id": "A", "title": "t", "asks": "a", "limit": "l", "evidence": [], "condition": "nothing-asked"}
FRAMEWORK = {"id": "f", "title": "t", "edition": "e", "controls": [CONTROL]}


@pytest.mark.parametrize(
    "value",
    [
        [],
        FRAMEWORK | {"more": "x"},
        {k: v for k, v in FRAMEWORK.items() if k != "edition"},
        FRAMEWORK | {"controls": []},
        FRAMEWORK | {"controls": "all"},
        FRAMEWORK | {"controls": [CONTROL, CONTROL]},
        FRAMEWORK | {"controls": [CONTROL | {"evidence": "provenance"}]},
        FRAMEWORK | {"controls": [CONTROL | {"title": 1}]},
    ],
    ids=["list", "more", "less", "empty", "text", "twice", "evidence", "number"],
)
def test_a_framework_of_another_form_is_refused(value):
    assert len(parse_framework(FRAMEWORK).controls) == 1
    with pytest.raises(Malformed):
        parse_framework(value)


def test_an_unknown_condition_is_refused():
    bench = by_one(HOSTED)
    with pytest.raises(Malformed, match="no-such"):
        assess(bench.state, VERSION, parse_framework(FRAMEWORK | {"controls": [CONTROL | {"condition": "no-such"}]}))
