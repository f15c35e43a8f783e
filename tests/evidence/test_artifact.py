import hashlib
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.errors import Malformed, Missing
from muniment.evidence.artifact import check_member, measure, part, read_document, walk


def sha(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def test_a_file_is_measured_by_its_bytes(tmp_path):
    path = tmp_path / "model ünï.bin"
    path.write_text("weights")
    measured = measure(path)
    assert (measured.digest.raw, measured.size, measured.name) == (sha("weights"), 7, "model ünï.bin")
    assert [f.path for f in measured.files] == ["model ünï.bin"]
    assert not measured.directory


def test_a_directory_is_measured_by_its_manifest_in_code_point_order(tmp_path):
    # "a-b/x" comes before "a/x" by code point, after it by path component.
    for name, text in {"a/x": "1", "a-b/x": "2", "é": "3", "Z": "4"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    measured = measure(tmp_path)
    assert [f.path for f in measured.files] == ["Z", "a-b/x", "a/x", "é"]
    assert measured.digest.raw == hashlib.sha256(sha("4") + sha("2") + sha("1") + sha("3")).digest()
    assert (measured.size, measured.directory, measured.links) == (4, True, False)


def test_many_files_are_measured_as_one_by_one(tmp_path):
    texts = {f"f{i:03}": "x" * (i % 7 + 1) for i in range(300)}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    expected = hashlib.sha256(b"".join(sha(texts[name]) for name in sorted(texts))).digest()
    assert measure(tmp_path).digest.raw == expected


def test_a_file_larger_than_the_buffer(tmp_path):
    data = os.urandom((1 << 20) * 2 + 17)
    (tmp_path / "large").write_bytes(data)
    assert measure(tmp_path / "large").digest.raw == hashlib.sha256(data).digest()


def test_the_name_of_dot_paths(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "w").write_text("w")
    monkeypatch.chdir(folder)
    assert measure(Path(".")).name == "model"
    assert measure(Path("../model")).name == "model"
    assert measure(Path("..")).name == tmp_path.name
    assert measure(Path("..")).files[0].path == "model/w"


def test_an_empty_file_beside_others_counts(tmp_path):
    (tmp_path / "__init__.py").write_text("")
    alone = measure_or_error(tmp_path)
    assert isinstance(alone, Malformed)
    (tmp_path / "w").write_text("w")
    assert [f.path for f in measure(tmp_path).files] == ["__init__.py", "w"]


def test_a_link_inside_is_followed_and_told(tmp_path):
    (tmp_path / "real").write_text("x")
    (tmp_path / "alias").symlink_to("real")
    measured = measure(tmp_path)
    assert measured.links
    assert [f.digest.raw for f in measured.files] == [sha("x"), sha("x")]


def measure_or_error(path):
    try:
        return measure(path)
    except (Malformed, Missing) as error:
        return error


def build(kind, path, outside):
    path.mkdir()
    (path / "ok").write_text("ok")
    member = path / "member"
    match kind:
        case "link out":
            member.symlink_to(outside)
        case "link up":
            member.symlink_to("..")
        case "link to a directory":
            (path / "sub").mkdir()
            (path / "sub" / "f").write_text("f")
            member.symlink_to("sub")
        case "link to nothing":
            member.symlink_to("nowhere")
        case "link to itself":
            member.symlink_to("member")
        case "FIFO":
            os.mkfifo(member)
        case "socket":
            held = socket.socket(socket.AF_UNIX)
            os.chdir(path)
            held.bind("member")
            held.close()
        case "line feed in a name":
            (path / "a\nb").write_text("x")
        case "not UTF-8":
            (path / os.fsdecode(b"\xff")).write_text("x")
        case "turning name":
            (path / "cod\u202etxt.exe").write_text("x")


@pytest.mark.parametrize(
    "kind",
    [
        "link out",
        "link up",
        "link to a directory",
        "link to nothing",
        "link to itself",
        "FIFO",
        "socket",
        "line feed in a name",
        "not UTF-8",
        "turning name",
    ],
)
def test_members_that_cannot_be_measured(tmp_path, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outside = tmp_path / "outside"
    outside.write_text("secret")
    build(kind, tmp_path / "model", outside)
    with pytest.raises(Malformed) as raised:
        measure(tmp_path / "model")
    assert raised.value.remedy


def test_paths_that_cannot_be_measured(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "empty").mkdir()
    (tmp_path / "nothing").write_text("")
    assert isinstance(measure_or_error(tmp_path / "absent"), Missing)
    assert isinstance(measure_or_error(tmp_path / "nothing" / "below"), Missing)
    for name in ("fifo", "empty", "nothing"):
        assert isinstance(measure_or_error(tmp_path / name), Malformed), name
    assert isinstance(measure_or_error(tmp_path / "a\0b"), Malformed)
    assert "FIFO" in str(measure_or_error(tmp_path / "fifo"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_files_are_missing(tmp_path):
    (tmp_path / "locked").write_text("x")
    (tmp_path / "locked").chmod(0)
    with pytest.raises(Missing, match="Permission denied"):
        measure(tmp_path)


@given(st.text(max_size=30))
def test_a_member_that_is_accepted_stays_inside(text):
    try:
        check_member(text)
    except Malformed:
        return
    assert not text.startswith("/")
    assert os.path.normpath(text) == text
    assert text.isprintable() or any(ord(c) > 127 for c in text)
    assert text.encode()


@pytest.mark.parametrize(
    "text", ["", "/a", "../a", "a/../b", "a//b", "./a", "a/", ".", "..", "a\tb", "a\x7f", "a\u2028b"]
)
def test_members_that_lead_out_or_hide(text):
    with pytest.raises(Malformed):
        check_member(text)


def test_part_is_measured_as_if_alone(tmp_path):
    for name in ("data/a/x", "data/a/y", "data/a.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    whole = measure(tmp_path / "data")
    assert part(whole, "a") == part(whole, "a/") == measure(tmp_path / "data/a").digest
    assert part(whole, "a.csv") == measure(tmp_path / "data/a.csv").digest
    with pytest.raises(Missing):
        part(whole, "b")


def test_walk_reads_nothing(tmp_path):
    (tmp_path / "b").write_text("")
    (tmp_path / "a").write_text("")
    assert [f.path for f in walk(tmp_path)] == ["a", "b"]


def test_documents_are_files(tmp_path):
    with pytest.raises(Malformed):
        read_document(tmp_path)
    with pytest.raises(Missing):
        read_document(tmp_path / "recipe.yaml")
