"""Trying again after a lost race."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from muniment.core.errors import Conflict

# Of eight writers that push at once, the unluckiest of 200 pushes was tried 19 times.
RETRIES = 20
LONGEST = 4.0

T = TypeVar("T")


def again(attempt: Callable[[], T], retries: int, lost: type[Conflict] = Conflict) -> T:
    """What an attempt gives, tried up to `retries` more times while it is `lost` to others and that may soon be over.

    The waits between are random, so that racers part, and twice as long each time, up to four seconds.
    """
    chance = random.SystemRandom()
    for number in range(retries):
        try:
            return attempt()
        except lost as error:
            if not error.soon:
                raise
        time.sleep(chance.uniform(0, min(LONGEST, 0.05 * 2**number)))
    return attempt()
