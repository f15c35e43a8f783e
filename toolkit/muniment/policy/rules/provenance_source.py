"""The code that made the version comes from an allowed repository and branch, at a commit that is pinned."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from muniment.evidence import recipe
from muniment.policy.facts import EvidenceFact, Facts, Verdict
from muniment.policy.reading import NAMES, matches

NAME = "provenance-source"
TITLE = "Made from allowed source at a pinned commit"
PARAMS: dict[str, Any] = {
    "type": "object",
    "required": ["repositories"],
    "additionalProperties": False,
    "properties": {
        "repositories": NAMES,
        "refs": NAMES,
        "certificate": {"type": "boolean"},
        "modified": {"enum": ["accept", "fail"]},
    },
}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where code came from, as a provenance says; `ref` and `commit` are empty where it does not."""

    repository: str
    commit: str
    ref: str
    modified: bool


def reads(params: Mapping[str, Any]) -> frozenset[str]:
    """Provenance."""
    return frozenset({"provenance"})


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if every provenance names its source, and each is allowed; with `certificate`, as its signer's does."""
    records = facts.of_kind("provenance")
    problems = [p for r in records for p in _problems(r, params)]
    if not records or problems:
        said = problems[0] if problems else "There is no provenance, so no source is known."
        return Verdict(False, said, "Train from a commit of an allowed repository, and attest the provenance there.")
    found = next(iter(_sources(records[-1])))
    return Verdict(True, f"Made from {found.repository} at {found.commit[:12]}.")


def _problems(record: EvidenceFact, params: Mapping[str, Any]) -> Iterator[str]:
    sources = list(_sources(record))
    if not sources:
        yield "The provenance names no source code."
    claims = dict(record.signer.claims)
    for source in sources:
        ref = source.ref or (claims.get("sourceRepositoryRef", "") if params.get("certificate") else "")
        if not matches(_plain(source.repository), [_plain(r) for r in params["repositories"]]):
            yield f"The source is {source.repository}, which is not allowed."
        elif not _COMMIT.fullmatch(source.commit):
            yield f"The source {source.repository} is not pinned to a commit."
        elif "refs" in params and not matches(ref, params["refs"]):
            yield f"The source is {ref or 'of no known branch'}, which is not allowed."
        elif source.modified and params.get("modified", "fail") == "fail":
            yield f"The source was {source.commit[:12]} with changes that are in no commit."
        elif params.get("certificate") and not _certified(source, ref, claims):
            yield "The provenance was signed by a job of another repository, branch or commit than it names."


def _certified(source: Source, ref: str, claims: Mapping[str, str]) -> bool:
    same = _plain(claims.get("sourceRepositoryURI", "")) == _plain(source.repository)
    return same and claims.get("sourceRepositoryDigest") == source.commit and claims.get("sourceRepositoryRef") == ref


def _sources(record: EvidenceFact) -> Iterator[Source]:
    own = recipe.parameters(record.predicate)
    if own is not None:
        code = own["code"]
        yield Source(code["repository"], code["commit"], code.get("ref", ""), bool(code.get("modified")))
        return
    for item in record.predicate["buildDefinition"].get("resolvedDependencies", ()):
        uri, digest = str(item.get("uri", "")), item.get("digest", {})
        if uri.startswith("git+"):
            repository, _, ref = uri.rpartition("@") if "@" in uri else (uri, "", "")
            yield Source(repository.removeprefix("git+"), digest.get("gitCommit") or digest.get("sha1", ""), ref, False)


def _plain(repository: str) -> str:
    return repository.removeprefix("git+").removesuffix("/").removesuffix(".git")
