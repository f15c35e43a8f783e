"""A registry on a branch: pushes are the compare-and-swap, and whatever a repository holds is only bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from muniment.core.errors import Conflict, Malformed, Missing, Unreachable, Usage
from muniment.registry.fold import MAX_BUNDLE
from muniment.registry.inbox import submit
from muniment.registry.sequencer import publish
from muniment.registry.store import read_if
from muniment.registry.store.branch import NOBODY, Branch, Change
from muniment.registry.store.git import LARGEST, GitPlace, GitStore, parse_git_place
from muniment.registry.store.places import is_address, is_site, open_reader, open_store
from muniment.registry.store.retry import again
from muniment.verify.replay import verify_registry
from tests.registry.paper import signature
from tests.registry.repositories import files, git, push_file, repository, show, wrap
from tests.registry.shared import Recorder, check_prefixes
from tests.registry.test_crash import killed
from tests.world import World, make_world, now


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A registry with only its genesis; tests put it in repositories."""
    made = make_world(tmp_path_factory.mktemp("ready"))
    yield made
    made.sandbox.__exit__(None, None, None)


@pytest.fixture
def bare(ready: World, tmp_path: Path) -> Path:
    repository(ready.store, tmp_path / "remote.git")
    return tmp_path / "remote.git"


def bundle(world: World, content: bytes = b"model") -> bytes:
    return world.sign("trainer", signature(content)).data


# Addresses


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("git+https://h/r.git", GitPlace("https://h/r.git", None, "", "inbox")),
        ("git+ssh://git@h:22/r", GitPlace("ssh://git@h:22/r", None, "", "inbox")),
        ("git+file:///r#main", GitPlace("file:///r", "main", "", "inbox")),
        ("git+https://h/r#a/b:c/d", GitPlace("https://h/r", "a/b", "c/d", "inbox")),
        ("git+https://h/r#:d,inbox=in/box", GitPlace("https://h/r", None, "d", "in/box")),
        ("git+https://h/r#main,inbox=main", GitPlace("https://h/r", "main", "", "main")),
    ],
)
def test_addresses(text: str, place: GitPlace) -> None:
    assert parse_git_place(text) == place


@pytest.mark.parametrize(
    "text",
    [
        *("git+https://", "git+http://h/r", "git+ext::sh", "git+ftp://h/r", "git+https://h/r #main", "git+ssh:/h/r"),
        *("git+https://h/r#-main", "git+https://h/r#main:../x", "git+https://h/r#main:/x", "git+https://h/r#a..b"),
        *(
            "git+https://h/r#main:x:y",
            "git+https://h/r#main,inbox=",
            "git+https://h/r#main,other=x",
            "git+https://h/r#*",
        ),
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Usage):
        parse_git_place(text)


def test_a_password_in_an_address_is_refused_and_never_told() -> None:
    with pytest.raises(Usage, match="password") as caught:
        open_store("git+https://me:S3CRET@h/r")
    assert "S3CRET" not in str(caught.value)


def test_a_token_in_an_address_is_never_told(tmp_path: Path) -> None:
    store = open_store("git+https://T0KEN@127.0.0.1:1/r.git#main", 0)
    assert "T0KEN" not in store.place
    with pytest.raises(Unreachable, match="cannot be fetched") as caught:
        store.read("checkpoint")
    assert "T0KEN" not in str(caught.value)


def test_one_function_says_what_kind_of_place_a_text_names(tmp_path: Path) -> None:
    assert (open_store(str(tmp_path)).place, open_reader("https://h/x/").place) == (str(tmp_path), "https://h/x")
    assert [is_site(p) for p in ("http://h", "git+https://h", "x")] == [True, False, False]
    assert [is_address(p) for p in ("http://h", "git+https://h", "s3://b", "x", "c:/x")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    for place in ("https://h/x", "ftp://h/x", "file:///x"):
        with pytest.raises(Usage):
            open_store(place)


# Submit and publish


@pytest.mark.parametrize("where", ["", "#main", "#main:sub/folder", "#,inbox=in/box", "#main,inbox=main"])
def test_submit_and_publish(ready: World, tmp_path: Path, where: str) -> None:
    folder = "sub/folder" if "folder" in where else ""
    place = repository(ready.store, tmp_path / "remote.git", folder) + where
    remote, top = tmp_path / "remote.git", f"{folder}/" if folder else ""
    inbox = where.partition("inbox=")[2] or "inbox"
    data = [bundle(ready, b"%d" % i) for i in range(3)]
    paths = submit(open_store(place), *data)
    assert [path for path in files(remote, inbox) if "inbox/" in path] == sorted(f"{top}{path}" for path in paths)
    done = publish(open_store(place), ready.key, now())
    assert [e.kind for e in done.admitted] == ["signature"] * 3 + ["state"]
    assert not [path for path in files(remote, inbox) if "inbox/" in path]
    assert show(remote, f"{top}checkpoint") == done.history.note
    verified = verify_registry(open_reader(place), ready.trust).history
    assert verified.checkpoint == done.history.checkpoint


def test_what_is_committed_when(ready: World, bare: Path) -> None:
    """Entries first, and the checkpoint that signs them in a commit of its own behind it."""
    store = open_store(f"git+file://{bare}")
    submit(store, bundle(ready))
    publish(store, ready.key, now())
    assert git(bare, "log", "--format=%s", "main").splitlines() == [
        "Checkpoint of 4 entries",
        "Entries up to 4",
        "begin",
    ]
    assert show(bare, "checkpoint", "main~1") == show(bare, "checkpoint", "main~2")
    assert len(show(bare, "log/000.jsonl", "main~1").splitlines()) == 4
    assert git(bare, "log", "--format=%s", "inbox").splitlines() == ["Checkpoint of 4 entries", "Submit 1 bundle"]


def test_a_publish_with_nothing_to_do_pushes_nothing(ready: World, bare: Path) -> None:
    assert publish(open_store(f"git+file://{bare}"), ready.key, now()).admitted == ()
    assert git(bare, "log", "--all", "--format=%s") == "begin"


def test_the_committer_is_the_users_or_nobody(ready: World, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(bare / "none"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    submit(open_store(f"git+file://{bare}"), bundle(ready, b"1"))
    assert git(bare, "log", "-1", "--format=%cn <%ce>", "inbox") == NOBODY
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Ada")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "ada@example.org")
    submit(open_store(f"git+file://{bare}"), bundle(ready, b"2"))
    assert git(bare, "log", "-1", "--format=%cn <%ce>", "inbox") == "Ada <ada@example.org>"


def test_it_works_from_within_another_repositorys_hook(
    ready: World, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    assert submit(open_store(f"git+file://{bare}"), bundle(ready))


# Others push too


class RacedStore(GitStore):
    """A place where others do something just before our pushes of a message."""

    def __init__(self, place: str, before: dict[str, Callable[[], object]]) -> None:
        super().__init__(parse_git_place(place))
        self.before = before

    def commit(self, message: str) -> None:
        self.before.pop(message.partition(" ")[0], lambda: None)()
        super().commit(message)


def rival(world: World, place: str, record: Path, content: bytes) -> None:
    submit(open_store(place), bundle(world, content))
    publish(open_store(place), Recorder(world.key, record), now())


@pytest.mark.parametrize("moment", ["Entries", "Checkpoint"])
@pytest.mark.parametrize("where", ["", "#main,inbox=main"])
def test_another_sequencer_comes_between(ready: World, bare: Path, tmp_path: Path, moment: str, where: str) -> None:
    place, ours, theirs = f"git+file://{bare}{where}", tmp_path / "ours", tmp_path / "theirs"
    store = RacedStore(place, {moment: lambda: rival(ready, place, theirs, b"theirs")})
    submit(open_store(place), bundle(ready, b"ours"))
    with pytest.raises(Conflict, match="was changed by somebody else"):
        publish(store, Recorder(ready.key, ours), now())
    assert ours.exists() == (moment == "Checkpoint")  # leaves that lost are never signed
    done = again(lambda: publish(store, Recorder(ready.key, ours), now()), 3)
    history = verify_registry(open_reader(place), ready.trust).history
    assert done.history.checkpoint == history.checkpoint
    assert [e.kind for e in history.entries].count("signature") == 2
    assert check_prefixes([ours, theirs], history.leaves) >= 1
    assert not [path for path in files(bare, where.partition("=")[2] or "inbox") if "inbox/" in path]


def test_pushes_of_other_files_are_no_conflict(ready: World, bare: Path) -> None:
    """The registry's branch moved, its log did not: what was checked still holds."""
    place = f"git+file://{bare}#main,inbox=main"
    store = RacedStore(
        place,
        {
            "Entries": lambda: push_file(bare, "main", "README.md", b"read me"),
            "Checkpoint": lambda: submit(open_store(place), bundle(ready, b"later")),
        },
    )
    submit(open_store(place), bundle(ready))
    assert [e.kind for e in publish(store, ready.key, now()).admitted] == ["signature", "state"]
    assert "README.md" in files(bare)
    assert len([path for path in files(bare) if path.startswith("inbox/")]) == 1


def test_retries_end(ready: World, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody pushes before each of our pushes; nothing is signed."""
    place, record = f"git+file://{bare}", tmp_path / "signed"
    submit(open_store(place), bundle(ready))
    other = f"""case "$*" in *push*)
      new=$(real --git-dir="{bare}" -c user.name=t -c user.email=t@t commit-tree -p main -m other "main^{{tree}}")
      real --git-dir="{bare}" update-ref refs/heads/main "$new"; echo x >>"{tmp_path}/pushes";;
    esac
    real "$@" """
    monkeypatch.setenv("PATH", f"{wrap(tmp_path / 'bin', other)}:{os.environ['PATH']}")
    with pytest.raises(Conflict, match="each time first") as caught:
        publish(open_store(place, 2), Recorder(ready.key, record), now())
    assert not caught.value.soon
    assert (tmp_path / "pushes").read_text().count("x") == 3
    assert not record.exists()


@pytest.mark.parametrize("failing", ["push", "fetch"])
def test_a_reply_that_is_lost(
    ready: World, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """The push went through and git says it did not: it is looked up, and not done twice. A fetch is done again."""
    place = f"git+file://{bare}"
    submit(open_store(place), bundle(ready))
    lossy = (
        f'real "$@" || exit $?; case "$*" in *"{failing} --"*) echo "fatal: the remote hung up" >&2; exit 128;; esac'
    )
    monkeypatch.setenv("PATH", f"{wrap(tmp_path / 'bin', lossy)}:{os.environ['PATH']}")
    if failing == "push":
        assert [e.kind for e in publish(open_store(place), ready.key, now()).admitted] == ["signature", "state"]
        assert git(bare, "rev-list", "--count", "main") == "3"
    else:
        with pytest.raises(Unreachable, match="hung up"):
            publish(open_store(place), ready.key, now())


def test_a_remote_that_declines(ready: World, bare: Path, tmp_path: Path) -> None:
    place, record = f"git+file://{bare}", tmp_path / "signed"
    submit(open_store(place), bundle(ready))
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(Unreachable, match=r"refused the push: .*pre-receive hook declined"):
        publish(open_store(place), Recorder(ready.key, record), now())
    assert not record.exists()
    assert git(bare, "log", "--format=%s", "main") == "begin"


def test_killed_before_every_git_command(
    ready: World, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(open_store(f"git+file://{bare}"), bundle(ready))
    path, turn, record = os.environ["PATH"], tmp_path / "turn", tmp_path / "signed"
    deadly = f'read n <"{turn}"; [ "$n" -gt 0 ] || kill -9 $PPID; echo $((n - 1)) >"{turn}"; real "$@"'
    deadly = wrap(tmp_path / "bin", deadly)
    for lives in range(100):
        remote = tmp_path / f"{lives}.git"
        git(tmp_path, "clone", "--quiet", "--mirror", str(bare), str(remote))
        place = f"git+file://{remote}"
        turn.write_text(f"{lives}\n")
        monkeypatch.setenv("PATH", f"{deadly}:{path}")
        died = killed(lambda place=place: publish(open_store(place), Recorder(ready.key, record), now()))
        monkeypatch.setenv("PATH", path)
        assert verify_registry(open_reader(place), ready.trust).history.checkpoint.size in (2, 4)
        pending = show(remote, "log/000.jsonl")
        publish(open_store(place), ready.key, now())
        history = verify_registry(open_reader(place), ready.trust).history
        assert [e.kind for e in history.entries[2:]] == ["signature", "state"]
        assert show(remote, "log/000.jsonl").startswith(pending)
        assert files(remote, "inbox") == []
        check_prefixes([record], history.leaves)
        record.unlink(missing_ok=True)
        if not died:
            break
    assert 15 < lives < 99


# What a repository may hold


def test_no_repository_and_no_branch(ready: World, bare: Path, tmp_path: Path) -> None:
    for place in (f"git+file://{tmp_path}/none.git", f"git+file://{tmp_path}/none.git#main"):
        with pytest.raises(Unreachable):
            open_store(place).read("checkpoint")
    with pytest.raises(Missing):
        open_store(f"git+file://{bare}#other").read("checkpoint")
    with pytest.raises(Missing):
        open_store(f"git+file://{bare}#main:other").read("checkpoint")
    assert open_store(f"git+file://{bare}").list("inbox") == []
    git(tmp_path, "init", "--quiet", "--bare", str(tmp_path / "empty.git"))
    with pytest.raises(Missing):
        open_store(f"git+file://{tmp_path}/empty.git").read("checkpoint")


def test_no_git(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreachable, match="no git command"):
        open_store(f"git+file://{bare}").read("checkpoint")


@pytest.mark.parametrize("filters", [True, False])
def test_what_is_in_the_inbox_and_no_bundle(ready: World, bare: Path, filters: bool) -> None:
    """Links, modules, names that no protocol of git's own carries, and a file that is not even fetched."""
    place = f"git+file://{bare}"
    git(bare, "config", "uploadpack.allowFilter", str(filters).lower())
    submit(open_store(place), bundle(ready))
    hostile = ["inbox/new\nline.sigstore.json", "inbox/\udcff.sigstore.json", 'inbox/"q\\.sigstore.json']
    for path in hostile:
        push_file(bare, "inbox", path, b"{}")
    push_file(bare, "inbox", "inbox/link.sigstore.json", b"../checkpoint", "120000")
    push_file(bare, "inbox", "inbox/huge.sigstore.json", bytes(MAX_BUNDLE + 1))
    push_file(bare, "inbox", "inbox/folder/x.sigstore.json", b"{}")
    push_file(bare, "inbox", "inbox/README.md", b"leave bundles here")
    push_file(bare, "inbox", "inbox/module.sigstore.json", git(bare, "rev-parse", "main").encode(), "160000")
    store = open_store(place)
    done = publish(store, ready.key, now())
    assert [e.kind for e in done.admitted] == ["signature", "state"]
    told = {t.path: t.error.fact for t in done.turned}
    assert len(told) == 5
    assert "is a link" in told["inbox/link.sigstore.json"]
    assert "larger than" in told["inbox/huge.sigstore.json"]
    assert set(files(bare, "inbox")) == {
        "inbox/README.md",
        "inbox/folder/x.sigstore.json",
        "inbox/module.sigstore.json",
    }


def test_a_file_too_large_is_not_fetched(bare: Path) -> None:
    git(bare, "config", "uploadpack.allowFilter", "true")
    push_file(bare, "inbox", "inbox/huge", bytes(LARGEST + 1))
    branch = Branch(f"file://{bare}", "inbox", "", LARGEST)
    assert branch.names("inbox") == ["inbox/huge"]
    sizes = sum(path.stat().st_size for path in branch._clone.rglob("*") if path.is_file())
    assert sizes < 100_000
    with pytest.raises(Malformed, match="larger than"):
        branch.read("inbox/huge", LARGEST)
    branch.push([Change("inbox/huge", None, None)], "gone")
    assert files(bare, "inbox") == []


def test_attributes_filters_and_hooks_of_a_repository_do_nothing(
    ready: World, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, before = f"git+file://{bare}", show(bare, "registry.yaml")
    push_file(bare, "main", ".gitattributes", b"* text eol=crlf filter=evil export-ignore\n")
    config = tmp_path / "config"
    config.write_text(f'[filter "evil"]\n\tsmudge = touch {tmp_path}/pwned\n\tclean = touch {tmp_path}/pwned\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    store = open_store(place)
    assert store.read("registry.yaml") == before
    submit(store, bundle(ready))
    publish(store, ready.key, now())
    assert not (tmp_path / "pwned").exists()
    assert read_if(store, "nothing") is None
