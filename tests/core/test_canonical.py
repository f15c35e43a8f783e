import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.canonical import format_json, parse_canonical, parse_json
from muniment.core.errors import Malformed

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
LEAVES = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20)


@given(VALUES)
def test_what_is_formatted_parses_back_and_prints_the_same(value):
    data = format_json(value)
    assert parse_canonical(data, "It") == value
    assert format_json(parse_json(data, "It")) == data


@given(st.recursive(LEAVES | st.floats(allow_nan=False, allow_infinity=False), lambda inner: st.lists(inner)))
def test_the_fast_way_writes_what_the_library_writes(value):
    for whole in (value, {"b": value, "a\x7f": [value], "é": value}, (value, {"a": value})):
        assert format_json(whole) == rfc8785.dumps(whole)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), LEAVES))
def test_the_order_of_keys_does_not_matter(value):
    assert format_json(dict(reversed(value.items()))) == format_json(value)


def test_the_worked_example_of_rfc_8785():
    # RFC 8785, section 3.2.2 and 3.2.3: the example's input and its canonical form.
    value = json.loads(
        r'{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],'
        r'"string": "\u20ac$\u000F\u000aA' + "'" + r'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}'
    )
    assert format_json(value).decode() == (
        r'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        r'"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'
    )


def test_keys_are_sorted_by_utf16_code_units():
    # RFC 8785, section 3.2.3: U+1F600 is written with surrogates, so it comes before U+FB33.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    ordered = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(json.loads(format_json(dict.fromkeys(keys, 0)))) == ordered


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, -(2**53), {1: 2}, {"a": {2, 3}}, "\ud800"])
def test_what_json_cannot_carry_is_malformed(value):
    with pytest.raises(Malformed):
        format_json(value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"a":1,"a":2}', "repeats a key"),
        (b'[{"b":{"a":1,"a":1}}]', "repeats a key"),
        (b"NaN", "NaN is not a JSON number"),
        (b"[-Infinity]", "-Infinity is not a JSON number"),
        (b"\xff", "not strict JSON"),
        (b"", "line 1, column 1"),
        (b'{\n  "a": 1,\n  oops\n}', "line 3, column 3"),
        (b"[" * 100_000, "not strict JSON"),
    ],
)
def test_loose_json_is_malformed_and_says_where(data, says):
    with pytest.raises(Malformed, match=r"^Leaf 7 ") as caught:
        parse_json(data, "Leaf 7")
    assert says in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("data", [b'{"a": 1}', b'{"b":1,"a":2}', b"1.0", b'"\\u0041"', b"1\n", b"\xef\xbb\xbf1"])
def test_json_in_another_spelling_is_not_canonical(data):
    with pytest.raises(Malformed):
        parse_canonical(data, "The leaf")
