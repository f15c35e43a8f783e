"""The predicate types muniment knows, by the short names people use."""

from __future__ import annotations

OWN = "https://muniment.dev/"

EVIDENCE: dict[str, str] = {
    "provenance": "https://slsa.dev/provenance/v1",
    "link": "https://in-toto.io/attestation/link/v0.3",
    "bom": "https://cyclonedx.org/bom",
    "signature": "https://model_signing/signature/v1.0",
    "test-result": "https://in-toto.io/attestation/test-result/v0.1",
    "vulns": "https://in-toto.io/attestation/vulns/v0.2",
    "dataset": f"{OWN}dataset/v1",
    "evaluation": f"{OWN}evaluation/v1",
    "privacy-review": f"{OWN}privacy-review/v1",
    "security-review": f"{OWN}security-review/v1",
    "scan": f"{OWN}scan/v1",
    "reproduction": f"{OWN}reproduction/v1",
}

EVENTS: dict[str, str] = {
    kind: f"{OWN}{kind}/v1"
    for kind in (
        *("configure", "rotate-key", "release", "approve", "revoke", "waive", "incident", "access-review"),
        *("promote", "rollback", "deploy", "observe", "retire"),
        *("request-deletion", "redact"),
    )
}

DECISIONS: dict[str, str] = {
    "vsa": "https://slsa.dev/verification_summary/v1",
    "policy-decision": f"{OWN}policy-decision/v1",
}
"""What the sequencer says of events that were admitted; no evidence: rules never see it."""

THIRD_PARTY = "third-party"  # brings in a statement of one of the kinds above that was made elsewhere
STATE = f"{OWN}state/v1"
CHECKPOINT = f"{OWN}checkpoint/v1"
BUILD_TYPE = f"{OWN}buildtypes/ml-training/v1"

_OTHERS = {THIRD_PARTY: f"{OWN}{THIRD_PARTY}/v1", "state": STATE}
_SHORT = {uri: kind for kind, uri in (EVIDENCE | EVENTS | DECISIONS | _OTHERS).items()}


def kind_of(predicate_type: str) -> str | None:
    """The short name of a predicate type, or None for one that muniment does not know."""
    return _SHORT.get(predicate_type)
