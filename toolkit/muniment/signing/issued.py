"""Signing certificates taken apart: what differs from one to the next, and the frame that stays the same.

Two certificates of one authority have equal frames when they differ only in serial number, validity, the point of the
key, the name of the subject, the values of Fulcio's extensions, the key identifier that follows from the key, and the
SCT. A verifier that accepted one needs to check only these of another with an equal frame.
Source: RFC 5280, section 4.1; RFC 6962, sections 3.2 and 3.3; Fulcio `docs/certificate-specification.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm
from cryptography.x509.certificate_transparency import SignedCertificateTimestamp

from muniment.core.errors import Malformed
from muniment.signing import der
from muniment.signing.identity import ARC

_STAMPS = x509.PrecertificateSignedCertificateTimestamps.oid
_NAMES = x509.SubjectAlternativeName.oid
_VARYING = {x509.ObjectIdentifier(f"{ARC}.{number}") for number in range(1, 25)}
_VARYING |= {x509.SubjectKeyIdentifier.oid, _STAMPS}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PRECERTIFICATE = b"\x00\x01"
_SERIAL_BITS = 159  # as a positive INTEGER it has at most 20 bytes


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate: its issuer made `signature` over `signed`, hashed with `signed_hash`.

    `stamp` is the one SCT, and `precertificate` what it covers of the rest.
    """

    frame: tuple[Any, ...]
    signed_hash: HashAlgorithm
    signed: bytes
    signature: bytes
    stamp: SignedCertificateTimestamp
    precertificate: bytes

    @property
    def stamped_at(self) -> datetime:
        """The time that the SCT states."""
        return self.stamp.timestamp.replace(tzinfo=UTC)


def read_issued(certificate: x509.Certificate, raw: bytes) -> Issued:
    """The parts of a certificate, `raw` in DER, with one SCT. Raises `Malformed` for what is of another form."""
    try:
        return _issued(certificate, raw)
    except (ValueError, x509.DuplicateExtension, x509.ExtensionNotFound) as error:
        raise Malformed("The certificate is of a form that is not known.", "It may still verify otherwise.") from error


def logged(issued: Issued, issuer_key: bytes) -> bytes:
    """What a CT log signs for a certificate whose issuer's SubjectPublicKeyInfo has the SHA-256 `issuer_key`."""
    body, extensions = issued.precertificate, issued.stamp.extension_bytes
    milliseconds = (issued.stamped_at - _EPOCH) // timedelta(milliseconds=1)
    return b"".join(
        (
            b"\x00\x00",  # version 1, certificate timestamp
            milliseconds.to_bytes(8, "big"),
            _PRECERTIFICATE + issuer_key + len(body).to_bytes(3, "big") + body,
            len(extensions).to_bytes(2, "big") + extensions,
        )
    )


def _issued(certificate: x509.Certificate, raw: bytes) -> Issued:
    (outer,) = der.decode_all(raw)
    signed, signed_by, _ = der.open_element(outer, der.SEQUENCE)
    version, _, algorithm, issuer, validity, subject, key, _ = der.open_element(signed, der.SEQUENCE)
    kind, _ = der.open_element(key, der.SEQUENCE)
    times = tuple([(tag, len(text)) for tag, text in der.open_element(validity, der.SEQUENCE)])
    if not 0 < certificate.serial_number < 1 << _SERIAL_BITS:
        raise ValueError("a serial number that must not be")
    extensions = certificate.extensions
    shapes = tuple([_shape(extension) for extension in extensions])
    return Issued(
        (version, algorithm, signed_by, issuer, times, subject, kind, shapes),
        _hash(certificate),
        certificate.tbs_certificate_bytes,
        certificate.signature,
        _stamp(extensions),
        certificate.tbs_precertificate_bytes,
    )


def _hash(certificate: x509.Certificate) -> HashAlgorithm:
    if certificate.signature_hash_algorithm is None:
        raise ValueError("no hash")
    return certificate.signature_hash_algorithm


def _shape(extension: x509.Extension[Any]) -> tuple[Any, ...]:
    """An extension as the frame holds it; of names their kinds are kept, of what varies nothing."""
    oid = extension.oid
    if oid in _VARYING:
        return oid, extension.critical
    if oid == _NAMES:
        return (
            oid,
            extension.critical,
            tuple([(type(name), getattr(name, "type_id", None)) for name in extension.value]),
        )
    return oid, extension.critical, extension.value


def _stamp(extensions: x509.Extensions) -> SignedCertificateTimestamp:
    listed: Any = extensions.get_extension_for_oid(_STAMPS).value
    stamp: SignedCertificateTimestamp
    (stamp,) = listed
    if not isinstance(stamp.signature_hash_algorithm, SHA256):
        raise ValueError("an SCT over another hash")
    return stamp
