"""The sandbox's identity tokens: JSON Web Tokens signed with RS256.

Source: RFC 7519 (JWT), RFC 7515 (JWS compact form), OpenID Connect Core 1.0, section 2.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from muniment.core.canonical import format_json, parse_json
from muniment.core.errors import Malformed, Untrusted

AUDIENCE = "sigstore"
LIFETIME = timedelta(minutes=10)


def issue_token(claims: Mapping[str, Any], key: rsa.RSAPrivateKey, now: datetime, audience: str = AUDIENCE) -> str:
    """The token that says the claims, valid for ten minutes from `now`."""
    begin = int(now.timestamp())
    times = {"iat": begin, "nbf": begin, "exp": begin + int(LIFETIME.total_seconds()), "aud": audience}
    header = format_json({"alg": "RS256", "kid": "sandbox", "typ": "JWT"})
    signed = f"{_encode(header)}.{_encode(format_json({**claims, **times}))}"
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_encode(signature)}"


def open_token(token: str, key: rsa.RSAPublicKey, now: datetime) -> dict[str, Any]:
    """The claims of a token that the key signed for Sigstore and that is valid at `now`.

    Raises `Malformed` for what is not a token, `Untrusted` for one that is not good.
    """
    signed, _, signature = token.rpartition(".")
    _, dot, body = signed.partition(".")
    if not dot:
        raise Malformed("The identity token is not a JSON Web Token.", "Ask the sandbox for one.")
    try:
        key.verify(_decode(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise Untrusted(
            "The identity token is not of this sandbox.", "Use a token of the sandbox you sign with."
        ) from error
    claims: dict[str, Any] = parse_json(_decode(body), "The identity token")
    if claims["aud"] != AUDIENCE:
        raise Untrusted(f"The identity token is meant for {claims['aud']!r}.", f"Ask for the audience {AUDIENCE!r}.")
    if not claims["nbf"] - 5 <= now.timestamp() < claims["exp"]:
        raise Untrusted("The identity token has expired or is not valid yet.", "Ask for a new one.")
    return claims


def key_set(key: rsa.RSAPublicKey) -> bytes:
    """The JSON Web Key Set with the one public key (RFC 7517)."""
    numbers = key.public_numbers()
    parts = {
        name: _encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))
        for name, value in (("n", numbers.n), ("e", numbers.e))
    }
    return json.dumps({"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "sandbox", **parts}]}).encode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Malformed("The identity token is not a JSON Web Token.", "Ask the sandbox for one.") from error
