"""Where things are in a registry directory."""

from __future__ import annotations

from muniment.core.digest import Digest

CHECKPOINT = "checkpoint"
CHECKPOINTS = "checkpoints"
INBOX = "inbox"
SUFFIX = ".sigstore.json"
ANCHOR = f"{CHECKPOINT}{SUFFIX}"


def blob_path(digest: Digest) -> str:
    """The path of a blob."""
    return f"blob/sha256/{digest.hex[:2]}/{digest.hex}"


def checkpoint_path(size: int) -> str:
    """The path of the immutable checkpoint of a size."""
    return f"{CHECKPOINTS}/{size}"


def anchor_path(size: int) -> str:
    """The path of the immutable anchor of a checkpoint."""
    return f"{checkpoint_path(size)}{SUFFIX}"


def inbox_path(bundle: Digest) -> str:
    """The path of a bundle that waits."""
    return f"{INBOX}/{bundle.hex}{SUFFIX}"
