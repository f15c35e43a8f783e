"""The search index: shards of plain JavaScript that a classic script pulls in one by one, also where pages are files.

`search/index.js` names the shards; `search/w-<xx>.js` maps words that begin with xx to documents, `search/d-<xx>.js`
digests that begin with xx; `search/r-<n>.js` holds 256 documents as [title, note, path].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from muniment.core.letters import is_known
from muniment.site.page import Page
from muniment.site.shard import shard

RECORDS_A_SHARD = 256
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Found:
    """What a search can find: a page with its title, a note under it, words and hex digests that lead to it."""

    title: str
    note: str
    path: str
    words: tuple[str, ...]
    digests: tuple[str, ...] = ()


def search_pages(documents: Iterable[Found]) -> Iterator[Page]:
    """The index over documents; their order is that of the results."""
    found = list(documents)
    shards: dict[str, dict[str, list[int]]] = {}
    for number, document in enumerate(found):
        for word in sorted({w for text in document.words for w in words(text)}):
            shards.setdefault(f"w-{_slug(word)}", {}).setdefault(word, []).append(number)
        for digest in sorted(set(document.digests)):
            shards.setdefault(f"d-{digest[:2]}", {}).setdefault(digest, []).append(number)
    for start in range(0, len(found), RECORDS_A_SHARD):
        rows = [[d.title, d.note, d.path] for d in found[start : start + RECORDS_A_SHARD]]
        yield shard(f"search/r-{start // RECORDS_A_SHARD}", rows)
    for name in sorted(shards):
        yield shard(f"search/{name}", shards[name])
    yield shard("search/index", sorted(shards))


def words(text: str) -> Iterator[str]:
    """What a text is found by, in lower case: its words of two letters or more, and its joined forms.

    `aiops/cpu-anomaly@2.0.0` is found by itself, `cpu-anomaly@2.0.0`, `cpu-anomaly`, `2.0.0`, `aiops`, `anomaly`.
    """
    for token in _settled(text).lower().split():
        tail = token.rpartition("/")[2]
        for form in (token, tail, *re.split(r"[/@]", token)):
            if any(mark in form for mark in ".-_/@") and 1 < len(form) <= 140:
                yield form
        yield from (match.group() for match in _WORD.finditer(token) if len(match.group()) > 1)


def _settled(text: str) -> str:
    """The text with room for characters that came to Unicode after 3.2: what is a letter must not hang on who reads."""
    return "".join(c if is_known(c) else " " for c in text)


def _slug(word: str) -> str:
    """A shard's name: the first two letters, each as hex where it is not a-z or 0-9."""
    return "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}" for c in word[:2])
