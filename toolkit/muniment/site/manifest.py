"""The site's manifest: the SHA-256 of every derived file, so that a copy can be compared without rendering it again.

`manifest/root.json` names the shards by digest; a shard is `{path: sha256 hex}`. One shard, `all`, holds a small site;
above 2,048 files there are 256, by the first byte of the path's SHA-256. Left out: `versions/`, checkpoints and the
proof files that repeat them, itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from muniment import __version__
from muniment.core.canonical import format_json
from muniment.registry.paths import ANCHOR, CHECKPOINT
from muniment.site.page import Page

ROOT = "manifest/root.json"
RENDERER = f"muniment {__version__}"
SMALL = 2048
HEADS = (CHECKPOINT, ANCHOR)
LEFT_OUT = ("versions/", "checkpoints/", "proof/", "manifest/")


def with_manifest(pages: Iterable[Page], origin: str, size: int) -> Iterator[Page]:
    """The pages, then their manifest."""
    digests: dict[str, str] = {}
    for page in pages:
        if page.path not in HEADS and not page.path.startswith(LEFT_OUT):
            digests[page.path] = hashlib.sha256(page.data).hexdigest()
        yield page
    yield from _manifest(digests, origin, size)


def _manifest(digests: dict[str, str], origin: str, size: int) -> Iterator[Page]:
    shards: dict[str, dict[str, str]] = {} if len(digests) > SMALL else {"all": {}}
    for path, digest in digests.items():
        key = "all" if "all" in shards else hashlib.sha256(path.encode()).hexdigest()[:2]
        shards.setdefault(key, {})[path] = digest
    written = {key: format_json(shard) for key, shard in sorted(shards.items())}
    for key, data in written.items():
        yield Page(f"manifest/{key}.json", data)
    names = {key: hashlib.sha256(data).hexdigest() for key, data in written.items()}
    root = {"origin": origin, "renderer": RENDERER, "shards": names, "size": size}
    yield Page(ROOT, format_json(root))
