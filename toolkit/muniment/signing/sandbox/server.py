"""The sandbox's services on one loopback port, answered by threads of this process.

| path | service |
|---|---|
| `/.well-known/openid-configuration`, `/keys` | OIDC discovery and key set |
| `/actions/token` | GitHub Actions' token endpoint |
| `/api/v2/signingCert`, `/api/v2/trustBundle` | Fulcio v2 |
| `/api/v2/log/entries`, `/api/v2/checkpoint`, `/api/v2/tile/...` | Rekor v2 |
| `/api/v1/timestamp` | RFC 3161 timestamp authority |
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.serialization import Encoding

from muniment.core.canonical import parse_json
from muniment.core.errors import Missing, MunimentError, Rejected
from muniment.signing.sandbox import fulcio, oidc, tsa
from muniment.signing.sandbox.identities import ACCOUNTS
from muniment.signing.sandbox.keys import Keys
from muniment.signing.sandbox.rekor import Rekor, body_of_request

HOST = "127.0.0.1"
MAX_BODY = 1 << 20
_JSON = "application/json"
Answer = tuple[int, str, bytes]


class Services:
    """What the sandbox answers, apart from HTTP: each method takes a request's parts and returns its answer."""

    def __init__(self, keys: Keys, rekor: Rekor, token: Callable[[str, str], str]) -> None:
        self._keys = keys
        self._rekor = rekor
        self._token = token
        self._secret = secrets.token_bytes(32)

    def bearer(self, name: str) -> str:
        """The secret that lets a job of this run ask for tokens of one identity."""
        return hmac.new(self._secret, name.encode(), "sha256").hexdigest()

    def get(self, url: str, authorization: str, base: str) -> Answer:
        """Answers GET. Raises `MunimentError`."""
        parts = urlsplit(url)
        if parts.path == "/.well-known/openid-configuration":
            return 200, _JSON, json.dumps(_discovery(base)).encode()
        if parts.path == "/keys":
            return 200, _JSON, oidc.key_set(self._keys.oidc_key.public_key())
        if parts.path == "/actions/token":
            return self._actions_token(parse_qs(parts.query), authorization)
        if parts.path == "/api/v2/trustBundle":
            return 200, _JSON, json.dumps({"chains": [{"certificates": self._chain()}]}).encode()
        if parts.path == "/api/v2/checkpoint":
            return 200, "text/plain; charset=utf-8", self._rekor.read_checkpoint()
        if parts.path.startswith("/api/v2/tile/"):
            return 200, "application/octet-stream", self._rekor.read_tile(parts.path.removeprefix("/api/v2/"))
        raise Missing(f"The sandbox serves nothing at {parts.path[:80]!r}.", "Use the URLs of its trust configuration.")

    def post(self, url: str, authorization: str, body: bytes) -> Answer:
        """Answers POST. Raises `MunimentError`."""
        path = urlsplit(url).path
        if path == "/api/v2/signingCert":
            return self._signing_certificate(authorization, body)
        if path == "/api/v2/log/entries":
            entry = self._rekor.append(body_of_request(parse_json(body, "The request")))
            return 201, _JSON, json.dumps(entry).encode()
        if path == "/api/v1/timestamp":
            response = tsa.timestamp(tsa.parse_request(body), self._keys.tsa_key, self._keys.tsa, _now())
            return 200, "application/timestamp-reply", response
        raise Missing(f"The sandbox serves nothing at {path[:80]!r}.", "Use the URLs of its trust configuration.")

    def _actions_token(self, query: dict[str, list[str]], authorization: str) -> Answer:
        name, audience = query.get("identity", [""])[0], query.get("audience", [""])[0]
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(secret, self.bearer(name)):
            raise Rejected("The bearer token is not of this run.", "Use ACTIONS_ID_TOKEN_REQUEST_TOKEN of this run.")
        return 200, _JSON, json.dumps({"value": self._token(name, audience)}).encode()

    def _signing_certificate(self, authorization: str, body: bytes) -> Answer:
        now = _now()
        claims = oidc.open_token(authorization.partition(" ")[2], self._keys.oidc_key.public_key(), now)
        certificate = fulcio.issue(parse_json(body, "The request"), claims, self._keys, now)
        leaf = certificate.public_bytes(Encoding.PEM).decode()
        chain = {"chain": {"certificates": [leaf, *self._chain()]}}
        return 200, _JSON, json.dumps({"signedCertificateEmbeddedSct": chain}).encode()

    def _chain(self) -> list[str]:
        return [c.public_bytes(Encoding.PEM).decode() for c in (self._keys.fulcio, self._keys.fulcio_root)]


def _discovery(base: str) -> dict[str, Any]:
    return {
        "issuer": ACCOUNTS,
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "jwks_uri": f"{base}/keys",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def _now() -> datetime:
    """The time certificates and timestamps bear: whole seconds, as X.509 and the token have no finer ones."""
    return datetime.now(UTC).replace(microsecond=0)


class Server(ThreadingHTTPServer):
    """The HTTP side, on a free port of the loopback interface."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, services: Services) -> None:
        super().__init__((HOST, 0), _Handler)
        self.services = services
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`."""
        return f"http://{HOST}:{self.server_address[1]}"

    def close(self) -> None:
        """Stops answering."""
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30
    server: Server

    def do_GET(self) -> None:
        self._answer(lambda: self.server.services.get(self.path, self._authorization(), self.server.url))

    def do_POST(self) -> None:
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or int(size) > MAX_BODY:
            self.close_connection = True
            self._send((413, _JSON, b'{"message": "The body has no length or is too large."}'))
            return
        body = self.rfile.read(int(size))
        self._answer(lambda: self.server.services.post(self.path, self._authorization(), body))

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the library does not print."""

    def _authorization(self) -> str:
        return str(self.headers.get("Authorization", ""))

    def _answer(self, make: Callable[[], Answer]) -> None:
        try:
            answer = make()
        except MunimentError as error:
            status = 404 if isinstance(error, Missing) else 403 if isinstance(error, Rejected) else 400
            answer = status, _JSON, json.dumps({"code": status, "message": str(error)}).encode()
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        status, kind, body = answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
