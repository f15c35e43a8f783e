"""The sandbox's transparency log: a C2SP tile log that speaks Rekor v2's protocol and lives in a folder.

`entries.jsonl` holds one canonical entry body a line and only grows; `checkpoint` is the signed note over the lines
that count. Lines beyond it are left from a crash and are cut off by the next writer. Tiles are computed when read.
Any number of threads and processes may share the folder: writers take a file lock.
Source: rekor-tiles `CLIENTS.md` and its protobuf `rekor_service.proto`; C2SP tlog-tiles, tlog-checkpoint.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from muniment.core.canonical import format_json
from muniment.core.errors import Malformed, Missing, Untrusted
from muniment.log.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from muniment.log.merkle import MemoryTree, leaf_hash, prove_inclusion
from muniment.log.note import NoteSigner
from muniment.log.tiles import WIDTH, format_entry_bundle, parse_path_number
from muniment.signing.entry import REKOR_V2, hashedrekord
from muniment.signing.sandbox.files import locked, read_private, replace_private, write_private
from muniment.signing.trustroot import SANDBOX

ORIGIN = f"rekor.{SANDBOX}"
_SHARD = re.compile(r"rekor-([1-9][0-9]{0,8})")
_TILE = re.compile(
    r"tile/(?P<level>entries|[0-9]|[1-5][0-9]|6[0-3])/(?P<number>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?"
)


def genesis(origin: str = ORIGIN) -> bytes:
    """A log's first line: old clients take index 0 for "absent", so nothing that is signed ever stands there."""
    return format_json({"kind": "genesis", "origin": origin})


def newest_shard(folder: Path) -> int:
    """The number of the log that a sandbox writes to: 1, until its key was rotated."""
    found = [_SHARD.fullmatch(path.name) for path in folder.iterdir()]
    return max([1, *(int(match[1]) for match in found if match)])


def shard_origin(number: int) -> str:
    """The name of a log, which its id and its checkpoints hold."""
    return ORIGIN if number == 1 else f"rekor-{number}.{SANDBOX}"


def open_shard(folder: Path, number: int, key: ed25519.Ed25519PrivateKey) -> Rekor:
    """A sandbox's log by its number, which must exist or be created."""
    return Rekor(folder / ("rekor" if number == 1 else f"rekor-{number}"), key, shard_origin(number))


def log_id(key: ed25519.Ed25519PublicKey, origin: str = ORIGIN) -> bytes:
    """The 32 bytes that name the log; the first four are the key id of its checkpoints (C2SP signed-note)."""
    return hashlib.sha256(origin.encode() + b"\n\x01" + key.public_bytes_raw()).digest()


def body_of_request(request: Any) -> bytes:
    """The entry body that a client's request asks for; its signature is checked. Raises `Malformed`, `Untrusted`."""
    try:
        wanted = request["hashedRekordRequestV002"]
        digest = base64.b64decode(wanted["digest"], validate=True)
        signature = base64.b64decode(wanted["signature"]["content"], validate=True)
        raw = base64.b64decode(wanted["signature"]["verifier"]["x509Certificate"]["rawBytes"], validate=True)
        key = x509.load_der_x509_certificate(raw).public_key()
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(
            "The request is not a hashedRekordRequestV002 with a certificate.", "Use a client of today."
        ) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or len(digest) != 32:
        raise Malformed("The request is not for ECDSA with SHA-256.", "Sign with ECDSA on P-256.")
    try:
        key.verify(signature, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    except InvalidSignature as error:
        raise Untrusted("The signature in the request is not of its certificate's key.", "Sign again.") from error
    return hashedrekord(digest, signature, raw)


class Rekor:
    """The log in `folder`, kept in memory up to the newest checkpoint read."""

    def __init__(self, folder: Path, key: ed25519.Ed25519PrivateKey, origin: str = ORIGIN) -> None:
        self._folder = folder
        self._signer = NoteSigner(origin, key.private_bytes_raw())
        self._log_id = log_id(key.public_key(), origin)
        self._tree = MemoryTree()
        self._offset = 0
        self._guard = threading.Lock()

    def create(self) -> None:
        """Writes the log with its genesis entry; the folder must not exist."""
        self._folder.mkdir(mode=0o700)
        write_private(self._folder / "lock", b"")
        first = genesis(self._signer.name)
        write_private(self._folder / "entries.jsonl", first + b"\n")
        self._tree.append(leaf_hash(first))
        self._offset = len(first) + 1
        self._publish()

    def append(self, body: bytes) -> dict[str, Any]:
        """Adds an entry and returns it as a TransparencyLogEntry in protobuf-JSON, with proof and checkpoint."""
        with self._guard, locked(self._folder / "lock"):
            self._catch_up()
            try:
                self._write_entry(body)
                index = self._tree.append(leaf_hash(body))
                return self._entry(body, index, self._publish())
            except BaseException:
                self._forget()
                raise

    def read_checkpoint(self) -> bytes:
        """The newest signed checkpoint."""
        return read_private(self._folder / "checkpoint")

    def bodies(self) -> list[bytes]:
        """Every entry under the newest checkpoint, oldest first."""
        with self._guard, locked(self._folder / "lock"):
            self._catch_up()
            return read_private(self._folder / "entries.jsonl")[: self._offset].splitlines()

    def read_tile(self, path: str) -> bytes:
        """The tile or entry bundle at a path as C2SP writes it, without cut-off hashes. Raises `Missing`."""
        match = _TILE.fullmatch(path)
        if match is None:
            raise Missing(f"The sandbox's log has no {path[:80]!r}.", "Ask for a tile as C2SP tlog-tiles names it.")
        first, width = parse_path_number(match["number"]) * WIDTH, int(match["width"] or WIDTH)
        if match["level"] == "entries":
            entries = self.bodies()[first : first + width]
            if len(entries) < width:
                raise Missing(f"The sandbox's log has no entry {first + width - 1} yet.", "Ask within its size.")
            return format_entry_bundle(entries)
        with self._guard, locked(self._folder / "lock"):
            self._catch_up()
            return b"".join(self._tree.read(8 * int(match["level"]), first + at) for at in range(width))

    def _entry(self, body: bytes, index: int, note: bytes) -> dict[str, Any]:
        size = self._tree.size
        proof = {
            "logIndex": str(index),
            "rootHash": _b64(self._tree.root()),
            "treeSize": str(size),
            "hashes": [_b64(h) for h in prove_inclusion(self._tree, index, size)],
            "checkpoint": {"envelope": note.decode()},
        }
        return {
            "logIndex": str(index),
            "logId": {"keyId": _b64(self._log_id)},
            "kindVersion": {"kind": REKOR_V2[0], "version": REKOR_V2[1]},
            "integratedTime": "0",
            "inclusionProof": proof,
            "canonicalizedBody": _b64(body),
        }

    def _catch_up(self) -> None:
        """Reads what other processes appended; the checkpoint must agree with every line it counts."""
        checkpoint = open_checkpoint(self.read_checkpoint(), self._signer.name, [self._signer.verifier])
        missing = checkpoint.size - self._tree.size
        if missing == 0:
            return
        with (self._folder / "entries.jsonl").open("rb") as file:
            file.seek(self._offset)
            lines = [file.readline() for _ in range(missing)]
            end = file.tell()
        for line in lines:
            self._tree.append(leaf_hash(line.rstrip(b"\n")))
        if missing < 0 or not lines[-1].endswith(b"\n") or self._tree.root() != checkpoint.root:
            self._forget()
            raise Untrusted("The sandbox's log does not agree with its checkpoint.", "Create a new sandbox.")
        self._offset = end

    def _forget(self) -> None:
        """Drops what is in memory, so that the next call reads the folder from its beginning."""
        self._tree, self._offset = MemoryTree(), 0

    def _write_entry(self, body: bytes) -> None:
        with (self._folder / "entries.jsonl").open("r+b") as file:
            file.truncate(self._offset)
            file.seek(self._offset)
            file.write(body + b"\n")
            self._offset = file.tell()

    def _publish(self) -> bytes:
        note = sign_checkpoint(Checkpoint(self._signer.name, self._tree.size, self._tree.root()), self._signer)
        replace_private(self._folder / "checkpoint", note)
        return note


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
