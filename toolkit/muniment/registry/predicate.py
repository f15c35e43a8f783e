"""Events as in-toto statements and back: `parse_event(format_event(e))` is `e`, and nothing else is accepted.

A predicate is its event's fields in lowerCamelCase by their types: versions, names and digests as the text people
write, times as RFC 3339 `Z`, values of their own as objects, what is None left out.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from muniment.core.digest import Digest, parse_digest
from muniment.core.document import check_schema
from muniment.core.errors import Malformed
from muniment.core.instant import format_instant, parse_instant
from muniment.core.name import Name, VersionId, parse_name, parse_version_id
from muniment.evidence.kinds import EVENTS, kind_of
from muniment.evidence.statement import Statement, Subject
from muniment.registry.access import AccessReview
from muniment.registry.deletion import Redact, RequestDeletion
from muniment.registry.event import (
    Approve,
    Configure,
    Event,
    Promote,
    Release,
    Retire,
    Rollback,
    RotateKey,
)
from muniment.registry.oversight import Incident, Revoke, Waive
from muniment.registry.runtime import Deploy, Observe

KINDS: dict[str, type[Event]] = {
    event.kind: event
    for event in (
        *(Configure, RotateKey, AccessReview, Release, Approve, Revoke, Waive, Incident, Promote, Rollback),
        *(Deploy, Observe, Retire, RequestDeletion, Redact),
    )
}

# What stands in a predicate as one text. A time's place is known by its field.
_TEXTS: dict[Any, Callable[[Any, str], Any]] = {
    Digest: lambda value, _: parse_digest(value),
    VersionId: lambda value, _: parse_version_id(value),
    Name: lambda value, _: parse_name(value),
    datetime: parse_instant,
}


def format_event(event: Event, subjects: tuple[Subject, ...] = ()) -> Statement:
    """The statement that says an event; `subjects` are its version's artifacts where it does not say its own."""
    predicate = {_field(event, name): _format(value) for name, value in _set(event)}
    return Statement(event.subjects() or subjects, EVENTS[event.kind], predicate)


def parse_event(statement: Statement) -> Event:
    """The event that a statement says. Raises `Malformed`, also where subjects and predicate disagree."""
    kind = kind_of(statement.predicate_type)
    if kind not in EVENTS:
        raise Malformed(f"{statement.predicate_type} is no event.", "Submit events of the kinds muniment writes.")
    check_schema(statement.predicate, f"{kind}-v1", f"The {kind} event")
    event = _parse_value(KINDS[kind], statement.predicate)
    assert isinstance(event, Event)
    own = event.subjects()
    if own and own != statement.subjects:
        raise Malformed(f"The {kind} event's subjects are not what its predicate speaks of.", "Write it with muniment.")
    return event


def _set(value: Any) -> list[tuple[str, Any]]:
    return [(f.name, v) for f in fields(value) if (v := getattr(value, f.name)) is not None]


def _field(owner: Any, name: str) -> str:
    """A field's name in a predicate; an event's `at` is named by what happened."""
    if name == "at" and hasattr(owner, "time"):
        return str(owner.time)
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _format(value: Any) -> Any:
    match value:
        case Digest() | VersionId() | Name():
            return str(value)
        case datetime():
            return format_instant(value)
        case tuple():
            return [_format(item) for item in value]
        case _ if is_dataclass(value):
            return {_field(value, name): _format(item) for name, item in _set(value)}
    return value


@cache
def _shape(kind: type) -> tuple[tuple[str, str, Any], ...]:
    """The fields of a value: name, name in a predicate, and type."""
    hints = get_type_hints(kind)
    return tuple((f.name, _field(kind, f.name), _bare(hints[f.name])) for f in fields(kind))


def _bare(hint: Any) -> Any:
    """A type without its None: what is absent is None."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (arg for arg in get_args(hint) if arg is not type(None))
    return hint


def _parse_value(kind: Any, value: Mapping[str, Any]) -> Any:
    present = {name: _parse(hint, value[key], key) if key in value else None for name, key, hint in _shape(kind)}
    return kind(**present)


def _parse(hint: Any, value: Any, what: str) -> Any:
    if hint in _TEXTS:
        return _TEXTS[hint](value, what)
    if get_origin(hint) is tuple:
        return tuple(_parse(get_args(hint)[0], item, what) for item in value)
    return _parse_value(hint, value) if is_dataclass(hint) else value
