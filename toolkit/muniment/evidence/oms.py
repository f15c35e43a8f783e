"""OpenSSF Model Signing (OMS) statements: a model's files by name and digest, and one root digest over them.

The predicate holds `serialization` and `resources` and nothing else; the only subject's SHA-256 is that of the raw
resource digests in listed order. Source: OpenSSF Model Signing specification v1.0; model-signing 1.1.1 as oracle.

A lone file's resource is named `.`, as model-signing writes and expects it; the specification's own spelling, the
file's name, is accepted when reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from muniment.core.digest import Digest
from muniment.core.errors import Malformed, Mismatch
from muniment.evidence.artifact import Measured, MeasuredFile, check_member, manifest_digest
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.statement import Statement, Subject

LONE = "."
# What git and signing tools put beside a model; every other ignored path could hide a file from verifiers.
_HARMLESS = frozenset({".git", ".gitattributes", ".github", ".gitignore"})
_SIGNATURES = (".sig", ".sigstore", ".sigstore.json")


def signature_statement(measured: Measured) -> Statement:
    """What is signed to sign a model: its files and their root digest."""
    resources = [
        {"name": f.path if measured.directory else LONE, "algorithm": "sha256", "digest": f.digest.hex}
        for f in measured.files
    ]
    serialization = {"method": "files", "hash_type": "sha256", "allow_symlinks": measured.links, "ignore_paths": []}
    root = manifest_digest(f.digest for f in measured.files)
    predicate = {"serialization": serialization, "resources": resources}
    return Statement((Subject(measured.name, root),), EVIDENCE["signature"], predicate)


def covers(statement: Statement, digest: Digest) -> bool:
    """Whether an OMS statement speaks of the artifact with this digest."""
    return digest in covered(statement)


def covered(statement: Statement) -> frozenset[Digest]:
    """The digests of the artifact that an OMS statement speaks of.

    A directory has the root digest, also when its signer listed the files in another order than this project does;
    a lone file is the only resource. None for statements of other types and for malformed ones.
    """
    if statement.predicate_type != EVIDENCE["signature"]:
        return frozenset()
    try:
        files = check_signature(statement)
    except (Malformed, Mismatch):
        return frozenset()
    ordered = manifest_digest(f.digest for f in sorted(files, key=lambda f: f.path))
    lone = [f.digest for f in files] if len(files) == 1 else []
    return frozenset((statement.subjects[0].digest, ordered, *lone))


def check_signature(statement: Statement) -> tuple[MeasuredFile, ...]:
    """The files an OMS statement lists, in its order; their sizes are not known and 0.

    Raises `Malformed` for one that is not as the specification has it or that hides files, `Mismatch` where the root
    digest is not that of the files. No JSON Schema: a model can have tens of thousands of files.
    """
    if len(statement.subjects) != 1:
        raise Malformed("The model signature has more than one subject.", "Sign each model by itself.")
    files = signed_files(statement.predicate)
    _check_names([f.path for f in files])
    _check_serialization(statement.predicate.get("serialization"), {f.path for f in files})
    if manifest_digest(f.digest for f in files) != statement.subjects[0].digest:
        raise Mismatch("The model signature's root digest is not that of its files.", "Sign the model again.")
    return files


def signed_files(predicate: Mapping[str, Any]) -> tuple[MeasuredFile, ...]:
    """The files an OMS predicate lists, in its order, without sizes. Raises `Malformed`."""
    resources = predicate.get("resources")
    if not isinstance(resources, list) or not resources:
        raise _malformed("resources", "is not a list of files")
    return tuple(_signed_file(r, i) for i, r in enumerate(resources))


def _signed_file(resource: Any, index: int) -> MeasuredFile:
    if not isinstance(resource, dict) or resource.get("algorithm") != "sha256":
        raise _malformed(f"resources/{index}", "is not a file with a SHA-256")
    name, digest = resource.get("name"), resource.get("digest")
    if not isinstance(name, str) or not isinstance(digest, str):
        raise _malformed(f"resources/{index}", "has no name or no digest")
    return MeasuredFile(name, Digest(digest), 0)


def _check_names(names: list[str]) -> None:
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise _malformed("resources", f"lists {name[:80]!r} {times} times")
    for name in names:
        if name != LONE or len(names) > 1:
            check_member(name, "The model signature's file")


def _check_serialization(value: Any, listed: set[str]) -> None:
    if not isinstance(value, dict) or (value.get("method"), value.get("hash_type")) != ("files", "sha256"):
        raise _malformed("serialization", "is not the method `files` with sha256")
    ignored = value.get("ignore_paths", [])
    if not isinstance(ignored, list) or not all(isinstance(p, str) for p in ignored):
        raise _malformed("serialization/ignore_paths", "is not a list of paths")
    for path in ignored:
        harmless = path in _HARMLESS or ("/" not in path and path.endswith(_SIGNATURES))
        if not harmless or path in listed:
            raise Malformed(
                f"The model signature ignores {path[:80]!r}, so a file could hide there.",
                "Sign the model again without ignoring files, and keep what is not part of it elsewhere.",
            )


def _malformed(where: str, problem: str) -> Malformed:
    return Malformed(f"The model signature: {where} {problem}.", "Sign the model again.")
