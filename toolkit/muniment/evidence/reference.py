"""References to data and code in the documents people write: a path or a digest, made into a digest.

A reference is `{name?, path?, digest?, uri?}`; what is written into a statement has `name` and `digest` and no path.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from muniment.core.digest import Digest, parse_digest
from muniment.core.errors import Malformed, Mismatch, Missing
from muniment.evidence.artifact import Measured, measure, part


def pin(reference: Mapping[str, Any], base: Path, measured: Measured | None = None) -> dict[str, Any]:
    """A reference with its digest and without its path, which is relative to `base`; slices are pinned too.

    `measured` saves reading the path again. A digest beside a path must be that of the bytes.
    Raises `Mismatch`, `Missing`, `Malformed`.
    """
    pinned = {k: v for k, v in reference.items() if k not in ("path", "slices")}
    if "path" in reference:
        measured = measured or measure(base / reference["path"])
        given = pinned.setdefault("digest", str(measured.digest))
        if given != str(measured.digest):
            raise Mismatch(
                f"{reference['path']} has the digest {measured.digest}, not {given}.",
                "Correct the digest, or give the bytes it is meant for.",
            )
        pinned.setdefault("name", measured.name)
    if "digest" not in pinned or "name" not in pinned:
        raise Malformed(
            f"{_called(pinned)} has no path, or no name and digest.", "Give a path, or a name and a digest."
        )
    if "slices" in reference:
        pinned["slices"] = pin_slices(reference["slices"], measured)
    return pinned


def pin_slices(slices: list[dict[str, Any]], whole: Measured | None) -> list[dict[str, Any]]:
    """Slices whose paths, relative to the whole they are of, are replaced by digests."""
    return [_pin_slice(s, whole) for s in slices]


def _pin_slice(value: dict[str, Any], whole: Measured | None) -> dict[str, Any]:
    pinned = {k: v for k, v in value.items() if k != "path"}
    if "path" not in value:
        return pinned
    if whole is None:
        raise Missing(
            f"The slice {value['name']!r} has a path, and what it is a slice of has none.", "Give both or none."
        )
    digest = str(part(whole, value["path"]))
    if pinned.setdefault("digest", digest) != digest:
        raise Mismatch(
            f"The slice {value['name']!r} has the digest {digest}, not the one given.", "Correct the digest."
        )
    return pinned


def descriptor(pinned: Mapping[str, Any], role: str) -> dict[str, Any]:
    """A pinned reference as an in-toto ResourceDescriptor, its role in `annotations`."""
    value: dict[str, Any] = {"name": pinned["name"], "digest": {"sha256": digest_in(pinned).hex}}
    if "uri" in pinned:
        value["uri"] = pinned["uri"]
    return value | {"annotations": {"role": role}}


def digest_in(pinned: Mapping[str, Any]) -> Digest:
    """The digest of a pinned reference."""
    return parse_digest(pinned["digest"])


def _called(reference: Mapping[str, Any]) -> str:
    return f"The reference {reference['name']!r}" if "name" in reference else "A reference"
