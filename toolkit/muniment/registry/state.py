"""The registry: what the log adds up to. Values only; `check` makes the next one from the last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from immutables import Map

from muniment.core.digest import Digest
from muniment.core.name import Name, VersionId
from muniment.evidence.kinds import EVIDENCE, THIRD_PARTY
from muniment.log.merkle import Edge, leaf_hash
from muniment.log.statetree import StateTree
from muniment.policy.finding import Finding
from muniment.policy.triggers import Alarm, Numbers, Reading
from muniment.registry.access import AccessReview
from muniment.registry.config import Config
from muniment.registry.event import Approve, Event, ReleasedArtifact, Retire
from muniment.registry.oversight import Waive
from muniment.registry.table import Table
from muniment.signing.identity import Signed

_EMPTY: Map[Any, Any] = Map()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log, checked: `leaf` its bytes, `record` what was signed (None for a state leaf).

    `event` is None for evidence and state leaves; `findings` are what policy said at admission. Where a third party's
    statement was brought in, `record` is it by its own signer, and `carrier` the record that brought it. `unproven` is
    the index of the redact event since which an entry cannot be derived again: of evidence whose bundle goes, which
    then has no `record`, or of a decision that looked at such evidence, which then has no `findings`.
    """

    index: int
    leaf: bytes
    kind: str
    record: Signed | None
    event: Event | None
    admitted_at: datetime
    findings: tuple[Finding, ...] = ()
    carrier: Signed | None = None
    unproven: int | None = None

    @property
    def is_evidence(self) -> bool:
        """Whether it is evidence, or what is left of a third party's; no event, decision or end of a batch is."""
        return self.kind in EVIDENCE or self.kind == THIRD_PARTY


@dataclass(frozen=True, slots=True)
class Tenure:
    """A version's time in an environment, begun by the event at `index`.

    `before` is the digest of the document that this tenure's replaced, so that the last one commits to all.
    """

    version: VersionId
    index: int
    since: datetime
    before: Digest | None = None


@dataclass(frozen=True, slots=True)
class VersionState:
    """One version: what it is bound to, and the events that touched it (log indexes, oldest first)."""

    id: VersionId
    artifacts: tuple[ReleasedArtifact, ...]
    evidence: tuple[Digest, ...]
    released_at: datetime
    events: tuple[int, ...]
    retired: Retire | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval or rejection in the log: who decided what.

    `consumed_by` is the index of the event that used it, `revoked_by` of the one that took it back.
    """

    index: int
    event: Approve
    signer: str
    person: str | None
    at: datetime
    consumed_by: int | None = None
    revoked_by: int | None = None

    def stands(self, at: datetime) -> bool:
        """Whether it still says at a time what it said."""
        return self.revoked_by is None and (self.event.expires is None or at < self.event.expires)

    @property
    def approves(self) -> bool:
        """Whether it is no rejection."""
        return self.event.decision == "approved"


@dataclass(frozen=True, slots=True)
class Waiver:
    """A waiver in the log: for `subjects` alone; `revoked_by` is the index of the event that took it back."""

    index: int
    event: Waive
    subjects: frozenset[Digest]
    revoked_by: int | None = None


@dataclass(frozen=True, slots=True)
class IncidentState:
    """An incident: `events` are its own, `rollbacks` those that answered it; `version` is where it was located last."""

    name: Name
    id: str
    severity: str
    environment: str | None
    opened_at: datetime
    events: tuple[int, ...]
    version: VersionId | None = None
    resolved: bool = False
    rollbacks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Breach:
    """Approvals that the emergency rollback at `index` went without, and owes until `deadline`.

    `rules` are those that lacked approvals, `missing` what each said then. `settled_by` is the approval with which all
    were there.
    """

    index: int
    version: VersionId
    environment: str
    role: str
    rules: tuple[str, ...]
    missing: tuple[str, ...]
    deadline: datetime
    settled_by: int | None = None
    settled_at: datetime | None = None

    def is_overdue(self, at: datetime) -> bool:
        """Whether approvals are or were still owed at a time after the deadline."""
        return self.deadline <= (self.settled_at or at)


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was last said of an instance: by the event at `index` a version runs there, or `status` is stopped."""

    version: VersionId
    environment: str
    instance: str
    status: str
    index: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Observation:
    """One window of run-time numbers, said by the event at `index`."""

    index: int
    begins: datetime
    ends: datetime
    samples: int
    metrics: Mapping[str, float]
    drift: Mapping[str, float]

    @property
    def numbers(self) -> Numbers:
        """What triggers look at."""
        return Numbers(self.metrics, self.drift)


@dataclass(frozen=True, slots=True)
class Observed:
    """The newest windows of a version in an environment, oldest first, and what triggers said of the last one."""

    windows: tuple[Observation, ...] = ()
    readings: tuple[Reading, ...] = ()

    @property
    def fired(self) -> tuple[Reading, ...]:
        """The triggers that fired."""
        return tuple(r for r in self.readings if r.alarm is Alarm.FIRED)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is open about a name: its incidents by id, its breaches by the rollback's entry."""

    incidents: tuple[str, ...] = ()
    breaches: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessState:
    """The last access review, and when it was admitted."""

    index: int
    event: AccessReview
    at: datetime


@dataclass(frozen=True, slots=True)
class Redaction:
    """A record of which only the leaf is left, and the redact event that says so: log indexes."""

    entry: int
    by: int


@dataclass(frozen=True, slots=True)
class Era:
    """Whose signatures count from an entry on: the log's keys, and the Sigstore trusted root by its digest."""

    index: int
    log_keys: tuple[str, ...]
    root: Digest


@dataclass(frozen=True, slots=True)
class State:
    """All that is true after `size` entries.

    `config` is None only before genesis. `eras` begins with genesis and goes on with each rotation. `stages` maps
    (name, environment) to tenures, oldest first, the last one current. `waivers` are by version, `incidents` by name
    and id, `breaches` by name and entry; `open` says what is open about a name that ever had an incident.
    `access` holds the last access review, `deployments` the last status by name, environment and instance, `running` at
    how many of them a version runs in an environment, `observed` the newest windows by version and environment.
    `statements` maps statement digests to log indexes, one a signer; `about` maps an artifact's digest to the indexes
    of the records with it as subject; `redacted` tells which of these are redacted; `last` maps event targets to their
    last event. The tables are documents of the state tree; `tree` is that of the last batch's end, and
    `registry.documents` brings it up to date. `absent` maps every record that cannot be looked at to the redact event
    that names it, which may be still to come. `spelled` maps a name and a version in lower case to the version that is
    there. `edge` is that of the log's tree over the entries.
    """

    size: int = 0
    genesis: Digest | None = None
    admitted_at: datetime | None = None
    config: Config | None = None
    configured_at: int = 0
    eras: tuple[Era, ...] = ()
    versions: Table[VersionId, VersionState] = field(default_factory=Table)
    stages: Table[tuple[Name, str], tuple[Tenure, ...]] = field(default_factory=Table)
    deployments: Table[tuple[Name, str, str], Deployment] = field(default_factory=Table)
    running: Map[tuple[VersionId, str], int] = _EMPTY
    observed: Table[tuple[VersionId, str], Observed] = field(default_factory=Table)
    approvals: Table[Digest, tuple[Approval, ...]] = field(default_factory=Table)
    waivers: Table[VersionId, tuple[Waiver, ...]] = field(default_factory=Table)
    incidents: Table[tuple[Name, str], IncidentState] = field(default_factory=Table)
    breaches: Table[tuple[Name, int], Breach] = field(default_factory=Table)
    open: Table[Name, Trouble] = field(default_factory=Table)
    access: Table[str, AccessState] = field(default_factory=Table)
    statements: Map[Digest, tuple[int, ...]] = _EMPTY
    about: Table[Digest, tuple[int, ...]] = field(default_factory=Table)
    redacted: Table[Digest, tuple[Redaction, ...]] = field(default_factory=Table)
    absent: Map[int, int] = _EMPTY
    last: Map[str, int] = _EMPTY
    entries: Map[int, Entry] = _EMPTY
    spelled: Map[tuple[Name, str], VersionId] = _EMPTY
    owed: Map[int, tuple[str, ...]] = _EMPTY
    edge: Edge = field(default_factory=Edge)
    tree: StateTree = field(default_factory=StateTree, compare=False)

    def grown(self, entry: Entry) -> State:
        """The state with one more line of the log, whatever it says."""
        entries, edge = self.entries.set(entry.index, entry), self.edge.append(leaf_hash(entry.leaf))
        return replace(self, size=entry.index + 1, entries=entries, edge=edge)

    def current(self, name: Name, environment: str) -> VersionId | None:
        """The version that stands in an environment now."""
        tenures = self.stages.get((name, environment), ())
        return tenures[-1].version if tenures else None

    def is_there(self, version: VersionId, environment: str) -> bool:
        """Whether a version stands in an environment, or runs at one of its instances."""
        stands = self.current(version.name, environment) == version
        return stands or self.running.get((version, environment), 0) > 0

    def environments_of(self, version: VersionId) -> tuple[str, ...]:
        """The environments in which a version stands now, in configured order."""
        assert self.config is not None
        return tuple(e for e in self.config.environments if self.current(version.name, e) == version)
