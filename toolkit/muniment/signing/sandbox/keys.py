"""The sandbox's keys and certificates, made once and kept in its folder (folder 0700, files 0600)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from muniment.core.errors import Malformed
from muniment.signing.sandbox.files import read_private, replace_private
from muniment.signing.trustroot import SANDBOX

LIFETIME = timedelta(days=3650)
_CERTIFICATES = ("fulcio-root", "fulcio", "tsa-root", "tsa")
# What is renewed together, as fields of `Keys`.
SERVICES: dict[str, tuple[str, ...]] = {
    "fulcio": ("fulcio_root", "fulcio", "fulcio_key"),
    "ct": ("ct_key",),
    "rekor": ("rekor_key",),
    "tsa": ("tsa_root", "tsa", "tsa_key"),
    "oidc": ("oidc_key",),
}


@dataclass(frozen=True, slots=True)
class Keys:
    """All that signs in a sandbox."""

    fulcio_root: x509.Certificate
    fulcio: x509.Certificate
    fulcio_key: ec.EllipticCurvePrivateKey
    ct_key: ec.EllipticCurvePrivateKey
    tsa_root: x509.Certificate
    tsa: x509.Certificate
    tsa_key: ec.EllipticCurvePrivateKey
    rekor_key: ed25519.Ed25519PrivateKey
    oidc_key: rsa.RSAPrivateKey


def make_keys(since: datetime) -> Keys:
    """Fresh keys, with certificates valid from `since` (whole seconds) for ten years."""
    fulcio_root_key, fulcio_key = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())
    tsa_root_key, tsa_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    fulcio_root = _authority("fulcio root", fulcio_root_key, None, fulcio_root_key, since)
    tsa_root = _authority("timestamp root", tsa_root_key, None, tsa_root_key, since)
    return Keys(
        fulcio_root=fulcio_root,
        fulcio=_authority("fulcio intermediate", fulcio_key, fulcio_root, fulcio_root_key, since),
        fulcio_key=fulcio_key,
        ct_key=ec.generate_private_key(ec.SECP256R1()),
        tsa_root=tsa_root,
        tsa=_timestamper(tsa_key, tsa_root, tsa_root_key, since),
        tsa_key=tsa_key,
        rekor_key=ed25519.Ed25519PrivateKey.generate(),
        oidc_key=rsa.generate_private_key(public_exponent=65537, key_size=2048),
    )


def renew_keys(keys: Keys, services: Collection[str], since: datetime) -> Keys:
    """The keys with those of some services made anew."""
    fresh = make_keys(since)
    return replace(keys, **{name: getattr(fresh, name) for service in services for name in SERVICES[service]})


def write_keys(keys: Keys, folder: Path, services: Collection[str] = tuple(SERVICES)) -> None:
    """Writes the `<name>.key` and `<name>.crt` files of services, each in the place of an older one.

    The roots' own keys are not kept: nothing needs them again.
    """
    for name in (name for service in services for name in SERVICES[service]):
        held = getattr(keys, name)
        if isinstance(held, x509.Certificate):
            replace_private(folder / f"{name.replace('_', '-')}.crt", held.public_bytes(Encoding.PEM))
        else:
            data = held.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            replace_private(folder / f"{name.removesuffix('_key')}.key", data)


def read_keys(folder: Path) -> Keys:
    """The keys that `write_keys` wrote. Raises `Missing`, `Malformed`."""
    certificates = {name: _read_certificate(folder / f"{name}.crt") for name in _CERTIFICATES}
    return Keys(
        fulcio_root=certificates["fulcio-root"],
        fulcio=certificates["fulcio"],
        fulcio_key=read_key(folder / "fulcio.key"),
        ct_key=read_key(folder / "ct.key"),
        tsa_root=certificates["tsa-root"],
        tsa=certificates["tsa"],
        tsa_key=read_key(folder / "tsa.key"),
        rekor_key=read_key(folder / "rekor.key"),
        oidc_key=read_key(folder / "oidc.key"),
    )


def read_key(path: Path) -> Any:
    """The private key in a file. Raises `Missing`, `Malformed`."""
    try:
        return serialization.load_pem_private_key(read_private(path), None)
    except (ValueError, TypeError) as error:
        raise Malformed(f"The sandbox's {path.name} is not a private key.", "Create the sandbox again.") from error


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(read_private(path))
    except ValueError as error:
        raise Malformed(f"The sandbox's {path.name} is not a certificate.", "Create the sandbox again.") from error


def _name(title: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, SANDBOX), x509.NameAttribute(NameOID.COMMON_NAME, title)]
    )


def _base(
    title: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Certificate | None, since: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(title))
        .issuer_name(issuer.subject if issuer else _name(title))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _authority(
    title: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    since: datetime,
) -> x509.Certificate:
    builder = _base(title, key, issuer, since)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0 if issuer else 1), critical=True)
    builder = builder.add_extension(key_usage(certificates=True), critical=True)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
    )
    return builder.sign(issuer_key, hashes.SHA384() if issuer_key.key_size == 384 else hashes.SHA256())


def _timestamper(
    key: ec.EllipticCurvePrivateKey, issuer: x509.Certificate, issuer_key: ec.EllipticCurvePrivateKey, since: datetime
) -> x509.Certificate:
    builder = _base("timestamp", key, issuer, since)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(key_usage(certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
    )
    return builder.sign(issuer_key, hashes.SHA256())


def key_usage(certificates: bool) -> x509.KeyUsage:
    """What a key may sign: certificates, or data."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )
