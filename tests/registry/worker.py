"""One of several writers, as a program: submits bundles one by one and publishes after each, whoever else does.

    worker.py PLACE LOG_KEY_FILE RECORD BUNDLE...

Every checkpoint that it signs is in RECORD before anybody sees it.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from muniment.core.errors import Conflict
from muniment.log.note import parse_skey
from muniment.registry.inbox import submit
from muniment.registry.sequencer import publish
from muniment.registry.store.places import open_store
from muniment.registry.store.retry import again
from tests.registry.shared import Recorder
from tests.world import now


def main(place: str, key_file: str, record: str, *bundles: str) -> None:
    """Does it all; an error ends it with a traceback."""
    key, chance = Recorder(parse_skey(Path(key_file).read_text().strip()), Path(record)), random.SystemRandom()
    store = open_store(place, 100)
    for bundle in bundles:
        submit(store, Path(bundle).read_bytes())
        deadline = time.monotonic() + 120
        while True:
            try:
                done = again(lambda: publish(store, key, now()), 100)
                break
            except Conflict as error:
                if error.soon or time.monotonic() > deadline:
                    raise
                time.sleep(chance.uniform(0, 0.1))  # a folder says at once that it is taken
        assert not [turned for turned in done.turned if not turned.waits], done.turned


if __name__ == "__main__":
    main(*sys.argv[1:])
