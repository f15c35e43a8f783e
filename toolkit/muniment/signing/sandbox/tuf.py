"""The sandbox's own TUF repository: how clients learn its trusted root, and learn of every later one.

Its state is in the sandbox's folder under `tuf/`: the root's key and the key of all other roles (Ed25519), every root
metadata, and the newest of the rest. Published are static files:

    1.root.json, 2.root.json ...  timestamp.json  N.snapshot.json  N.targets.json
    root.json                     the newest root, to start from
    targets/<sha256>.trusted_root.json  targets/<sha256>.signing_config.v0.2.json

Source: TUF specification 1.0, section 6 (consistent snapshots); sigstore-python `_internal/tuf.py` (names).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from muniment.core.canonical import format_json, parse_json
from muniment.core.digest import digest_of
from muniment.core.errors import Missing, Unreachable
from muniment.signing.sandbox.files import locked, read_private, replace_private
from muniment.signing.sandbox.keys import LIFETIME, read_key
from muniment.signing.sandbox.trust import signing_config
from muniment.signing.trustroot import SANDBOX

NOWHERE = f"https://not-running.{SANDBOX}"
_ROLES = {"root": ("root",), "others": ("timestamp", "snapshot", "targets")}
_Files = dict[str, bytes]


def publish(folder: Path, out: Path, url: str = NOWHERE) -> int:
    """Writes a sandbox's TUF repository to a folder and returns the version of its newest root.

    `url` is where the sandbox's services answer those who would sign. What has not changed keeps its version, so the
    same files come out again. Raises `Missing`, `Malformed`, `Unreachable`.
    """
    if not (folder / "rekor").is_dir():
        raise Missing(f"There is no sandbox in {folder}.", "Create one with `muniment sandbox create`.")
    state = folder / "tuf"
    with locked(folder / "rekor" / "lock"):
        if not state.is_dir():
            state.mkdir(mode=0o700)
            _write_root(state, 1, None)
        targets = _targets(folder, url)
        files = {path.name: path.read_bytes() for path in state.glob("*.root.json")}
        newest = max(map(_version, files))
        files |= {"root.json": files[f"{newest}.root.json"]}
        files |= {f"targets/{digest_of(data).hex}.{name}": data for name, data in targets.items()}
        _write(out, files | _describe(state, targets))
    return newest


def rotate_tuf(folder: Path) -> int:
    """Replaces the keys of the TUF repository by a root that the old key signs too, and returns its version.

    Raises `Missing` where nothing was ever published, `Malformed`.
    """
    state = folder / "tuf"
    if not state.is_dir():
        raise Missing("The sandbox has no TUF repository yet.", "Publish it first: muniment sandbox tuf.")
    with locked(folder / "rekor" / "lock"):
        version = max(_version(path.name) for path in state.glob("*.root.json")) + 1
        _write_root(state, version, _signer(state, "root"))
    return version


def _write_root(state: Path, version: int, before: CryptoSigner | None) -> None:
    """Makes new keys, and the root that names them, signed by the new root key and the one before."""
    keys = {name: Ed25519PrivateKey.generate() for name in _ROLES}
    signers = {name: CryptoSigner(key) for name, key in keys.items()}
    root = Root(version=version, expires=_end())
    for name, roles in _ROLES.items():
        for role in roles:
            root.add_key(signers[name].public_key, role)
    metadata = Metadata(root)
    metadata.sign(signers["root"])
    if before is not None:
        metadata.sign(before, append=True)
    replace_private(state / f"{version}.root.json", metadata.to_bytes())
    for name, key in keys.items():
        replace_private(state / f"{name}.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _describe(state: Path, targets: Mapping[str, bytes]) -> _Files:
    """Targets, snapshot and timestamp over the target files: the ones that are, or new ones where they differ."""
    described = {name: TargetFile.from_data(name, data, ["sha256"]) for name, data in targets.items()}
    signer, kept = _signer(state, "others"), state / "targets.json"
    held = Metadata[Targets].from_bytes(kept.read_bytes()) if kept.exists() else None
    if held is None or held.signed.targets != described or signer.public_key.keyid not in held.signatures:
        version = 1 if held is None else held.signed.version + 1
        meta = MetaFile(version)
        for name, signed in (
            ("snapshot", Snapshot(version, expires=_end(), meta={"targets.json": meta})),
            ("timestamp", Timestamp(version, expires=_end(), snapshot_meta=meta)),
            ("targets", Targets(version, expires=_end(), targets=described)),
        ):
            metadata: Metadata[Any] = Metadata(signed)
            metadata.sign(signer)
            replace_private(state / f"{name}.json", metadata.to_bytes())
    version = Metadata[Targets].from_bytes(kept.read_bytes()).signed.version
    names = {
        "targets": f"{version}.targets.json",
        "snapshot": f"{version}.snapshot.json",
        "timestamp": "timestamp.json",
    }
    return {public: (state / f"{name}.json").read_bytes() for name, public in names.items()}


def _targets(folder: Path, url: str) -> _Files:
    root = read_private(folder / "trusted_root.json")
    signing = format_json(signing_config(parse_json(root, "The trusted root"), url.rstrip("/")))
    return {"trusted_root.json": root, "signing_config.v0.2.json": signing}


def _signer(state: Path, name: str) -> CryptoSigner:
    return CryptoSigner(read_key(state / f"{name}.key"))


def _version(name: str) -> int:
    return int(name.partition(".")[0])


def _end() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + LIFETIME


def _write(out: Path, files: _Files) -> None:
    """Writes the files in their order: the timestamp, which tells of all others, is the last."""
    try:
        for name, data in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.new")
            temporary.write_bytes(data)
            temporary.replace(path)
    except OSError as error:
        raise Unreachable(
            f"{out} cannot be written: {error.strerror}.", "Check the path and its permissions."
        ) from error
