"""Trust policies: which logs are known and which witnesses must have cosigned. Source: C2SP tlog-policy.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <name>...
    quorum <name>|none

One item a line, words parted by spaces or tabs, `#` begins a comment line; a name is defined before its use and is a
member of one group at most. Names are octets: bytes that are not UTF-8 are kept as surrogate escapes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from muniment.core.errors import Malformed, Untrusted
from muniment.log.checkpoint import Checkpoint, parse_checkpoint
from muniment.log.note import (
    COSIGNATURES,
    ED25519,
    Note,
    NoteVerifier,
    cosigned_at,
    format_vkey,
    parse_note,
    parse_vkey,
    verify_note,
)

NO_QUORUM = "none"
_OCTETS = re.compile(rb"[\t\n\x20-\x7e\x80-\xff]*")
_COUNT = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Log:
    """A known log: its key, whose name is the log's origin, and the address it is reached at, or ""."""

    key: NoteVerifier
    url: str = ""


@dataclass(frozen=True, slots=True)
class Witness:
    """A known witness: its name in the policy, its key, and the address it takes checkpoints at, or ""."""

    name: str
    key: NoteVerifier
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group that has witnessed when `threshold` of its members, witnesses or groups, have."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Known logs and witnesses, groups in the order of their definition, and the name that must have witnessed."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint that a policy accepts, and the POSIX time each witness (by its name in the policy) last stated."""

    checkpoint: Checkpoint
    witnesses: Mapping[str, int]


def parse_policy(data: bytes) -> Policy:
    """The policy that a file holds. Raises `Malformed` with the line number."""
    if not _OCTETS.fullmatch(data) or not data.endswith(b"\n"):
        raise Malformed("The trust policy holds a control character or its last line has no end.", "Write plain lines.")
    reader = _Reader()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = re.split("[ \t]+", line.strip(" \t"))
        if words[0] and not words[0].startswith("#"):
            reader.read(f"The trust policy, line {number}", words)
    return reader.policy()


def format_policy(policy: Policy) -> bytes:
    """The bytes of a policy file, thresholds as numbers. Raises `Malformed` for a value that it cannot hold."""
    rows: list[tuple[str, ...]] = [("log", format_vkey(log.key), log.url) for log in policy.logs]
    rows += [("witness", witness.name, format_vkey(witness.key), witness.url) for witness in policy.witnesses]
    rows += [("group", group.name, str(group.threshold), *group.members) for group in policy.groups]
    rows += [("quorum", policy.quorum)]
    data = "".join(" ".join(filter(None, row)) + "\n" for row in rows).encode("utf-8", "surrogateescape")
    if parse_policy(data) != policy:
        raise Malformed(
            "The trust policy cannot be written.", "Define every name once, before its use, without spaces."
        )
    return data


def without_witnesses(policy: Policy) -> Policy:
    """The policy with its logs alone: for the log's makers and for witnesses, who come before the quorum."""
    return replace(policy, witnesses=(), groups=(), quorum=NO_QUORUM)


def check_quorum(policy: Policy, cosigners: Collection[str]) -> None:
    """Holds if the witnesses that cosigned, by their names in the policy, make its quorum; else `Untrusted`.

    Names that are not witnesses count for nothing, those of groups included.
    """
    if policy.quorum == NO_QUORUM:
        return
    witnessed = {witness.name for witness in policy.witnesses} & set(cosigners)
    known = len(witnessed)
    for group in policy.groups:
        if sum(member in witnessed for member in group.members) >= group.threshold:
            witnessed.add(group.name)
    if policy.quorum not in witnessed:
        raise Untrusted(
            f"{known} of {len(policy.witnesses)} known witnesses cosigned, which does not make the quorum.",
            f"Wait for more cosignatures of {policy.quorum}.",
        )


def open_cosigned(note: bytes, policy: Policy) -> Cosigned:
    """The checkpoint of a note that a known log signed and a quorum of witnesses cosigned.

    Raises `Malformed` for its form; `Untrusted` for an unknown log, a lacking quorum, or a false signature by any key
    the policy knows.
    """
    opened = parse_note(note)
    checkpoint = parse_checkpoint(opened.text)
    signers = {key for key, _ in verify_note(opened, [log.key for log in policy.logs])}
    if not any(log.key in signers and log.key.name == checkpoint.origin for log in policy.logs):
        raise Untrusted(f"No known key of the log {checkpoint.origin} signed the checkpoint.", "Add its log line.")
    times = cosigned_by(opened, policy)
    check_quorum(policy, times)
    return Cosigned(checkpoint, times)


def cosigned_by(note: Note, policy: Policy) -> Mapping[str, int]:
    """The POSIX time that each witness of the policy states on a note, by its name. Raises `Untrusted` for a lie."""
    names = {witness.key: witness.name for witness in policy.witnesses}
    times: dict[str, int] = {}
    for key, signature in verify_note(note, names):
        times[names[key]] = max(cosigned_at(signature), times.get(names[key], 0))
    return times


@dataclass(slots=True)
class _Reader:
    """A policy as far as it is read."""

    logs: list[Log] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    quorum: str = ""
    defined: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)

    def read(self, what: str, words: list[str]) -> None:
        match words:
            case ["log", key] | ["log", key, _]:
                keys = [log.key for log in self.logs]
                self.logs.append(Log(_key(what, key, (ED25519,), keys), *words[2:]))
            case ["witness", name, key] | ["witness", name, key, _]:
                keys = [witness.key for witness in self.witnesses]
                self._define(what, name)
                self.witnesses.append(Witness(name, _key(what, key, COSIGNATURES, keys), *words[3:]))
            case ["group", name, count, _, *_]:
                self._join(what, words[3:])
                self._define(what, name)
                self.groups.append(Group(name, _threshold(what, count, len(words) - 3), tuple(words[3:])))
            case ["quorum", name]:
                self._set_quorum(what, name)
            case _:
                raise Malformed(f"{what}, is not a log, witness, group or quorum line.", "Correct the line.")

    def policy(self) -> Policy:
        if not self.quorum:
            raise Malformed("The trust policy has no quorum line.", "Write `quorum none` to need no witness.")
        return Policy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), self.quorum)

    def _define(self, what: str, name: str) -> None:
        if name == NO_QUORUM or name in self.defined:
            raise Malformed(f"{what}, defines {name!r}, which is taken.", "Choose another name.")
        self.defined.add(name)

    def _join(self, what: str, names: list[str]) -> None:
        for name in names:
            if name not in self.defined:
                raise Malformed(f"{what}, names {name!r}, which is not defined above it.", "Define it first.")
            if name in self.members:
                raise Malformed(f"{what}, names {name!r}, which is a member already.", "Let it count in one place.")
            self.members.add(name)

    def _set_quorum(self, what: str, name: str) -> None:
        if self.quorum:
            raise Malformed(f"{what}, sets a second quorum.", "Write one quorum line.")
        if name != NO_QUORUM and name not in self.defined:
            raise Malformed(f"{what}, names {name!r}, which is not defined above it.", "Define it first.")
        self.quorum = name


def _key(what: str, text: str, kinds: tuple[int, ...], others: list[NoteVerifier]) -> NoteVerifier:
    try:
        key = parse_vkey(text)
    except Malformed as error:
        raise Malformed(f"{what}: {error.fact}", error.remedy) from error
    if key.type not in kinds:
        raise Malformed(f"{what}, has a key of type {key.type}.", "Logs have type 1, witnesses type 4 or 6.")
    if any(other.public == key.public for other in others):
        raise Malformed(f"{what}, repeats a public key.", "List every log and witness once.")
    return key


def _threshold(what: str, count: str, members: int) -> int:
    if count in ("any", "all"):
        return 1 if count == "any" else members
    if not _COUNT.fullmatch(count) or int(count) > members:
        raise Malformed(f"{what}, asks for {count[:20]!r} of {members} members.", "Write any, all, or 1 up to them.")
    return int(count)
