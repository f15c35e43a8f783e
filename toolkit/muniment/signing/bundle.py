"""Sigstore bundles v0.3 that hold a DSSE envelope, in one canonical spelling.

The digest of a bundle is that of its canonical bytes, so that two spellings of one bundle are one bundle.
Source: sigstore/protobuf-specs `sigstore_bundle.proto`, in-toto DSSE `envelope.md`, RFC 8785.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muniment.core.canonical import format_json, parse_json
from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Malformed
from muniment.signing.parts import MEDIA_TYPE, Parts, parse_parts
from muniment.signing.protojson import BUNDLE, normalise

_SPELLINGS = (MEDIA_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.3")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle by its parts: the DSSE payload and its type, and the canonical bytes with their digest."""

    payload: bytes
    payload_type: str
    digest: Digest
    data: bytes


def parse_bundle(data: bytes) -> Bundle:
    """The bundle that JSON bytes in any spelling hold. Nothing is verified. Raises `Malformed`."""
    try:
        return _bundle(parse_parts(data), data)
    except Malformed:
        canonical = _respell(data)
    return _bundle(parse_parts(canonical), canonical)


def format_bundle(bundle: Bundle) -> bytes:
    """The canonical JSON bytes, without a trailing newline."""
    return bundle.data


def _bundle(parts: Parts, canonical: bytes) -> Bundle:
    return Bundle(parts.payload, parts.payload_type, digest_of(canonical), canonical)


def _respell(data: bytes) -> bytes:
    """The canonical spelling of a bundle in any other."""
    value = parse_json(data, "The bundle")
    _check_kind(value)
    normal = normalise(value, "Bundle", BUNDLE, "bundle")
    normal["mediaType"] = MEDIA_TYPE
    _check_counts(normal)
    return format_json(normal)


def _check_kind(value: Any) -> None:
    """Says what the JSON is instead when it is not a v0.3 bundle with a DSSE envelope and a certificate."""
    if not isinstance(value, dict):
        raise Malformed("The file is JSON but not a Sigstore bundle.", "Give a *.sigstore.json file.")
    media_type = value.get("mediaType", value.get("media_type"))
    if media_type not in _SPELLINGS:
        raise Malformed(f"The file is {_other(value, media_type)}, not a Sigstore bundle v0.3.", _SIGN_AGAIN)
    if value.keys() & {"messageSignature", "message_signature"}:
        raise Malformed("The bundle signs plain bytes (messageSignature), not a statement.", _SIGN_AGAIN)
    material = value.get("verificationMaterial", value.get("verification_material"))
    if isinstance(material, dict):
        for key, what in _OTHER_MATERIAL.items():
            if material.get(key) is not None:
                raise Malformed(f"The bundle is signed with {what}, not with a Sigstore certificate.", _SIGN_AGAIN)


_SIGN_AGAIN = "Sign the statement with `muniment attest` or another Sigstore client of today."
_OTHER_MATERIAL = {
    "publicKey": "a public key",
    "public_key": "a public key",
    "x509CertificateChain": "a certificate chain",
    "x509_certificate_chain": "a certificate chain",
}


def _other(value: dict[str, Any], media_type: Any) -> str:
    if isinstance(media_type, str):
        return f"of media type {media_type[:80]!r}"
    if "payloadType" in value:
        return "a bare DSSE envelope"
    if "_type" in value:
        return "an unsigned in-toto statement"
    if "base64Signature" in value or "SignedEntryTimestamp" in value:
        return "a signature of an old cosign"
    return "other JSON"


def _check_counts(normal: dict[str, Any]) -> None:
    if (entries := len(normal["verificationMaterial"]["tlogEntries"])) != 1:
        raise Malformed(f"The bundle has {entries} transparency log entries.", "It must have exactly one.")
    if (signatures := len(normal["dsseEnvelope"]["signatures"])) != 1:
        raise Malformed(f"The DSSE envelope has {signatures} signatures.", "Use one bundle for each signer.")
