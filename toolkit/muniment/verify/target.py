"""What `verify` is pointed at: a registry folder, a site's address or a pack, with artifacts held against it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from muniment.core.errors import Malformed, Mismatch, Missing, Unreachable
from muniment.core.instant import format_instant
from muniment.core.name import VersionId
from muniment.evidence.artifact import measure
from muniment.registry.fold import History
from muniment.registry.judges.common import SKEW
from muniment.registry.redaction import Unproven, unproven
from muniment.registry.state import State
from muniment.registry.store import LIMIT, Reader
from muniment.registry.store.local import LocalStore
from muniment.registry.store.places import is_address, open_reader
from muniment.registry.words import name_of
from muniment.verify.age import Dated, check_age, date_of, spell_span
from muniment.verify.memory import Departed, Memory, Seen
from muniment.verify.pack import open_pack
from muniment.verify.replay import Known, Replayed, Vouched, criteria, verify_registry, witnessed
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

    `history` is that of a whole registry, None for a pack; `note` is the signed checkpoint, and `resumed` entries were
    verified before. `vouched` says who stands behind the checkpoint besides the
    log's key; `replayed_by` names those witnesses that the pins take to have derived themselves what is asserted.
    `unproven` is what redactions left of records and of the decisions that rested on them.
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
    unproven: tuple[Unproven, ...] = ()
    history: History | None = None
    note: bytes = b""
    resumed: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """How a reader verifies, beyond the pins: what is remembered and kept, and how old a checkpoint may be at `now`."""

    memory: Memory | None = None
    max_age: timedelta | None = None
    now: datetime | None = None
    processes: int = 1


ALONE = Reading()


def demands(target: str, trust: Trust, reading: Reading) -> tuple[str, ...]:
    """What verification of a target will demand, in words, before it is done."""
    lines = list(criteria(trust, reader_of(target) is not None))
    if reading.memory is not None:
        lines.append(f"checkpoint continues the one that {reading.memory.place} remembers, if it does")
    if reading.max_age is not None:
        lines.append(f"checkpoint at most {spell_span(reading.max_age)} old")
    return tuple(lines)


def verify_target(target: str, files: list[Path], trust: Trust, reading: Reading = ALONE) -> Verified:
    """Verifies a target and holds files against it. Raises `Rejected` or `Unchecked` errors.

    Where the checkpoint departs from what is remembered, both are kept beside the memory. `remember` comes last.
    """
    seen = reading.memory.recall(trust) if reading.memory is not None else None
    reader = reader_of(target)
    try:
        if reader is None:
            return _pack(target, files, trust, reading, seen)
        return _whole(target, reader, files, trust, reading, seen)
    except Departed as departed:
        if reading.memory is not None and seen is not None:
            reading.memory.keep(seen, departed)
        raise


def remember(done: Verified, trust: Trust, reading: Reading) -> None:
    """Remembers what was verified, where the reader has a memory."""
    if reading.memory is not None:
        fresh = done.history is not None and done.resumed < done.size
        reading.memory.remember(trust, done.note, done.history.state if done.history is not None and fresh else None)


def reader_of(target: str) -> Reader | None:
    """Reads the registry or site that a target is; None for what may be a pack."""
    if is_address(target):
        return open_reader(target)
    path = Path(target)
    return LocalStore(path) if os.path.isdir(path) else None


def _whole(
    target: str, reader: Reader, files: list[Path], trust: Trust, reading: Reading, seen: Seen | None
) -> Verified:
    known = Known(seen, reading.memory.snapshot(seen) if reading.memory is not None else None)
    replayed = verify_registry(reader, trust, known=known, processes=reading.processes)
    history, state = replayed.history, replayed.history.state
    dated = _dated(replayed.vouched, state, trust, reading)
    newest = tuple(sorted(state.versions, key=lambda v: state.versions[v].events[0], reverse=True))
    return Verified(
        target,
        trust.origin,
        state.size,
        trust.sandbox,
        _as_of(state),
        (
            *_replayed_facts(replayed),
            f"{len(state.versions)} versions",
            *unproven_facts(state),
            *_continued(seen, reading),
        ),
        _vouched(replayed.vouched, dated, reading.now),
        tuple(found for path in files for found in _hold(path, state, newest)),
        unproven=unproven(state),
        history=history,
        note=history.note,
        resumed=replayed.resumed,
    )


def _pack(target: str, files: list[Path], trust: Trust, reading: Reading, seen: Seen | None) -> Verified:
    opened = open_pack(_read(Path(target)), trust, seen)
    state, version = opened.state, opened.version
    dated = _dated(opened.vouched, state, trust, reading)
    standing = f"{version} is {_standing(state, version)} as of checkpoint {opened.checkpoint.size} ({_as_of(state)})"
    word = "nothing revokes it" if state.versions[version].retired is None else "nothing else is said of it"
    by = ", ".join(opened.replayed_by) or "nobody"
    checked = f"{len(state.entries)} entries of its story checked again by the rules then in force"
    told = (f"{standing}; {word}, asserted by the log and replayed by: {by}", checked)
    return Verified(
        target,
        trust.origin,
        opened.checkpoint.size,
        trust.sandbox,
        _as_of(state),
        (*told, *unproven_facts(state), *_continued(seen, reading)),
        _vouched(opened.vouched, dated, reading.now),
        tuple(found for file in files for found in _hold(file, state, (version,))),
        opened.asserted,
        opened.replayed_by,
        (*opened.unlisted, *(() if files else ("no artifact was given, so none was compared",))),
        unproven(state),
        note=opened.note,
    )


def unproven_facts(state: State) -> tuple[str, ...]:
    """What cannot be derived again, in words, and on whose word it rests."""
    lines = list[str]()
    for one in unproven(state):
        told = f"{_count(one.records, 'record')} redacted: unproven since entry {one.by} ({_listed(one.records)})"
        rested = f"{_count(one.decisions, 'decision')} looked at what entry {one.by} redacted"
        word = f"only the word of {name_of(state, one.by)}, who signed it, is left for that"
        lines += [told, f"{rested} ({_listed(one.decisions)}): {word}"] if one.decisions else [told]
    return tuple(lines)


def _count(indexes: tuple[int, ...], noun: str) -> str:
    return f"{len(indexes)} {noun}{'' if len(indexes) == 1 else 's'}"


def _listed(indexes: tuple[int, ...]) -> str:
    return f"{'entry' if len(indexes) == 1 else 'entries'} {', '.join(map(str, indexes))}"


def _dated(vouched: Vouched, state: State, trust: Trust, reading: Reading) -> Dated:
    dated = date_of(vouched, state, trust.policy)
    if reading.now is not None:
        check_age(dated, reading.max_age, reading.now)
    return dated


def _replayed_facts(replayed: Replayed) -> tuple[str, ...]:
    size, before = replayed.history.checkpoint.size, replayed.resumed
    if not before:
        return (f"{size} entries replayed, every decision and state root derived again",)
    return (f"{size - before} entries replayed since entry {before}, up to which it was verified before",)


def _continued(seen: Seen | None, reading: Reading) -> tuple[str, ...]:
    if reading.memory is None:
        return ()
    if seen is None:
        return ("nothing was remembered of it: what is seen now is the beginning",)
    return (f"continues the checkpoint of {seen.checkpoint.size} entries that was remembered",)


def _vouched(vouched: Vouched, dated: Dated, now: datetime | None) -> tuple[str, ...]:
    ahead = f", which is after {format_instant(now)}, the time here" if now and dated.at - now > SKEW else ""
    return (*witnessed(vouched), f"dated {format_instant(dated.at)} by {dated.by}{ahead}")


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
