"""What other clients sign is admitted under a source that names them: cosign and model_signing, each in its ways."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from muniment.core.errors import MunimentError
from muniment.signing.foreign import open_foreign
from muniment.signing.sandbox import ACCOUNTS, Sandbox, add_identity, create, person
from muniment.signing.source import parse_source
from tests.signing.pki import LEAF_USAGE, SIGNS_CODE, Holder, authority, make

REVIEWER = {"issuer": ACCOUNTS, "subject": "reviewer@sandbox.muniment.dev"}
CURVES = (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())
Made = tuple[str, Path, dict[str, Any]]


def signed_elsewhere(python: Path, cosign: Path, out: Path) -> Iterator[str]:
    """Lets each client sign a model, and opens what it wrote; raises `AssertionError` where that is not as it must be.

    `python` is of an environment with model_signing.
    """
    folder = out / "elsewhere"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "weights.bin").write_bytes(b"weights")
    create(folder / "sandbox")
    add_identity(folder / "sandbox", person("reviewer"))
    with Sandbox(folder / "sandbox") as sandbox:
        made = [*_by_model_signing(python, folder, sandbox), *_by_cosign(cosign, folder, sandbox)]
    for name, bundle, source in made:
        _accepted(bundle, source)
        for other_name, _, other in made:
            assert other == source or _refused(bundle.read_bytes(), other), f"{name} passes for {other_name}"
        assert _refused(_broken(bundle), source), name
    yield f"{len(made)} of {', '.join(sorted({name.partition(',')[0] for name, _, _ in made}))}"


def _by_model_signing(python: Path, folder: Path, sandbox: Sandbox) -> Iterator[Made]:
    start = [python, "-m", "model_signing", "sign"]
    for curve in CURVES:
        key, out = ec.generate_private_key(curve), folder / f"{curve.name}.sig"
        private = _write(folder / f"{curve.name}.key", _private(key))
        _run(*start, "key", "--signature", out, "--private_key", private, folder / "model")
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        yield f"model_signing, {curve.name}", out, {"key": public}
    yield "model_signing, certificate", *_with_certificate(start, folder)
    config, out = _write(folder / "config.json", sandbox.trust_config().encode()), folder / "sigstore.sig"
    token = sandbox.token("reviewer")
    who = ["--trust_config", config, "--identity_token", token]
    _run(*start, "sigstore", "--signature", out, *who, folder / "model")
    yield "model_signing, sigstore", out, _instance(sandbox)


def _with_certificate(start: list[Any], folder: Path) -> tuple[Path, dict[str, Any]]:
    now = datetime.now(UTC).replace(microsecond=0)
    times = {"begin": now - timedelta(days=1), "end": now + timedelta(days=1)}
    root = authority("root", **times)
    middle = authority("middle", root, **times)
    leaf: Holder = make("signer", middle, [LEAF_USAGE, SIGNS_CODE], **times)
    out, key = folder / "certificate.sig", _write(folder / "leaf.key", _private(leaf.key))
    own, chain = _write(folder / "leaf.pem", leaf.pem.encode()), _write(folder / "chain.pem", middle.pem.encode())
    files = ["--private_key", key, "--signing_certificate", own, "--certificate_chain", chain]
    _run(*start, "certificate", "--signature", out, *files, folder / "model")
    return out, {"certificate": {"authorities": [root.pem], "leaf": "CN=signer"}}


def _by_cosign(cosign: Path, folder: Path, sandbox: Sandbox) -> Iterator[Made]:
    config = json.loads(sandbox.trust_config())
    signing = config["signingConfig"]
    bare = {name: value for name, value in signing.items() if not name.startswith(("rekor", "tsa"))}
    whole = _write(folder / "signing.json", json.dumps(signing).encode())
    alone = _write(folder / "alone.json", json.dumps(bare).encode())
    root = _write(folder / "root.json", sandbox.trusted_root())
    predicate = _write(folder / "predicate.json", b'{"rows": 3}')
    start = [cosign, "attest-blob", "--yes", "--predicate", predicate, "--type", "https://example.org/rows/v1"]
    blob, out = folder / "model" / "weights.bin", folder / "keyless.json"
    who = ["--signing-config", whole, "--trusted-root", root, "--identity-token", sandbox.token("reviewer")]
    _run(*start, *who, "--bundle", out, blob)
    yield "cosign, keyless", out, _instance(sandbox)
    _run(cosign, "generate-key-pair", "--output-key-prefix", folder / "cosign")
    out, key = folder / "key.json", folder / "cosign.key"
    _run(*start, "--key", key, "--signing-config", alone, "--bundle", out, blob)
    yield "cosign, key", out, {"key": (folder / "cosign.pub").read_text()}


def _instance(sandbox: Sandbox) -> dict[str, Any]:
    return {"sigstore": json.loads(sandbox.trusted_root()), "identities": [REVIEWER]}


def _accepted(bundle: Path, source: dict[str, Any]) -> None:
    foreign = open_foreign(bundle.read_bytes(), parse_source(source), datetime.now(UTC))
    digests = {subject.digest.hex for subject in foreign.statement.subjects}
    plain = hashlib.sha256(b"weights")
    # model_signing names a folder by the digest of its files' digests.
    assert digests <= {plain.hexdigest(), hashlib.sha256(plain.digest()).hexdigest()}, f"{bundle}: {digests}"


def _refused(data: bytes, source: dict[str, Any]) -> bool:
    try:
        open_foreign(data, parse_source(source), datetime.now(UTC))
    except MunimentError:
        return True
    return False


def _broken(bundle: Path) -> bytes:
    """The bundle with one byte of its payload changed."""
    value = json.loads(bundle.read_bytes())
    payload = value["dsseEnvelope"]["payload"]
    value["dsseEnvelope"]["payload"] = ("f" if payload[0] != "f" else "e") + payload[1:]
    return json.dumps(value).encode()


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _run(*command: Any) -> None:
    arguments = [str(part) for part in command]
    environ = os.environ | {"COSIGN_PASSWORD": "test"}
    done = subprocess.run(arguments, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(arguments)[:200]}\n{(done.stderr or done.stdout)[-1500:]}"
