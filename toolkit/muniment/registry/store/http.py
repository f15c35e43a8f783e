"""A published registry read over http(s): only GET, bounded in size and time."""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request

from muniment.core.errors import Missing, Unreachable
from muniment.registry.store import LIMIT

TIMEOUT = 30.0
PATIENCE = 600.0


class HttpReader:
    """The files below a site's address; each is waited for `patience` seconds at most."""

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        self.url = url.removesuffix("index.html").rstrip("/")
        self._patience = patience

    @property
    def place(self) -> str:
        """The address."""
        return self.url

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises `Missing` (404, 410) or `Unreachable`."""
        address, answers = f"{self.url}/{path}", list[bytes | Exception]()
        # A timeout of a socket is for each of its reads: a host that drips would hold a reader for ever.
        thread = threading.Thread(target=lambda: answers.append(_answer(address)), daemon=True)
        thread.start()
        thread.join(self._patience)
        if not answers:
            raise Unreachable(f"{address} was not there within {self._patience:g} seconds.", "Try again later.")
        if isinstance(answers[0], Exception):
            raise answers[0]
        return answers[0]


def _answer(address: str) -> bytes | Exception:
    try:
        return _fetch(address)
    except Exception as error:
        return error


def _fetch(address: str) -> bytes:
    if not address.startswith(("http://", "https://")):
        raise Unreachable(f"{address} is no http address.", "Give http:// or https://.")
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as reply:  # noqa: S310 - http(s) only, see above
            data = bytes(reply.read(LIMIT + 1))
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            raise Missing(f"{address} is missing.", "The site is incomplete; ask who hosts it.") from error
        raise Unreachable(f"{address} answers {error.code}.", "Try again later.") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unreachable(f"{address} cannot be reached: {error}.", "Check the address and the network.") from error
    if len(data) > LIMIT:
        raise Unreachable(f"{address} is larger than {LIMIT} bytes.", "No file of a registry is; ask who hosts it.")
    return data
