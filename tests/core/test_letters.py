"""Characters that every interpreter knows alike, and texts made of these alone."""

from muniment.core.letters import is_known, quoted, spelled_out


def test_what_came_after_unicode_3_2_is_written_as_repr_would():
    assert spelled_out("plain") == "plain"
    assert spelled_out("Äö\u202eЖ漢") == "Äö\u202eЖ漢"
    assert spelled_out("a\U0001e4d0\ua7cb") == "a\\U0001e4d0\\ua7cb"
    assert spelled_out(repr("a\U0001e4d0")) == spelled_out("'a\U0001e4d0'")


def test_quotes():
    assert quoted("it's \U0001f600\n") == '"it\'s \\U0001f600\\n"'
    assert not is_known("\U0001f600")
    assert is_known("ß")
