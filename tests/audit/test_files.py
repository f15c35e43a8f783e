"""The files of a report: pure, self-contained, safe to open anywhere, and written only where a report belongs."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.audit.draw import WIDEST, grid
from muniment.audit.report import report_pages, write_reports
from muniment.audit.tables import guarded
from muniment.core.errors import Missing, Unreachable, Usage
from muniment.core.name import parse_version_id
from muniment.registry.fold import blob_reader
from muniment.registry.store.local import LocalStore
from tests.site.reading import resolve
from tests.site.sample import HOSTILE
from tests.source import TOP

CSP = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"
ONLY = parse_version_id("aiops/cpu-anomaly@2.0.0")
PROGRAM = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from tests.site.sample import sample
from muniment.audit.report import report_pages
story = sample()
total = hashlib.sha256()
for page in report_pages(story.history(), story.blob):
    total.update(page.path.encode() + b"\\0" + hashlib.sha256(page.data).digest())
print(total.hexdigest())
"""


def test_the_bytes_do_not_depend_on_time_zone_locale_or_hash_seed(report):
    total = hashlib.sha256()
    for path, data in report.items():
        total.update(path.encode() + b"\0" + hashlib.sha256(data).digest())
    environ = os.environ | {"PYTHONHASHSEED": "4711", "TZ": "Asia/Kathmandu", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(TOP)], env=environ, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == total.hexdigest()


def test_nothing_runs_and_nothing_is_loaded_from_elsewhere(report, sheets):
    for path, page in sheets.items():
        assert [m["content"] for m in page.all("meta") if m.get("http-equiv")] == [CSP], path
        assert not page.all("script") + page.all("style") + page.all("iframe") + page.all("form")
        assert not [a for _, attributes in page.elements for a in attributes if a == "style" or a.startswith("on")]
        for address in page.loads():
            assert resolve(address, path)[0] in report, (path, address)
    for path in ("assets/muniment.css", "assets/report.css"):
        assert b"url(" not in report[path]
        assert b"@import" not in report[path]


def test_every_link_leads_to_a_file_of_the_report_and_its_anchor(report, sheets):
    seen = 0
    for path, page in sheets.items():
        for link in page.links():
            target, fragment = resolve(link, path)
            assert target in report, (path, link)
            assert not link.endswith("/")
            if fragment:
                seen += 1
                assert fragment in sheets[target].ids, (path, link)
    assert seen > 50


def test_ids_are_given_once(sheets):
    for path, page in sheets.items():
        ids = [a["id"] for _, a in page.elements if a.get("id")]
        assert len(ids) == len(set(ids)), path


def test_words_of_others_are_shown_and_never_run(report, sheets):
    told = [path for path, page in sheets.items() if "gnp.exe" in page.shown]
    assert "models/aiops/cpu-anomaly/2.0.0/index.html" in told
    for path in told:
        data = report[path].decode()
        assert "<script>alert" not in data
        assert "⟨U+202E⟩" in data
        assert "\u202e" not in data
    rows = list(csv.DictReader(io.StringIO(report["entries.csv"].decode())))
    assert any(row["reason"] == HOSTILE.replace("\u202e", "⟨U+202E⟩") for row in rows)


def test_print_is_a4_with_whole_rows_in_light_colours(report):
    style = report["assets/report.css"].decode()
    paper = style[style.index("@media print") :]
    assert re.search(r"@page \{\s*size: A4", style)
    assert "table-header-group" in paper
    assert re.search(r"\.report tr[^{]*\{ break-inside: avoid", paper)
    assert "color-scheme: light" in paper


def test_with_only_there_is_that_version_alone(report, tale):
    alone = {p.path: p.data for p in report_pages(tale.history(), tale.blob, ONLY)}
    folder = "models/aiops/cpu-anomaly/2.0.0"
    pages = {f"{folder}/index.html", f"{folder}/report.json"}
    assert set(alone) == pages | {p for p in report if p.startswith("assets/")}
    assert alone[f"{folder}/report.json"] == report[f"{folder}/report.json"]
    assert b'href="../../../../index.html"' in report[f"{folder}/index.html"]
    assert b'href="../../../../index.html"' not in alone[f"{folder}/index.html"]


def test_a_real_registry_is_written_twice_alike(told, tmp_path):
    written = write_reports(told.history, blob_reader(told.store), tmp_path / "audit")
    assert written[0] == tmp_path / "audit" / "index.html"
    before = {p: p.read_bytes() for p in (tmp_path / "audit").rglob("*") if p.is_file()}
    assert write_reports(told.history, blob_reader(told.store), tmp_path / "audit") == written
    assert {p: p.read_bytes() for p in (tmp_path / "audit").rglob("*") if p.is_file()} == before
    assert "INC-7" in written[0].read_text("utf-8")


def test_a_report_that_was_cut_short_is_written_again(tale, tmp_path, monkeypatch):
    """Half a page is never there, and the folder is known for that of a report."""
    written, whole = [], LocalStore.write

    def full(store, path, data):
        if len(written) == 5:
            raise Unreachable("No space left on device.")
        written.append(path)
        whole(store, path, data)

    monkeypatch.setattr(LocalStore, "write", full)
    with pytest.raises(Unreachable):
        write_reports(tale.history(), tale.blob, tmp_path / "audit")
    monkeypatch.undo()
    pages = write_reports(tale.history(), tale.blob, tmp_path / "audit")
    assert all(page.is_file() for page in pages)


def test_a_folder_with_other_things_is_left_alone(tale, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Usage, match="not empty"):
        write_reports(tale.history(), tale.blob, tmp_path)
    with pytest.raises(Usage, match="not a folder"):
        write_reports(tale.history(), tale.blob, tmp_path / "thesis.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_nothing_is_written_through_a_link(tale, tmp_path):
    out, elsewhere = tmp_path / "audit", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (out / "assets").mkdir(parents=True)
    (out / "assets" / "report.css").write_text("")
    (out / "models").symlink_to(elsewhere)
    with pytest.raises(Usage, match="symbolic link"):
        write_reports(tale.history(), tale.blob, out)
    assert list(elsewhere.iterdir()) == []


def test_nothing_is_written_for_an_unknown_version(tale, tmp_path):
    with pytest.raises(Missing):
        write_reports(tale.history(), tale.blob, tmp_path / "audit", parse_version_id("aiops/none@1"))
    assert not (tmp_path / "audit").exists()


@given(st.text(max_size=20) | st.none() | st.integers())
def test_no_cell_is_a_formula(value):
    cell = guarded(value)
    assert not cell.strip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert "\u202e" not in cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =cmd|'/C calc'!A0", "\t=1"])
def test_a_formula_is_told_as_text(text):
    assert guarded(text) == f"'{text}"


def _metric(name: str, part: str | None = None) -> dict[str, object]:
    return {"metric": name, "slice": part, "value": 1.0}


def test_metrics_are_a_table_where_it_fits_and_hides_nothing():
    table = grid([_metric("f1"), _metric("auc"), _metric("f1", "night")])
    assert table is not None
    assert table["names"] == ["f1", "auc"]
    assert [(r["slice"], [c is not None for c in r["cells"]]) for r in table["rows"]] == [
        (None, [True, True]),
        ("night", [True, False]),
    ]
    assert grid([_metric("f1"), _metric("f1")]) is None
    assert grid([_metric(f"m{n}") for n in range(WIDEST + 1)]) is None
