"""What every kind of place promises, whatever it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from muniment.core.errors import Conflict, Malformed, Missing
from muniment.registry.store import Store, read_if
from muniment.registry.store.places import open_store
from tests.registry.repositories import git
from tests.registry.s3 import service


@pytest.fixture(params=["folder", "repository", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty place."""
    if request.param == "folder":
        (tmp_path / "registry").mkdir()
        yield str(tmp_path / "registry")
    elif request.param == "repository":
        git(tmp_path, "init", "--quiet", "--bare", "remote.git")
        yield f"git+file://{tmp_path}/remote.git#main:folder"
    else:
        with service(page=3) as running:
            for name, value in running.environ.items():
                monkeypatch.setenv(name, value)
            yield "s3://registry/some/prefix"


def change(place: str, act: Callable[[Store], None]) -> None:
    """A change by a writer of its own."""
    store = open_store(place)
    with store.turn():
        act(store)
        store.commit("change")


def test_what_is_not_there(place: str) -> None:
    store = open_store(place)
    with pytest.raises(Missing):
        store.read("a/b")
    assert read_if(store, "a") is None
    assert store.list("a") == []
    change(place, lambda s: s.remove("a/b"))
    with pytest.raises(Conflict):
        change(place, lambda s: s.swap("a/b", b"old", b"new"))
    assert read_if(open_store(place), "a/b") is None


@pytest.mark.parametrize("data", [b"", b"\n", b"\x00\xff\r\n" * 1000, b"data 3\nM 100644 inline x\n"])
def test_what_is_put_is_what_is_read(place: str, data: bytes) -> None:
    change(place, lambda s: s.put_new("blob/x", data))
    change(place, lambda s: s.put_new("blob/x", data))
    assert open_store(place).read("blob/x") == data


def test_what_never_changes_never_changes(place: str) -> None:
    change(place, lambda s: s.put_new("blob/x", b"one"))
    with pytest.raises(Conflict):
        change(place, lambda s: s.put_new("blob/x", b"two"))
    assert open_store(place).read("blob/x") == b"one"


def test_who_swaps_says_what_was_there(place: str) -> None:
    change(place, lambda s: s.swap("log/0", None, b"one"))
    change(place, lambda s: s.swap("log/0", b"one", b"two"))
    for old in (None, b"one", b"three"):
        with pytest.raises(Conflict):
            change(place, lambda s, old=old: s.swap("log/0", old, b"other"))  # type: ignore[misc]
    assert open_store(place).read("log/0") == b"two"
    for old in (None, b"one", b"two"):  # it is as it should be: a reply may have been lost
        change(place, lambda s, old=old: s.swap("log/0", old, b"two"))  # type: ignore[misc]


def test_a_writer_reads_what_it_wrote(place: str) -> None:
    store = open_store(place)
    with store.turn():
        store.swap("log/0", None, b"one")
        assert store.read("log/0") == b"one"
        assert store.list("log") == ["log/0"]
        store.swap("log/0", b"one", b"two")
        store.put_new("blob/x", b"x")
        store.commit("both")
    assert open_store(place).read("log/0") == b"two"


def test_what_is_taken_away_is_gone(place: str) -> None:
    for name in ("inbox/a", "inbox/b"):
        change(place, lambda s, name=name: s.put_new(name, b"x"))  # type: ignore[misc]
    change(place, lambda s: s.remove("inbox/a"))
    assert open_store(place).list("inbox") == ["inbox/b"]


def test_lists_are_of_one_folder_sorted_and_whole(place: str) -> None:
    names = [f"inbox/{number:02}" for number in range(10)]

    def fill(store: Store) -> None:
        for name in [*reversed(names), "inbox/deeper/x", "inbox/.hidden", "inboxes/x", "top"]:
            store.put_new(name, b"x")

    change(place, fill)
    assert open_store(place).list("inbox") == names
    assert open_store(place).list("none") == []


def test_a_file_that_is_too_large(place: str) -> None:
    change(place, lambda s: s.put_new("inbox/x", bytes(1000)))
    assert len(open_store(place).read("inbox/x", 1000)) == 1000
    with pytest.raises(Malformed, match="larger than 999 bytes"):
        open_store(place).read("inbox/x", 999)


def test_only_a_folder_keeps_others_out(place: str) -> None:
    one, two = open_store(place), open_store(place)
    with one.turn():
        if one.alone:
            with pytest.raises(Conflict, match="Another run") as caught, two.turn():
                pass
            assert not caught.value.soon
        else:
            with two.turn():
                two.put_new("blob/x", b"x")
                two.commit("theirs")
    assert one.alone == (not place.startswith(("git+", "s3:")))
