"""The checks of a transparency log entry that the stock verifier leaves out.

Values are normalised protobuf-JSON (`signing.protojson`). Inclusion and signatures are checked by the stock verifier.
Source: Rekor v2 specification, section 6.1; rekor-tiles `CLIENTS.md`; C2SP tlog-checkpoint and signed-note.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from muniment.core.canonical import format_json, parse_canonical
from muniment.core.errors import Malformed, Untrusted
from muniment.log.checkpoint import Checkpoint, parse_checkpoint
from muniment.log.note import Note, parse_note
from muniment.signing.keyring import Log

REKOR_V1 = ("dsse", "0.0.1")
REKOR_V2 = ("hashedrekord", "0.0.2")
_DO_NOT = "Do not use the bundle; ask its signer for the original."


def kind_of_entry(entry: dict[str, Any]) -> tuple[str, str]:
    """`REKOR_V1` or `REKOR_V2`. Raises `Malformed` for another kind of entry."""
    kind = (entry["kindVersion"]["kind"], entry["kindVersion"]["version"])
    if kind not in (REKOR_V1, REKOR_V2):
        raise Malformed(f"The log entry is of kind {kind[0][:40]} {kind[1][:40]}.", "Sign with a client of today.")
    return kind


def check_promise(entry: dict[str, Any]) -> None:
    """Holds when a time is stated only together with the log's promise, and by Rekor v1 only; else `Untrusted`.

    Raises `Malformed` for an unknown kind of entry. The stock verifier skips the signature of a promise whose time
    is absent, ignores a time without promise, and both in Rekor v2, which signs neither.
    """
    time, promise = "integratedTime" in entry, "inclusionPromise" in entry
    if kind_of_entry(entry) == REKOR_V2 and (time or promise):
        raise Untrusted("The bundle states a time or a promise that its log never signs.", _DO_NOT)
    if time != promise:
        raise Untrusted("The bundle states a log time without its signature, or a promise without its time.", _DO_NOT)


def check_entry(bundle: dict[str, Any], log: Log) -> None:
    """Holds when the entry of a normalised bundle is one that `log` would make for it; else `Untrusted`."""
    (entry,) = bundle["verificationMaterial"]["tlogEntries"]
    _check_checkpoint(entry, log)
    body = base64.b64decode(entry["canonicalizedBody"])
    if kind_of_entry(entry) == REKOR_V2:
        _check_index(entry)
        if body != expected_body(bundle):
            raise Untrusted("The log entry is not the canonical one for this envelope and certificate.", _DO_NOT)
        return
    if "inclusionPromise" not in entry:
        _check_index(entry)
    try:
        parse_canonical(body, "The log entry")
    except Malformed as error:
        raise Untrusted("The log entry's body is not canonical JSON.", _DO_NOT) from error


def expected_body(bundle: dict[str, Any]) -> bytes:
    """The body that Rekor v2 logs for the envelope and certificate of a normalised bundle."""
    envelope = bundle["dsseEnvelope"]
    signed = pae(envelope["payloadType"], base64.b64decode(envelope["payload"]))
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    certificate = base64.b64decode(bundle["verificationMaterial"]["certificate"]["rawBytes"])
    return hashedrekord(hashlib.sha256(signed).digest(), signature, certificate)


def hashedrekord(digest: bytes, signature: bytes, certificate: bytes) -> bytes:
    """The canonical body of a hashedrekord 0.0.2 entry: SHA-256, ECDSA on P-256, certificate in DER."""
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": _b64(certificate)}}
    data = {"algorithm": "SHA2_256", "digest": _b64(digest)}
    signed = {"content": _b64(signature), "verifier": verifier}
    spec = {"hashedRekordV002": {"data": data, "signature": signed}}
    return format_json({"apiVersion": REKOR_V2[1], "kind": REKOR_V2[0], "spec": spec})


def pae(payload_type: str, payload: bytes) -> bytes:
    """What a DSSE signature covers (DSSE `protocol.md`): lengths are in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _check_index(entry: dict[str, Any]) -> None:
    if entry["logIndex"] != entry["inclusionProof"]["logIndex"]:
        raise Untrusted("The bundle states a log index that its inclusion proof does not prove.", _DO_NOT)


def _check_checkpoint(entry: dict[str, Any], log: Log) -> None:
    proof = entry["inclusionProof"]
    note = parse_note(proof["checkpoint"]["envelope"].encode())
    checkpoint = parse_checkpoint(note.text)
    if str(checkpoint.size) != proof["treeSize"]:
        raise Untrusted("The checkpoint is of another tree size than the inclusion proof.", _DO_NOT)
    _check_origin(checkpoint, note, log, kind_of_entry(entry) == REKOR_V1)


def _check_origin(checkpoint: Checkpoint, note: Note, log: Log, tree_named: bool) -> None:
    """Rekor v1 adds the number of its tree to its name: `rekor.sigstore.dev - 1193050959916656506`."""
    origin = re.sub(r" - \d+\Z", "", checkpoint.origin) if tree_named else checkpoint.origin
    if origin not in log.names:
        raise Untrusted(f"The checkpoint is of the log {checkpoint.origin[:80]!r}, not of the entry's log.", _DO_NOT)
    if checkpoint.extensions and not tree_named:
        raise Untrusted("The checkpoint has lines that this log does not write.", _DO_NOT)
    lines = [line for line in note.signatures if line.key_id == log.log_id[:4]]
    if len(lines) != 1 or lines[0].name not in log.names:
        raise Untrusted("The checkpoint does not bear exactly one signature of its log by name.", _DO_NOT)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
