"""Where everything lies in the built site. Paths are from its root, with `/`; links name `index.html`."""

from __future__ import annotations

import posixpath
from urllib.parse import quote

from muniment.core.digest import Digest
from muniment.core.name import Name, VersionId
from muniment.log.tiles import path_number

SECTIONS = {"model": "models", "dataset": "datasets", "config": "configs", "pipeline": "pipelines"}
ENTRIES_A_PAGE = 256
OWN_FILES = ("checkpoint", "checkpoint.sigstore.json", "registry.yaml", "policy.yaml")
OWN_FOLDERS = ("checkpoints/", "blob/", "inbox/")


def section_page(section: str, number: int = 1) -> str:
    """A page of the list of one kind; pages count from 1."""
    return f"{section}/index.html" if number == 1 else f"{section}/index-{number}.html"


def name_page(section: str, name: Name) -> str:
    """A name's page."""
    return f"{section}/{_segment(name.namespace)}/{_segment(name.name)}/index.html"


def version_page(section: str, version: VersionId) -> str:
    """A version's page."""
    return f"{posixpath.dirname(name_page(section, version.name))}/{_segment(version.version)}/index.html"


def entry_anchor(index: int) -> str:
    """An entry's line on its page of the log."""
    return f"{entries_page(index // ENTRIES_A_PAGE)}#e{index}"


def entries_page(number: int) -> str:
    """A page of log entries; pages count from 0."""
    return f"log/entries/{number:03d}.html"


def proof_file(index: int) -> str:
    """An entry's C2SP proof, numbered as tiles are: no folder holds more than 1,000 files."""
    return f"proof/{path_number(index)}.tlog-proof"


def snapshot_page(size: int) -> str:
    """The catalog as it was at a size of the log."""
    return f"versions/{size}/index.html"


def pointer(name: Name, what: str) -> str:
    """The pointer a deploy job reads: `what` is `latest` or an environment."""
    return f"api/v1/{_segment(name.namespace)}/{_segment(name.name)}/{what}.json"


def blob_path(digest: Digest) -> str:
    """A blob of the registry."""
    return f"blob/sha256/{digest.hex[:2]}/{digest.hex}"


def is_own(path: str) -> bool:
    """Whether a path is the registry's own, not derived from it."""
    leaves = path.startswith("log/") and path.endswith(".jsonl")
    return path in OWN_FILES or path.startswith(OWN_FOLDERS) or leaves


def relative(target: str, page: str) -> str:
    """The link from a page to a path, percent-encoded; a fragment is kept."""
    path, mark, fragment = target.partition("#")
    here, there = page.split("/")[:-1], path.split("/")
    same = 0
    while same < min(len(here), len(there) - 1) and here[same] == there[same]:
        same += 1
    steps = [".."] * (len(here) - same) + there[same:]
    return quote("/".join(steps), safe="/~@+") + mark + fragment


def _segment(text: str) -> str:
    """A name or version as one folder; those that could be taken for a file of ours are marked with `~`."""
    return f"~{text}" if text.endswith((".html", ".json")) else text
