"""The checks of a transparency log entry that the stock verifier leaves out, and the bodies that logs write.

Inclusion and signatures are checked elsewhere.
Source: Rekor v2 specification, section 6.1; rekor-tiles `CLIENTS.md`; rekor `pkg/types/dsse`; C2SP tlog-checkpoint
and signed-note.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode

from muniment.core.errors import Malformed, Untrusted
from muniment.log.checkpoint import Checkpoint, parse_checkpoint
from muniment.log.note import Note, Signature, parse_note
from muniment.signing.keyring import Log
from muniment.signing.parts import LogEntry, Parts

REKOR_V1 = ("dsse", "0.0.1")
REKOR_V2 = ("hashedrekord", "0.0.2")
_ENVELOPE_HASH = re.compile(
    rb'\{"apiVersion":"0\.0\.1","kind":"dsse","spec":\{"envelopeHash":\{"algorithm":"sha256","value":"[0-9a-f]{64}"\}'
)
_DO_NOT = "Do not use the bundle; ask its signer for the original."


def check_promise(entry: LogEntry) -> None:
    """Holds when a time is stated only together with the log's promise, and by Rekor v1 only; else `Untrusted`.

    Raises `Malformed` for an unknown kind of entry. The stock verifier skips the signature of a promise whose time
    is absent, ignores a time without promise, and both in Rekor v2, which signs neither.
    """
    if entry.kind not in (REKOR_V1, REKOR_V2):
        kind, version = entry.kind
        raise Malformed(f"The log entry is of kind {kind[:40]} {version[:40]}.", "Sign with a client of today.")
    time, promise = entry.time is not None, entry.promise is not None
    if entry.kind == REKOR_V2 and (time or promise):
        raise Untrusted("The bundle states a time or a promise that its log never signs.", _DO_NOT)
    if time != promise:
        raise Untrusted("The bundle states a log time without its signature, or a promise without its time.", _DO_NOT)


def check_entry(parts: Parts, log: Log) -> tuple[Note, Signature]:
    """The note of the entry's checkpoint and the log's one signature on it, which is not verified here.

    Raises `Untrusted` unless the entry is one that `log` would make for the bundle.
    """
    entry = parts.entry
    signed = _check_checkpoint(entry, log)
    if entry.promise is None and entry.index != entry.proof.index:
        raise Untrusted("The bundle states a log index that its inclusion proof does not prove.", _DO_NOT)
    if entry.body != (hashedrekord_body(parts) if entry.kind == REKOR_V2 else dsse_body(parts)):
        raise Untrusted("The log entry is not the canonical one for this envelope and certificate.", _DO_NOT)
    return signed


def hashedrekord_body(parts: Parts) -> bytes:
    """The body that Rekor v2 logs for the envelope and certificate of a bundle."""
    digest = hashlib.sha256(pae(parts.payload_type, parts.payload)).digest()
    return hashedrekord(digest, parts.signature, parts.certificate)


def hashedrekord(digest: bytes, signature: bytes, certificate: bytes) -> bytes:
    """The canonical body of a hashedrekord 0.0.2 entry: SHA-256, ECDSA on P-256, certificate in DER."""
    return (
        b'{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256",'
        b'"digest":"%b"},"signature":{"content":"%b","verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256",'
        b'"x509Certificate":{"rawBytes":"%b"}}}}}}' % (b64encode(digest), b64encode(signature), b64encode(certificate))
    )


def dsse_body(parts: Parts) -> bytes:
    """The body that Rekor v1 logs: of the envelope, whose spelling is lost, the hash is taken from the logged body."""
    match = _ENVELOPE_HASH.match(parts.entry.body)
    payload = hashlib.sha256(parts.payload).hexdigest().encode()
    head, verifier = match[0] if match else b"", b64encode(_pem(parts.certificate))
    return (
        b'%b,"payloadHash":{"algorithm":"sha256","value":"%b"},'
        b'"signatures":[{"signature":"%b","verifier":"%b"}]}}' % (head, payload, b64encode(parts.signature), verifier)
    )


def promised(entry: LogEntry) -> bytes:
    """What Rekor v1 signs when it promises to log an entry: RFC 8785, whose integers end at 2^53 (`Malformed`)."""
    time = entry.time or 0
    if max(time, entry.index) >= 2**53:
        raise Malformed("The log entry has a number that its promise cannot hold.", _DO_NOT)
    stated = (b64encode(entry.body), time, entry.log_id.hex().encode(), entry.index)
    return b'{"body":"%b","integratedTime":%d,"logID":"%b","logIndex":%d}' % stated


def pae(payload_type: str, payload: bytes) -> bytes:
    """What a DSSE signature covers (DSSE `protocol.md`): lengths are in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _pem(certificate: bytes) -> bytes:
    text = b64encode(certificate)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return b"\n".join([b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""])


def _check_checkpoint(entry: LogEntry, log: Log) -> tuple[Note, Signature]:
    note = parse_note(entry.proof.checkpoint.encode())
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.size != entry.proof.size:
        raise Untrusted("The checkpoint is of another tree size than the inclusion proof.", _DO_NOT)
    if checkpoint.root != entry.proof.root:
        raise Untrusted("The checkpoint is of another root than the inclusion proof.", _DO_NOT)
    return note, _own_line(checkpoint, note, log, entry.kind != REKOR_V2)


def _own_line(checkpoint: Checkpoint, note: Note, log: Log, tree_named: bool) -> Signature:
    """Rekor v1 adds the number of its tree to its name: `rekor.sigstore.dev - 1193050959916656506`."""
    origin = re.sub(r" - [0-9]+\Z", "", checkpoint.origin) if tree_named else checkpoint.origin
    if origin not in log.names:
        raise Untrusted(f"The checkpoint is of the log {checkpoint.origin[:80]!r}, not of the entry's log.", _DO_NOT)
    if checkpoint.extensions and not tree_named:
        raise Untrusted("The checkpoint has lines that this log does not write.", _DO_NOT)
    lines = [line for line in note.signatures if line.key_id == log.log_id[:4]]
    if len(lines) != 1 or lines[0].name not in log.names:
        raise Untrusted("The checkpoint does not bear exactly one signature of its log by name.", _DO_NOT)
    return lines[0]
