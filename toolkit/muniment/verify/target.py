"""What `verify` is pointed at: a registry folder, a site's address or a pack, with artifacts held against it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from muniment.core.errors import Malformed, Mismatch, Missing, Unreachable
from muniment.core.instant import format_instant
from muniment.core.name import VersionId
from muniment.evidence.artifact import measure
from muniment.registry.fold import History
from muniment.registry.state import State
from muniment.registry.store import LIMIT, Reader
from muniment.registry.store.http import HttpReader
from muniment.registry.store.local import LocalStore
from muniment.verify.pack import open_pack
from muniment.verify.replay import verify_registry, witnessed
from muniment.verify.trust import Trust


@dataclass(frozen=True, slots=True)
class HeldFile:
    """An artifact that was found to be of a version."""

    path: str
    digest: str
    version: str
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """What verification established; `asserted` rests on the log's word, `not_checked` on nothing.

    `history` is that of a whole registry, None for a pack. `vouched` says who stands behind the checkpoint besides the
    log's key; `replayed_by` names those witnesses that the pins take to have derived themselves what is asserted.
    """

    target: str
    origin: str
    size: int
    sandbox: bool
    as_of: str
    facts: tuple[str, ...]
    vouched: tuple[str, ...]
    files: tuple[HeldFile, ...]
    asserted: tuple[str, ...] = ()
    replayed_by: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    history: History | None = None


def verify_target(target: str, files: list[Path], trust: Trust) -> Verified:
    """Verifies a target and holds files against it. Raises `Rejected` or `Unchecked` errors."""
    reader = reader_of(target)
    if reader is None:
        return _pack(target, Path(target), files, trust)
    return _whole(target, reader, files, trust)


def reader_of(target: str) -> Reader | None:
    """Reads the registry or site that a target is; None for what may be a pack."""
    if is_address(target):
        return HttpReader(target)
    path = Path(target)
    return LocalStore(path) if os.path.isdir(path) else None


def is_address(target: str) -> bool:
    """Whether a target is a site's address."""
    return target.startswith(("http://", "https://"))


def _whole(target: str, reader: Reader, files: list[Path], trust: Trust) -> Verified:
    replayed = verify_registry(reader, trust)
    history, state = replayed.history, replayed.history.state
    facts = (
        f"{history.checkpoint.size} entries replayed, every decision and state root derived again",
        f"{len(state.versions)} versions",
    )
    newest = tuple(sorted(state.versions, key=lambda v: state.versions[v].events[0], reverse=True))
    held = tuple(found for path in files for found in _hold(path, state, newest))
    vouched = witnessed(replayed.vouched)
    as_of = _as_of(state)
    return Verified(target, trust.origin, state.size, trust.sandbox, as_of, facts, vouched, held, history=history)


def _pack(target: str, path: Path, files: list[Path], trust: Trust) -> Verified:
    opened = open_pack(_read(path), trust)
    state, version = opened.state, opened.version
    facts = (
        f"{version} is {_standing(state, version)} as of entry {opened.checkpoint.size} ({_as_of(state)})",
        f"{len(state.entries)} entries of its story checked again by the rules then in force",
    )
    held = tuple(found for file in files for found in _hold(file, state, (version,)))
    unchecked = () if files else ("no artifact was given, so none was compared",)
    return Verified(
        target,
        trust.origin,
        opened.checkpoint.size,
        trust.sandbox,
        _as_of(state),
        facts,
        witnessed(opened.vouched),
        held,
        opened.asserted,
        opened.replayed_by,
        unchecked,
    )


def _hold(path: Path, state: State, versions: tuple[VersionId, ...]) -> tuple[HeldFile, ...]:
    """Every version that a file is an artifact of: one of them may be retired, and another not. Raises `Mismatch`."""
    measured = measure(path)
    known = (state.versions[v] for v in versions)
    found = tuple(
        HeldFile(str(path), str(measured.digest), str(v.id), ("retired",) if v.retired else state.environments_of(v.id))
        for v in known
        if any(a.digest == measured.digest for a in v.artifacts)
    )
    if found:
        return found
    raise Mismatch(
        f"{path} ({measured.digest}) is no artifact of {', '.join(map(str, versions[:3]))}.",
        "It was changed, or it belongs to another version or registry.",
    )


def _standing(state: State, version: VersionId) -> str:
    retired = state.versions[version].retired
    if retired:
        return f"RETIRED ({retired.category})"
    return " and ".join(f"in {e}" for e in state.environments_of(version)) or "released, in no environment"


def _as_of(state: State) -> str:
    return format_instant(state.admitted_at) if state.admitted_at else ""


def _read(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not make it wait
        with os.fdopen(handle, "rb") as file:
            data = file.read(LIMIT + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
    except FileNotFoundError as error:
        raise Missing(f"{path} does not exist.", "Give a registry folder, a site's address or a pack.") from error
    except OSError as error:
        raise Unreachable(
            f"{path} cannot be read: {error.strerror}.", "Check what it is and its permissions."
        ) from error
    if not data:
        raise Malformed(f"{path} is no file, or empty.", "Make the pack again with muniment pack.")
    if len(data) > LIMIT:
        raise Malformed(f"{path} is larger than {LIMIT} bytes.", "No pack is; make it again with muniment pack.")
    return data
