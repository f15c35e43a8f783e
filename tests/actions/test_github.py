"""What a job is told: nothing in a value ends it early, begins a command or outgrows the runner's limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.errors import Missing, Untrusted, Usage
from muniment.interop import github
from muniment.interop.github import Annotation, Level, format_annotation, format_output, in_actions, open_job
from tests.actions.harness import read_annotations, read_outputs

TEXTS = st.text(st.characters(codec="utf-8"))
HOSTILE = ["", "a\nb=c", "EOF", "x<<EOF\nEOF", "::error::no", "$(id)", "`id`", "a\n\n", "ü\u200b", "%0A%25"]


@pytest.fixture
def job(tmp_path):
    lines: list[str] = []
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    return open_job(environ, lines.append), lines, tmp_path


def test_only_actions_is_actions():
    assert in_actions({"GITHUB_ACTIONS": "true"})
    for environ in ({}, {"CI": "true"}, {"GITHUB_ACTIONS": "false"}):
        assert not in_actions(environ)
        assert open_job(environ, print) is None


def test_a_job_without_files_loses_nothing_else(tmp_path):
    lines: list[str] = []
    job = open_job({"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": ""}, lines.append)
    assert job is not None
    job.set_output("a", "b")
    job.write_summary("c")
    job.annotate(Annotation(Level.NOTICE, "d"))
    assert lines == ["::notice::d"]


@pytest.mark.parametrize("value", HOSTILE)
def test_an_output_is_what_was_given_and_no_other(job, value):
    told, _, folder = job
    told.set_output("first", value)
    told.set_output("second", "2")
    assert read_outputs((folder / "output").read_text("utf-8")) == {"first": value, "second": "2"}


@given(TEXTS)
def test_any_text_is_one_output(value):
    text = format_output("name", value, "0123456789abcdef") + format_output("after", "1", "0123456789abcdef")
    assert read_outputs(text) == {"name": value, "after": "1"}


def test_a_value_cannot_know_its_delimiter(job):
    told, _, folder = job
    for _ in range(3):
        told.set_output("a", "b")
    marks = [line for line in (folder / "output").read_text().splitlines() if line.startswith("a<<")]
    assert len(set(marks)) == 3
    assert all(len(mark) >= 3 + 32 for mark in marks)
    with pytest.raises(Usage):
        format_output("a", "x\nmark\ny", "mark")


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a\nb", "1a", "a" * 101, "a<<b"])
def test_bad_names_of_outputs(name):
    with pytest.raises(Usage):
        format_output(name, "x", "mark")


def test_an_output_has_a_limit():
    with pytest.raises(Usage, match="larger than 1000000 bytes"):
        format_output("a", "ü" * 500_001, "mark")


@given(st.sampled_from(list(Level)), TEXTS, TEXTS)
def test_any_annotation_is_one_line_and_reads_back(level, message, title):
    line = format_annotation(Annotation(level, message, title))
    assert not set("\r\n") & set(line)
    assert read_annotations(line) == [(level.value, github.plain(title), github.plain(message))]


def test_what_moves_a_terminal_is_written_as_its_number():
    assert github.plain("a\x1b[2J\r\x07b\nü\u202e") == "a\\u001b[2J\\u000d\\u0007b\nü\\u202e"


def test_the_eleventh_annotation_is_not_lost(job):
    told, lines, _ = job
    told.annotate(*[Annotation(Level.ERROR, f"e{i}") for i in range(13)], Annotation(Level.NOTICE, "n"))
    seen = read_annotations("\n".join(lines))
    errors = [message for level, _, message in seen if level == "error"]
    assert errors[:9] == [f"e{i}" for i in range(9)]
    assert errors[9:] == ["4 more are in the summary and the log of this step."]
    assert [message for level, _, message in seen if level == "notice"] == ["n"]


def test_exactly_ten_annotations_are_shown():
    ten = [Annotation(Level.WARNING, str(i)) for i in range(10)]
    assert github.fit_annotations(ten) == ten


def test_a_summary_is_cut_where_it_is_full(job):
    told, _, folder = job
    told.write_summary("# One")
    told.write_summary("ü" * github.SUMMARY_LIMIT)
    told.write_summary("never seen")
    data = (folder / "summary").read_bytes()
    assert len(data) <= github.SUMMARY_LIMIT
    text = data.decode("utf-8")
    assert text.startswith("# One\nüü")
    assert "The rest is left out" in text
    assert "never seen" not in text


@given(TEXTS, st.integers(0, 2 * github.SUMMARY_LIMIT))
def test_a_summary_never_grows_over_the_limit(text, used):
    assert len(github.fit_summary(text, used)) <= max(0, github.SUMMARY_LIMIT - used)


@pytest.mark.parametrize(
    "text", ["a|b", "<img src=x>", "[x](javascript:y)", "`a`", "# h", "@everyone", "a\nb", "![](x)", "&lt;"]
)
def test_a_cell_means_itself(text):
    cell = github.cell(text)
    assert "\n" not in cell
    assert "<" not in cell
    assert not [i for i, c in enumerate(cell) if c in "|`[]!*_" and cell[i - 1] != "\\"]


def test_a_table():
    assert github.table(("a", "b"), [("1", "x|y")]) == "| a | b |\n| --- | --- |\n| 1 | x\\|y |\n"


@pytest.mark.parametrize("line", ["::add-mask::x", "  ::error::x", "a ##[command]b", "plain :: text"])
def test_text_for_people_is_no_command(line):
    assert read_annotations(github.inert(line)) == []


def test_an_error_is_told_to_the_job(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "s"))
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    github.report_error(Untrusted("The checkpoint of <x> is\nnot signed.", "Fetch it again."))
    github.report_error(Missing("model.onnx does not exist."))
    out, err = capsys.readouterr()
    assert out == ""
    assert read_annotations(err) == [
        ("error", "Refused", "The checkpoint of <x> is\nnot signed. Fetch it again."),
        ("error", "Could not be done", "model.onnx does not exist."),
    ]
    assert "&lt;x&gt; is not signed" in (tmp_path / "s").read_text()


def test_outside_of_actions_nothing_is_told(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "o"))
    github.report({"a": "b"}, "c", [Annotation(Level.ERROR, "d")])
    assert capsys.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
