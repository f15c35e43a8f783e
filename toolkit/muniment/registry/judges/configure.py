"""configure: new rules, by those who may set them and as many of them as the old rules ask for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from muniment.core.errors import Refused
from muniment.policy.finding import Finding
from muniment.registry.config import Config, parse_config
from muniment.registry.config_check import holders
from muniment.registry.event import CONFIG_KEY, Configure, Event
from muniment.registry.judges.common import Change, check_administrators, config_of, consume
from muniment.registry.state import State
from muniment.registry.words import signer_of
from muniment.signing.identity import Identity, Signed

# What a configure event cannot change, and what can.
_FIXED = {
    "origin": "A log keeps its name: make another registry.",
    "sandbox": "A sandbox stays one: make another registry.",
    "root": "Only muniment rotate-key changes it.",
    "log_keys": "Only muniment rotate-key changes them.",
}


def judge(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits a whole configuration that keeps the registry's name and keys."""
    assert isinstance(event, Configure)
    old, new = config_of(state), parse_config(event.configuration)
    for what, remedy in _FIXED.items():
        if getattr(old, what) != getattr(new, what):
            raise Refused(f"The configuration changes the registry's {what.replace('_', ' ')}.", remedy)
    check_administrators(state, signed, "the configuration", at)
    _check_known(state, signed, new)
    index, new = state.size, replace(new, roots=old.roots)
    return (lambda s: consume(replace(s, config=new, configured_at=index), signed, index)), ()


def _check_known(state: State, signed: Signed, new: Config) -> None:
    """Raises `Refused` where a slip in a name would lock the registry: who may configure by it has done so or approved.

    Nothing else that they signed counts: a pack carries configurations and their approvals, and must agree.
    """
    patterns = holders(new, {"configure"})
    known = [who for who in _configuring(state, signed) if any(pattern.matches(who) for pattern in patterns)]
    persons = {new.person_of(who) for who in known} - {None}
    if not known or (new.threshold > 1 and len(persons) < new.threshold):
        raise Refused(
            f"Of those who could configure the registry by it for good {len(known)} have signed or approved a "
            "configuration.",
            "A name may be misspelt. Bind whoever is new beside who may configure now; after their first word they may "
            "stand alone.",
        )


def _configuring(state: State, signed: Signed) -> set[Identity]:
    """Who signed or approved this configuration, or one before it."""
    found, at = {signed.identity, *_approving(state, signed)}, state.last.get(CONFIG_KEY)
    while at is not None:
        entry = state.entries[at]
        assert entry.record is not None
        assert entry.event is not None
        found |= {entry.record.identity, *_approving(state, entry.record)}
        at = entry.event.after
    return found


def _approving(state: State, signed: Signed) -> set[Identity]:
    given = state.approvals.get(signed.statement_digest, ())
    return {signer_of(state, approval.index) for approval in given if approval.approves}
