"""configure: new rules, by those who may set them and as many of them as the old rules ask for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from muniment.core.errors import Refused
from muniment.policy.finding import Finding
from muniment.registry.config import parse_config
from muniment.registry.event import Configure, Event
from muniment.registry.judges.common import Change, check_administrators, config_of, consume
from muniment.registry.state import State
from muniment.signing.identity import Signed

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
    index, new = state.size, replace(new, roots=old.roots)
    return (lambda s: consume(replace(s, config=new, configured_at=index), signed, index)), ()
