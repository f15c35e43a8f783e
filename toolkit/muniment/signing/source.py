"""Whom a configuration believes beside its own Sigstore: identities of other instances, keys, certificate authorities.

    {"sigstore": <TrustedRoot>, "identities": [{"issuer": ..., "subject": ..., "claims": {...}}]}
    {"key": <PEM of a public key on P-256, P-384 or P-521>}
    {"certificate": {"authorities": [<PEM of a CA certificate>], "leaf": "sha256:..."}}

Instead of its SHA-256, `leaf` may be a certificate's subject as RFC 4514 writes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from muniment.core.canonical import format_json
from muniment.core.digest import Digest, parse_digest
from muniment.core.errors import Malformed
from muniment.signing.identity import EXTENSIONS, Identity
from muniment.signing.strict import verifier_for
from muniment.signing.trustroot import canonical_root

_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_CLAIMS = frozenset(EXTENSIONS.values()) - {"issuer"}
_PEM = re.compile(r"-----BEGIN (?P<what>[A-Z ]+)-----\n[A-Za-z0-9+/=\n]+-----END (?P=what)-----\n?")


@dataclass(frozen=True, slots=True)
class Believed:
    """An identity to the letter: issuer and subject, and every claim named, as (name, value) pairs sorted by name."""

    issuer: str
    subject: str
    claims: tuple[tuple[str, str], ...] = ()

    def matches(self, identity: Identity) -> bool:
        """Whether the identity is this one."""
        same = (self.issuer, self.subject) == (identity.issuer, identity.subject)
        return same and all(identity.claim(name) == value for name, value in self.claims)


@dataclass(frozen=True, slots=True)
class Instance:
    """A Sigstore instance by its canonical trusted root, and those of its identities that are believed."""

    trusted_root: bytes
    identities: tuple[Believed, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """One public key, as the DER of its SubjectPublicKeyInfo."""

    spki: bytes


@dataclass(frozen=True, slots=True)
class Authorities:
    """Certificate authorities, as DER; `leaf` pins the SHA-256 of the one certificate believed, or its subject."""

    certificates: tuple[bytes, ...]
    leaf: Digest | str | None = None


Source = Instance | Key | Authorities


def parse_source(value: Any, where: str = "source") -> Source:
    """The source that JSON declares. Raises `Malformed` with the field, as a path that begins with `where`."""
    makers: dict[str, Callable[[dict[str, Any], str], Source]] = {
        "sigstore": _instance,
        "key": _key,
        "certificate": _authorities,
    }
    named = [kind for kind in makers if isinstance(value, dict) and kind in value]
    if len(named) != 1:
        raise _wrong(where, "names no way to verify, or several", f"Give one of {', '.join(makers)}.")
    return makers[named[0]](value, where)


def _instance(value: dict[str, Any], where: str) -> Instance:
    _fields(value, where, "sigstore", "identities")
    if not isinstance(value["sigstore"], dict):
        raise _wrong(f"{where}.sigstore", "is no trusted root", "Give the TrustedRoot JSON of the instance.")
    try:
        root = canonical_root(format_json(value["sigstore"]))
        verifier_for(root)
    except Malformed as error:
        raise Malformed(f"{where}.sigstore: {error.fact}", error.remedy) from error
    listed = _list(value, "identities", where)
    return Instance(root, tuple(_believed(one, f"{where}.identities[{i}]") for i, one in enumerate(listed)))


def _believed(value: Any, where: str) -> Believed:
    _fields(value, where, "issuer", "subject", claims=True)
    claims = value.get("claims", {})
    if not isinstance(claims, dict):
        raise _wrong(f"{where}.claims", "is no JSON object", "Name claims with their values.")
    for name in claims:
        if name not in _CLAIMS:
            raise _wrong(f"{where}.claims", f"has an unknown claim {name[:60]!r}", f"Use {', '.join(sorted(_CLAIMS))}.")
    pairs = tuple(sorted((name, _text(claims, name, f"{where}.claims")) for name in claims))
    return Believed(_text(value, "issuer", where), _text(value, "subject", where), pairs)


def _key(value: dict[str, Any], where: str) -> Key:
    _fields(value, where, "key")
    pem, where = _text(value, "key", where), f"{where}.key"
    try:
        key = load_pem_public_key(_one_pem(pem, "PUBLIC KEY", where))
    except ValueError as error:
        raise _wrong(where, "is no public key", "Give the PEM of one, as `openssl ec -pubout` writes it.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, _CURVES):
        raise _wrong(where, "is a key of another kind", "Use ECDSA on P-256, P-384 or P-521.")
    return Key(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _authorities(value: dict[str, Any], where: str) -> Authorities:
    _fields(value, where, "certificate")
    inner, where = value["certificate"], f"{where}.certificate"
    _fields(inner, where, "authorities", leaf=True)
    listed = _list(inner, "authorities", where)
    certificates = tuple(_authority(one, f"{where}.authorities[{i}]") for i, one in enumerate(listed))
    if len(set(certificates)) != len(certificates):
        raise _wrong(f"{where}.authorities", "names a certificate twice", "Name it once.")
    return Authorities(certificates, _leaf(_text(inner, "leaf", where)) if "leaf" in inner else None)


def _authority(pem: Any, where: str) -> bytes:
    try:
        if not isinstance(pem, str):
            raise ValueError("no text")
        certificate = x509.load_pem_x509_certificate(_one_pem(pem, "CERTIFICATE", where))
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        constraints = x509.BasicConstraints(ca=False, path_length=None)
    except (ValueError, x509.DuplicateExtension) as error:
        raise _wrong(where, "is no certificate", "Give the PEM of one.") from error
    if not constraints.ca:
        raise _wrong(where, "is not the certificate of an authority", "Pin a single certificate with leaf.")
    return certificate.public_bytes(Encoding.DER)


def _leaf(text: str) -> Digest | str:
    return parse_digest(text) if text.startswith("sha256:") else text


def _one_pem(text: str, what: str, where: str) -> bytes:
    match = _PEM.fullmatch(text)
    if match is None or match["what"] != what:
        raise _wrong(where, f"is not one PEM block of a {what.lower()}", "Give exactly one, with nothing around it.")
    return text.encode()


def _fields(value: Any, where: str, *required: str, **optional: bool) -> None:
    if not isinstance(value, dict):
        raise _wrong(where, "is no JSON object", f"Give {', '.join(required)}.")
    for name in required:
        if name not in value:
            raise _wrong(f"{where}.{name}", "is missing", "Add it.")
    for name in value:
        if name not in required and name not in optional:
            raise _wrong(where, f"has an unknown field {name[:60]!r}", "Remove it, or upgrade muniment.")


def _list(value: dict[str, Any], name: str, where: str) -> list[Any]:
    items = value[name]
    if not isinstance(items, list) or not items:
        raise _wrong(f"{where}.{name}", "is no list of one or more", "Name at least one.")
    return items


def _text(value: dict[str, Any], name: str, where: str) -> str:
    text = value[name]
    if not isinstance(text, str) or not text:
        raise _wrong(f"{where}.{name}", "is no text", "Write it as text.")
    return text


def _wrong(where: str, fact: str, remedy: str) -> Malformed:
    return Malformed(f"{where} {fact}.", remedy)
