"""The parts of a bundle as bytes and numbers, read from its canonical spelling and written back to it.

Source: sigstore/protobuf-specs `sigstore_bundle.proto`; RFC 8785 (every value of the JSON is text).
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

from muniment.core.canonical import parse_json
from muniment.core.errors import Malformed

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@dataclass(frozen=True, slots=True)
class Proof:
    """That a leaf stands in a log: its index, the size and root of the tree, the audit path, the signed checkpoint."""

    index: int
    size: int
    root: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of a transparency log; `time` is in POSIX seconds, `kind` is (kind, version)."""

    index: int
    log_id: bytes
    kind: tuple[str, str]
    time: int | None
    promise: bytes | None
    proof: Proof
    body: bytes


@dataclass(frozen=True, slots=True)
class Parts:
    """All that a v0.3 bundle with a DSSE envelope and a certificate says; `certificate` and `tokens` are DER."""

    payload_type: str
    payload: bytes
    signature: bytes
    keyid: str
    certificate: bytes
    tokens: tuple[bytes, ...]
    entry: LogEntry


@lru_cache(maxsize=4)
def parse_parts(data: bytes) -> Parts:
    """The parts of a bundle in its canonical spelling. Raises `Malformed` for any other."""
    try:
        parts = _bundle(parse_json(data, "The bundle"))
        canonical = format_parts(parts) == data
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Malformed("The bundle is not in its canonical spelling.", _PARSE) from error
    if not canonical:
        raise Malformed("The bundle is not in its canonical spelling.", _PARSE)
    return parts


def format_parts(parts: Parts) -> bytes:
    """The canonical bytes of the bundle. Raises `ValueError` for text that is not Unicode or a number over 64 bits."""
    keyid = f'"keyid":{_text(parts.keyid)},' if parts.keyid else ""
    tokens = ",".join(f'{{"signedTimestamp":{_b64(token)}}}' for token in parts.tokens)
    stamps = f'"timestampVerificationData":{{"rfc3161Timestamps":[{tokens}]}},' if parts.tokens else ""
    return (
        f'{{"dsseEnvelope":{{"payload":{_b64(parts.payload)},"payloadType":{_text(parts.payload_type)},'
        f'"signatures":[{{{keyid}"sig":{_b64(parts.signature)}}}]}},"mediaType":"{MEDIA_TYPE}",'
        f'"verificationMaterial":{{"certificate":{{"rawBytes":{_b64(parts.certificate)}}},{stamps}'
        f'"tlogEntries":[{_format_entry(parts.entry)}]}}}}'
    ).encode()


_PARSE = "Read it with parse_bundle, which writes every spelling as one."


def _format_entry(entry: LogEntry) -> str:
    proof = entry.proof
    promise = "" if entry.promise is None else f'"inclusionPromise":{{"signedEntryTimestamp":{_b64(entry.promise)}}},'
    time = f'"integratedTime":"{_u64(entry.time)}",' if entry.time else ""
    hashes = ",".join(map(_b64, proof.hashes))
    return (
        f'{{"canonicalizedBody":{_b64(entry.body)},{promise}'
        f'"inclusionProof":{{"checkpoint":{{"envelope":{_text(proof.checkpoint)}}},"hashes":[{hashes}],'
        f'"logIndex":"{_u64(proof.index)}","rootHash":{_b64(proof.root)},"treeSize":"{_u64(proof.size)}"}},{time}'
        f'"kindVersion":{{"kind":{_text(entry.kind[0])},"version":{_text(entry.kind[1])}}},'
        f'"logId":{{"keyId":{_b64(entry.log_id)}}},"logIndex":"{_u64(entry.index)}"}}'
    )


def _bundle(value: Any) -> Parts:
    envelope, material = value["dsseEnvelope"], value["verificationMaterial"]
    (signature,), (entry,) = envelope["signatures"], material["tlogEntries"]
    stamps = material.get("timestampVerificationData", {}).get("rfc3161Timestamps", ())
    return Parts(
        payload_type=envelope["payloadType"],
        payload=a2b_base64(envelope["payload"]),
        signature=a2b_base64(signature["sig"]),
        keyid=signature.get("keyid", ""),
        certificate=a2b_base64(material["certificate"]["rawBytes"]),
        tokens=tuple([a2b_base64(stamp["signedTimestamp"]) for stamp in stamps]),
        entry=_entry(entry),
    )


def _entry(value: Any) -> LogEntry:
    kind, proof, promise = value["kindVersion"], value["inclusionProof"], value.get("inclusionPromise")
    return LogEntry(
        index=int(value["logIndex"]),
        log_id=a2b_base64(value["logId"]["keyId"]),
        kind=(kind["kind"], kind["version"]),
        time=int(value["integratedTime"]) if "integratedTime" in value else None,
        promise=a2b_base64(promise["signedEntryTimestamp"]) if promise is not None else None,
        proof=Proof(
            index=int(proof["logIndex"]),
            size=int(proof["treeSize"]),
            root=a2b_base64(proof["rootHash"]),
            hashes=tuple([a2b_base64(one) for one in proof["hashes"]]),
            checkpoint=proof["checkpoint"]["envelope"],
        ),
        body=a2b_base64(value["canonicalizedBody"]),
    )


def _b64(data: bytes) -> str:
    return f'"{b2a_base64(data, newline=False).decode()}"'


def _text(text: str) -> str:
    """RFC 8785 writes text as this encoder does, short escapes and all."""
    return encode_basestring(text)


def _u64(number: int) -> int:
    if not 0 <= number < 2**64:
        raise ValueError("more than 64 bits")
    return number
