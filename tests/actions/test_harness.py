"""The harness reads what the runner reads, and refuses what it does not understand."""

import pytest

from tests.actions.harness import _Context, _Expression, _fill, _runs, read_annotations, read_outputs, run_action

CONTEXT = _Context(
    {"push": "true", "site": "", "say": "it's"}, {"GITHUB_TOKEN": "t"}, {"a": {"code": "1"}}, {"temp": "/t"}
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("inputs.push == 'true'", True),
        ("inputs.push == 'TRUE'", True),
        ("inputs.site != ''", False),
        ("inputs.say == 'it''s'", True),
        ("steps.a.outputs.code != '0' && inputs.push == 'true'", True),
        ("steps.none.outputs.code", ""),
        ("!(inputs.site || inputs.push)", False),
        ("inputs.site || 'b'", "b"),
        ("github.token", "t"),
        ("always() && success()", True),
    ],
)
def test_expressions(text, value):
    assert _Expression(text, CONTEXT, True).value() == value


@pytest.mark.parametrize("text", ["secrets.key", "fromJSON('1') + 1", "inputs.push ==", "matrix.os", "'a' < 'b'"])
def test_expressions_it_does_not_know(text):
    with pytest.raises((NotImplementedError, KeyError, IndexError)):
        _Expression(text, CONTEXT, True).value()


def test_a_step_after_a_failure_runs_only_if_it_says_so():
    assert not _runs("inputs.push == 'true'", CONTEXT, ok=False)
    assert _runs("always() && inputs.push == 'true'", CONTEXT, ok=False)
    assert _runs("${{ failure() }}", CONTEXT, ok=False)


def test_text_around_expressions_stays():
    assert _fill("a ${{ inputs.push }}-${{ inputs.site }}b", CONTEXT) == "a true-b"


def test_outputs_in_both_forms():
    assert read_outputs("a=1=2\nb<<E\nx\ny=z\nE\nc=\n") == {"a": "1=2", "b": "x\ny=z", "c": ""}
    for bad in ("no output\n", "b<<E\nx\n", "=x\n"):
        with pytest.raises(ValueError, match=r"not an output|no end"):
            read_outputs(bad)


def test_commands_nobody_meant_are_an_error():
    assert read_annotations("x\n::error title=A%3A B::c%0Ad\n") == [("error", "A: B", "c\nd")]
    for bad in ("::add-mask::x", "::set-output name=a::b", " ::stop-commands::x", "a ##[error]b"):
        with pytest.raises(ValueError, match="command"):
            read_annotations(bad)


ACTION = """
inputs: {path: {required: true}, mode: {default: a}}
outputs: {seen: {value: "${{ steps.one.outputs.seen }}"}}
runs:
  using: composite
  steps:
    - id: python
      uses: actions/setup-python@0 # v0
      with: {python-version: "3.13"}
    - id: one
      shell: bash
      env: {P: "${{ inputs.path }}", PY: "${{ steps.python.outputs.python-path }}"}
      run: |
        echo "seen=$P $PY" >>"$GITHUB_OUTPUT"
        echo "# summary" >>"$GITHUB_STEP_SUMMARY"
        echo "::warning::careful"
        false | true
        echo unreachable
    - shell: bash
      run: echo not run
    - shell: bash
      if: failure() && inputs.mode == 'a'
      run: echo tidied
"""


def test_an_action_runs_as_the_runner_runs_it(tmp_path):
    (tmp_path / "action.yml").write_text(ACTION)
    uses = {"actions/setup-python": lambda given: {"python-path": f"python{given['python-version']}"}}
    ran = run_action(tmp_path, {"path": "$(touch x)"}, tmp_path, tmp_path, {"PATH": "/usr/bin:/bin"}, uses)
    assert not ran.ok
    assert ran.outputs == {"seen": "$(touch x) python3.13"}
    assert ran.annotations == [("warning", "", "careful")]
    assert ran.summary == "# summary\n"
    assert ran.log.splitlines()[-1] == "tidied"
    assert "not run" not in ran.log
    with pytest.raises(AssertionError, match="unexpected"):
        run_action(tmp_path, {"path": "", "pth": ""}, tmp_path, tmp_path, {}, uses)
    with pytest.raises(AssertionError, match="missing"):
        run_action(tmp_path, {}, tmp_path, tmp_path, {}, uses)
