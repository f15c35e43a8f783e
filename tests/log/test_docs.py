"""The worked example in the room's docstring is true."""

import doctest

import muniment.log


def test_the_worked_example_holds():
    result = doctest.testmod(muniment.log)
    assert result.attempted > 20
    assert result.failed == 0
