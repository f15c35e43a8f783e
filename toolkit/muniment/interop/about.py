"""What an entry of the log is about and who signed it, in a few words for a line of a list."""

from __future__ import annotations

from collections.abc import Mapping

from muniment.registry.decision import decided
from muniment.registry.event import Configure, Event
from muniment.registry.state import Entry, State

_NAMED = 2  # subjects of evidence that a line has room for


def about_of(state: State, entry: Entry) -> str:
    """What an entry is about, in a few words; nothing for the end of a batch."""
    event, on = entry.event, decided(entry)
    if isinstance(event, Configure):
        return "the registry's configuration"
    if event is not None:
        return " ".join(filter(None, [*_said(event), *_targets(state, event)]))
    if on is not None:
        return f"entry {on}"
    names = [s.name for s in entry.record.statement.subjects] if entry.record else []
    return ", ".join([*names[:_NAMED], *([f"{len(names) - _NAMED} more"] if len(names) > _NAMED else [])])


def signers_of(entry: Entry) -> dict[str, str]:
    """The subjects of who signed an entry and, of a third party's record, of who brought it in (`broughtInBy`)."""
    found = {"signer": entry.record.identity.subject if entry.record else ""}
    return found | ({"broughtInBy": entry.carrier.identity.subject} if entry.carrier else {})


def signed_by(signers: Mapping[str, str]) -> str:
    """The same in words."""
    carrier = signers.get("broughtInBy")
    return f"{signers['signer']}, brought in by {carrier}" if carrier else signers["signer"]


def _said(event: Event) -> list[str]:
    """The words of an event that say what it does, in the order of a sentence."""
    version = getattr(event, "version", None)
    fields = ("decision", "rule", "action", "incident", "name" if version is None else "version", "status")
    found = [str(value) for field in fields if (value := getattr(event, field, None)) is not None]
    environment = getattr(event, "environment", None)
    return [*found, f"in {environment}"] if environment else found


def _targets(state: State, event: Event) -> list[str]:
    """The entries of the statements that an event is about, or a statement itself where the log does not hold it."""
    one = getattr(event, "target", None) or getattr(event, "request", None)
    targets = getattr(event, "statements", ()) if one is None else (one,)
    return [f"entry {state.statements[t][0]}" if t in state.statements else str(t) for t in targets]
