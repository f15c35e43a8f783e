import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.errors import Malformed
from muniment.evidence.spdx import Combined, Licence, canonical, known, parse_expression, recognise, satisfied

IDS = st.sampled_from(["MIT", "Apache-2.0", "LicenseRef-own", "GPL-2.0+", "DocumentRef-x:LicenseRef-y"])
LICENCES = st.builds(Licence, IDS, st.none() | st.just("Classpath-exception-2.0"))


def combine(parts):
    def differing(operator, items):
        return Combined(operator, tuple(items))

    return st.builds(
        differing,
        st.sampled_from(["AND", "OR"]),
        st.lists(parts.filter(lambda p: isinstance(p, Licence)) | LICENCES, min_size=2, max_size=3),
    )


@given(LICENCES | combine(LICENCES))
def test_what_is_printed_parses_back(expression):
    assert parse_expression(str(expression)) == expression


@given(st.text(max_size=40) | st.text("()ADNORWITH MIT-.+", max_size=40))
def test_any_text_is_an_expression_or_malformed(text):
    try:
        expression = parse_expression(text)
    except Malformed:
        assert not satisfied(text, frozenset({"MIT"}))
    else:
        assert parse_expression(str(expression)) == expression


def test_and_binds_closer_than_or():
    assert str(parse_expression("MIT OR ISC AND Zlib")) == "MIT OR (ISC AND Zlib)"
    assert str(parse_expression("(MIT OR ISC) AND Zlib")) == "(MIT OR ISC) AND Zlib"


@pytest.mark.parametrize(
    ("text", "allowed", "expected"),
    [
        ("MIT", {"MIT"}, True),
        ("mit", {"MIT"}, True),
        ("MIT", set(), False),
        ("GPL-3.0-only OR MIT", {"MIT"}, True),
        ("GPL-3.0-only AND MIT", {"MIT"}, False),
        ("GPL-3.0-only OR (MIT AND Zlib)", {"MIT"}, False),
        ("GPL-3.0-only OR (MIT AND Zlib)", {"MIT", "Zlib"}, True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", {"GPL-2.0-only"}, False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", {"GPL-2.0-only WITH Classpath-exception-2.0"}, True),
        ("anything goes", {"anything", "goes"}, False),
    ],
)
def test_satisfied(text, allowed, expected):
    assert satisfied(text, frozenset(allowed)) is expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "MIT AND", "OR MIT", "(MIT", "MIT)", "()", "MIT MIT", "MIT WITH", "MIT/ISC", "WITH", "(" * 99 + "MIT"],
)
def test_no_expressions(text):
    with pytest.raises(Malformed):
        parse_expression(text)


def test_canonical_writes_ids_as_spdx_does():
    assert canonical("apache-2.0 or mit") == "Apache-2.0 OR MIT"
    assert canonical("LicenseRef-own AND isc") == "LicenseRef-own AND ISC"
    with pytest.raises(Malformed, match="garbage"):
        canonical("MIT OR garbage")


def test_known_takes_only_what_is_certain():
    assert known("Apache Software License") == "Apache-2.0"
    assert known("BSD License") is None
    assert known("") is None


def test_recognise_knows_texts_and_refuses_mixtures():
    bsd2 = (
        "Redistributions of source code must retain the above copyright notice. "
        "Redistributions in binary form\n must reproduce the above copyright notice."
    )
    bsd3 = bsd2 + " Names may be used to endorse or promote products derived from it."
    assert recognise(bsd2) == "BSD-2-Clause"
    assert recognise(bsd3) == "BSD-3-Clause"
    assert recognise(bsd3 + " GNU General Public License") is None
    assert recognise("All rights reserved.") is None
