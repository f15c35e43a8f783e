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
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from muniment.core.canonical import parse_json
from muniment.core.errors import Malformed


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
    """One log of the trusted root: its place in the list, 32-byte id, names its checkpoints may bear, window."""

    position: int
    log_id: bytes
    names: frozenset[str]
    window: Window


@dataclass(frozen=True, slots=True)
class Authority:
    """One certificate or timestamp authority: its place in the list, its window and its certificates' windows."""

    position: int
    windows: tuple[Window, ...]


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
    except (ValueError, TypeError) as error:
        raise Malformed(f"The trusted root holds a damaged key or certificate: {error}.", _GET_AGAIN) from error


def valid_at(moments: Sequence[datetime], *windows: Window) -> bool:
    """Whether every window covers every moment."""
    return all(window.covers(moment) for window in windows for moment in moments)


_GET_AGAIN = "Get the trusted root again from the operator of its Sigstore instance."


def _log(position: int, log: dict[str, Any]) -> Log:
    names = _names(log["baseUrl"])
    stated = base64.b64decode(log["logId"]["keyId"])
    if stated not in _ids(base64.b64decode(log["publicKey"]["rawBytes"]), names):
        raise Malformed(
            f"The trusted root gives the log {log['baseUrl'][:80]} an id that is not its key's.", _GET_AGAIN
        )
    return Log(position, stated, names, _window(log["publicKey"]["validFor"]))


def _ids(raw: bytes, names: frozenset[str]) -> set[bytes]:
    """The ids a key can have: SHA-256 of its SPKI (RFC 6962), and for Ed25519 the untruncated C2SP note key id."""
    key = load_der_public_key(raw)
    ids = {hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()}
    if isinstance(key, Ed25519PublicKey):
        ids |= {hashlib.sha256(name.encode() + b"\n\x01" + key.public_bytes_raw()).digest() for name in names}
    return ids


def _names(url: str) -> frozenset[str]:
    """The names a log at this URL may use: host, host and port, or these with the path."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise Malformed(f"The trusted root names a log {url[:80]!r} that is not a URL.", _GET_AGAIN)
    return frozenset((parts.hostname, parts.netloc, parts.netloc + parts.path.rstrip("/")))


def _authority(position: int, authority: dict[str, Any]) -> Authority:
    raw = [base64.b64decode(c["rawBytes"]) for c in authority["certChain"]["certificates"]]
    certificates = [x509.load_der_x509_certificate(der) for der in raw]
    own = [Window(c.not_valid_before_utc, c.not_valid_after_utc) for c in certificates]
    return Authority(position, (_window(authority["validFor"]), *own))


def _window(value: dict[str, str]) -> Window:
    end = value.get("end")
    return Window(datetime.fromisoformat(value["start"]), datetime.fromisoformat(end) if end else None)
