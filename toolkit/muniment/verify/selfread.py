"""A registry read on its own word: its makers' view, for building pages and making events, proof of nothing."""

from __future__ import annotations

from muniment.core.digest import Digest
from muniment.core.errors import Missing, Untrusted
from muniment.evidence.statement import parse_statement
from muniment.log.merkle import leaf_hash
from muniment.log.policy import without_witnesses
from muniment.registry.cache import Cache
from muniment.registry.config import parse_config
from muniment.registry.event import Configure
from muniment.registry.fold import History, blob_reader, open_bundle, read_leaves
from muniment.registry.leaf import StateLeaf, parse_leaf
from muniment.registry.paths import anchor_path
from muniment.registry.predicate import parse_event
from muniment.registry.store import Reader
from muniment.verify.replay import NOTHING, Known, verify_registry
from muniment.verify.trust import Trust


def read_history(reader: Reader, size: int | None = None, cache: Cache | None = None) -> History:
    """The registry, verified against the pins that its own first entry states, from a state in the cache on."""
    trust = own_trust(reader)
    known = Known(state=cache.load(trust.origin, trust.genesis)) if cache is not None and size is None else NOTHING
    replayed = verify_registry(reader, trust, size, known)
    if cache is not None and size is None and replayed.resumed < replayed.history.state.size:
        cache.save(replayed.history.state)
    return replayed.history


def own_trust(reader: Reader) -> Trust:
    """The pins that a registry's first entry states, without witnesses and anchors."""
    data = read_leaves(reader, 1)[0]
    leaf = parse_leaf(data)
    if isinstance(leaf, StateLeaf):
        raise Untrusted("The log does not begin with a configure entry.", "It was not made by muniment.")
    bundle = open_bundle(blob_reader(reader)(leaf.bundle), leaf.bundle)
    event = parse_event(parse_statement(bundle.payload))
    if not isinstance(event, Configure):
        raise Untrusted("The log does not begin with a configure entry.", "It was not made by muniment.")
    config = parse_config(event.configuration)
    logs = without_witnesses(config.tlog_policy)
    return Trust(config.origin, Digest(leaf_hash(data).hex()), logs, config.trusted_root)


def own_anchor(reader: Reader, history: History) -> bytes | None:
    """The anchor of a registry's checkpoint, if its rules promise one and it is there."""
    if history.state.config is None or history.state.config.sequencer is None:
        return None
    try:
        return reader.read(anchor_path(history.checkpoint.size))
    except Missing:
        return None
