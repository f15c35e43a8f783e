"""Sigstore trusted roots: the keys of one instance, in one canonical spelling.

Source: sigstore/protobuf-specs `sigstore_trustroot.proto`, media type version 0.1.
"""

from __future__ import annotations

from typing import Any

from muniment.core.address import parse_address
from muniment.core.canonical import format_json, parse_json
from muniment.core.errors import Malformed
from muniment.signing.protojson import TRUSTED_ROOT, normalise

MEDIA_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
CONFIG_MEDIA_TYPE = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
SANDBOX = "sandbox.muniment.dev"


def canonical_root(text: bytes) -> bytes:
    """The canonical JSON bytes of a trusted root in any spelling; its digest names the root. Raises `Malformed`."""
    return format_json(_normal_root(parse_json(text, "The trusted root")))


def root_of_config(config: str) -> bytes:
    """The canonical trusted root inside a ClientTrustConfig JSON. Raises `Malformed`."""
    value = parse_json(config.encode(), "The trust configuration")
    if not isinstance(value, dict) or value.get("mediaType") != CONFIG_MEDIA_TYPE:
        raise Malformed(
            "The file is not a Sigstore client trust configuration.",
            f"Its mediaType must be {CONFIG_MEDIA_TYPE}; it joins trusted root and signing configuration.",
        )
    return format_json(_normal_root(value.get("trustedRoot")))


def is_sandbox_root(root: bytes) -> bool:
    """Whether any service of the trusted root bears a sandbox name: what it signs proves nothing outside of trials."""
    value = _normal_root(parse_json(root, "The trusted root"))
    urls = [log["baseUrl"] for log in value["tlogs"] + value["ctlogs"]]
    urls += [ca.get("uri", "") for ca in value["certificateAuthorities"] + value["timestampAuthorities"]]
    return any(_host(url) == SANDBOX or _host(url).endswith(f".{SANDBOX}") for url in urls)


def _normal_root(value: Any) -> dict[str, Any]:
    normal = normalise(value, "TrustedRoot", TRUSTED_ROOT, "trustedRoot")
    if normal["mediaType"] != MEDIA_TYPE:
        raise Malformed(f"The trusted root is of media type {normal['mediaType'][:80]!r}.", f"Use {MEDIA_TYPE}.")
    return normal


def _host(url: str) -> str:
    if "//" not in url:  # some instances name a host alone
        return ""
    parts = parse_address(url)
    if parts is None:
        raise Malformed(f"The trusted root names a service {url[:80]!r} that is not a URL.", "Correct it.")
    return parts.host
