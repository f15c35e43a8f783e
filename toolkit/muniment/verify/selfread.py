"""A registry read on its own word: its makers' view, for building pages and making events, proof of nothing."""

from __future__ import annotations

from muniment.core.digest import Digest
from muniment.core.errors import Untrusted
from muniment.evidence.statement import parse_statement
from muniment.log.merkle import leaf_hash
from muniment.registry.config import parse_config
from muniment.registry.event import Configure
from muniment.registry.fold import History, blob_reader, open_bundle, read_leaves
from muniment.registry.leaf import StateLeaf, parse_leaf
from muniment.registry.predicate import parse_event
from muniment.registry.store import Reader
from muniment.verify.replay import verify_registry
from muniment.verify.trust import Trust


def read_history(reader: Reader, size: int | None = None) -> History:
    """The registry, verified against the pins that its own first entry states."""
    return verify_registry(reader, own_trust(reader), size)


def own_trust(reader: Reader) -> Trust:
    """The pins that a registry's first entry states."""
    data = read_leaves(reader, 1)[0]
    leaf = parse_leaf(data)
    if isinstance(leaf, StateLeaf):
        raise Untrusted("The log does not begin with a configure entry.", "It was not made by muniment.")
    bundle = open_bundle(blob_reader(reader)(leaf.bundle), leaf.bundle)
    event = parse_event(parse_statement(bundle.payload))
    if not isinstance(event, Configure):
        raise Untrusted("The log does not begin with a configure entry.", "It was not made by muniment.")
    config = parse_config(event.configuration)
    return Trust(config.origin, Digest(leaf_hash(data).hex()), config.log_keys, config.trusted_root)
