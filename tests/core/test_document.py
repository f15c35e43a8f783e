"""Documents that people write: what is wrong is named by line and column."""

import time
import tracemalloc

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.document import check_schema, load_document, parse_yaml, schema_errors, validator_of
from muniment.core.errors import Malformed

POLICY = b"""\
# What production needs.
rules:
  - rule: approvals-required
    gate: promote
    environments: [production]
    with:
      roles: [reviewer]
  - id: metric.f1
    rule: metric-threshold
    gate: release
"""


def test_a_policy_that_holds_is_its_value():
    value = load_document(POLICY, "policy", "policy.yaml")
    assert value["rules"][0]["with"] == {"roles": ["reviewer"]}


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (b"gate: promote", b"gate: promotion", "line 4, column 11: rules/0/gate"),
        (b"[production]", b"[production, 7]", "line 5, column 32: rules/0/environments/1"),
        (b"id: metric.f1", b"id: Metric F1", "line 8, column 9: rules/1/id"),
        (b"gate: release\n", b"gate: release\n    whne: always\n", "line 8, column 5: rules/1"),
        (b"    gate: release\n", b"", "line 8, column 5: rules/1"),
        (b"rules:", b"rule:", "the document"),
    ],
)
def test_a_policy_that_does_not_names_the_place(old, new, place):
    with pytest.raises(Malformed) as caught:
        load_document(POLICY.replace(old, new), "policy", "policy.yaml")
    assert place in str(caught.value)
    assert str(caught.value).startswith("policy.yaml, line ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"a: 1\nb: [1, 2\nc: 3\n", "line 3, column 2"),
        (b"a:\n\t- 1\n", "line 2, column 1"),
        (b"a: 1\na: 2\n", "the key 'a' is repeated at line 2, column 1"),
        (b"outer:\n  a: 1\n  a: 2\n", "the key 'a' is repeated at line 3, column 3"),
        (b"1: one\n", "the key 1 is not text at line 1, column 1"),
        (b"a: *nobody\n", "line 1, column 4"),
        (b"a: !!python/object/apply:os.system [echo]\n", "line 1, column 4"),
        (b"--- 1\n--- 2\n", "line 2, column 1"),
        (b"a: \xff\n", "is not YAML"),
        (b"a: \x00\n", "is not YAML"),
    ],
)
def test_wrong_yaml_says_where(text, says):
    with pytest.raises(Malformed) as caught:
        parse_yaml(text, "registry.yaml")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"on: yes", {"on": "yes"}),
        (b"gate: off", {"gate": "off"}),
        (b"when: 2026-01-31", {"when": "2026-01-31"}),
        (b"at: 2026-01-31T08:05:00Z", {"at": "2026-01-31T08:05:00Z"}),
        (b"time: 12:30:45", {"time": "12:30:45"}),
        (b"no: NO", {"no": "NO"}),
        (b"big: 1_000", {"big": "1_000"}),
        (b"is: [true, False, null, ~, 12, -7, 0o17, 0x1F, 0.5, 1e3, .5]", None),
    ],
)
def test_yaml_is_read_as_yaml_1_2_core(text, value):
    expected = value or {"is": [True, False, None, None, 12, -7, 0o17, 0x1F, 0.5, 1000.0, 0.5]}
    assert parse_yaml(text, "It") == expected


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text("abc: -#'\n", max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc ", max_size=4), inner, max_size=4),
        max_leaves=10,
    )
)
def test_what_a_yaml_writer_quotes_reads_back(value):
    assert parse_yaml(yaml.safe_dump(value).encode(), "It") == value


def test_nesting_without_end_is_an_error_and_no_crash():
    with pytest.raises(Malformed):
        parse_yaml(b"[" * 20_000, "policy.yaml")


def test_a_value_without_text_is_checked_by_path_alone():
    good = {
        "log": {"origin": "example.org/registry"},
        "approvedAt": "2026-01-31T08:05:00Z",
        "target": "sha256:" + "0" * 64,
        "role": "reviewer",
        "decision": "approved",
        "reason": "Looked at.",
    }
    check_schema(good, "approve-v1", "The approval")
    with pytest.raises(Malformed, match="approve-v1: log: 'origin' is a required property"):
        check_schema(good | {"log": {}}, "approve-v1", "The approval")
    assert [path for path, _ in schema_errors(good | {"decision": "no", "role": ""}, "approve-v1")] == [
        ("decision",),
        ("role",),
    ]


def test_a_message_does_not_repeat_a_huge_value():
    with pytest.raises(Malformed) as caught:
        load_document(b"rules: " + b"x" * 100_000, "policy", "policy.yaml")
    assert len(str(caught.value)) < 400


def release(**changed):
    log = {"origin": "example.org/registry", "genesis": "sha256:" + "0" * 64}
    artifacts = [{"name": "m", "kind": "model", "digest": "sha256:" + "0" * 64}]
    value = {"log": log, "releasedAt": "2026-01-31T08:05:00Z", "version": "a/b@1", "artifacts": artifacts}
    return value | {"evidence": []} | changed


def test_poisoner_with_millions_of_faults():
    """One record with an array of numbers where objects belong took ten gigabytes: publish died of it, and again."""
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            check_schema(release(artifacts=list(range(200_000))), "release-v1", "It")
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
    assert len(schema_errors(release(artifacts=list(range(1000))), "release-v1")) == 100


def test_poisoner_with_items_that_cannot_be_sorted():
    """They were compared each with each."""
    kind = validator_of({"uniqueItems": True})
    before = time.process_time()
    assert not list(kind.iter_errors([{"n": n} for n in range(20_000)]))
    assert [e.message for e in kind.iter_errors([{"a": 1, "b": 2}, {"b": 2, "a": 1}])]
    assert not list(kind.iter_errors([True, 1, "1", [1]]))
    assert time.process_time() - before < 10


def test_a_line_break_at_the_end_does_not_slip_through_a_pattern():
    """Python's `$` stands before it too; JSON Schema's does not."""
    named = {"rules": [{"id": "own\n", "gate": "release", "title": "T", "require": "true", "message": "M"}]}
    assert [path for path, _ in schema_errors(named, "policy")] == [("rules", 0, "id")]
    assert not schema_errors({"rules": [named["rules"][0] | {"id": "own"}]}, "policy")


def test_a_choice_of_fields_is_told_by_its_fields_and_any_other_as_it_is():
    triggers = [{"id": "drift", "signal": "psi", "severity": "high"}]
    told = [message for _, message in schema_errors({"rules": [], "triggers": triggers}, "policy")]
    assert "it needs above, or below" in told
    (told,) = [message for _, message in schema_errors({"supplier": 7}, "model") if "7" in message]
    assert told == "7 is not valid under any of the given schemas"
