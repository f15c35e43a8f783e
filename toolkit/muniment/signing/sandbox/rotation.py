"""New keys for a sandbox's services: older ones end, what they signed stays good, what they sign later is refused."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

from muniment.core.errors import Missing, Usage
from muniment.signing.sandbox.files import locked, read_private, replace_private
from muniment.signing.sandbox.keys import SERVICES, read_keys, renew_keys, write_keys
from muniment.signing.sandbox.rekor import newest_shard, open_shard
from muniment.signing.sandbox.trust import rotated_root

# Leaf certificates and timestamps begin within their authority's life, whose certificate is a little older.
_EARLIER = timedelta(hours=1)


def rotate(folder: Path, services: Collection[str]) -> datetime:
    """Makes new keys for services of a sandbox (`keys.SERVICES`), waits until they begin, and returns when that was.

    The trusted root names older keys with their end; a new log key begins a new log. A process that runs the sandbox
    keeps its keys until it ends, and is refused from then on. Raises `Missing`, `Malformed`, `Usage`.
    """
    unknown = sorted(set(services) - set(SERVICES))
    if unknown or not services:
        raise Usage(f"The sandbox has no key {', '.join(unknown) or 'named'}.", f"Use {', '.join(SERVICES)}.")
    if not (folder / "rekor").is_dir():
        raise Missing(f"There is no sandbox in {folder}.", "Create one with `muniment sandbox create`.")
    with locked(folder / "rekor" / "lock"):
        # Older keys end a second before, which is after now: whether readers take the end to be inside or not, all that
        # was signed until now is good, and nothing that is signed after this returns.
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
        keys = renew_keys(read_keys(folder), services, at - _EARLIER)
        shard = newest_shard(folder) + ("rekor" in services)
        root = rotated_root(read_private(folder / "trusted_root.json"), keys, shard, services, at)
        if "rekor" in services:
            open_shard(folder, shard, keys.rekor_key).create()
        write_keys(keys, folder, services)
        replace_private(folder / "trusted_root.json", root)
        time.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))
    return at
