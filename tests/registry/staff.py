"""The paper registry with people for all that can happen: who reviews, waives, answers incidents and deploys."""

from __future__ import annotations

from typing import Any

from tests.registry.paper import identity
from tests.world import registry_document

MAY = {
    "administrator": ["configure", "rotate-key", "approve", "revoke"],
    "trainer": ["signature", "provenance", "release", "approve", "waive"],
    "reviewer": ["approve", "revoke"],
    "operator": ["promote", "rollback", "retire", "incident", "approve"],
    "risk": ["waive", "revoke"],
}


def pattern(who: str) -> dict[str, str]:
    """A person's identity as registry.yaml has it."""
    return {"issuer": identity(who).issuer, "subject": identity(who).subject}


def staff(**more: Any) -> dict[str, Any]:
    """registry.yaml in which the stranger, a person too, holds the role risk."""
    document = registry_document()
    return {
        "roles": {role: {"may": may} for role, may in MAY.items()},
        "persons": {**document["persons"], "stranger": [pattern("stranger")]},
        "bindings": [
            *document["bindings"],
            {"role": "risk", "namespaces": ["aiops"], "identity": pattern("stranger")},
        ],
        **more,
    }
