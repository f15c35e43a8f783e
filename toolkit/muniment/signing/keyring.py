"""Whose signatures a trusted root accepts, and when: logs and authorities with the windows of their keys.

Source: sigstore/protobuf-specs `sigstore_trustroot.proto` (windows include both ends); C2SP signed-note (key ids).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from muniment.core.address import parse_address
from muniment.core.canonical import parse_json
from muniment.core.errors import Malformed, Untrusted
from muniment.core.instant import format_instant


@dataclass(frozen=True, slots=True)
class Window:
    """When a key may have signed; no end means still."""

    start: datetime
    end: datetime | None

    def covers(self, moment: datetime) -> bool:
        """Whether the moment lies inside; both ends belong to it."""
        return self.start <= moment and (self.end is None or moment <= self.end)


@dataclass(frozen=True, slots=True)
class Log:
    """One log of the trusted root: its place in the list, 32-byte id, names its checkpoints may bear, window.

    `details` is the algorithm that the root states for the key.
    """

    position: int
    log_id: bytes
    names: frozenset[str]
    window: Window
    key: PublicKeyTypes
    details: str

    def verify(self, signature: bytes, data: bytes) -> None:
        """Holds if the log signed the data; else `InvalidSignature`. Raises `Malformed` for an uncommon algorithm."""
        if isinstance(self.key, Ed25519PublicKey) and self.details == "PKIX_ED25519":
            self.key.verify(signature, data)
        elif isinstance(self.key, EllipticCurvePublicKey) and self.details == "PKIX_ECDSA_P256_SHA_256":
            self.key.verify(signature, data, ECDSA(SHA256()))
        else:
            raise Malformed(f"The log's key is of the kind {self.details[:60]}.", _GET_AGAIN)


@dataclass(frozen=True, slots=True)
class Authority:
    """One certificate or timestamp authority: its place in the list, its window and its certificates' windows.

    `key` is that of its first certificate, which signs certificates or timestamps, `key_id` the SHA-256 of its SPKI.
    `constrained` tells whether a certificate limits the names below it.
    """

    position: int
    windows: tuple[Window, ...]
    key: CertificatePublicKeyTypes
    key_id: bytes
    constrained: bool


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys of a trusted root."""

    logs: tuple[Log, ...]
    ct_logs: tuple[Log, ...]
    authorities: tuple[Authority, ...]
    timestampers: tuple[Authority, ...]


def read_keyring(root: bytes) -> Keyring:
    """The keys of a canonical trusted root.

    Raises `Malformed` for what is no key or certificate, and for a log whose stated id is not its key's.
    """
    value = parse_json(root, "The trusted root")
    try:
        return Keyring(
            tuple(_log(i, log) for i, log in enumerate(value["tlogs"])),
            tuple(_log(i, log) for i, log in enumerate(value["ctlogs"])),
            tuple(_authority(i, ca) for i, ca in enumerate(value["certificateAuthorities"])),
            tuple(_authority(i, ca) for i, ca in enumerate(value["timestampAuthorities"])),
        )
    except (ValueError, TypeError, x509.DuplicateExtension) as error:
        raise Malformed(f"The trusted root holds a damaged key or certificate: {error}.", _GET_AGAIN) from error


@dataclass(frozen=True, slots=True)
class Positions:
    """Which keys of a trusted root may count, by their places in its lists."""

    logs: tuple[int, ...]
    ct_logs: tuple[int, ...]
    authorities: tuple[int, ...]
    timestampers: tuple[int, ...]


def known_logs(keys: Keyring, log_id: bytes) -> list[Log]:
    """The logs with an id; one key may stand there with several windows. Raises `Untrusted` for none."""
    known = [log for log in keys.logs if log.log_id == log_id]
    if not known:
        raise Untrusted("The bundle is in a log that the trusted root does not know.", OTHER_ROOT)
    return known


def choose(keys: Keyring, logs: Sequence[Log], moments: Sequence[datetime]) -> tuple[Log, Positions]:
    """The log among `logs`, and all keys, that were valid at every moment. Raises `Untrusted` where none was."""
    chosen = [log for log in logs if valid_at(moments, log.window)]
    ct_logs = tuple([ct.position for ct in keys.ct_logs if valid_at(moments, ct.window)])
    authorities = tuple([a.position for a in keys.authorities if valid_at(moments, *a.windows)])
    timestampers = tuple([a.position for a in keys.timestampers if valid_at(moments, *a.windows)])
    for found, what in ((chosen, "log key"), (ct_logs, "CT log key"), (authorities, "certificate authority")):
        if not found:
            then = " and ".join(format_instant(moment) for moment in moments)
            raise Untrusted(
                f"The trusted root's {what} was not valid at {then}, when the bundle was signed.", OTHER_ROOT
            )
    return chosen[0], Positions((chosen[0].position,), ct_logs, authorities, timestampers)


def valid_at(moments: Sequence[datetime], *windows: Window) -> bool:
    """Whether every window covers every moment."""
    return all(window.covers(moment) for window in windows for moment in moments)


OTHER_ROOT = "Check that the bundle belongs to this Sigstore instance, and that the trusted root is up to date."
_GET_AGAIN = "Get the trusted root again from the operator of its Sigstore instance."


def _log(position: int, log: dict[str, Any]) -> Log:
    names = _names(log["baseUrl"])
    stated = base64.b64decode(log["logId"]["keyId"])
    key = load_der_public_key(base64.b64decode(log["publicKey"]["rawBytes"]))
    for identifier in ("logId", "checkpointKeyId"):
        if identifier in log and base64.b64decode(log[identifier]["keyId"]) not in _ids(key, names):
            fact = f"The trusted root gives the log {log['baseUrl'][:80]} an id that is not its key's."
            raise Malformed(fact, _GET_AGAIN)
    if log["hashAlgorithm"] != "SHA2_256":
        raise Malformed(f"The log {log['baseUrl'][:80]} hashes by {log['hashAlgorithm'][:40]!r}.", "Only SHA2_256 is.")
    public = log["publicKey"]
    return Log(position, stated, names, _window(public["validFor"]), key, public["keyDetails"])


def _ids(key: PublicKeyTypes, names: frozenset[str]) -> set[bytes]:
    """The ids a key can have: SHA-256 of its SPKI (RFC 6962), and for Ed25519 the untruncated C2SP note key id."""
    ids = {hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()}
    if isinstance(key, Ed25519PublicKey):
        ids |= {hashlib.sha256(name.encode() + b"\n\x01" + key.public_bytes_raw()).digest() for name in names}
    return ids


def _names(url: str) -> frozenset[str]:
    """The names a log at this URL may use: host, host and port, or these with the path."""
    parts = parse_address(url)
    if parts is None:
        raise Malformed(f"The trusted root names a log {url[:80]!r} that is not a URL.", _GET_AGAIN)
    return frozenset((parts.host, parts.netloc, parts.netloc + parts.path.rstrip("/")))


def _authority(position: int, authority: dict[str, Any]) -> Authority:
    raw = [base64.b64decode(c["rawBytes"]) for c in authority["certChain"]["certificates"]]
    certificates = [x509.load_der_x509_certificate(data) for data in raw]
    if not certificates:
        raise Malformed("The trusted root has an authority without a certificate.", _GET_AGAIN)
    own = [Window(c.not_valid_before_utc, c.not_valid_after_utc) for c in certificates]
    first, limits = certificates[0], {e.oid for c in certificates for e in c.extensions}
    spki = first.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Authority(
        position,
        (_window(authority["validFor"]), *own),
        first.public_key(),
        hashlib.sha256(spki).digest(),
        x509.NameConstraints.oid in limits,
    )


def _window(value: dict[str, str]) -> Window:
    end = value.get("end")
    return Window(datetime.fromisoformat(value["start"]), datetime.fromisoformat(end) if end else None)
