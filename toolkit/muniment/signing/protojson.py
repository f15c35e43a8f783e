"""Protobuf-JSON of Sigstore messages, read in any spelling and written in one.

Spellings that mean the same and come out equal: key order, white space, `snake_case` or `lowerCamelCase` names,
64-bit integers as text or number, base64 in either alphabet with or without padding, times with any count of zero
fractions, optional fields that are absent, null or hold their default. Unknown fields are refused.
Source: protobuf ProtoJSON format; sigstore/protobuf-specs `sigstore_bundle.proto`, `sigstore_trustroot.proto`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from muniment.core.errors import Malformed
from muniment.core.instant import CLOCK, OFFSET

_TIME = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{CLOCK}(\.[0-9]{{1,9}})?(Z|{OFFSET})")
_INTEGER = re.compile(r"0|[1-9][0-9]{0,19}")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `kind` is a scalar (`text`, `bytes`, `u64`, `u32`, `time`) or the name of a message.

    `required` fields are always written, even with their default; others are left out when they hold it.
    """

    kind: str
    repeated: bool = False
    required: bool = True


Messages = Mapping[str, Mapping[str, Field]]


def _text(required: bool = True) -> Field:
    return Field("text", required=required)


LOG_ID = {"keyId": Field("bytes")}
TIME_RANGE = {"start": Field("time"), "end": Field("time", required=False)}
CERTIFICATE = {"rawBytes": Field("bytes")}
CHAIN = {"certificates": Field("X509Certificate", repeated=True)}

BUNDLE: Messages = {
    "Bundle": {
        "mediaType": _text(),
        "verificationMaterial": Field("VerificationMaterial"),
        "dsseEnvelope": Field("Envelope"),
    },
    "VerificationMaterial": {
        "certificate": Field("X509Certificate"),
        "tlogEntries": Field("TransparencyLogEntry", repeated=True),
        "timestampVerificationData": Field("TimestampVerificationData", required=False),
    },
    "X509Certificate": CERTIFICATE,
    "TransparencyLogEntry": {
        "logIndex": Field("u64"),
        "logId": Field("LogId"),
        "kindVersion": Field("KindVersion"),
        "integratedTime": Field("u64", required=False),
        "inclusionPromise": Field("InclusionPromise", required=False),
        "inclusionProof": Field("InclusionProof"),
        "canonicalizedBody": Field("bytes"),
    },
    "LogId": LOG_ID,
    "KindVersion": {"kind": _text(), "version": _text()},
    "InclusionPromise": {"signedEntryTimestamp": Field("bytes")},
    "InclusionProof": {
        "logIndex": Field("u64"),
        "rootHash": Field("bytes"),
        "treeSize": Field("u64"),
        "hashes": Field("bytes", repeated=True),
        "checkpoint": Field("Checkpoint"),
    },
    "Checkpoint": {"envelope": _text()},
    "TimestampVerificationData": {"rfc3161Timestamps": Field("RFC3161SignedTimestamp", repeated=True)},
    "RFC3161SignedTimestamp": {"signedTimestamp": Field("bytes")},
    "Envelope": {
        "payload": Field("bytes"),
        "payloadType": _text(),
        "signatures": Field("Signature", repeated=True),
    },
    "Signature": {"sig": Field("bytes"), "keyid": _text(required=False)},
}

# What other clients wrote, since v0.1: the signer's certificate or key in one of three fields, proofs left out.
FOREIGN: Messages = {
    **BUNDLE,
    "VerificationMaterial": {
        "certificate": Field("X509Certificate", required=False),
        "x509CertificateChain": Field("X509CertificateChain", required=False),
        "publicKey": Field("PublicKeyIdentifier", required=False),
        "tlogEntries": Field("TransparencyLogEntry", repeated=True),
        "timestampVerificationData": Field("TimestampVerificationData", required=False),
    },
    "X509CertificateChain": CHAIN,
    "PublicKeyIdentifier": {"hint": _text(required=False)},
    "TransparencyLogEntry": {
        **BUNDLE["TransparencyLogEntry"],
        "inclusionProof": Field("InclusionProof", required=False),
    },
    "InclusionProof": {**BUNDLE["InclusionProof"], "checkpoint": Field("Checkpoint", required=False)},
}

TRUSTED_ROOT: Messages = {
    "TrustedRoot": {
        "mediaType": _text(),
        "tlogs": Field("TransparencyLogInstance", repeated=True),
        "certificateAuthorities": Field("CertificateAuthority", repeated=True),
        "ctlogs": Field("TransparencyLogInstance", repeated=True),
        "timestampAuthorities": Field("CertificateAuthority", repeated=True),
    },
    "TransparencyLogInstance": {
        "baseUrl": _text(),
        "hashAlgorithm": _text(),
        "publicKey": Field("PublicKey"),
        "logId": Field("LogId"),
        "checkpointKeyId": Field("LogId", required=False),
        "operator": _text(required=False),
    },
    "PublicKey": {"rawBytes": Field("bytes"), "keyDetails": _text(), "validFor": Field("TimeRange")},
    "LogId": LOG_ID,
    "TimeRange": TIME_RANGE,
    "CertificateAuthority": {
        "subject": Field("DistinguishedName"),
        "uri": _text(required=False),
        "certChain": Field("X509CertificateChain"),
        "validFor": Field("TimeRange"),
        "operator": _text(required=False),
    },
    "DistinguishedName": {"organization": _text(), "commonName": _text()},
    "X509CertificateChain": CHAIN,
    "X509Certificate": CERTIFICATE,
}

_DEFAULTS: dict[str, Any] = {"text": "", "bytes": "", "u64": "0", "time": None}


def normalise(value: Any, message: str, messages: Messages, where: str) -> dict[str, Any]:
    """The one spelling of a message, as a JSON value. `where` names the place in the error. Raises `Malformed`."""
    fields = messages[message]
    given = _camel(value, where)
    for name in given:
        if name not in fields:
            raise Malformed(
                f"{where} has an unknown field {name!r}.", "It may be of a newer version; upgrade muniment."
            )
    result: dict[str, Any] = {}
    for name, field in fields.items():
        one = _field(given.get(name), field, messages, f"{where}.{name}")
        if one is not None:
            result[name] = one
    return result


def _camel(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{where} is not a JSON object.", "Correct it.")
    named = {re.sub(r"_([a-z0-9])", lambda m: m[1].upper(), key): item for key, item in value.items()}
    if len(named) != len(value):
        raise Malformed(f"{where} gives a field twice, in two spellings.", "Keep one.")
    return named


def _field(value: Any, field: Field, messages: Messages, where: str) -> Any:
    if field.repeated:
        items = [] if value is None else value
        if not isinstance(items, list):
            raise Malformed(f"{where} is not a list.", "Correct it.")
        return [_one(item, field.kind, messages, f"{where}[{i}]") for i, item in enumerate(items)]
    if value is None:
        if field.required and _DEFAULTS.get(field.kind) is None:
            raise Malformed(f"{where} is missing.", "The document is incomplete; get it again from its maker.")
        return _DEFAULTS[field.kind] if field.required else None
    one = _one(value, field.kind, messages, where)
    return None if not field.required and one in ("", "0", {"rfc3161Timestamps": []}) else one


def _one(value: Any, kind: str, messages: Messages, where: str) -> Any:
    if kind in messages:
        return normalise(value, kind, messages, where)
    scalar = {"text": _string, "bytes": _bytes, "u64": _u64, "time": _time}[kind](value)
    if scalar is None:
        raise Malformed(f"{where} is not {_NAMES[kind]}.", "The document is damaged; get it again from its maker.")
    return scalar


_NAMES = {"text": "text", "bytes": "base64", "u64": "an unsigned 64-bit integer", "time": "an RFC 3339 time"}


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _bytes(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    standard = value.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        raw = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    encoded = base64.b64encode(raw).decode()
    # Equal only when the bits behind the last byte are zero: one spelling for one value.
    return encoded if encoded.rstrip("=") == standard and len(value) - len(value.rstrip("=")) <= 2 else None


def _u64(value: Any) -> str | None:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _INTEGER.fullmatch(text) or int(text) >= 2**64:
        return None
    return text


def _time(value: Any) -> str | None:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return None
    try:
        moment = datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return (
        moment.isoformat(timespec="auto" if moment.microsecond % 1000 or not moment.microsecond else "milliseconds")
        + "Z"
    )
