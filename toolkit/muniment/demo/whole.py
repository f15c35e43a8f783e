"""The whole demo: the story told in a folder, then site, packs and audit report made of it, verified, and attacked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from muniment.core.errors import Missing, MunimentError, Rejected, Usage
from muniment.core.name import VersionId
from muniment.demo import pipeline, story
from muniment.demo.nab import find_group
from muniment.demo.stage import Clock, Say, Stage, Told, make_sandbox
from muniment.evidence.artifact import walk
from muniment.registry.fold import blob_reader
from muniment.signing.sandbox import Sandbox
from muniment.verify.pack import make_pack
from muniment.verify.target import verify_target
from muniment.verify.trust import Trust, parse_trust

PARTS = ("registry", "site", "keys", "pack", "audit", "work", "tampered", "witness", "trust.json")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo left in its folder: what happened in order, the packs, and how an altered file was caught."""

    said: tuple[Told, ...]
    entries: int
    packs: tuple[Path, ...]
    model: Path
    caught: tuple[str, ...]


def run_demo(folder: Path, data: Path | None, force: bool, say: Say, clock: Clock) -> Outcome:
    """Tells the story in a folder. Raises `Usage` for one with other things in it, `Missing` without extra or data."""
    check_ready()
    find_group(data or pipeline.SAMPLE)  # before anything is made or replaced
    folder = folder.absolute()  # the steps run in folders of their own
    _clear(folder, force)
    with _opened(folder / "keys" / "sandbox") as sandbox:
        stage = Stage(folder, sandbox, say, clock)
        story.tell(stage, data or pipeline.SAMPLE)
    say("a neighbour replays the log and cosigns it")
    stage.cosign()
    packs = _publish(stage)
    trust = parse_trust((folder / "trust.json").read_bytes())
    say("verifying registry and packs from trust.json alone")
    _verify(stage, packs, trust)
    say("altering copies, to see that it is caught")
    caught = _attack(stage, packs, trust)
    return Outcome(tuple(stage.said), stage.state.size, tuple(packs.values()), _model(stage, next(iter(packs))), caught)


def check_ready() -> None:
    """Raises `Missing` where the extra `demo` is not installed."""
    from importlib.util import find_spec

    if find_spec("sklearn") is None:
        raise Missing("The demo trains with scikit-learn, which is not installed.", "pip install 'muniment[demo]'")


def _clear(folder: Path, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise Usage(f"{folder} is not a folder.", "Name a new or empty folder.")
    found = sorted(p.name for p in folder.iterdir()) if folder.exists() else []
    if found and not force:
        raise Usage(f"{folder} is not empty.", "Name a new folder, or give --force to replace an earlier demo.")
    foreign = [name for name in found if name not in PARTS]
    if foreign:
        raise Usage(f"{folder} holds {foreign[0]}, which no demo made.", "Name another folder; nothing was removed.")
    for name in found:
        shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()
    folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def _opened(keys: Path) -> Iterator[Sandbox]:
    make_sandbox(keys)
    with Sandbox(keys) as sandbox:
        yield sandbox


def _publish(stage: Stage) -> dict[VersionId, Path]:
    """Builds the site and the audit report, and a pack for each version of a model."""
    from muniment.audit.report import write_reports
    from muniment.site.writer import build_site

    stage.say("building the site")
    build_site(stage.store, stage.history, stage.folder / "site")
    stage.say("writing packs and audit report")
    write_reports(stage.history, blob_reader(stage.store), stage.folder / "audit")
    return {version: _pack(stage, version) for version in _models(stage)}


def _models(stage: Stage) -> list[VersionId]:
    """The released models, those in production first."""
    found = sorted(v.id for v in stage.state.versions.values() if v.artifacts[0].kind == "model")
    return sorted(found, key=lambda v: story.PRODUCTION not in stage.state.environments_of(v))


def _pack(stage: Stage, version: VersionId) -> Path:
    path = stage.folder / "pack" / f"{version.name.name}-{version.version}.pack"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(make_pack(stage.history, version, blob_reader(stage.store)))
    return path


def _model(stage: Stage, version: VersionId) -> Path:
    return stage.workspace / pipeline.model_folder(version.name.name, version.version)


def _verify(stage: Stage, packs: dict[VersionId, Path], trust: Trust) -> None:
    models = [_model(stage, version) for version in packs]
    verify_target(str(stage.store.root), models, trust)
    for version, pack in packs.items():
        verify_target(str(pack), [_model(stage, version)], trust)


def _attack(stage: Stage, packs: dict[VersionId, Path], trust: Trust) -> tuple[str, ...]:
    """Flips one byte in a copy of a pack and in a copy of a model; each must be caught."""
    version, pack = next(iter(packs.items()))
    copies = stage.folder / "tampered"
    shutil.copytree(_model(stage, version), copies / _model(stage, version).name)
    shutil.copy(pack, copies / pack.name)
    model = copies / _model(stage, version).name
    flip(copies / pack.name)
    flip(model / walk(model)[-1].path)
    attempts = ((copies / pack.name, _model(stage, version)), (pack, model))
    return tuple(_caught(str(target), path, trust) for target, path in attempts)


def flip(path: Path) -> None:
    """Changes one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def _caught(target: str, path: Path, trust: Trust) -> str:
    try:
        verify_target(target, [path], trust)
    except MunimentError as error:
        return error.fact
    raise Rejected(f"{target} was altered, and nothing noticed.", "Do not use this build of muniment.")
