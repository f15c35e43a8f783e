"""The unrolled rounds in templates/assets/sha256.js, made from FIPS 180-4: five times as fast as loops.

`python -m tests.site.unrolled` writes them anew between the file's marks; a test holds the file to them.
"""

from __future__ import annotations

from itertools import count, islice
from math import isqrt
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "templates" / "assets" / "sha256.js"
BEGIN, END = "    // Unrolled rounds: made by tests/site/unrolled.py.\n", "    // End of the unrolled rounds.\n"
ROUNDS = 64


def rounds() -> str:
    """The 64 rounds over the words w0 to w15 and the variables a to h, sections 4.1.2 and 6.2.2."""
    names, lines = list("abcdefgh"), []
    for t, constant in enumerate(constants()):
        if t >= 16:
            lines.append(schedule(t))
        lines.append(compress(*names, f"{constant} + w{t % 16}"))
        names = names[-1:] + names[:-1]
    return "".join(f"      {line}\n" for line in lines)


def schedule(t: int) -> str:
    """W(t) = s1(W(t-2)) + W(t-7) + s0(W(t-15)) + W(t-16), in a ring of 16 words."""
    w16, w15, w7, w2 = (f"w{(t - back) % 16}" for back in (16, 15, 7, 2))
    s0 = f"({turned(w15, 7)} ^ {turned(w15, 18)} ^ {w15} >>> 3)"
    s1 = f"({turned(w2, 17)} ^ {turned(w2, 19)} ^ {w2} >>> 10)"
    return f"{w16} = {w16} + {w7} + {s0} + {s1} | 0;"


def compress(a: str, b: str, c: str, d: str, e: str, f: str, g: str, h: str, word: str) -> str:
    """One round: T1 is added into h and d, T2 into h; the variables then change names instead of places."""
    sum1 = f"({turned(e, 6)} ^ {turned(e, 11)} ^ {turned(e, 25)})"
    sum0 = f"({turned(a, 2)} ^ {turned(a, 13)} ^ {turned(a, 22)})"
    choice, majority = f"({g} ^ {e} & ({f} ^ {g}))", f"({a} & {b} | {c} & ({a} | {b}))"
    first = f"{h} = {h} + {sum1} + {choice} + {word} | 0;"
    return f"{first} {d} = {d} + {h} | 0; {h} = {h} + {sum0} + {majority} | 0;"


def turned(x: str, n: int) -> str:
    """A word turned right by n bits."""
    return f"({x} >>> {n} | {x} << {32 - n})"


def constants() -> list[int]:
    """The first 32 bits of the fractional parts of the cube roots of the first 64 primes, as signed words."""
    primes = (n for n in count(2) if all(n % d for d in range(2, isqrt(n) + 1)))
    words = (cube_root(p << 96) & 0xFFFFFFFF for p in islice(primes, ROUNDS))
    return [word - (word >> 31 << 32) for word in words]


def cube_root(n: int) -> int:
    """The integer part of the cube root."""
    low, high = 0, 1 << (n.bit_length() // 3 + 1)
    while low < high - 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**3 <= n else (low, middle)
    return low


def main() -> None:
    """Writes the rounds into the script."""
    before, _, rest = SCRIPT.read_text("utf-8").partition(BEGIN)
    SCRIPT.write_text(before + BEGIN + rounds() + END + rest.partition(END)[2], "utf-8")


if __name__ == "__main__":
    main()
