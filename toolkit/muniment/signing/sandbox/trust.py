"""What a sandbox publishes of itself: the trusted root, and the trust configuration of one run.

Signed names are stable and hold no port; only the signing configuration does.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from muniment.core.canonical import format_json, parse_json
from muniment.core.instant import format_instant
from muniment.signing.sandbox.keys import Keys
from muniment.signing.sandbox.rekor import ORIGIN, log_id
from muniment.signing.trustroot import CONFIG_MEDIA_TYPE, MEDIA_TYPE, SANDBOX

_SIGNING_MEDIA_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json"


def trusted_root(keys: Keys) -> bytes:
    """The canonical trusted root of the keys."""
    rekor, ct = keys.rekor_key.public_key(), keys.ct_key.public_key()
    start = format_instant(keys.since)
    return format_json(
        {
            "mediaType": MEDIA_TYPE,
            "tlogs": [_log(ORIGIN, rekor, "PKIX_ED25519", log_id(rekor), start)],
            "certificateAuthorities": [_authority("fulcio", (keys.fulcio, keys.fulcio_root), start)],
            "ctlogs": [_log(f"ct.{SANDBOX}", ct, "PKIX_ECDSA_P256_SHA_256", hashlib.sha256(_spki(ct)).digest(), start)],
            "timestampAuthorities": [_authority("timestamp", (keys.tsa, keys.tsa_root), start)],
        }
    )


def trust_config(root: bytes, url: str, since: datetime) -> str:
    """The ClientTrustConfig JSON that joins the trusted root with services at `url`."""

    def service(path: str, version: int) -> list[dict[str, Any]]:
        valid_for = {"start": format_instant(since)}
        return [{"url": url + path, "majorApiVersion": version, "validFor": valid_for, "operator": SANDBOX}]

    signing = {
        "mediaType": _SIGNING_MEDIA_TYPE,
        "caUrls": service("", 1),
        "oidcUrls": service("", 1),
        "rekorTlogUrls": service("", 2),
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": service("/api/v1/timestamp", 1),
        "tsaConfig": {"selector": "ANY"},
    }
    config = {"mediaType": CONFIG_MEDIA_TYPE, "trustedRoot": parse_json(root, "The root"), "signingConfig": signing}
    return format_json(config).decode()


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
