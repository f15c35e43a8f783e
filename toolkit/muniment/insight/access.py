"""Who can do what, since when and what they did with it: one answer a binding of the configuration in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muniment.evidence.kinds import EVIDENCE, THIRD_PARTY
from muniment.registry.access import grants
from muniment.registry.config import Binding, Config
from muniment.registry.event import Approve, Configure, Release
from muniment.registry.judges.common import config_of
from muniment.registry.state import Entry, State


@dataclass(frozen=True, slots=True)
class Held:
    """A binding: its number in registry.yaml, as written and as parsed, what it lets its holder sign, and since when.

    `since` is the entry from which on every configuration had it as it is now, `since_at` that entry's time. `person`
    is whom the identity belongs to. `used` are the entries signed under it, `places` the namespaces these were of.
    """

    number: int
    binding: Binding
    written: Mapping[str, Any]
    may: tuple[str, ...]
    person: str | None
    since: int
    since_at: datetime
    used: tuple[int, ...]
    places: frozenset[str]

    @property
    def who(self) -> str:
        """The person, else the subject of the identity."""
        return self.person or self.binding.identity.subject

    @property
    def where(self) -> str:
        """The namespaces, in words."""
        return ", ".join(self.binding.namespaces) or "all namespaces"


def holdings(state: State) -> tuple[Held, ...]:
    """Every binding of the configuration in force, in its order."""
    config, eras = config_of(state), list(_configurations(state))
    signed = [e for _, e in sorted(state.entries.items()) if e.record is not None]
    found = []
    for number, (binding, (written, may)) in enumerate(zip(config.bindings, grants(config), strict=True)):
        since = _since(eras, written)
        used = [e for e in signed if e.index >= since and _under(config, binding, e)]
        places = frozenset(place for e in used for place in places_of(state, e))
        at, indexes = state.entries[since].admitted_at, tuple(e.index for e in used)
        person = person_of(config, binding)
        found.append(Held(number, binding, written, may, person, since, at, indexes, places))
    return tuple(found)


def person_of(config: Config, binding: Binding) -> str | None:
    """The person to whom every identity of a binding belongs."""
    owners = (p for p, patterns in config.persons.items() if any(i.includes(binding.identity) for i in patterns))
    return next(owners, None)


def places_of(state: State, entry: Entry) -> frozenset[str]:
    """The namespaces that a record is of: its event's, its target's, or those of the versions that its bytes are."""
    if isinstance(entry.event, Approve):
        targets = (state.entries[i].event for i in state.statements.get(entry.event.target, ()))
        return frozenset(place for event in targets if event and (place := event.namespace()))
    if entry.event is not None:
        place = entry.event.namespace()
        return frozenset([place] if place else [])
    assert entry.record is not None
    about = (i for s in entry.record.statement.subjects for i in state.about.get(s.digest, ()))
    events = (state.entries[i].event for i in about) if entry.kind in EVIDENCE else ()
    return frozenset(e.version.name.namespace for e in events if isinstance(e, Release))


def _configurations(state: State) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """registry.yaml of every configure entry, the newest in front."""
    for index, entry in sorted(state.entries.items(), reverse=True):
        if isinstance(entry.event, Configure):
            yield index, entry.event.configuration["registry"]


def _since(eras: Sequence[tuple[int, Mapping[str, Any]]], written: Mapping[str, Any]) -> int:
    """The entry since which a binding stands as it is written."""
    since = eras[0][0]
    for index, registry in eras:
        if written not in registry["bindings"]:
            break
        since = index
    return since


def _under(config: Config, binding: Binding, entry: Entry) -> bool:
    """Whether a record may have been signed under a binding; one that names its role, only under that role."""
    record = entry.carrier or entry.record
    assert record is not None
    kind = THIRD_PARTY if entry.carrier else entry.kind
    named = getattr(entry.event, "role", binding.role)
    place = entry.event.namespace() if entry.event else None
    return (
        named == binding.role
        and kind in config.roles[binding.role]
        and (not binding.namespaces or place is None or place in binding.namespaces)
        and binding.lasts(record.signed_at, entry.admitted_at)
        and binding.identity.matches(record.identity)
    )
