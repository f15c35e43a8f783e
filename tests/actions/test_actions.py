"""The actions as a job runs them: the trainer's workflow attests, the sequencer publishes, anybody verifies.

GitHub's side is the sandbox's: its ambient identity token, its certificates with the workflow's extensions.
"""

from __future__ import annotations

import html
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from muniment.core.document import Source
from muniment.evidence import oms
from muniment.evidence.artifact import measure
from muniment.log.note import Cosigner, format_skey
from muniment.log.witness import read_path
from muniment.registry import propose
from muniment.registry.genesis import configure_statement, read_configuration, with_log_keys
from muniment.registry.inbox import submit
from muniment.registry.sequencer import publish
from muniment.registry.store.local import LocalStore
from muniment.verify.replay import verify_registry
from muniment.verify.trust import format_trust
from tests.actions.harness import Ran, run_action
from tests.source import TOP
from tests.world import POLICY, World, now, registry_document

ACTIONS = TOP / ".github" / "actions"
USES = {"actions/setup-python": lambda given: {"python-path": sys.executable}}
Run = Callable[..., Ran]


@pytest.fixture
def job(world: World, tmp_path: Path) -> Run:
    """Runs an action in a workspace that holds the registry as a git clone, with the trainer's identity."""
    temp = tmp_path / "runner"
    temp.mkdir()
    _installed(temp)
    (tmp_path / "trust-config.json").write_text(world.sandbox.trust_config())
    (tmp_path / "trust.json").write_bytes(format_trust(world.trust))
    _git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
    _git(world.store.root, "init", "--quiet", "--initial-branch=main")
    _git(world.store.root, "remote", "add", "origin", str(tmp_path / "remote.git"))
    _commit_all(world.store.root)
    here = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(temp), "PYTHONPATH": str(TOP / "toolkit")}
    environ = {**here, **world.sandbox.environ("trainer")}

    def run(action: str, **inputs: str) -> Ran:
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        return run_action(ACTIONS / action, given, tmp_path, temp, environ, USES)

    return run


def _installed(temp: Path) -> None:
    """Puts this environment where install.sh makes one: what pip does there is no matter for tests without network."""
    done = subprocess.run(["cksum"], input=str(TOP), capture_output=True, text=True, check=True)
    place = temp / f"muniment-{done.stdout.split()[0]}"
    place.mkdir()
    (place / "bin").symlink_to(Path(sys.prefix) / "bin")


def _git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _commit_all(folder: Path) -> None:
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "-m", "begin")
    _git(folder, "push", "--quiet", "origin", "HEAD")


def _model(folder: Path, name: str = "model v1 (ü)") -> Path:
    model = folder / name
    model.mkdir()
    (model / "model.bin").write_bytes(b"weights of a model")
    return model


def _key(world: World) -> str:
    return format_skey(world.key)


def test_attest_publish_and_verify(job: Run, world: World, tmp_path: Path):
    model = _model(tmp_path)
    made = job(
        "attest",
        artifact=model.name,
        registry="registry",
        version="aiops/cpu-anomaly@1.0.0",
        trust_config="trust-config.json",
    )
    assert made.ok, made.log
    statements, submitted = (made.outputs[name].split("\n") for name in ("statements", "submitted"))
    assert len(statements) == len(submitted) == 2
    assert all((world.store.root / path).is_file() for path in submitted)
    assert made.summary.count("is signed and waits in the inbox") == 2
    assert made.annotations == []

    before = (world.store.root / "checkpoint").read_text()
    published = job("publish", registry="registry", log_key=_key(world), site="site")
    assert published.ok, published.log
    _check_order(tmp_path / "remote.git", before, world)
    expected = {"size": "5", "admitted": "3", "waiting": "0", "refused": "0"}
    assert {name: published.outputs[name] for name in expected} == expected
    assert published.outputs["root"] == world.history.checkpoint.root.hex()
    assert "| release | aiops/cpu-anomaly@1.0.0 |" in html.unescape(published.summary)
    assert (tmp_path / "site" / "index.html").is_file()

    verified = job("verify", target="registry", trust="trust.json", files=f"{model.name}\n")
    assert verified.ok, verified.log
    assert verified.outputs == {
        "verified": "true",
        "origin": world.trust.origin,
        "size": "5",
        "sandbox": "true",
        "versions": "aiops/cpu-anomaly@1.0.0",
    }
    assert "**Demanded**" in verified.summary
    assert "sandbox: it proves nothing" in verified.summary


def _check_order(remote: Path, before: str, world: World) -> None:
    """Entries are pushed first and the checkpoint that signs them last; no key is."""
    log = _git(remote, "log", "--format=%s", "main").splitlines()
    assert log == ["Checkpoint of 5 entries", "Entries up to 5", "Submissions", "begin"]
    assert _git(remote, "show", "main~1:checkpoint") == before.strip()
    assert _git(remote, "show", "main:checkpoint") == (world.store.root / "checkpoint").read_text().strip()
    assert len(_git(remote, "show", "main~1:log/000.jsonl").splitlines()) == 5
    assert "log.key" not in _git(remote, "ls-tree", "-r", "--name-only", "main")


def test_a_publish_with_nothing_new_pushes_nothing(job: Run, world: World, tmp_path: Path):
    ran = job("publish", registry="registry", log_key=_key(world))
    assert ran.ok, ran.log
    assert ran.outputs["admitted"] == "0"
    assert _git(tmp_path / "remote.git", "log", "--format=%s", "main") == "begin"


def _sign(world: World, who: str, model: Path) -> None:
    submit(world.store, world.sign(who, oms.signature_statement(measure(model))).data)


def test_others_pushed_since_the_checkout(job: Run, world: World, tmp_path: Path):
    """One changed another file, one was a whole publish: both stand, and what was checked out is not what is signed."""
    other, remote = tmp_path / "other", tmp_path / "remote.git"
    _git(tmp_path, "clone", "--quiet", "remote.git", str(other))
    (other / "note.txt").write_text("first")
    submit(LocalStore(other), world.sign("trainer", oms.signature_statement(measure(_model(tmp_path, "theirs")))).data)
    publish(LocalStore(other), world.key, now())
    _commit_all(other)
    _sign(world, "trainer", _model(tmp_path))
    ran = job("publish", registry="registry", log_key=_key(world), site="site")
    assert ran.ok, ran.log
    assert (ran.outputs["size"], ran.outputs["admitted"]) == ("6", "2")
    assert _git(remote, "show", "main:note.txt") == "first"
    assert _git(remote, "show", "main:checkpoint") == (world.store.root / "checkpoint").read_text().strip()
    assert verify_registry(world.store, world.trust).history.checkpoint.size == 6
    assert (tmp_path / "site" / "index.html").is_file()


def test_a_push_that_is_declined_signs_nothing(job: Run, world: World, tmp_path: Path):
    _sign(world, "trainer", _model(tmp_path))
    _commit_all(world.store.root)
    hook = tmp_path / "remote.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    ran = job("publish", registry="registry", log_key=_key(world), site="site")
    assert not ran.ok
    assert "pre-receive hook declined" in ran.log
    assert [(level, title) for level, title, _ in ran.annotations] == [("error", "Could not be done")]
    assert not (tmp_path / "site").exists()
    assert (world.store.root / "checkpoints" / "4").exists() is False


@pytest.mark.parametrize(
    ("spoil", "why"),
    [(("checkout", "--quiet", "--detach"), "is on no branch"), (("remote", "remove", "origin"), "has no remote")],
)
def test_a_folder_that_cannot_be_pushed_from(job: Run, world: World, spoil: tuple[str, ...], why: str):
    _git(world.store.root, *spoil)
    ran = job("publish", registry="registry", log_key=_key(world))
    assert not ran.ok
    assert [why in message for _, _, message in ran.annotations] == [True]


def test_a_refusal_is_told_and_the_rest_is_published(job: Run, world: World, tmp_path: Path):
    _sign(world, "trainer", _model(tmp_path))
    _sign(world, "stranger", _model(tmp_path, "stolen"))
    ran = job("publish", registry="registry", log_key=_key(world), site="site")
    assert not ran.ok
    assert {name: ran.outputs[name] for name in ("admitted", "refused", "size")} == {
        "admitted": "2",
        "refused": "1",
        "size": "4",
    }
    assert [(level, title) for level, title, _ in ran.annotations] == [("error", "Refused")]
    assert "**Refused**" in ran.summary
    assert _git(tmp_path / "remote.git", "log", "-1", "--format=%s", "main") == "Checkpoint of 4 entries"
    assert (tmp_path / "site" / "index.html").is_file()


def test_a_submission_that_is_none_keeps_nothing_back(job: Run, world: World, tmp_path: Path):
    _sign(world, "trainer", _model(tmp_path))
    (world.store.root / "inbox" / "junk.sigstore.json").write_text("{}")
    ran = job("publish", registry="registry", log_key=_key(world), site="site")
    assert not ran.ok
    assert (ran.outputs["admitted"], ran.outputs["refused"]) == ("2", "1")
    assert _git(tmp_path / "remote.git", "log", "-1", "--format=%s", "main") == "Checkpoint of 4 entries"
    assert not (world.store.root / "inbox" / "junk.sigstore.json").exists()


def test_the_log_is_pushed_whole_and_nothing_else(job: Run, world: World, tmp_path: Path):
    _sign(world, "trainer", _model(tmp_path))
    (world.store.root / ".gitignore").write_text("log/\ncheckpoints/\nblob\n*.jsonl\n")
    (world.store.root / "secret.txt").write_text("left here by another step")
    assert job("publish", registry="registry", log_key=_key(world)).ok
    pushed = set(_git(tmp_path / "remote.git", "ls-tree", "-r", "--name-only", "main").splitlines())
    kept = {str(p.relative_to(world.store.root)) for p in world.store.root.rglob("*") if ".git" not in p.parts}
    assert pushed == {name for name in kept if (world.store.root / name).is_file()} - {".gitignore", "secret.txt"}


def test_what_waits_for_an_approval_is_a_warning(job: Run, world: World):
    version = world.release("aiops/cpu-anomaly@1.0.0")
    statement = propose.promote(world.state, version, "production", "it is better", now())
    submit(world.store, world.sign("operator", statement).data)
    ran = job("publish", registry="registry", log_key=_key(world), push="false")
    assert ran.ok, ran.log
    assert ran.outputs["waiting"] == "1"
    assert [(level, title) for level, title, _ in ran.annotations] == [("warning", "promote waits")]
    assert "**Waiting**" in ran.summary
    assert "approvals-required" in ran.summary


def test_a_changed_file_does_not_verify(job: Run, world: World, tmp_path: Path):
    world.release("aiops/cpu-anomaly@1.0.0")
    world.model_path().joinpath("model.bin").write_bytes(b"other weights")
    ran = job("verify", target="registry", trust="trust.json", files=world.model_path().name)
    assert not ran.ok
    assert ran.outputs["verified"] == ""
    ((level, title, message),) = ran.annotations
    assert (level, title) == ("error", "Refused")
    assert "is no artifact of" in message


def test_a_registry_cannot_bring_its_own_trust(job: Run):
    ran = job("verify", target="registry", trust="registry/trust.json")
    assert not ran.ok
    assert [title for _, title, _ in ran.annotations] == ["Could not be done"]


def test_a_log_that_went_back_does_not_verify_where_it_is_remembered(job: Run, world: World):
    given = {"target": "registry", "trust": "trust.json", "max_age": "1h", "remember": "seen.json"}
    early = world.store.read("checkpoint")
    world.release("aiops/cpu@1.0.0")
    assert job("verify", **given).ok
    world.store.write("checkpoint", early)
    assert job("verify", target="registry", trust="trust.json").ok
    ran = job("verify", **given)
    assert not ran.ok
    assert [title for _, title, _ in ran.annotations] == ["Refused"]
    assert not job("verify", target="registry", trust="trust.json", max_age="soon").ok


WITNESS = Cosigner("witness.example/w", bytes(range(32)))
WITNESS_KEY = format_skey(WITNESS)


@pytest.fixture
def keeping(world: World, tmp_path: Path) -> Path:
    """A witness's repository with a remote; the world's trust.json pins the log."""
    _git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "witness.git")
    (tmp_path / "witness").mkdir()
    _git(tmp_path / "witness", "init", "--quiet", "--initial-branch=main")
    _git(tmp_path / "witness", "remote", "add", "origin", str(tmp_path / "witness.git"))
    (tmp_path / "witness" / "README").write_text("a witness")
    _commit_all(tmp_path / "witness")
    return tmp_path / "witness"


def test_the_witness_cosigns_and_its_state_is_pushed(job: Run, world: World, keeping: Path, tmp_path: Path):
    given = {"place": "registry", "key": WITNESS_KEY, "trust": "trust.json", "replay": "true", "state": "witness/state"}
    (keeping / "unrelated").write_text("left here by another step")
    ran = job("witness", **given)
    assert ran.ok, ran.log
    assert ran.outputs == {
        "origin": world.trust.origin,
        "size": "2",
        "root": world.history.checkpoint.root.hex(),
        "witness": WITNESS.vkey,
    }
    assert ran.annotations == []
    assert "### Cosigned" in ran.summary
    half, pushed = f"state/{read_path(world.trust.origin)}", tmp_path / "witness.git"
    names = _git(pushed, "ls-tree", "-r", "--name-only", "main").splitlines()
    assert names == ["README", half, half.replace("checkpoint", "cosigned.json")]
    assert _git(pushed, "log", "-1", "--format=%s", "main") == "Cosigned 2 entries"
    published = job("publish", registry="registry", log_key=_key(world), cosignatures="witness/state\nnowhere\n")
    assert published.ok, published.log
    assert [(level, title) for level, title, _ in published.annotations] == [("warning", "Cosignatures")] * 2


def test_the_publish_action_takes_cosignatures_and_pushes_them(job: Run, world: World, keeping: Path, tmp_path: Path):
    """Of a witness that the configuration names; here it is configured first."""
    document = registry_document() | {"witnessPolicy": [f"witness w {WITNESS.vkey}", "quorum w"]}
    config = with_log_keys(Source("registry.yaml", yaml.safe_dump(document).encode()), (world.key.vkey,))
    text = read_configuration(
        config, Source("policy.yaml", yaml.safe_dump(POLICY).encode()), world.state.config.trusted_root
    )
    world.put("administrator", configure_statement(world.state, text, now()))
    _commit_all(world.store.root)
    assert job("publish", registry="registry", log_key=_key(world)).ok
    job("witness", place="registry", key=WITNESS_KEY, trust="trust.json", state="witness/state")
    ran = job("publish", registry="registry", log_key=_key(world), cosignatures="witness/state")
    assert ran.ok, ran.log
    assert ran.annotations == []
    assert "**Cosigned**" in ran.summary
    note = _git(tmp_path / "remote.git", "show", "main:checkpoint")
    assert note.splitlines()[-1].startswith(f"— {WITNESS.name} ")


def _put_back(job: Run, world: World, action: str, given: dict[str, str]) -> Ran:
    """What an action that saw a log does when an older checkpoint is put back; it fails."""
    world.release("aiops/cpu@1.0.0")
    early = world.store.read("checkpoints/2")
    assert job(action, **given).ok
    world.store.write("checkpoint", early)
    ran = job(action, **given)
    assert not ran.ok
    return ran


def test_a_fork_fails_the_witness_and_its_evidence_is_pushed(job: Run, world: World, keeping: Path, tmp_path: Path):
    given = {"place": "registry", "key": WITNESS_KEY, "trust": "trust.json", "state": "witness/state"}
    ran = _put_back(job, world, "witness", given)
    assert ran.outputs["size"] == ""
    ((level, title, message),) = ran.annotations
    assert (level, title) == ("error", "Refused")
    assert "The log went back: the checkpoint of 2 entries" in message
    names = _git(tmp_path / "witness.git", "ls-tree", "-r", "--name-only", "main").splitlines()
    assert [Path(name).name for name in names if "evidence" in name] == ["seen", "shown"]
    assert _git(tmp_path / "witness.git", "log", "-1", "--format=%s", "main") == "Evidence: not cosigned"


def test_a_witness_that_lost_the_race_fails(job: Run, world: World, keeping: Path, tmp_path: Path):
    """Two runs cosigned: the second push is refused, so only one word is out."""
    other = tmp_path / "other"
    _git(tmp_path, "clone", "--quiet", "witness.git", str(other))
    (other / "note.txt").write_text("first")
    _commit_all(other)
    assert not job("witness", place="registry", key=WITNESS_KEY, trust="trust.json", state="witness/state").ok
    assert "state" not in _git(tmp_path / "witness.git", "ls-tree", "--name-only", "main")


def test_the_monitor_tells_what_is_new_and_its_memory_is_pushed(job: Run, world: World, keeping: Path, tmp_path: Path):
    given = {"place": "registry", "trust": "trust.json", "state": "witness/state"}
    assert job("monitor", **given).outputs["before"] == "0"
    world.release("aiops/cpu@1.0.0")
    ran = job("monitor", **given, names="aiops/cpu\n\naiops/other\n", identities="nobody@example.org\n")
    assert ran.ok, ran.log
    size = str(world.history.checkpoint.size)
    assert ran.outputs == {"origin": world.trust.origin, "size": size, "before": "2", "new": "2", "late": "0"}
    assert [(level, title) for level, title, _ in ran.annotations] == [("notice", "New entry")] * 2
    pushed = tmp_path / "witness.git"
    assert _git(pushed, "log", "-1", "--format=%s", "main") == f"Saw {size} entries"
    assert "published.json" in _git(pushed, "ls-tree", "-r", "--name-only", "main")


def test_a_fork_fails_the_monitor_and_its_evidence_is_pushed(job: Run, world: World, keeping: Path, tmp_path: Path):
    given = {"place": "registry", "trust": "trust.json", "state": "witness/state"}
    ran = _put_back(job, world, "monitor", given)
    assert [(level, title) for level, title, _ in ran.annotations] == [("error", "Refused")]
    assert _git(tmp_path / "witness.git", "log", "-1", "--format=%s", "main") == "Evidence: an alarm"


SHELL = (
    "$(touch pwned) `touch pwned` \"; touch pwned; ' ; touch pwned ; ' && touch pwned || ${{ github.token }} * ? \\ #"
)
LINES = "\nverified=forged\n::error title=forged::forged\n\x1b]0;forged\x07\ntouch pwned"


@pytest.mark.parametrize(
    ("action", "hostile", "rest"),
    [
        ("attest", "artifact", {"registry": "registry", "trust_config": "trust-config.json"}),
        ("attest", "registry", {"artifact": "registry/log", "trust_config": "trust-config.json"}),
        ("attest", "version", {"artifact": "registry/log", "registry": "registry", "signature": "false"}),
        ("publish", "registry", {"log_key": "key", "push": "false"}),
        ("publish", "log_key", {"registry": "registry", "push": "false"}),
        ("verify", "target", {"trust": "trust.json"}),
        ("verify", "trust", {"target": "registry"}),
        ("verify", "files", {"target": "registry", "trust": "trust.json"}),
        ("verify", "max_age", {"target": "registry", "trust": "trust.json"}),
        ("witness", "place", {"key": WITNESS_KEY, "trust": "trust.json", "push": "false"}),
        ("witness", "key", {"place": "registry", "trust": "trust.json", "push": "false"}),
        ("witness", "trust", {"place": "registry", "key": WITNESS_KEY, "push": "false"}),
        ("witness", "log_keys", {"place": "registry", "key": WITNESS_KEY, "push": "false"}),
        ("monitor", "place", {"trust": "trust.json", "push": "false"}),
        ("monitor", "trust", {"place": "registry", "push": "false"}),
        ("monitor", "names", {"place": "registry", "trust": "trust.json", "push": "false"}),
        ("monitor", "inbox_max_age", {"place": "registry", "trust": "trust.json", "push": "false"}),
    ],
)
def test_a_hostile_value_is_only_a_value(job: Run, world: World, tmp_path: Path, action, hostile, rest):
    before = {path: path.read_bytes() for path in world.store.root.rglob("*") if path.is_file()}
    ran = job(action, **{hostile: SHELL + LINES}, **rest)
    assert not ran.ok
    assert not list(tmp_path.rglob("pwned"))
    assert [title for _, title, _ in ran.annotations] == ["Could not be done"]
    assert set(ran.outputs.values()) <= {""}
    assert not set("\x1b\x07") & set(ran.log)
    assert {path: path.read_bytes() for path in world.store.root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("action", "option"),
    [
        ("attest", "artifact"),
        ("publish", "registry"),
        ("verify", "target"),
        ("witness", "place"),
        ("monitor", "place"),
    ],
)
def test_a_value_is_never_an_option(job: Run, action: str, option: str):
    rest = {"attest": {"registry": "registry"}, "publish": {"log_key": "key"}, "verify": {"trust": "trust.json"}}
    rest |= {"witness": {"key": WITNESS_KEY, "trust": "trust.json"}, "monitor": {"trust": "trust.json"}}
    ran = job(action, **{option: "--help"}, **rest[action])
    assert not ran.ok
    assert "Usage" not in ran.log


def test_a_strange_name_is_a_name(job: Run, tmp_path: Path):
    model = _model(tmp_path, "--help $HOME; `id` a'b\"c  ü☂ & #")
    ran = job("attest", artifact=model.name, registry="registry", trust_config="trust-config.json")
    assert ran.ok, ran.log
    assert len(ran.outputs["statements"].split("\n")) == 1


def test_an_action_that_is_asked_for_nothing_says_so(job: Run, tmp_path: Path):
    ran = job("attest", artifact=_model(tmp_path).name, registry="registry", signature="false")
    assert not ran.ok
    assert [title for _, title, _ in ran.annotations] == ["Nothing to attest"]
