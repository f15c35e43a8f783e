"""The sandbox's certificate authority: ten-minute certificates that bind a key to a token's identity, with one SCT.

Source: Fulcio `docs/certificate-specification.md` and `docs/oid-info.md`; RFC 6962, section 3.2 (SCT).
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from muniment.core.errors import Malformed, Untrusted
from muniment.signing import der
from muniment.signing.identity import ARC
from muniment.signing.sandbox.identities import GITHUB
from muniment.signing.sandbox.keys import Keys, key_usage

LIFETIME = timedelta(minutes=10)
_SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_HOST = "https://github.com/"
Extension = tuple[x509.ExtensionType, bool]


def issue(request: Any, claims: Mapping[str, Any], keys: Keys, now: datetime) -> x509.Certificate:
    """The certificate that a JSON request asks for a token's claims, valid from `now` (whole seconds).

    The key comes in a certificate signing request, or by itself with its signature over the token's subject.
    Raises `Untrusted` when the requester does not hold the key, `Malformed` for a key other than on P-256.
    """
    try:
        key, holds = _of_csr(request) if "certificateSigningRequest" in request else _of_key(request, claims)
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("The request has neither certificateSigningRequest nor publicKeyRequest.", _CLIENT) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Malformed("The certificate request is for a key that is not on P-256.", "Use ECDSA on P-256.")
    if not holds:
        raise Untrusted("The certificate request is not signed by its key.", "Sign it with the key it names.")
    return certify(key, profile(key, [subject_of(claims)], extensions_of(claims), keys), keys, now)


_CLIENT = "Use a client of today."


def _of_csr(request: Any) -> tuple[Any, bool]:
    csr = x509.load_pem_x509_csr(base64.b64decode(request["certificateSigningRequest"]))
    return csr.public_key(), csr.is_signature_valid


def _of_key(request: Any, claims: Mapping[str, Any]) -> tuple[Any, bool]:
    """The key, and whether it signed the e-mail address or else the subject of the token, as Fulcio asks."""
    wanted = request["publicKeyRequest"]
    key = load_pem_public_key(wanted["publicKey"]["content"].encode())
    signed = str(claims.get("email", claims["sub"])).encode()
    try:
        key.verify(base64.b64decode(wanted["proofOfPossession"]), signed, ec.ECDSA(hashes.SHA256()))  # type: ignore
    except InvalidSignature:
        return key, False
    return key, True


def subject_of(claims: Mapping[str, Any]) -> x509.GeneralName:
    """The subject alternative name: the workflow's URI, or the person's e-mail address."""
    if claims["iss"] == GITHUB:
        return x509.UniformResourceIdentifier(_HOST + claims["job_workflow_ref"])
    return x509.RFC822Name(claims["email"])


def extensions_of(claims: Mapping[str, Any]) -> dict[str, bytes]:
    """Fulcio's extensions by dotted number: .1 to .6 raw, .8 to .24 as DER UTF8String."""
    raw = {1: claims["iss"]}
    typed = {8: claims["iss"]}
    if claims["iss"] == GITHUB:
        names = {2: "event_name", 3: "sha", 4: "workflow", 5: "repository", 6: "ref"}
        raw |= {number: claims[name] for number, name in names.items()}
        typed |= _github_extensions(claims)
    return {f"{ARC}.{number}": value.encode() for number, value in raw.items()} | {
        f"{ARC}.{number}": der.encode(der.UTF8_STRING, value.encode()) for number, value in typed.items()
    }


def _github_extensions(claims: Mapping[str, Any]) -> dict[int, str]:
    run = f"{claims['repository']}/actions/runs/{claims['run_id']}/attempts/{claims['run_attempt']}"
    values = {
        9: _HOST + claims["job_workflow_ref"],
        10: claims["job_workflow_sha"],
        11: claims["runner_environment"],
        12: _HOST + claims["repository"],
        13: claims["sha"],
        14: claims["ref"],
        15: claims["repository_id"],
        16: _HOST + claims["repository_owner"],
        17: claims["repository_owner_id"],
        18: _HOST + claims["workflow_ref"],
        19: claims["workflow_sha"],
        20: claims["event_name"],
        21: _HOST + run,
        22: claims["repository_visibility"],
        24: claims["sub"],
    }
    return values | ({23: claims["environment"]} if "environment" in claims else {})


def profile(
    key: ec.EllipticCurvePublicKey, subjects: Sequence[x509.GeneralName], extensions: Mapping[str, bytes], keys: Keys
) -> list[Extension]:
    """A leaf's extensions, each with whether it is critical, but for the SCT."""
    issuer = keys.fulcio_key.public_key()
    return [
        (key_usage(certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), False),
        (x509.SubjectAlternativeName(subjects), True),
        *((x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), False) for oid, value in extensions.items()),
    ]


def certify(
    key: ec.EllipticCurvePublicKey, extensions: Sequence[Extension], keys: Keys, now: datetime
) -> x509.Certificate:
    """The leaf certificate, with the SCT of its precertificate as last extension."""
    log_id = hashlib.sha256(_spki(keys.ct_key.public_key())).digest()
    return log_certificate(precertificate(key, extensions, keys, now), keys, log_id, now)


def log_certificate(builder: x509.CertificateBuilder, keys: Keys, log_id: bytes, at: datetime) -> x509.Certificate:
    """The certificate of a builder, logged by a CT log at a time (whole seconds)."""
    unlogged = builder.sign(keys.fulcio_key, hashes.SHA256())
    listed = _sct_list(unlogged.tbs_certificate_bytes, keys, log_id, at)
    sct = x509.UnrecognizedExtension(_SCT_LIST, listed)
    return builder.add_extension(sct, critical=False).sign(keys.fulcio_key, hashes.SHA256())


def precertificate(
    key: ec.EllipticCurvePublicKey, extensions: Sequence[Extension], keys: Keys, now: datetime
) -> x509.CertificateBuilder:
    """The leaf certificate before it is logged and signed."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(keys.fulcio.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + LIFETIME)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder


def _sct_list(tbs: bytes, keys: Keys, log_id: bytes, at: datetime) -> bytes:
    """The DER OCTET STRING with one SCT; its time is in milliseconds."""
    milliseconds = int(at.timestamp()) * 1000
    issuer = hashlib.sha256(_spki(keys.fulcio_key.public_key())).digest()
    entry = struct.pack("!H", 1) + issuer + len(tbs).to_bytes(3, "big") + tbs
    signed = struct.pack("!BBQ", 0, 0, milliseconds) + entry + struct.pack("!H", 0)
    signature = keys.ct_key.sign(signed, ec.ECDSA(hashes.SHA256()))
    sct = struct.pack("!B32sQHBBH", 0, log_id, milliseconds, 0, 4, 3, len(signature)) + signature
    listed = struct.pack("!H", len(sct)) + sct
    return der.encode(der.OCTET_STRING, struct.pack("!H", len(listed)) + listed)


def _spki(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
