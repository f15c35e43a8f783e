"""Bundles made part by part with a sandbox's keys, at any time and with any part wrong: what an adversary inside
one of the services could make. Everything is signed and logged anew around the wrong part."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from muniment.core.canonical import format_json, parse_json
from muniment.core.digest import digest_of
from muniment.evidence.statement import PAYLOAD_TYPE, Statement, Subject, format_statement
from muniment.log.checkpoint import Checkpoint, format_checkpoint
from muniment.log.merkle import MemoryTree, leaf_hash, prove_inclusion
from muniment.signing.bundle import MEDIA_TYPE, Bundle, parse_bundle
from muniment.signing.entry import hashedrekord, pae
from muniment.signing.sandbox import SandboxIdentity, person
from muniment.signing.sandbox.fulcio import (
    Extension,
    extensions_of,
    log_certificate,
    precertificate,
    profile,
    subject_of,
)
from muniment.signing.sandbox.identities import token_claims
from muniment.signing.sandbox.keys import Keys, make_keys
from muniment.signing.sandbox.rekor import ORIGIN, genesis, log_id
from muniment.signing.sandbox.trust import trusted_root
from muniment.signing.sandbox.tsa import request_for, timestamp

# A day in the past: verification reads no clock, so these bundles verify for ever.
MADE = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SIGNED = MADE + timedelta(days=1)
PAYLOAD = format_statement(
    Statement((Subject("model.bin", digest_of(b"weights")),), "https://muniment.dev/dataset/v1", {"rows": 3})
)
V1_HOST = "rekor-v1.sandbox.muniment.dev"
V1_ORIGIN = f"{V1_HOST} - 1193050959916656506"


def same(value: Any) -> Any:
    """The part left as it is."""
    return value


@dataclass(frozen=True)
class Parts:
    """What a forged bundle is made of; each function changes a part before the next one is made from it."""

    identity: SandboxIdentity = field(default_factory=lambda: person("reviewer"))
    payload: bytes = PAYLOAD
    certified: datetime = SIGNED
    stamped: Sequence[datetime] = (SIGNED,)
    subjects: Sequence[x509.GeneralName] = ()
    extensions: Callable[[dict[str, bytes]], Mapping[str, bytes]] = same
    profile: Callable[[list[Extension]], list[Extension]] = same
    sct: Mapping[str, Any] = field(default_factory=dict)
    curve: ec.EllipticCurve = field(default_factory=ec.SECP256R1)
    signature: Callable[[bytes], bytes] = same
    body: Callable[[bytes], bytes] = same
    checkpoint: Callable[[Checkpoint], Checkpoint] = same
    line_name: str = ORIGIN
    lines_after: str = ""
    log_key: ed25519.Ed25519PrivateKey | None = None
    entry: Callable[[dict[str, Any]], dict[str, Any]] = same
    version: int = 2
    promise: bool = True
    index: int = 98765


class Forge:
    """A Sigstore instance in memory, with a second log that speaks Rekor v1."""

    def __init__(self, since: datetime = MADE) -> None:
        self.keys: Keys = make_keys(since)
        self.v1_key = ec.generate_private_key(ec.SECP256R1())
        self.root: dict[str, Any] = parse_json(trusted_root(self.keys, since), "root")
        self.root["tlogs"].append(self._v1_instance())

    def root_bytes(self, change: Callable[[dict[str, Any]], Any] | None = None) -> bytes:
        """The trusted root, after `change` edited a copy of it."""
        root = copy.deepcopy(self.root)
        if change is not None:
            change(root)
        return format_json(root)

    def bundle(self, **parts: Any) -> Bundle:
        """The bundle of the parts."""
        return parse_bundle(format_json(self.value(**parts)))

    def job(self, count: int, **parts: Any) -> list[Bundle]:
        """Several bundles signed with one certificate."""
        p = replace(Parts(), **parts)
        holder = self._holder(p)
        return [parse_bundle(format_json(self._value(p, *holder))) for _ in range(count)]

    def value(self, **parts: Any) -> dict[str, Any]:
        """The bundle of the parts as protobuf-JSON."""
        p = replace(Parts(), **parts)
        return self._value(p, *self._holder(p))

    def _holder(self, p: Parts) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        """A fresh key and its certificate."""
        key = ec.generate_private_key(p.curve)
        claims = token_claims(p.identity)
        subjects = p.subjects or [subject_of(claims)]
        extensions = profile(key.public_key(), subjects, p.extensions(extensions_of(claims)), self.keys)
        builder = precertificate(key.public_key(), p.profile(extensions), self.keys, p.certified)
        logged = {"log_id": hashlib.sha256(spki(self.keys.ct_key)).digest(), "at": p.certified} | p.sct
        return key, log_certificate(builder, self.keys, **logged)

    def _value(self, p: Parts, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> dict[str, Any]:
        signature = p.signature(key.sign(pae(PAYLOAD_TYPE, p.payload), ec.ECDSA(hashes.SHA256())))
        entry = (
            self._entry_v2(p, signature, certificate) if p.version == 2 else self._entry_v1(p, signature, certificate)
        )
        material: dict[str, Any] = {"certificate": {"rawBytes": b64(der(certificate))}, "tlogEntries": [p.entry(entry)]}
        if p.stamped:
            tokens = [{"signedTimestamp": b64(self.token(signature, at))} for at in p.stamped]
            material["timestampVerificationData"] = {"rfc3161Timestamps": tokens}
        envelope = {"payload": b64(p.payload), "payloadType": PAYLOAD_TYPE, "signatures": [{"sig": b64(signature)}]}
        return {"mediaType": MEDIA_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}

    def token(self, signature: bytes, at: datetime) -> bytes:
        """A timestamp token over a signature."""
        return timestamp(request_for(signature), self.keys.tsa_key, self.keys.tsa, at)

    def _entry_v2(self, p: Parts, signature: bytes, certificate: x509.Certificate) -> dict[str, Any]:
        digest = hashlib.sha256(pae(PAYLOAD_TYPE, p.payload)).digest()
        body = p.body(hashedrekord(digest, signature, der(certificate)))
        own = log_id(self.keys.rekor_key.public_key())
        key = p.log_key or self.keys.rekor_key
        entry = _logged(p, body, ORIGIN, p.line_name, own, key.sign)
        return entry | {"kindVersion": {"kind": "hashedrekord", "version": "0.0.2"}}

    def _entry_v1(self, p: Parts, signature: bytes, certificate: x509.Certificate) -> dict[str, Any]:
        pem = b64(certificate.public_bytes(Encoding.PEM))
        spec = {
            "envelopeHash": {"algorithm": "sha256", "value": "0" * 64},
            "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(p.payload).hexdigest()},
            "signatures": [{"signature": b64(signature), "verifier": pem}],
        }
        body = p.body(format_json({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}))
        own = hashlib.sha256(spki(self.v1_key)).digest()
        name = V1_HOST if p.line_name == ORIGIN else p.line_name
        entry = _logged(p, body, V1_ORIGIN, name, own, self._sign_v1)
        entry |= {"kindVersion": {"kind": "dsse", "version": "0.0.1"}}
        if p.promise:
            # The index of a sharded Rekor v1 counts all shards: only the promise proves it.
            entry |= {"logIndex": str(p.index), "integratedTime": str(int(SIGNED.timestamp()))}
            promised = {
                "body": b64(body),
                "integratedTime": int(SIGNED.timestamp()),
                "logID": own.hex(),
                "logIndex": p.index,
            }
            # Not by RFC 8785, whose numbers end before some that an adversary would like.
            text = json.dumps(promised, sort_keys=True, separators=(",", ":")).encode()
            entry["inclusionPromise"] = {"signedEntryTimestamp": b64(self._sign_v1(text))}
        return entry

    def _sign_v1(self, data: bytes) -> bytes:
        return self.v1_key.sign(data, ec.ECDSA(hashes.SHA256()))

    def _v1_instance(self) -> dict[str, Any]:
        raw = spki(self.v1_key)
        return {
            "baseUrl": f"https://{V1_HOST}",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": b64(raw),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": self.root["tlogs"][0]["publicKey"]["validFor"],
            },
            "logId": {"keyId": b64(hashlib.sha256(raw).digest())},
        }


def _logged(
    p: Parts, body: bytes, origin: str, name: str, own_id: bytes, sign: Callable[[bytes], bytes]
) -> dict[str, Any]:
    """The entry as the third leaf of a log, under a signed checkpoint."""
    tree = MemoryTree([leaf_hash(genesis()), leaf_hash(b"another"), leaf_hash(body)])
    text = format_checkpoint(p.checkpoint(Checkpoint(origin, tree.size, tree.root())))
    note = f"{text}\n— {name} {b64(own_id[:4] + sign(text.encode()))}\n{p.lines_after}"
    proof = {
        "logIndex": "2",
        "rootHash": b64(tree.root()),
        "treeSize": "3",
        "hashes": [b64(h) for h in prove_inclusion(tree, 2, 3)],
        "checkpoint": {"envelope": note},
    }
    return {
        "logIndex": "2",
        "logId": {"keyId": b64(own_id)},
        "inclusionProof": proof,
        "canonicalizedBody": b64(body),
    }


def b64(data: bytes) -> str:
    """Standard base64 text."""
    return base64.b64encode(data).decode()


def der(certificate: x509.Certificate) -> bytes:
    """The certificate's bytes."""
    return certificate.public_bytes(Encoding.DER)


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public key's bytes."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
