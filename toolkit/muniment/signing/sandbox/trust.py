"""What a sandbox publishes of itself: the trusted root, and the trust configuration of one run.

Signed names are stable and hold no port; only the signing configuration does.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from muniment.core.canonical import format_json, parse_json
from muniment.core.instant import format_instant
from muniment.signing.sandbox.keys import Keys
from muniment.signing.sandbox.rekor import log_id, shard_origin
from muniment.signing.trustroot import CONFIG_MEDIA_TYPE, MEDIA_TYPE, SANDBOX

_SIGNING_MEDIA_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json"


LISTS = {
    "rekor": "tlogs",
    "fulcio": "certificateAuthorities",
    "ct": "ctlogs",
    "tsa": "timestampAuthorities",
}


def trusted_root(keys: Keys, start: datetime) -> bytes:
    """The canonical trusted root of a new sandbox's keys."""
    entries = _entries(keys, shard_origin(1), format_instant(start))
    return format_json({"mediaType": MEDIA_TYPE} | {LISTS[service]: [entry] for service, entry in entries.items()})


def rotated_root(root: bytes, keys: Keys, shard: int, services: Collection[str], at: datetime) -> bytes:
    """The trusted root in which services begin with the keys of `keys` at a time; older ones end a second before it."""
    value, end = parse_json(root, "The trusted root"), format_instant(at - timedelta(seconds=1))
    for service, entry in _entries(keys, shard_origin(shard), format_instant(at)).items():
        if service in services:
            for older in value[LISTS[service]]:
                older.get("publicKey", older)["validFor"].setdefault("end", end)
            value[LISTS[service]].append(entry)
    return format_json(value)


def trust_config(root: bytes, url: str) -> str:
    """The ClientTrustConfig JSON that joins the trusted root with services at `url`."""
    trusted = parse_json(root, "The trusted root")
    config = {"mediaType": CONFIG_MEDIA_TYPE, "trustedRoot": trusted, "signingConfig": signing_config(trusted, url)}
    return format_json(config).decode()


def signing_config(root: Any, url: str) -> dict[str, Any]:
    """Where the services of a trusted root are: all at `url`, since the oldest of its keys."""
    valid_for = {"start": root["certificateAuthorities"][0]["validFor"]["start"]}

    def service(path: str, version: int) -> list[dict[str, Any]]:
        return [{"url": url + path, "majorApiVersion": version, "validFor": valid_for, "operator": SANDBOX}]

    return {
        "mediaType": _SIGNING_MEDIA_TYPE,
        "caUrls": service("", 1),
        "oidcUrls": service("", 1),
        "rekorTlogUrls": service("", 2),
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": service("/api/v1/timestamp", 1),
        "tsaConfig": {"selector": "ANY"},
    }


def _entries(keys: Keys, origin: str, start: str) -> dict[str, dict[str, Any]]:
    """What the trusted root says of each service's keys."""
    rekor, ct = keys.rekor_key.public_key(), keys.ct_key.public_key()
    ct_id = hashlib.sha256(_spki(ct)).digest()
    return {
        "rekor": _log(origin, rekor, "PKIX_ED25519", log_id(rekor, origin), start),
        "fulcio": _authority("fulcio", (keys.fulcio, keys.fulcio_root), start),
        "ct": _log(f"ct.{SANDBOX}", ct, "PKIX_ECDSA_P256_SHA_256", ct_id, start),
        "tsa": _authority("timestamp", (keys.tsa, keys.tsa_root), start),
    }


def _log(
    host: str, key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey, details: str, identifier: bytes, start: str
) -> dict[str, Any]:
    return {
        "baseUrl": f"https://{host}",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": _b64(_spki(key)), "keyDetails": details, "validFor": {"start": start}},
        "logId": {"keyId": _b64(identifier)},
    }


def _authority(name: str, chain: tuple[x509.Certificate, ...], start: str) -> dict[str, Any]:
    return {
        "subject": {"organization": SANDBOX, "commonName": name},
        "uri": f"https://{name}.{SANDBOX}",
        "certChain": {"certificates": [{"rawBytes": _b64(c.public_bytes(Encoding.DER))} for c in chain]},
        "validFor": {"start": start},
    }


def _spki(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
