"""Snapshots: a state that was derived once, kept so that its entries need not be verified again.

A file is one line of canonical JSON and a deflated pickle. The line names the log by origin and first entry, how many
entries the state stands for, the `semantics` and the digest of the very code that derived it, and the digest of what
follows; whatever does not fit is no snapshot. Nothing but the classes of values that a state is made of is ever loaded.
A snapshot is believed as to what signatures proved, so a memory names it by its digest, or a secret seals it. That its
entries are the log's and that its documents have the root which the log states is found out again.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import pickle
import zlib
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from immutables import Map

from muniment.core.canonical import format_json, parse_canonical
from muniment.core.digest import Digest
from muniment.core.resources import code_digest
from muniment.log.merkle import leaf_hash
from muniment.log.statetree import StateTree
from muniment.registry.check import SEMANTICS
from muniment.registry.config import Config, parse_config
from muniment.registry.documents import documents
from muniment.registry.leaf import StateLeaf, parse_leaf
from muniment.registry.predicate import KINDS
from muniment.registry.state import State
from muniment.registry.table import Table

# The rooms whose code decides what a log adds up to.
ROOMS = ("core", "evidence", "log", "signing", "policy", "registry")
_PLAIN = (Map, datetime, timedelta, timezone)


def format_snapshot(state: State, secret: bytes | None = None) -> bytes:
    """The bytes of a snapshot; with a secret they are sealed, so that only who knows it can have made them."""
    body = zlib.compress(pickle.dumps(_dismantle(state), protocol=5), 1)
    assert state.config is not None
    assert state.genesis is not None
    head = _head(state.config.origin, state.genesis) | {
        "body": hashlib.sha256(body).hexdigest(),
        "size": state.size,
    }
    return format_json(head | ({"seal": _seal(head, secret)} if secret is not None else {})) + b"\n" + body


def parse_snapshot(data: bytes, origin: str, genesis: Digest, secret: bytes | None = None) -> State | None:
    """The state of a log in bytes, or None for what is none of this log, of this code or under this seal."""
    line, _, body = data.partition(b"\n")
    try:
        head = parse_canonical(line, "The snapshot")
        seal = head.pop("seal", None)
        told = {key: head[key] for key in _head(origin, genesis)}
        if told != _head(origin, genesis) or hashlib.sha256(body).hexdigest() != head["body"]:
            return None
        if secret is not None and not hmac.compare_digest(_seal(head, secret), str(seal)):
            return None
        state = _assemble(_Reader(io.BytesIO(zlib.decompress(body))).load())
        return state if state.size == head["size"] else None
    except Exception:  # what is no snapshot can fail in any way, and is then none
        return None


def resume(known: State | None, leaves: Sequence[bytes]) -> State:
    """The state from which to go on: the known one where it is what the first leaves add up to, else the first."""
    if known is None or not known.size:
        return State()
    state = replace(known, tree=StateTree(documents(known)))
    return state if _is_of(state, leaves[: state.size]) else State()


def _is_of(state: State, leaves: Sequence[bytes]) -> bool:
    """Whether a state's entries are these leaves, the last of which states the root of its documents."""
    last = parse_leaf(leaves[-1])
    return (
        isinstance(last, StateLeaf)
        and (state.admitted_at, state.tree.root) == (last.admitted_at, last.root.raw)
        and state.genesis == Digest(leaf_hash(leaves[0]).hex())
        and {index: entry.leaf for index, entry in state.entries.items()} == dict(enumerate(leaves))
    )


class _Reader(pickle.Unpickler):
    """An unpickler that knows the classes a state is made of, and no others."""

    def find_class(self, module: str, name: str) -> Any:
        """The class; anything else is refused."""
        return _classes()[module, name]


@cache
def _classes() -> dict[tuple[str, str], type]:
    """Every class of value that can stand in a state, by what its fields are declared to hold."""
    found: dict[tuple[str, str], type] = {(kind.__module__, kind.__qualname__): kind for kind in _PLAIN}
    found["immutables._map", "Map"] = Map
    todo: list[Any] = [State, *KINDS.values()]
    while todo:
        kind = todo.pop()
        todo += [part for part in (*get_args(kind), get_origin(kind)) if part is not None]
        if isinstance(kind, type) and kind.__module__.startswith("muniment.") and kind not in (StateTree, Config):
            if (kind.__module__, kind.__qualname__) not in found and is_dataclass(kind):
                todo += get_type_hints(kind).values()
            found[kind.__module__, kind.__qualname__] = kind
    return found


def _dismantle(state: State) -> dict[str, Any]:
    """A state's parts; the configuration as it was written, and no tree: both are made again."""
    parts = {f.name: getattr(state, f.name) for f in fields(State) if f.name not in ("config", "tree")}
    assert state.config is not None
    return parts | {"config": (state.config.source, state.config.roots)}


def _assemble(parts: dict[str, Any]) -> State:
    source, roots = parts["config"]
    tables = {name: value.settled() for name, value in parts.items() if isinstance(value, Table)}
    return State(**{**parts, **tables, "config": replace(parse_config(source), roots=roots)})


def _head(origin: str, genesis: Digest) -> dict[str, Any]:
    code = code_digest(ROOMS)
    return {"code": str(code), "genesis": str(genesis), "origin": origin, "semantics": SEMANTICS}


def _seal(head: dict[str, Any], secret: bytes) -> str:
    return hmac.digest(secret, format_json(head), "sha256").hex()
