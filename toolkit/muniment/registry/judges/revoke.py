"""revoke: an approval, rejection or waiver is taken back, by whoever gave it or by an administrator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from muniment.core.errors import Refused
from muniment.policy.finding import Finding
from muniment.registry.event import Approve, Event
from muniment.registry.judges.common import Change, config_of
from muniment.registry.oversight import Revoke, Waive
from muniment.registry.state import Entry, State
from muniment.signing.identity import Signed


def judge(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits it where the word still stands and nothing used it."""
    assert isinstance(event, Revoke)
    indexes = state.statements.get(event.target, ())
    words = [e for i in indexes if isinstance((e := state.entries[i]).event, Approve | Waive)]
    if not words:
        raise Refused(
            "What this takes back is no approval, rejection or waiver in the log.",
            "Name its statement: muniment history shows them.",
        )
    own = [e for e in words if _may(state, signed, e, at)]
    if not own:
        raise Refused(
            f"{signed.identity.subject} did not give this word, and may not configure the registry.",
            "Whoever gave it takes it back, or an administrator.",
        )
    changes = [_taken_back(state, e) for e in own]

    def change(new: State) -> State:
        for one in changes:
            new = one(new)
        return new

    return change, ()


def _may(state: State, signed: Signed, word: Entry, at: datetime) -> bool:
    """Whether the signer gave the word, under whichever identity, or is an administrator."""
    config, who = config_of(state), signed.identity
    assert word.record is not None
    person = config.person_of(who)
    same = word.record.identity.key == who.key or (
        person is not None and person == config.person_of(word.record.identity)
    )
    return same or bool(config.roles_of(who, "configure", None, signed.signed_at, at))


def _taken_back(state: State, word: Entry) -> Callable[[State], State]:
    revocation, said = state.size, word.event
    if isinstance(said, Approve):
        given = state.approvals[said.target]
        approval = next(a for a in given if a.index == word.index)
        _check_standing(approval.revoked_by)
        if approval.consumed_by is not None:
            raise Refused(
                f"Entry {approval.consumed_by} rests on this approval already.",
                "What it let in stays in the log: roll it back, or retire the version.",
            )
        kept = tuple(replace(a, revoked_by=revocation) if a is approval else a for a in given)
        return lambda s: replace(s, approvals=s.approvals.set(said.target, kept))
    assert isinstance(said, Waive)
    granted = state.waivers[said.version]
    waiver = next(w for w in granted if w.index == word.index)
    _check_standing(waiver.revoked_by)
    left = tuple(replace(w, revoked_by=revocation) if w is waiver else w for w in granted)
    return lambda s: replace(s, waivers=s.waivers.set(said.version, left))


def _check_standing(revoked_by: int | None) -> None:
    if revoked_by is not None:
        raise Refused(f"Entry {revoked_by} took this back already.", "Nothing is left to do.")
