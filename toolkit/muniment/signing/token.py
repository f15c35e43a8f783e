"""RFC 3161 timestamp responses taken apart: what differs from one to the next, and the frame that stays the same.

Two responses of one authority have equal frames when they differ only in serial number, time, imprint, nonce, the two
signed attributes that follow from these, and the signature. A verifier that accepted one response needs to check
only these of another with an equal frame.
Source: RFC 3161 (TimeStampResp, TSTInfo), RFC 5652 (SignedData, SignerInfo, signedAttrs).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muniment.core.errors import Malformed
from muniment.signing import der

_OIDS = {"sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2", "sha512": "2.16.840.1.101.3.4.2.3"}
# The content of an AlgorithmIdentifier, with absent or NULL parameters.
_HASHES = {der.encode_oid(oid) + parameters: name for name, oid in _OIDS.items() for parameters in (b"", b"\x05\x00")}
_MESSAGE_DIGEST = (der.OID, der.decode(der.encode_oid("1.2.840.113549.1.9.4"))[1])
_SIGNING_TIME = (der.OID, der.decode(der.encode_oid("1.2.840.113549.1.9.5"))[1])
_UTC_TIME = 0x17
_UTC = re.compile(rb"[0-9]{12}Z")


@dataclass(frozen=True, slots=True)
class Token:
    """One response. `imprint` is the digest by `imprint_hash` of what was stamped; `signature` is over `signed`,

    hashed with `signed_hash`. That the attributes in `signed` are those of the time is checked by `read_token`.
    """

    frame: tuple[Any, ...]
    imprint_hash: str
    imprint: bytes
    time: datetime
    signed_hash: str
    signed: bytes
    signature: bytes


def read_token(response: bytes) -> Token:
    """The parts of a DER TimeStampResp with one signer, no revocation lists and no unsigned attributes.

    Raises `Malformed` for any other, and when the signed digest is not that of the TSTInfo.
    """
    try:
        return _response(response)
    except ValueError as error:
        raise Malformed("The timestamp is of a form that is not known.", "It may still verify otherwise.") from error


def _response(response: bytes) -> Token:
    (outer,) = der.decode_all(response)
    status, token = der.open_element(outer, der.SEQUENCE)
    kind, wrapped = der.open_element(token, der.SEQUENCE)
    (signed_data,) = der.open_element(wrapped, der.explicit(0))
    version, digests, encapsulated, *certificates, signers = der.open_element(signed_data, der.SEQUENCE)
    content_type, content = der.open_element(encapsulated, der.SEQUENCE)
    (octets,) = der.open_element(content, der.explicit(0))
    (signer,) = der.open_element(signers, der.SET)
    info_frame, imprint_hash, imprint, time = _info(_content(octets, der.OCTET_STRING))
    signer_frame, signed_hash, signed, signature = _signer(signer, octets[1])
    frame = (status, kind, version, digests, content_type, tuple(certificates), info_frame, signer_frame)
    return Token(frame, imprint_hash, imprint, time, signed_hash, signed, signature)


def _info(data: bytes) -> tuple[tuple[Any, ...], str, bytes, datetime]:
    (outer,) = der.decode_all(data)
    version, policy, imprint, serial, time, *rest = der.open_element(outer, der.SEQUENCE)
    algorithm, hashed = der.open_element(imprint, der.SEQUENCE)
    _require_number(serial)
    shape = []
    for element in rest:
        if element[0] == der.INTEGER:
            _require_number(element)
        shape.append((der.INTEGER, b"nonce") if element[0] == der.INTEGER else element)
    frame = (version, policy, algorithm, tuple(shape))
    return frame, _hash_name(algorithm), _content(hashed, der.OCTET_STRING), der.open_time(time)


def _signer(signer: der.Element, info: bytes) -> tuple[tuple[Any, ...], str, bytes, bytes]:
    version, who, hashed_by, attributes, algorithm, signature = der.open_element(signer, der.SEQUENCE)
    name = _hash_name(hashed_by)
    shape = [_attribute(a, hashlib.new(name, info).digest()) for a in der.open_element(attributes, der.explicit(0))]
    if sum(key == _MESSAGE_DIGEST for key, _ in shape) != 1:
        raise ValueError("not one message digest")
    frame = (version, who, hashed_by, tuple(shape), algorithm)
    # The signature covers the attributes as a SET; inside SignerInfo they stand under an implicit [0].
    return frame, name, der.encode(der.SET, attributes[1]), _content(signature, der.OCTET_STRING)


def _attribute(attribute: der.Element, digest: bytes) -> tuple[der.Element, der.Element]:
    """An attribute as the frame holds it; the two that vary are checked and left out."""
    kind, values = der.open_element(attribute, der.SEQUENCE)
    if kind == _MESSAGE_DIGEST:
        if der.open_element(values, der.SET) != [(der.OCTET_STRING, digest)]:
            raise ValueError("the digest of another TSTInfo")
        return kind, (der.SET, b"digest")
    if kind == _SIGNING_TIME:
        ((tag, text),) = der.open_element(values, der.SET)
        if tag != _UTC_TIME or not _UTC.fullmatch(text):
            raise ValueError("no time")
        return kind, (der.SET, b"time")
    return kind, values


def _hash_name(algorithm: der.Element) -> str:
    name = _HASHES.get(_content(algorithm, der.SEQUENCE))
    if name is None:
        raise ValueError("an unknown hash")
    return name


def _content(element: der.Element, tag: int) -> bytes:
    if element[0] != tag:
        raise ValueError("an element of another kind")
    return element[1]


def _require_number(element: der.Element) -> None:
    """A non-negative INTEGER of at most 20 bytes, written in its one form."""
    content = element[1]
    if len(content) > 20 or der.encode_integer(int.from_bytes(content, "big")) != der.encode(*element):
        raise ValueError("no number")
