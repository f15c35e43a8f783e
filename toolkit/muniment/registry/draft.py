"""The log as a publish will leave it: pending batches taken over, submissions judged, batches ended.

A batch never crosses the end of a leaf file: it is ended there, if need be by a batch of nothing, and the next one goes
on. So every batch comes to be by the writing of one file. Readers take any log; this is the sequencer's habit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from muniment.core.digest import Digest
from muniment.core.errors import Conflict, Missing, MunimentError, Refused, Unreachable
from muniment.core.instant import format_instant
from muniment.evidence.kinds import DECISIONS, EVENTS, EVIDENCE, kind_of
from muniment.evidence.statement import format_statement
from muniment.log.lines import LEAVES
from muniment.registry import decision
from muniment.registry.check import check
from muniment.registry.documents import settle
from muniment.registry.fold import Batch, Blob, batches, end_batch, fold_batch, open_bundle, state_root, verify_bundle
from muniment.registry.inbox import Item, Limits
from muniment.registry.judges.common import SKEW
from muniment.registry.leaf import StateLeaf, derive_leaf, format_state_leaf, parse_line
from muniment.registry.state import State
from muniment.signing.bundle import Bundle
from muniment.signing.identity import Signed
from muniment.signing.keyless import Signer

PATIENCE = timedelta(days=30)
RANK = {kind: rank for rank, kind in enumerate([*EVIDENCE, *EVENTS, *DECISIONS])}


@dataclass(frozen=True, slots=True)
class Turned:
    """A submission that was not admitted: `waits` if it stays in the inbox."""

    path: str
    kind: str
    statement: Digest | None
    error: MunimentError
    waits: bool


@dataclass(slots=True)
class _Candidate:
    path: str
    bundle: Bundle
    signed: Signed
    error: MunimentError | None = None

    @property
    def order(self) -> tuple[datetime, int, str]:
        kind = kind_of(self.signed.statement.predicate_type) or ""
        return self.signed.signed_at, RANK.get(kind, len(RANK)), self.signed.statement_digest.hex


class Draft:
    """A worksheet: `state` and `leaves` so far, `blobs` of new records, and what became of each submission.

    `done` are the paths that leave the inbox; `taken` counts the submissions that were looked at.
    """

    def __init__(self, state: State, leaves: Sequence[bytes]) -> None:
        self.state, self.leaves = state, list(leaves)
        self.blobs: dict[Digest, bytes] = {}
        self.done: list[str] = []
        self.turned: list[Turned] = []
        self.taken = 0
        self._candidates: list[_Candidate] = []

    def resume(self, pending: Sequence[bytes], signed: int, blob: Blob, now: datetime, alone: bool) -> None:
        """Takes whole pending batches over as they stand.

        A batch that never ended is judged again, and so is one dated more than five minutes ahead, with all behind it:
        signed unchanged it would date every later batch. That is safe only where no other writer lives (`alone`) and
        for what no checkpoint was `signed` for (a size); elsewhere it raises `Conflict`.
        """
        broken = False
        for batch in batches(pending, self.state.size):
            timely = self._timely(batch, signed, now)
            if not timely and batch.end is not None and not alone:
                raise _ahead(batch.end.admitted_at)
            broken = broken or not timely
            if broken:
                self._candidates += [self._reread(data, blob) for data in _bundled(batch)]
            else:
                self.state = fold_batch(self.state, batch, blob)
                self.leaves += [*batch.records, batch.end_data]

    def take(self, items: Iterable[Item | None], limits: Limits) -> None:
        """Verifies submissions; what cannot be verified is turned away, and what is in the log already leaves."""
        read = held = 0
        known = {c.bundle.digest: c for c in self._candidates}
        for item in items:
            self.taken += 1
            if item is not None:
                read, held = read + item.size, held + self._take(item, known)
            if read >= limits.read or held >= limits.held:
                return

    def _take(self, item: Item, known: dict[Digest, _Candidate]) -> int:
        """How many bytes of a submission are held from here on. What could not be read just now stays in the inbox."""
        candidate, waits = None, False
        try:
            candidate = self._candidate(item, known)
        except MunimentError as error:
            waits = isinstance(error, Unreachable)
            self.turned.append(Turned(_told(item.path), "", None, error, waits))
        if candidate is not None:
            known[candidate.bundle.digest] = candidate
            return len(candidate.bundle.data)
        if not waits:
            self.done.append(item.path)
        return 0

    def admit(self, now: datetime, heartbeat: bool) -> None:
        """Tries what waits again and again until nothing more is admitted, then ends the batch."""
        start, rest = self.state.size, sorted(self._candidates, key=lambda c: c.order)
        timely = [c.signed.signed_at for c in rest if c.signed.signed_at <= now + SKEW]
        at = max([now, *timely, *filter(None, [self.state.admitted_at])])
        while True:
            left = [c for c in rest if not self._try(c, at)]
            if len(left) == len(rest):
                break
            rest = left
        for candidate in rest:
            self._turn(candidate, now)
        if self.state.size > start or (heartbeat and start):
            self._end(at)

    def decide(self, signer: Signer, now: datetime) -> None:
        """Signs every decision that is owed and ends a batch with them. Raises `Refused` for who may not sign them."""
        before = len(self.turned)
        self._candidates = [self._decision(signer, index, kind) for index, kind in decision.owed(self.state)]
        self.admit(now, heartbeat=False)
        for turned in self.turned[before:]:
            raise turned.error

    def _decision(self, signer: Signer, index: int, kind: str) -> _Candidate:
        bundle = signer.sign(format_statement(decision.statement_of(self.state, index, kind)))
        return _Candidate("", bundle, verify_bundle(self.state, bundle))

    def _timely(self, batch: Batch, signed: int, now: datetime) -> bool:
        if batch.end is None:
            return False
        whole = batch.start + len(batch.records) + 1
        return whole <= signed or batch.end.admitted_at <= max(now + SKEW, self.state.admitted_at or now)

    def _reread(self, digest: Digest, blob: Blob) -> _Candidate:
        bundle = open_bundle(blob(digest), digest)
        return _Candidate("", bundle, verify_bundle(self.state, bundle))

    def _candidate(self, item: Item, known: dict[Digest, _Candidate]) -> _Candidate | None:
        """What a submission asks for; None where another one, or the log, has it already."""
        if item.bundle is None:
            raise item.error or Missing(f"{item.path} is empty.")
        if (same := known.get(item.bundle.digest)) is not None:
            same.path, other = same.path or item.path, bool(same.path)
            return None if other else same
        signed = verify_bundle(self.state, item.bundle)
        if self._present(signed):
            return None
        candidate = _Candidate(item.path, item.bundle, signed)
        self._candidates.append(candidate)
        return candidate

    def _present(self, signed: Signed) -> bool:
        leaf, entries = derive_leaf(signed), self.state.entries
        return any(entries[at].leaf == leaf for at in self.state.statements.get(signed.statement_digest, ()))

    def _try(self, candidate: _Candidate, at: datetime) -> bool:
        try:
            self._hold_to_root(candidate)
            leaf = derive_leaf(candidate.signed)
            state = check(self.state, candidate.signed, at, leaf)
            if self.state.size % LEAVES == LEAVES - 1:  # the file's last place is for the batch's end
                self._end(at)
                state = check(self.state, candidate.signed, at, leaf)
        except MunimentError as error:
            candidate.error = error
            return False
        self.state = state
        self.leaves.append(leaf)
        self.blobs[candidate.bundle.digest] = candidate.bundle.data
        self.done.append(candidate.path)
        return True

    def _hold_to_root(self, candidate: _Candidate) -> None:
        """Verifies anew what was verified before this batch changed the Sigstore root, as every reader will."""
        config = self.state.config
        if config is not None and candidate.signed.identity.root != config.root:
            candidate.signed = verify_bundle(self.state, candidate.bundle)

    def _end(self, at: datetime) -> None:
        self.state = settle(self.state)
        leaf = StateLeaf(at, state_root(self.state))
        data = format_state_leaf(leaf)
        self.state = end_batch(self.state, leaf, data)
        self.leaves.append(data)

    def _turn(self, candidate: _Candidate, now: datetime) -> None:
        error = candidate.error
        assert error is not None
        waits = isinstance(error, Refused) and error.waits
        if waits and now - candidate.signed.signed_at > PATIENCE:
            error, waits = Refused(f"It waited more than {PATIENCE.days} days. {error.fact}", error.remedy), False
        kind = kind_of(candidate.signed.statement.predicate_type) or candidate.signed.statement.predicate_type
        self.turned.append(Turned(_told(candidate.path), kind, candidate.signed.statement_digest, error, waits))
        if not waits:
            self.done.append(candidate.path)


def _told(path: str) -> str:
    """A path as text, whatever bytes a submitter named it by."""
    return path.encode("utf-8", "backslashreplace").decode()


def _bundled(batch: Batch) -> list[Digest]:
    """The bundles of a batch that is judged again; decisions are made again, for they tell when it was admitted."""
    lines = (parse_line(data) for data in batch.records)
    return [line.bundle for line in lines if kind_of(line.type) not in DECISIONS]


def _ahead(at: datetime) -> Conflict:
    return Conflict(
        f"Somebody committed a batch that is dated {format_instant(at)}, ahead of this clock, and did not sign it yet.",
        f"If this clock is wrong, set it; else publish again from {format_instant(at - SKEW)} on.",
        soon=False,
    )
