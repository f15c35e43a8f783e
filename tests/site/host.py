"""A host of a site, for adversaries to play."""

from __future__ import annotations

from muniment.core.errors import Missing, Unreachable


class Host:
    """Serves a site's files as they are in memory."""

    place = "memory"

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = dict(files)
        self.down = ""

    def read(self, path: str) -> bytes:
        if path == self.down:
            raise Unreachable(f"{path} answers 500.")
        if path not in self.files:
            raise Missing(f"{path} is missing.")
        return self.files[path]
