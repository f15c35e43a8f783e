"""Statements signed elsewhere: bundles by other clients, judged by a source that the configuration names.

Sigstore bundles of v0.1 and v0.2 are put into today's form first, which changes no signed byte, and then verified as
strictly as our own. Keys and certificates prove no time: their signatures are judged at the time the caller gives.
Source: sigstore/protobuf-specs `sigstore_bundle.proto`; OpenSSF Model Signing v1.0, section 5; RFC 5280.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from muniment.core.canonical import format_json, parse_json
from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Malformed, Untrusted
from muniment.core.instant import whole_seconds
from muniment.evidence.statement import OLD_STATEMENT_TYPE, PAYLOAD_TYPE, STATEMENT_TYPE, Statement, parse_statement
from muniment.signing.bundle import parse_bundle
from muniment.signing.certificate import plain
from muniment.signing.chain import check_chain
from muniment.signing.entry import pae
from muniment.signing.identity import Identity
from muniment.signing.parts import MEDIA_TYPE
from muniment.signing.protojson import FOREIGN, normalise
from muniment.signing.source import Authorities, Instance, Key, Source
from muniment.signing.strict import verifier_for

_OLD = ("application/vnd.dev.sigstore.bundle+json;version=0.1", "application/vnd.dev.sigstore.bundle+json;version=0.2")
_NEW = (MEDIA_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.3")
_HASHES: dict[str, HashAlgorithm] = {"secp256r1": SHA256(), "secp384r1": SHA384(), "secp521r1": SHA512()}
_DO_NOT = "Do not use the bundle; ask its signer for a good one."


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who holds a public key: the SHA-256 of its SubjectPublicKeyInfo in DER."""

    spki: Digest


@dataclass(frozen=True, slots=True)
class CertificateHolder:
    """Who holds a certificate: its subject as RFC 4514 writes it, its SHA-256, and that of the authority's."""

    subject: str
    certificate: Digest
    authority: Digest


Signer = Identity | KeyHolder | CertificateHolder


@dataclass(frozen=True, slots=True)
class Foreign:
    """A statement made elsewhere: what it says, who said it, and the time that is proved, if any is.

    It is an in-toto Statement v1, or v0.1, which differs in nothing else. `statement_digest` is the SHA-256 of the
    DSSE payload.
    """

    statement: Statement
    statement_digest: Digest
    payload: bytes
    signer: Signer
    signed_at: datetime | None


def open_foreign(data: bytes, source: Source, at: datetime) -> Foreign:
    """The statement in a bundle that the source vouches for; `at` is when it was shown to us, as that is proved.

    Raises `Untrusted` when a check fails or the source does not vouch, `Malformed` for a form that is not known.
    """
    value = _read(data)
    if isinstance(source, Instance):
        return _by_instance(value, source)
    if isinstance(source, Key):
        signer: Signer = _by_key(value, source)
    else:
        signer = _by_certificate(value, source, at)
    return _foreign(b64decode(value["dsseEnvelope"]["payload"]), signer, None)


def _foreign(payload: bytes, signer: Signer, time: datetime | None) -> Foreign:
    statement = parse_statement(payload, (STATEMENT_TYPE, OLD_STATEMENT_TYPE))
    return Foreign(statement, digest_of(payload), payload, signer, time)


def _read(data: bytes) -> dict[str, Any]:
    """The bundle as normalised protobuf-JSON with one envelope, one signature and one kind of signer."""
    value = parse_json(data, "The bundle")
    if isinstance(value, dict) and value.keys() & {"messageSignature", "message_signature"}:
        raise Malformed("The bundle signs plain bytes, not a statement.", "Ask its signer for an attestation.")
    normal = normalise(value, "Bundle", FOREIGN, "bundle")
    _check_media_type(normal)
    envelope = normal["dsseEnvelope"]
    if envelope["payloadType"] != PAYLOAD_TYPE:
        raise Malformed(f"The bundle's payload is not of type {PAYLOAD_TYPE}.", "Ask for an in-toto statement.")
    if len(envelope["signatures"]) != 1:
        raise Malformed(f"The envelope has {len(envelope['signatures'])} signatures.", "Use one bundle a signer.")
    kinds = [kind for kind in ("certificate", "x509CertificateChain", "publicKey") if kind in _material(normal)]
    if len(kinds) != 1:
        raise Malformed(f"The bundle names {len(kinds)} kinds of signer.", _DO_NOT)
    return normal


def _check_media_type(value: dict[str, Any]) -> None:
    if value["mediaType"] not in (*_OLD, *_NEW):
        raise Malformed(f"The bundle is of media type {value['mediaType'][:80]!r}.", "Use v0.1, v0.2 or v0.3.")


def _material(value: dict[str, Any]) -> dict[str, Any]:
    material: dict[str, Any] = value["verificationMaterial"]
    return material


# --- Sigstore ------------------------------------------------------------------------------------------------------


def _by_instance(value: dict[str, Any], source: Instance) -> Foreign:
    bundle = parse_bundle(format_json(_of_today(value)))
    proven = verifier_for(source.trusted_root).prove(bundle)
    if not any(named.matches(proven.identity) for named in source.identities):
        who = f"{proven.identity.subject[:120]} by {proven.identity.issuer[:120]}"
        raise Untrusted(f"The source does not vouch for who signed: {who}.", "Name the identity, if you believe it.")
    return _foreign(bundle.payload, proven.identity, whole_seconds(proven.time))


def _of_today(value: dict[str, Any]) -> dict[str, Any]:
    """A Sigstore bundle as v0.3: with its own certificate only, without the chain that older clients added."""
    material = _material(value)
    if value["mediaType"] in _NEW:
        leaf = material.get("certificate")
    else:
        leaf = _own_certificate(material.get("x509CertificateChain", {"certificates": []})["certificates"])
        _check_proofs(value["mediaType"], material["tlogEntries"])
    if leaf is None:
        raise Malformed("The bundle is not signed with a Sigstore certificate.", "Name its key or authority instead.")
    kept = {name: material[name] for name in ("tlogEntries", "timestampVerificationData") if name in material}
    return {**value, "mediaType": MEDIA_TYPE, "verificationMaterial": {**kept, "certificate": leaf}}


def _own_certificate(chain: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The first certificate. Others may be intermediates, which nobody needs; never a root, which nobody may bring."""
    for index, one in enumerate(chain):
        certificate = _load(b64decode(one["rawBytes"]))
        if index and certificate.issuer == certificate.subject:
            raise Untrusted("The bundle brings a root certificate of its own.", _DO_NOT)
    return chain[0] if chain else None


def _check_proofs(media_type: str, entries: list[dict[str, Any]]) -> None:
    if media_type == _OLD[0] and any("inclusionPromise" not in entry for entry in entries):
        raise Malformed("The bundle is of v0.1 and has no inclusion promise.", _DO_NOT)


# --- keys and certificates -----------------------------------------------------------------------------------------


def _by_key(value: dict[str, Any], source: Key) -> KeyHolder:
    """Log entries and timestamps beside a key's signature are not looked at: nothing that they say is used."""
    if "publicKey" not in _material(value):
        raise Untrusted("The bundle is not signed with a key alone, and the source is a key.", "Name its authority.")
    _check_hint(_material(value)["publicKey"].get("hint", ""), source.spki)
    _check_signature(value["dsseEnvelope"], load_der_public_key(source.spki), "the source's key")
    return KeyHolder(digest_of(source.spki))


def _check_hint(hint: str, spki: bytes) -> None:
    """A hint that has the form of a key's digest must be that of the key; other hints are anybody's words.

    Model signing writes the hex SHA-256 of the PEM, cosign the base64 SHA-256 of the DER.
    """
    pem = load_der_public_key(spki).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    digests = [hashlib.sha256(form).digest() for form in (spki, pem)]
    forms = {form for d in digests for form in (d.hex(), b64encode(d).decode())}
    if len(hint) in (44, 64) and hint not in forms:
        raise Untrusted("The bundle says that it is signed with another key than the source's.", _DO_NOT)


def _by_certificate(value: dict[str, Any], source: Authorities, at: datetime) -> CertificateHolder:
    if "x509CertificateChain" not in _material(value):
        raise Untrusted("The bundle brings no certificate, and the source is an authority's.", "Name its key.")
    listed = [b64decode(one["rawBytes"]) for one in _material(value)["x509CertificateChain"]["certificates"]]
    if not listed:
        raise Malformed("The bundle's certificate chain is empty.", _DO_NOT)
    chain = [_load(one) for one in listed]
    authority = check_chain(chain, [_load(one) for one in source.certificates], at)
    leaf = chain[0]
    subject = plain(leaf.subject.rfc4514_string(), "subject") if list(leaf.subject) else ""
    holder = CertificateHolder(subject, digest_of(listed[0]), authority)
    if source.leaf not in (None, holder.certificate, holder.subject):
        raise Untrusted(f"The source does not vouch for the certificate of {holder.subject[:120]!r}.", _NAME_LEAF)
    _check_signature(value["dsseEnvelope"], leaf.public_key(), "its certificate's key")
    return holder


_NAME_LEAF = "Pin its SHA-256 or its subject as leaf, if you believe it."


def _check_signature(envelope: dict[str, Any], key: Any, whose: str) -> None:
    """Holds for an ECDSA signature hashed as long as its curve is; else `Untrusted`."""
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in _HASHES:
        raise Malformed(f"The bundle is signed with {whose}, which is of an unknown kind.", "Use ECDSA on P-256.")
    signed = pae(envelope["payloadType"], b64decode(envelope["payload"]))
    try:
        key.verify(b64decode(envelope["signatures"][0]["sig"]), signed, ECDSA(_HASHES[key.curve.name]))
    except InvalidSignature as error:
        raise Untrusted(f"The signature is not of {whose}.", _DO_NOT) from error


def _load(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise Malformed("The bundle brings a certificate that is none.", _DO_NOT) from error
