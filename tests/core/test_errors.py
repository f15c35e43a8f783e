import inspect

import pytest

from muniment.core import errors
from muniment.core.errors import Conflict, MunimentError, Refused, Rejected, Unchecked, Usage

EVERY = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, MunimentError)]


@pytest.mark.parametrize("kind", EVERY)
def test_a_message_is_a_fact_and_a_remedy(kind):
    error = kind("The log is cut short.", "Fetch it again.")
    assert str(error) == "The log is cut short. Fetch it again."
    assert (error.fact, error.remedy) == ("The log is cut short.", "Fetch it again.")
    assert str(kind("The log is cut short.")) == "The log is cut short."


def test_false_and_unknown_share_no_class_and_no_code():
    false = {kind for kind in EVERY if issubclass(kind, Rejected)}
    unknown = {kind for kind in EVERY if issubclass(kind, Unchecked)}
    assert len(false) >= 4
    assert len(unknown) >= 4
    assert not false & unknown
    assert {kind.exit_code for kind in false} == {1}
    assert {kind.exit_code for kind in unknown} == {3}


def test_the_other_codes():
    assert (Usage.exit_code, Conflict.exit_code, MunimentError.exit_code) == (2, 4, 70)
    assert {kind.exit_code for kind in EVERY} == {1, 2, 3, 4, 70}


def test_every_error_has_a_parent_that_says_what_it_means():
    orphans = [kind for kind in EVERY if kind is not MunimentError and not issubclass(kind, Rejected | Unchecked)]
    assert set(orphans) == {Usage, Conflict}


def test_a_refusal_carries_its_findings():
    refusal = Refused("One rule failed.", findings=["a finding"], waits=True)
    assert refusal.findings == ("a finding",)
    assert refusal.waits
    assert not Refused("No.").waits
