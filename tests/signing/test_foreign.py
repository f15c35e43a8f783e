"""Statements signed elsewhere: each form that is accepted, and each way to pass off another's."""

from __future__ import annotations

import copy
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from muniment.core.digest import digest_of
from muniment.core.errors import Malformed, MunimentError, Untrusted
from muniment.evidence.statement import PAYLOAD_TYPE
from muniment.signing.entry import pae
from muniment.signing.foreign import CertificateHolder, KeyHolder, open_foreign
from muniment.signing.parts import MEDIA_TYPE
from muniment.signing.sandbox import ACCOUNTS, GITHUB, Sandbox, workflow
from muniment.signing.source import Source, parse_source
from tests.signing.forge import PAYLOAD, SIGNED, Forge, der
from tests.signing.pki import AT, CA, CA_USAGE, DAY, LEAF_USAGE, SIGNS_CODE, Extensions, Holder, authority, make

OLD = "application/vnd.dev.sigstore.bundle+json;version=0."
REVIEWER = {"issuer": ACCOUNTS, "subject": "reviewer@sandbox.muniment.dev"}
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
HASHES: dict[int, hashes.HashAlgorithm] = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def refuses(error: type[MunimentError], message: str, value: Any, source: Source, at: datetime = AT) -> None:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    with pytest.raises(error, match=message) as caught:
        open_foreign(data, source, at)
    assert caught.value.remedy


def changed(value: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    value = copy.deepcopy(value)
    change(value)
    return value


# --- by an instance of Sigstore -------------------------------------------------------------------------------------


def instance(forge: Forge, *identities: dict[str, Any]) -> Source:
    return parse_source({"sigstore": forge.root, "identities": list(identities or (REVIEWER,))})


def old(value: dict[str, Any], version: int, *more: bytes) -> dict[str, Any]:
    """A bundle as v0.1 or v0.2 had it: the certificate first in a chain."""
    value = copy.deepcopy(value)
    value["mediaType"] = f"{OLD}{version}"
    material = value["verificationMaterial"]
    chain = [material.pop("certificate"), *({"rawBytes": b64(raw)} for raw in more)]
    material["x509CertificateChain"] = {"certificates": chain}
    return value


@pytest.mark.parametrize("rekor", [1, 2])
def test_a_bundle_of_another_instance_says_what_who_and_when(forge: Forge, rekor: int):
    foreign = open_foreign(forge.bundle(version=rekor).data, instance(forge), AT)
    assert (foreign.payload, foreign.statement_digest) == (PAYLOAD, digest_of(PAYLOAD))
    assert foreign.statement.predicate_type == "https://muniment.dev/dataset/v1"
    assert foreign.signer.subject == "reviewer@sandbox.muniment.dev"
    assert foreign.signer.root == digest_of(forge.root_bytes())
    assert foreign.signed_at == SIGNED


def test_what_the_stock_client_signs_is_accepted(sandbox: Sandbox):
    source = parse_source({"sigstore": json.loads(sandbox.trusted_root()), "identities": [REVIEWER]})
    assert open_foreign(sandbox.signer("reviewer").sign(PAYLOAD).data, source, AT).payload == PAYLOAD


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("chain", ["alone", "with an intermediate"])
def test_older_bundles_are_accepted(forge: Forge, version: int, chain: str):
    more = [] if chain == "alone" else [der(forge.keys.fulcio)]
    value = old(forge.value(version=1), version, *more)
    assert open_foreign(json.dumps(value).encode(), instance(forge), AT).signed_at == SIGNED


def test_an_old_bundle_brings_no_root(forge: Forge):
    value = old(forge.value(version=1), 2, der(forge.keys.fulcio), der(forge.keys.fulcio_root))
    refuses(Untrusted, "root certificate of its own", value, instance(forge))


def test_an_old_bundle_needs_what_its_version_demands(forge: Forge):
    stamped = old(forge.value(version=1, promise=False), 1)
    refuses(Malformed, "no inclusion promise", stamped, instance(forge))
    assert open_foreign(json.dumps(old(forge.value(version=1, promise=False), 2)).encode(), instance(forge), AT)
    for version in (1, 2):
        value = old(forge.value(version=1), version)
        unproven = changed(value, lambda v: v["verificationMaterial"]["tlogEntries"][0].pop("inclusionProof"))
        refuses(Malformed, "inclusionProof is missing", unproven, instance(forge))
        bare = changed(value, lambda v: _proof(v).pop("checkpoint"))
        refuses(Malformed, "checkpoint is missing", bare, instance(forge))


def _proof(value: dict[str, Any]) -> dict[str, Any]:
    proof: dict[str, Any] = value["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    return proof


def test_a_bundle_has_one_log_entry(forge: Forge):
    for value in (forge.value(), old(forge.value(version=1), 1), old(forge.value(version=1), 2)):
        for entries in ([], value["verificationMaterial"]["tlogEntries"] * 2):
            other = value | {"verificationMaterial": value["verificationMaterial"] | {"tlogEntries": entries}}
            refuses(Malformed, "[02] transparency log entries", other, instance(forge))


def test_an_old_chain_must_hold_the_signer(forge: Forge):
    value = old(forge.value(version=1), 2)
    swapped = changed(value, lambda v: _chain(v).insert(0, {"rawBytes": b64(der(forge.keys.fulcio))}))
    refuses(Untrusted, "does not verify|not the canonical|Expected", swapped, instance(forge))
    empty = changed(value, lambda v: _chain(v).clear())
    refuses(Malformed, "not signed with a Sigstore certificate", empty, instance(forge))
    junk = changed(value, lambda v: _chain(v).append({"rawBytes": b64(b"junk")}))
    refuses(Malformed, "a certificate that is none", junk, instance(forge))


def _chain(value: dict[str, Any]) -> list[Any]:
    chain: list[Any] = value["verificationMaterial"]["x509CertificateChain"]["certificates"]
    return chain


TRAINER: dict[str, Any] = {
    "issuer": GITHUB,
    "subject": workflow("trainer").subject,
    "claims": {"deploymentEnvironment": "production", "sourceRepositoryIdentifier": "77"},
}


@pytest.mark.parametrize(
    ("identities", "good"),
    [
        ([TRAINER], True),
        ([REVIEWER, TRAINER], True),
        ([REVIEWER], False),
        ([TRAINER | {"issuer": f"{GITHUB}/x"}], False),
        ([TRAINER | {"subject": TRAINER["subject"] + "x"}], False),
        ([TRAINER | {"claims": TRAINER["claims"] | {"deploymentEnvironment": "staging"}}], False),
        ([TRAINER | {"claims": {"runnerEnvironment": "self-hosted"}}], False),
    ],
)
def test_only_a_named_identity_is_believed(forge: Forge, identities: list[dict[str, Any]], good: bool):
    trainer = workflow("trainer", environment="production", repository_id="77")
    data, source = forge.bundle(identity=trainer).data, instance(forge, *identities)
    if good:
        assert open_foreign(data, source, AT).signer.subject == TRAINER["subject"]
    else:
        refuses(Untrusted, "does not vouch for who signed: https://github.com/sandbox", data, source)


def test_a_sandbox_does_not_pass_for_a_real_instance(forge: Forge, sandbox: Sandbox):
    (public,) = Path(str(files("sigstore") / "_store")).glob("*tuf-repo-cdn.sigstore.dev/trusted_root.json")
    source = parse_source({"sigstore": json.loads(public.read_bytes()), "identities": [REVIEWER]})
    refuses(Untrusted, "a log that the trusted root does not know", forge.bundle().data, source)
    refuses(
        Untrusted, "a log that the trusted root does not know", sandbox.signer("reviewer").sign(PAYLOAD).data, source
    )


def test_a_bundle_is_verified_strictly(forge: Forge):
    value = old(forge.value(version=1, checkpoint=lambda c: replace(c, size=7)), 2)
    refuses(Untrusted, "another tree size", value, instance(forge))


# --- by a key -------------------------------------------------------------------------------------------------------


def signed(key: ec.EllipticCurvePrivateKey, material: dict[str, Any], payload: bytes = PAYLOAD) -> dict[str, Any]:
    """A bundle as model signing writes it."""
    signature = key.sign(pae(PAYLOAD_TYPE, payload), ec.ECDSA(HASHES[key.key_size]))
    envelope = {
        "payload": b64(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": b64(signature), "keyid": ""}],
    }
    return {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": material | {"tlogEntries": []},
        "dsseEnvelope": envelope,
    }


def pem(key: Any) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()  # type: ignore[no-any-return]


def spki(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[no-any-return]


KEY, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
BY_KEY = signed(KEY, {"publicKey": {"hint": sha256(pem(KEY).encode()).hexdigest()}})
OF_KEY = parse_source({"key": pem(KEY)})


@pytest.mark.parametrize("curve", CURVES)
def test_a_key_signs(curve: str):
    key = ec.generate_private_key(CURVES[curve])
    source = parse_source({"key": pem(key)})
    foreign = open_foreign(json.dumps(signed(key, {"publicKey": {"hint": "any"}})).encode(), source, AT)
    assert foreign.signer == KeyHolder(digest_of(spki(key)))
    assert (foreign.payload, foreign.signed_at) == (PAYLOAD, None)
    other = parse_source({"key": pem(ec.generate_private_key(CURVES[curve]))})
    refuses(Untrusted, "signature is not of the source's key", signed(key, {"publicKey": {}}), other)


@pytest.mark.parametrize(
    "hint",
    [
        "",
        "any name",
        sha256(spki(KEY)).hexdigest(),
        b64(sha256(spki(KEY)).digest()),
        sha256(pem(KEY).encode()).hexdigest(),
    ],
)
def test_a_true_hint_is_no_harm(hint: str):
    assert open_foreign(json.dumps(signed(KEY, {"publicKey": {"hint": hint}})).encode(), OF_KEY, AT)


@pytest.mark.parametrize("hint", [sha256(pem(OTHER).encode()).hexdigest(), b64(sha256(spki(OTHER)).digest()), "0" * 64])
def test_a_hint_that_lies_is_refused(hint: str):
    refuses(Untrusted, "another key than the source's", signed(KEY, {"publicKey": {"hint": hint}}), OF_KEY)


def test_a_hint_chooses_no_key():
    """The liar signs with an own key and names the believed one."""
    refuses(Untrusted, "not of the source's key", signed(OTHER, BY_KEY["verificationMaterial"]), OF_KEY)


def test_a_signature_by_another_hash_is_refused():
    value = copy.deepcopy(BY_KEY)
    raw = KEY.sign(pae(PAYLOAD_TYPE, PAYLOAD), ec.ECDSA(hashes.SHA384()))
    value["dsseEnvelope"]["signatures"][0]["sig"] = b64(raw)
    refuses(Untrusted, "not of the source's key", value, OF_KEY)


def test_a_log_entry_beside_a_key_proves_no_time(forge: Forge):
    """A source that is a key has no log to ask; what the bundle says of one is not believed."""
    value = changed(BY_KEY, lambda v: v["verificationMaterial"].update(tlogEntries=_entries(forge)))
    assert open_foreign(json.dumps(value).encode(), OF_KEY, AT).signed_at is None


def _entries(forge: Forge) -> Any:
    return forge.value(version=1)["verificationMaterial"]["tlogEntries"]


# --- by a certificate -----------------------------------------------------------------------------------------------


ROOT = authority("root")
MIDDLE = authority("middle", ROOT)
LEAF = make("signer", MIDDLE, [LEAF_USAGE, SIGNS_CODE])
UNDER_ROOT = parse_source({"certificate": {"authorities": [ROOT.pem]}})


def by_certificate(leaf: Holder, *more: Holder) -> dict[str, Any]:
    chain = [{"rawBytes": b64(holder.der)} for holder in (leaf, *more)]
    return signed(leaf.key, {"x509CertificateChain": {"certificates": chain}})


def opens(value: dict[str, Any], source: Source = UNDER_ROOT, at: datetime = AT) -> Any:
    return open_foreign(json.dumps(value).encode(), source, at)


def test_a_certificate_signs():
    foreign = opens(by_certificate(LEAF, MIDDLE))
    assert foreign.signer == CertificateHolder("CN=signer", digest_of(LEAF.der), digest_of(ROOT.der))
    assert (foreign.payload, foreign.signed_at) == (PAYLOAD, None)
    assert opens(by_certificate(LEAF, MIDDLE, ROOT)) == foreign


def test_an_intermediate_can_be_the_pinned_authority():
    source = parse_source({"certificate": {"authorities": [MIDDLE.pem]}})
    assert opens(by_certificate(LEAF), source).signer.authority == digest_of(MIDDLE.der)


@pytest.mark.parametrize("leaf", [str(digest_of(LEAF.der)), "CN=signer"])
def test_a_leaf_can_be_pinned(leaf: str):
    source = parse_source({"certificate": {"authorities": [ROOT.pem], "leaf": leaf}})
    assert opens(by_certificate(LEAF, MIDDLE), source).signer.subject == "CN=signer"
    other = make("other", MIDDLE, [LEAF_USAGE])
    refuses(Untrusted, "does not vouch for the certificate of 'CN=other'", by_certificate(other, MIDDLE), source)


@pytest.mark.parametrize(
    "extensions", [[LEAF_USAGE], [SIGNS_CODE], [SIGNS_CODE, LEAF_USAGE]], ids=["usage", "purpose", "both"]
)
def test_either_usage_suffices(extensions: Extensions):
    assert opens(by_certificate(make("signer", MIDDLE, extensions), MIDDLE))


NO_SIGNING = (x509.KeyUsage(False, True, *[False] * 7), True)
FOR_SERVERS = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
UNKNOWN = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)
LEAVES: dict[str, tuple[Extensions, str]] = {
    "usage without signature": ([NO_SIGNING], "key usage is not digital signature"),
    "usage without signature, purpose with": ([NO_SIGNING, SIGNS_CODE], "key usage is not digital signature"),
    "purpose without code": ([LEAF_USAGE, FOR_SERVERS], "not code signing"),
    "no usage at all": ([], "does not say that it is for signing"),
    "unknown critical extension": ([LEAF_USAGE, UNKNOWN], "does not stand under a pinned authority"),
    "an authority as signer": ([(CA, True), LEAF_USAGE], "does not stand under a pinned authority"),
}


@pytest.mark.parametrize("case", LEAVES)
def test_a_certificate_that_is_not_for_this_is_refused(case: str):
    extensions, message = LEAVES[case]
    refuses(Untrusted, message, by_certificate(make("signer", MIDDLE, extensions), MIDDLE), UNDER_ROOT)


AUTHORITIES: dict[str, Extensions] = {
    "without the flag": [(x509.BasicConstraints(ca=False, path_length=None), True), CA_USAGE],
    "without constraints": [CA_USAGE],
    "not for certificates": [(CA, True), LEAF_USAGE],
    "with an unknown critical extension": [(CA, True), CA_USAGE, UNKNOWN],
    "for other names": [
        (CA, True),
        CA_USAGE,
        (x509.NameConstraints([x509.DNSName("elsewhere.example")], None), True),
    ],
}


@pytest.mark.parametrize("case", AUTHORITIES)
def test_an_authority_must_be_one(case: str):
    middle = make("middle", ROOT, AUTHORITIES[case])
    names = (x509.SubjectAlternativeName([x509.DNSName("signer.example")]), False)
    leaf = make("signer", middle, [LEAF_USAGE, names])
    refuses(Untrusted, "does not stand under a pinned authority", by_certificate(leaf, middle), UNDER_ROOT)


def test_an_authority_without_key_usage_is_one():
    middle = make("middle", ROOT, [(CA, True)])
    assert opens(by_certificate(make("signer", middle, [LEAF_USAGE]), middle))


def test_a_path_may_be_no_longer_than_its_authority_says():
    root = make("short", None, [(x509.BasicConstraints(ca=True, path_length=0), True), CA_USAGE])
    source = parse_source({"certificate": {"authorities": [root.pem]}})
    assert opens(by_certificate(make("signer", root, [LEAF_USAGE])), source)
    middle = authority("middle", root)
    value = by_certificate(make("signer", middle, [LEAF_USAGE]), middle)
    refuses(Untrusted, "does not stand under a pinned authority", value, source)


def test_each_certificate_must_be_valid_at_the_time():
    short = {"begin": AT - DAY, "end": AT + DAY}
    for place in range(3):
        root = authority("root", **(short if place == 0 else {}))
        middle = authority("middle", root, **(short if place == 1 else {}))
        leaf = make("signer", middle, [LEAF_USAGE], **(short if place == 2 else {}))  # type: ignore[arg-type]
        source = parse_source({"certificate": {"authorities": [root.pem]}})
        for at, good in ((AT, True), (AT + DAY, True), (AT + DAY + timedelta(seconds=1), False), (AT - 2 * DAY, False)):
            if good:
                assert opens(by_certificate(leaf, middle), source, at)
            else:
                refuses(Untrusted, "does not stand under", by_certificate(leaf, middle), source, at)


def test_the_chain_is_the_signers_in_order():
    deep = authority("deep", MIDDLE)
    leaf = make("signer", deep, [LEAF_USAGE])
    assert opens(by_certificate(leaf, deep, MIDDLE))
    for more in ([MIDDLE, deep], [deep, MIDDLE, authority("more")], [deep, deep, MIDDLE], [deep, MIDDLE, ROOT, ROOT]):
        refuses(Untrusted, "not the chain of its signer, in order", by_certificate(leaf, *more), UNDER_ROOT)
    refuses(Untrusted, "does not stand under", by_certificate(leaf, deep), UNDER_ROOT)
    value = by_certificate(leaf, deep, MIDDLE)
    refuses(Untrusted, "does not stand under", changed(value, lambda v: _chain(v).reverse()), UNDER_ROOT)
    refuses(Malformed, "chain is empty", changed(value, lambda v: _chain(v).clear()), UNDER_ROOT)


def test_an_authority_that_the_bundle_brings_is_not_believed():
    root = authority("root")
    leaf = make("signer", root, [LEAF_USAGE])
    for more in ([], [root]):
        refuses(Untrusted, "does not stand under", by_certificate(leaf, *more), UNDER_ROOT)


def test_the_signature_must_be_the_certificates():
    value = by_certificate(LEAF, MIDDLE)
    value["dsseEnvelope"] = signed(OTHER, {})["dsseEnvelope"]
    refuses(Untrusted, "signature is not of its certificate's key", value, UNDER_ROOT)


def test_a_subject_is_plain_text_or_none():
    odd = make("a\nb", MIDDLE, [LEAF_USAGE])
    refuses(Malformed, "subject is empty or holds control characters", by_certificate(odd, MIDDLE), UNDER_ROOT)
    names = (x509.SubjectAlternativeName([x509.DNSName("signer.example")]), True)
    nameless = make("", MIDDLE, [LEAF_USAGE, names])
    assert opens(by_certificate(nameless, MIDDLE)).signer.subject == ""


@pytest.mark.parametrize("kind", ["RSA", "another curve"])
def test_a_certificate_for_another_kind_of_key_is_told(kind: str):
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = rsa_key if kind == "RSA" else ec.generate_private_key(ec.BrainpoolP256R1())
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(ROOT.certificate.subject)
    builder = builder.public_key(key.public_key()).serial_number(7).not_valid_before(AT - DAY).not_valid_after(AT + DAY)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example")]), True)
    certificate = builder.add_extension(*SIGNS_CODE).sign(ROOT.key, hashes.SHA256())
    value = by_certificate(LEAF)
    _chain(value)[0]["rawBytes"] = b64(der(certificate))
    refuses(Malformed, "of an unknown kind", value, UNDER_ROOT)


# --- forms ----------------------------------------------------------------------------------------------------------


def forms(forge: Forge) -> dict[str, tuple[dict[str, Any], Source]]:
    return {
        "instance": (forge.value(version=1), instance(forge)),
        "key": (BY_KEY, OF_KEY),
        "certificate": (by_certificate(LEAF, MIDDLE), UNDER_ROOT),
    }


@pytest.mark.parametrize("kind", ["instance", "key", "certificate"])
def test_other_forms_are_refused(forge: Forge, kind: str):
    value, source = forms(forge)[kind]
    text = json.dumps(value).encode()
    assert open_foreign(text, source, AT).payload == PAYLOAD
    envelope = value["dsseEnvelope"]
    two = envelope | {"signatures": envelope["signatures"] * 2}
    refuses(Malformed, "has 2 signatures", value | {"dsseEnvelope": two}, source)
    refuses(Malformed, "has 0 signatures", value | {"dsseEnvelope": envelope | {"signatures": []}}, source)
    other = envelope | {"payloadType": "application/json"}
    refuses(Malformed, "payload is not of type", value | {"dsseEnvelope": other}, source)
    refuses(Malformed, "signs plain bytes", value | {"messageSignature": {}}, source)
    refuses(Malformed, "media type", value | {"mediaType": f"{OLD}9"}, source)
    refuses(Malformed, "unknown field 'more'", value | {"more": 1}, source)
    refuses(Malformed, "not JSON", text + b"{}", source)
    refuses(Malformed, "repeats a key", text[:-1] + b',"mediaType":"x"}', source)
    refuses(Malformed, "dsseEnvelope is missing", {k: v for k, v in value.items() if k != "dsseEnvelope"}, source)
    refuses(Malformed, "not a JSON object", b"[]", source)
    both = value["verificationMaterial"] | {"publicKey": {"hint": "x"}, "certificate": {"rawBytes": ""}}
    refuses(Malformed, "names [23] kinds of signer", value | {"verificationMaterial": both}, source)
    refuses(Malformed, "names 0 kinds", value | {"verificationMaterial": {"tlogEntries": []}}, source)


def test_another_payload_is_refused(forge: Forge):
    for value, source in forms(forge).values():
        payload = b64(b64decode(value["dsseEnvelope"]["payload"]).replace(b'"rows":3', b'"rows":4'))
        other = value | {"dsseEnvelope": value["dsseEnvelope"] | {"payload": payload}}
        refuses(Untrusted, "not the canonical one|signature is not of", other, source)


def test_what_is_said_must_be_a_statement(forge: Forge):
    older = PAYLOAD.replace(b"Statement/v1", b"Statement/v0.1")
    for value, source in (
        (signed(KEY, {"publicKey": {}}, older), OF_KEY),
        (forge.value(payload=older), instance(forge)),
    ):
        assert open_foreign(json.dumps(value).encode(), source, AT).statement.predicate == {"rows": 3}
    for payload in (b"{}", PAYLOAD.replace(b"Statement/v1", b"Statement/v2"), b"text"):
        refuses(Malformed, "[Ss]tatement", signed(KEY, {"publicKey": {}}, payload), OF_KEY)
        refuses(Malformed, "[Ss]tatement", forge.value(payload=payload), instance(forge))


def test_a_source_vouches_for_its_own_kind_only(forge: Forge):
    kinds = forms(forge)
    for made, (value, _) in kinds.items():
        for asked, (_, source) in kinds.items():
            if made != asked:
                refuses((Untrusted, Malformed), "source|certificate|log entries", value, source)  # type: ignore[arg-type]
