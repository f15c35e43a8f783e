"""rotate-key: other log keys or another Sigstore trusted root from here on; what was signed before stays verifiable."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from muniment.core.errors import Refused
from muniment.policy.finding import Finding
from muniment.registry.config import Config, parse_config
from muniment.registry.event import Event, RotateKey
from muniment.registry.judges.common import Change, check_administrators, config_of, consume
from muniment.registry.state import Era, State
from muniment.signing.identity import Signed
from muniment.signing.lifetime import check_lasting


def judge(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits a change of keys that leaves all other rules as they are."""
    assert isinstance(event, RotateKey)
    old = config_of(state)
    new = rotated(old, event)
    if (new.log_keys, new.root) == (old.log_keys, old.root):
        raise Refused("The rotation changes nothing.", "Name other log keys or another trusted root.")
    if new.root != old.root:
        check_lasting(new.trusted_root, at)  # what cannot be signed by cannot be rotated away either
    check_administrators(state, signed, "the rotation", at)
    index = state.size
    era = Era(index, new.log_keys, new.root)
    return (lambda s: consume(replace(s, config=new, configured_at=index, eras=(*s.eras, era)), signed, index)), ()


def rotated(old: Config, event: RotateKey) -> Config:
    """The configuration with the event's keys in it. Raises `Malformed` for keys that cannot be the registry's."""
    source: dict[str, Any] = dict(old.source)
    if event.log_keys is not None:
        source["registry"] = {**source["registry"], "logKeys": list(event.log_keys)}
    if event.trusted_root is not None:
        source["trustedRoot"] = dict(event.trusted_root)
    new = parse_config(source)
    return replace(new, roots=(*old.roots, *((new.root,) if new.root not in old.roots else ())))
