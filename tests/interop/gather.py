"""Reads a demo's registry as any stranger could: files, JSON and base64; nothing of muniment is imported."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

ISSUER_V2 = "1.3.6.1.4.1.57264.1.8"
CONFIG_TYPE = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"


def gather(demo: Path, out: Path) -> list[dict[str, Any]]:
    """Writes each bundle of the registry, a broken copy and the trusted root to `out`; returns what they are."""
    root = json.loads((demo / "trust.json").read_text("utf-8"))["sigstore"]["trustedRoot"]
    (out / "root.json").write_text(json.dumps(root), "utf-8")
    (out / "config.json").write_text(
        json.dumps({"mediaType": CONFIG_TYPE, "trustedRoot": root, "signingConfig": SIGNING})
    )
    found = []
    for path in sorted((demo / "registry" / "blob").rglob("*")):
        bundle = _bundle(path)
        if bundle is not None:
            found.append(_describe(bundle, path, out))
    (out / "bundles.json").write_text(json.dumps(found, indent=1), "utf-8")
    return found


def find_model(demo: Path, statement: dict[str, Any]) -> Path | None:
    """The file or folder under the demo that a model signature lists, found by content."""
    listed = {item["name"]: item["digest"] for item in statement["predicate"]["resources"]}
    for path in sorted(demo.rglob("*")):
        if "registry" in path.relative_to(demo).parts[:1] or "site" in path.relative_to(demo).parts[:1]:
            continue
        files = {".": path} if path.is_file() else {name: path / name for name in listed}
        if set(files) == set(listed) and all(_holds(file, listed[name]) for name, file in files.items()):
            return path
    return None


SIGNING = {
    "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    "rekorTlogConfig": {"selector": "ANY"},
    "tsaConfig": {"selector": "ANY"},
}


def _bundle(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        value = json.loads(path.read_bytes())
    except ValueError:
        return None
    return value if isinstance(value, dict) and "dsseEnvelope" in value else None


def _describe(bundle: dict[str, Any], path: Path, out: Path) -> dict[str, Any]:
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
    statement = json.loads(payload)
    good, bad = out / f"{path.name}.json", out / f"{path.name}.broken.json"
    good.write_bytes(path.read_bytes())
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload.replace(b'"subject"', b'"subjecT"', 1)).decode()
    bad.write_text(json.dumps(bundle), "utf-8")
    identity, issuer = _signer(bundle["verificationMaterial"]["certificate"]["rawBytes"])
    return {
        "bundle": str(good),
        "broken": str(bad),
        "identity": identity,
        "issuer": issuer,
        "type": statement["predicateType"],
        "subject": statement["subject"][0]["digest"]["sha256"],
        "statement": statement,
    }


def _signer(encoded: str) -> tuple[str, str]:
    from cryptography import x509

    certificate = x509.load_der_x509_certificate(base64.b64decode(encoded))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    for extension in certificate.extensions:
        if extension.oid.dotted_string == ISSUER_V2:
            raw = extension.value.public_bytes()
            issuer = raw[raw.index(b"http") :].decode()
            return next(str(name.value) for name in names), issuer
    raise ValueError("a certificate names no issuer")


def _holds(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest
