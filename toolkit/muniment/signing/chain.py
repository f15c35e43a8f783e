"""Certificate chains of code signers under pinned authorities, at a time that the caller proves.

Paths, signatures, validity, name constraints and critical extensions are judged by `cryptography`'s verifier with the
profile of RFC 5280 and the Web PKI, of which three demands are dropped that code signers do not meet: a subject
alternative name and an authority key identifier in the leaf, and key usage in every authority.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Untrusted
from muniment.core.instant import format_instant

_DO_NOT = "Do not use the bundle; ask its signer for a good one."


def check_chain(chain: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate], at: datetime) -> Digest:
    """The SHA-256 of the authority under which the leaf, the first of the chain, may sign code at a time.

    The rest of the chain must be the way from the leaf to the authority, in order and nothing else; the authority may
    end it. Raises `Untrusted`.
    """
    verifier = (
        PolicyBuilder()
        .store(Store(list(authorities)))
        .time(at)
        .extension_policies(ca_policy=_authorities(), ee_policy=_leaves())
        .build_client_verifier()
    )
    try:
        path = verifier.verify(chain[0], list(chain[1:])).chain
    except (VerificationError, x509.UnsupportedGeneralNameType, ValueError) as error:
        then = format_instant(at)
        raise Untrusted(f"The certificate does not stand under a pinned authority at {then}: {error}.", _ASK) from error
    if list(chain) not in (path, path[:-1]):
        raise Untrusted("The bundle's certificates are not the chain of its signer, in order.", _DO_NOT)
    _check_usages(chain[0])
    return digest_of(path[-1].public_bytes(Encoding.DER))


_ASK = "Check the pinned authority, and when the certificate was valid."


def _check_usages(leaf: x509.Certificate) -> None:
    """Key usage or extended key usage must be there, and whichever is must allow signing."""
    usage, purposes = _usages(leaf)
    if usage is None and purposes is None:
        raise Untrusted("The certificate does not say that it is for signing.", _DO_NOT)
    if usage is not None and not usage.digital_signature:
        raise Untrusted("The certificate's key usage is not digital signature.", _DO_NOT)
    if purposes is not None and ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        raise Untrusted("The certificate's extended key usage is not code signing.", _DO_NOT)


def _usages(leaf: x509.Certificate) -> tuple[x509.KeyUsage | None, x509.ExtendedKeyUsage | None]:
    values = [extension.value for extension in leaf.extensions]
    usage = next((value for value in values if isinstance(value, x509.KeyUsage)), None)
    return usage, next((value for value in values if isinstance(value, x509.ExtendedKeyUsage)), None)


def _authorities() -> ExtensionPolicy:
    return (
        ExtensionPolicy.webpki_defaults_ca()
        .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _signs_certificates)
        .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, None)
    )


def _leaves() -> ExtensionPolicy:
    return (
        ExtensionPolicy.webpki_defaults_ee()
        .may_be_present(x509.SubjectAlternativeName, Criticality.AGNOSTIC, None)
        .may_be_present(x509.AuthorityKeyIdentifier, Criticality.AGNOSTIC, None)
        .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, None)
    )


def _signs_certificates(policy: Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("the key usage of an authority is not certificate signing")
