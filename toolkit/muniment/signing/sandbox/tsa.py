"""The sandbox's timestamp authority: a signed statement that a digest existed at a time.

Source: RFC 3161 (request and token), RFC 5652 (CMS SignedData), RFC 5816 (SigningCertificateV2).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from muniment.core.errors import Malformed
from muniment.signing import der

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_POLICY = "1.3.6.1.4.1.57264.2"
_SHA256 = der.encode(der.SEQUENCE, der.encode_oid("2.16.840.1.101.3.4.2.1"))
_ECDSA_SHA256 = der.encode(der.SEQUENCE, der.encode_oid("1.2.840.10045.4.3.2"))


@dataclass(frozen=True, slots=True)
class TimestampRequest:
    """What a client asks: `imprint` is the DER MessageImprint, `nonce` comes back unchanged."""

    imprint: bytes
    nonce: int | None
    certificates: bool


def parse_request(data: bytes) -> TimestampRequest:
    """The request in DER. Raises `Malformed`."""
    tag, content, rest = der.decode(data)
    elements = der.decode_all(content)
    if tag != der.SEQUENCE or rest or len(elements) < 2 or elements[0] != (der.INTEGER, b"\x01"):
        raise Malformed("The body is not a timestamp request of version 1.", "Send a DER TimeStampReq (RFC 3161).")
    nonce = next((int.from_bytes(value, "big") for tag, value in elements[2:] if tag == der.INTEGER), None)
    return TimestampRequest(der.encode(der.SEQUENCE, elements[1][1]), nonce, (der.BOOLEAN, b"\xff") in elements[2:])


def request_for(data: bytes) -> TimestampRequest:
    """The request that a client makes for the SHA-256 of data."""
    digest = hashlib.sha256(data).digest()
    return TimestampRequest(der.encode(der.SEQUENCE, _SHA256, der.encode(der.OCTET_STRING, digest)), None, True)


def timestamp(
    request: TimestampRequest, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, now: datetime
) -> bytes:
    """The DER TimeStampResp that says that the imprint existed at `now`."""
    info = _info(request, now)
    attributes = _attributes(info, certificate)
    # The signature covers the attributes as a SET; inside SignerInfo they stand under an implicit [0].
    signature = key.sign(der.encode_set(der.SET, *attributes), ec.ECDSA(hashes.SHA256()))
    signer = der.encode(
        der.SEQUENCE,
        der.encode_integer(1),
        der.encode(der.SEQUENCE, certificate.issuer.public_bytes(), der.encode_integer(certificate.serial_number)),
        _SHA256,
        der.encode_set(der.explicit(0), *attributes),
        _ECDSA_SHA256,
        der.encode(der.OCTET_STRING, signature),
    )
    encapsulated = der.encode(
        der.SEQUENCE,
        der.encode_oid(_TST_INFO),
        der.encode(der.explicit(0), der.encode(der.OCTET_STRING, info)),
    )
    chain = der.encode(der.explicit(0), certificate.public_bytes(Encoding.DER)) if request.certificates else b""
    signed = der.encode(
        der.SEQUENCE,
        der.encode_integer(3),
        der.encode(der.SET, _SHA256),
        encapsulated,
        chain,
        der.encode(der.SET, signer),
    )
    token = der.encode(der.SEQUENCE, der.encode_oid(_SIGNED_DATA), der.encode(der.explicit(0), signed))
    granted = der.encode(der.SEQUENCE, der.encode_integer(0))
    return der.encode(der.SEQUENCE, granted, token)


def _info(request: TimestampRequest, now: datetime) -> bytes:
    return der.encode(
        der.SEQUENCE,
        der.encode_integer(1),
        der.encode_oid(_POLICY),
        request.imprint,
        der.encode_integer(secrets.randbits(120)),
        der.encode_time(now),
        der.encode_integer(request.nonce) if request.nonce is not None else b"",
    )


def _attributes(info: bytes, certificate: x509.Certificate) -> list[bytes]:
    identifier = der.encode(der.SEQUENCE, der.encode(der.OCTET_STRING, certificate.fingerprint(hashes.SHA256())))
    values = {
        _CONTENT_TYPE: der.encode_oid(_TST_INFO),
        _MESSAGE_DIGEST: der.encode(der.OCTET_STRING, hashlib.sha256(info).digest()),
        _SIGNING_CERTIFICATE_V2: der.encode(der.SEQUENCE, der.encode(der.SEQUENCE, identifier)),
    }
    return [der.encode(der.SEQUENCE, der.encode_oid(oid), der.encode(der.SET, value)) for oid, value in values.items()]
