"""Statements made elsewhere: believed where registry.yaml says so, and for what it says."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from muniment.core.digest import digest_of
from muniment.core.errors import Malformed, Refused, Untrusted
from muniment.core.name import parse_version_id
from muniment.evidence.statement import PAYLOAD_TYPE, Statement, Subject, format_statement
from muniment.registry.judges.common import config_of
from muniment.registry.sources import third_party
from muniment.signing.entry import pae
from muniment.signing.identity import Identity
from muniment.signing.sandbox import Sandbox, add_identity, create, person
from muniment.signing.source import Instance
from tests.registry.paper import Paper, model, signature
from tests.registry.test_known import review
from tests.world import POLICY, registry_document

ISSUER = "https://accounts.example.org"
KEY = ec.derive_private_key(7, ec.SECP256R1())


def pem() -> str:
    return KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def by_key(said: Statement | bytes, key: ec.EllipticCurvePrivateKey = KEY) -> dict[str, Any]:
    """A bundle that a key of no Sigstore signed, as model signing writes it; of a statement or any payload."""
    payload = said if isinstance(said, bytes) else format_statement(said)
    sig = key.sign(pae(PAYLOAD_TYPE, payload), ec.ECDSA(SHA256()))
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": ""}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": b64encode(sig).decode(), "keyid": ""}],
        },
    }


@cache
def elsewhere() -> tuple[dict[str, Any], str]:
    """The trusted root of another instance, and a bundle that one of its persons signed there."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        create(keys)
        add_identity(keys, person("vendor"))
        with Sandbox(keys) as sandbox:
            bundle = sandbox.signer("vendor").sign(format_statement(signature()))
            return json.loads(sandbox.trusted_root()), bundle.data.decode()


def paper(policy: dict[str, Any] = POLICY, **sources: Any) -> Paper:
    roles = registry_document()["roles"]
    also = {role: {"may": [*roles[role]["may"], "third-party"]} for role in ("trainer", "reviewer")}
    return Paper(policy, roles=roles | also, sources=sources or {"vendor": {"kinds": ["signature"], "key": pem()}})


def brought(statement: Statement, source: str = "vendor", **made: Any) -> Statement:
    return third_party(source, made.get("bundle") or by_key(statement), statement)


def test_a_source_vouches_for_its_own_identities_kinds_and_namespaces_alone() -> None:
    root, _ = elsewhere()
    vendor = {"issuer": ISSUER, "subject": "vendor@example.org"}
    given = {"kinds": ["signature"], "namespaces": ["aiops"], "sigstore": root, "identities": [vendor]}
    (source,) = config_of(paper(vendor=given).state).sources
    assert isinstance(source.source, Instance)
    known = Identity(digest_of(source.source.trusted_root), ISSUER, "vendor@example.org", ())
    assert source.vouches(known, "signature", "aiops")
    assert source.vouches(known, "signature", None)
    assert not source.vouches(known, "signature", "other")
    assert not source.vouches(known, "scan", "aiops")
    assert not source.vouches(replace(known, root=digest_of(b"another instance")), "signature", "aiops")
    assert not source.vouches(replace(known, subject="somebody@example.org"), "signature", "aiops")


def test_a_vendors_signature_is_evidence_by_the_vendor() -> None:
    registry = paper()
    registry.put("trainer", brought(signature()))
    entry = registry.state.entries[registry.state.size - 2]
    assert entry.kind == "signature"
    assert entry.record is not None
    assert entry.record.identity.issuer == "key"
    assert entry.carrier is not None
    assert entry.carrier.identity.subject.endswith("train.yml@refs/heads/main")
    registry.put("trainer", registry.proposal("aiops/cpu@1.0.0", model()))
    assert parse_version_id("aiops/cpu@1.0.0") in registry.state.versions


def test_another_sigstore_instance() -> None:
    root, bundle = elsewhere()
    who = {"issuer": person("vendor").issuer, "subject": person("vendor").subject}
    registry = paper(vendor={"kinds": ["signature"], "sigstore": root, "identities": [who]})
    registry.put("trainer", brought(signature(), bundle=json.loads(bundle)))
    registry.put("trainer", registry.proposal("aiops/cpu@1.0.0", model()))
    record = registry.state.entries[2].record
    assert record is not None
    assert record.identity.subject == who["subject"]
    assert record.identity.root != registry.state.config.root  # type: ignore[union-attr]


@pytest.mark.parametrize("number", ["12345678901234567890", "1e400", '"\\ud800"'])
def test_poisoner_of_pages_through_a_vendor(number: str) -> None:
    """What canonical JSON cannot say is not admitted: no site and no report could be made any more."""
    statement = signature()
    payload = format_statement(replace(statement, predicate={**statement.predicate, "extra": "here"}))
    odd = payload.replace(b'"here"', number.encode())
    with pytest.raises(Malformed, match="cannot be written as JSON"):
        paper().put("trainer", brought(statement, bundle=by_key(odd)))


def test_an_insider_without_the_role_brings_nothing() -> None:
    with pytest.raises(Refused, match="may not sign third-party"):
        paper().put("operator", brought(signature()))


def test_the_same_is_brought_once() -> None:
    registry, once = paper(), brought(signature())
    registry.put("trainer", once)
    with pytest.raises(Refused, match="is entry 2 already"):
        registry.put("trainer", once)


def test_replayer_of_a_vendors_old_word() -> None:
    """In another spelling and by another signer it is the same word still: the newest review is the rejection."""
    policy = {"rules": [{"rule": "privacy-review", "gate": "release", "with": {"role": "vendor"}}]}
    registry = paper(policy, vendor={"kinds": ["privacy-review"], "key": pem()})
    registry.put("trainer", signature())
    good, bad = review(registry.at), review(registry.at, "rejected")
    bundle = by_key(good)
    for said, made in ((good, bundle), (bad, by_key(bad))):
        registry.put("trainer", brought(said, bundle=made))
    signed_again = by_key(good)
    bundle["verificationMaterial"]["publicKey"] = {}
    for who in ("trainer", "reviewer"):
        for again in (bundle, signed_again):
            with pytest.raises(Refused, match="What this brings in is entry 4 already"):
                registry.put(who, brought(good, bundle=again))
    with pytest.raises(Refused, match="does not pass the gate release: privacy-review"):
        registry.put("trainer", registry.proposal("aiops/cpu@1.0.0", model()))


def test_two_vendors_may_say_the_same() -> None:
    key = ec.derive_private_key(9, ec.SECP256R1())
    text = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    registry = paper(one={"kinds": ["signature"], "key": pem()}, two={"kinds": ["signature"], "key": text})
    registry.put("trainer", signature())
    registry.put("trainer", brought(signature(), "one"))
    registry.put("trainer", brought(signature(), "two", bundle=by_key(signature(), key)))
    assert len(registry.state.about[model().digest]) == 3


def test_a_forger_of_the_vendors_word() -> None:
    forged = by_key(signature(), ec.derive_private_key(8, ec.SECP256R1()))
    with pytest.raises(Untrusted):
        paper().put("trainer", brought(signature(), bundle=forged))


def test_a_source_that_nobody_declared() -> None:
    with pytest.raises(Refused, match="declares no source 'nobody'"):
        paper().put("trainer", brought(signature(), "nobody"))


def test_a_source_is_believed_for_its_kinds_only() -> None:
    registry = paper(vendor={"kinds": ["bom"], "key": pem()})
    with pytest.raises(Refused, match="not believed for https://model_signing"):
        registry.put("trainer", brought(signature()))


def test_a_source_is_believed_in_its_namespaces_only() -> None:
    registry = paper(vendor={"kinds": ["signature"], "namespaces": ["other"], "key": pem()})
    registry.put("trainer", brought(signature()))
    with pytest.raises(Refused, match="may not sign it in aiops"):
        registry.put("trainer", registry.proposal("aiops/cpu@1.0.0", model()))


def test_a_source_that_is_no_longer_declared() -> None:
    registry = paper()
    registry.put("trainer", brought(signature()))
    registry.put("administrator", registry.configuration(registry=registry.registry(sources={})))
    with pytest.raises(Refused, match="may not sign it in aiops"):
        registry.put("trainer", registry.proposal("aiops/cpu@1.0.0", model()))


def test_other_subjects_than_the_statements_own() -> None:
    lies = Statement((Subject("model", digest_of(b"mine")),), "x", {})
    with pytest.raises(Refused, match="names other subjects"):
        paper().put("trainer", third_party("vendor", by_key(signature()), lies))


def test_what_is_brought_is_looked_at_like_the_rest() -> None:
    broken = Statement(signature().subjects, signature().predicate_type, {})
    with pytest.raises(Malformed):
        paper().put("trainer", brought(broken))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"kinds": ["signature"], "key": "no key"}, "sources/vendor"),
        ({"kinds": ["configure"], "key": "KEY"}, "no kind of evidence"),
        ({"kinds": ["third-party"], "key": "KEY"}, "no kind of evidence"),
        ({"kinds": ["signature"], "namespaces": ["nowhere"], "key": "KEY"}, "is not defined"),
        ({"kinds": [], "key": "KEY"}, "sources/vendor/kinds"),
    ],
)
def test_sources_that_are_declared_wrongly(source: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        paper(vendor={k: pem() if v == "KEY" else v for k, v in source.items()})


def test_a_third_party_record_of_another_form_is_told() -> None:
    said = brought(signature())
    for predicate in ({}, {"source": "vendor"}, {"source": 7, "bundle": {}}):
        with pytest.raises(Malformed, match="The third-party record does not hold to the schema"):
            paper().put("trainer", replace(said, predicate=predicate))
