"""Anchors: a checkpoint's text signed keyless as well, so that Sigstore's own log holds it with its time.

The statement has the checkpoint's text in its predicate and its SHA-256 as subject, so `sigstore` and `cosign` verify
it against a file of that text. The log's own key still signs every checkpoint; an anchor adds who and when.
"""

from __future__ import annotations

from datetime import timedelta

from muniment.core.digest import digest_of
from muniment.core.errors import Untrusted
from muniment.core.instant import format_instant
from muniment.evidence.kinds import CHECKPOINT
from muniment.evidence.statement import Statement, Subject
from muniment.log.note import parse_note
from muniment.registry.fold import open_bundle
from muniment.registry.pattern import Pattern
from muniment.registry.state import State
from muniment.signing.identity import Signed
from muniment.signing.strict import verifier_for

# How far the time that a batch states may be from the proved time of its checkpoint's anchor.
APART = timedelta(hours=1)


def anchor_statement(note: bytes) -> Statement:
    """What an anchor says of a checkpoint's signed note: its text, without the signature lines."""
    text = parse_note(note).text
    return Statement((Subject("checkpoint", digest_of(text.encode())),), CHECKPOINT, {"checkpoint": text})


def check_anchor(data: bytes, note: bytes, state: State, who: Pattern) -> Signed:
    """The anchor of a checkpoint, by an identity that `who` describes, when its last batch was admitted.

    `state` is what the checkpoint's entries add up to. Raises `Untrusted`, or `Malformed` for what is no anchor.
    """
    assert state.config is not None
    assert state.admitted_at is not None
    signed = verifier_for(state.config.trusted_root).verify(open_bundle(data))
    if signed.statement.predicate_type != CHECKPOINT:
        raise Untrusted("The checkpoint's anchor is another statement.", "Fetch checkpoint.sigstore.json again.")
    if signed.statement != anchor_statement(note):
        raise Untrusted("The checkpoint's anchor is of another checkpoint.", "Fetch checkpoint.sigstore.json again.")
    if not who.matches(signed.identity):
        raise Untrusted(
            f"The checkpoint is anchored by {signed.identity.subject}, not by {who.subject}.",
            "Who registry.yaml names as sequencer runs muniment publish; a reader asks the registry's makers.",
        )
    if abs(signed.signed_at - state.admitted_at) > APART:
        raise Untrusted(
            f"The checkpoint was anchored at {format_instant(signed.signed_at)}, and its last batch says "
            f"{format_instant(state.admitted_at)}.",
            "More than an hour lies between them: its operator did not tell the time truly.",
        )
    return signed
