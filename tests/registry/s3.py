"""A small S3 on the loopback: one bucket in memory, with the conditions of writes that Amazon's has.

`before` is asked before each request that is no list, with method and key; it may do anything. What `swallow` names is
done and never answered. Source: the S3 API reference for GetObject, PutObject, ListObjectsV2 and DeleteObjects.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

BUCKET = "registry"
ENVIRON = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
}


class Service(ThreadingHTTPServer):
    """The service, with what it holds and what it was asked."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, page: int = 1000) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.lock, self.page = threading.Lock(), page
        self.enforces = {"If-Match", "If-None-Match"}
        self.before: Callable[[str, str], object] = lambda method, key: None
        self.swallow: Callable[[str, str], bool] = lambda method, key: False
        self.refuse: Callable[[str, str], int] = lambda method, key: 0
        self.asked: list[tuple[str, str]] = []

    @property
    def environ(self) -> dict[str, str]:
        """What a client finds it by."""
        return ENVIRON | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server_address[1]}"}

    def fill(self, files: dict[str, bytes], prefix: str = "") -> None:
        """Puts files there."""
        self.objects.update({f"{prefix}{path}": data for path, data in files.items()})

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that are killed hang up."""


@contextlib.contextmanager
def service(page: int = 1000) -> Iterator[Service]:
    """A service while it runs."""
    with Service(page) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        bucket, key, query = self._asked()
        if bucket != BUCKET:
            self._error(404, "NoSuchBucket")
        elif not key:
            self._list(query)
        elif self._begun("GET", key):
            data = self.server.objects.get(key)
            self._error(404, "NoSuchKey") if data is None else self._reply(200, data, {"ETag": _tag(data)})

    def do_PUT(self) -> None:
        _, key, _ = self._asked()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._begun("PUT", key):
            return
        with self.server.lock:
            status, code = self._verdict(self.server.objects.get(key))
            if status == 200:
                self.server.objects[key] = body
        if self.server.swallow("PUT", key):
            self.close_connection = True
        elif status == 200:
            self._reply(200, b"", {"ETag": _tag(body)})
        else:
            self._error(status, code)

    def do_POST(self) -> None:
        self._asked()
        body = ElementTree.fromstring(self.rfile.read(int(self.headers["Content-Length"])))  # noqa: S314 - our client's
        keys = [element.text or "" for element in body.iter() if element.tag.endswith("Key")]
        if all(self._begun("DELETE", key) for key in keys):
            with self.server.lock:
                for key in keys:
                    self.server.objects.pop(key, None)
            self._reply(200, b"<DeleteResult/>")

    def _verdict(self, known: bytes | None) -> tuple[int, str]:
        conditions = {name: self.headers[name] for name in self.server.enforces if self.headers[name]}
        if conditions.get("If-None-Match") == "*" and known is not None:
            return 412, "PreconditionFailed"
        if "If-Match" in conditions and known is None:
            return 404, "NoSuchKey"
        if "If-Match" in conditions and known is not None and conditions["If-Match"] != _tag(known):
            return 412, "PreconditionFailed"
        return 200, ""

    def _list(self, query: dict[str, list[str]]) -> None:
        prefix, after = query.get("prefix", [""])[0], query.get("continuation-token", [""])[0]
        with self.server.lock:
            names = sorted(key for key in self.server.objects if key.startswith(prefix) and key > after)
        names = [name for name in names if "/" not in name.removeprefix(prefix)]
        page = names[: self.server.page]
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if len(names) > len(page) else ""
        contents = "".join(f"<Contents><Key>{quote(name)}</Key><Size>1</Size></Contents>" for name in page)
        truncated = f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>"
        kind = "<EncodingType>url</EncodingType>"
        self._reply(200, f"<ListBucketResult>{kind}{truncated}{more}{contents}</ListBucketResult>".encode())

    def _asked(self) -> tuple[str, str, dict[str, list[str]]]:
        parts = urlsplit(self.path)
        _, bucket, *key = unquote(parts.path).split("/", 2)
        return bucket, key[0] if key else "", parse_qs(parts.query)

    def _begun(self, method: str, key: str) -> bool:
        self.server.before(method, key)
        self.server.asked.append((method, key))
        status = self.server.refuse(method, key)
        if status:
            self._error(status, "ConditionalRequestConflict" if status == 409 else "Refused")
        return not status

    def _error(self, status: int, code: str) -> None:
        self._reply(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _tag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'  # noqa: S324 - what S3 calls an entity tag
