"""One bundle, one digest, however it is spelled; anything else is named for what it is."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.core.canonical import format_json, parse_json
from muniment.core.digest import digest_of
from muniment.core.errors import Malformed, Untrusted
from muniment.signing.bundle import format_bundle, parse_bundle
from muniment.signing.strict import StrictVerifier, verifier_for
from tests.signing.forge import PAYLOAD, Forge

FORGE = Forge()
VALUES = {2: FORGE.value(), 1: FORGE.value(version=1, stamped=())}
BYTES = {"rawBytes", "payload", "sig", "keyId", "rootHash", "canonicalizedBody", "signedTimestamp"}
INTEGERS = {"logIndex", "treeSize", "integratedTime"}
LONG = "application/vnd.dev.sigstore.bundle+json;version=0.3"


def respell(value: Any, choose: Any, key: str = "") -> Any:
    """The same message in another spelling that protobuf-JSON allows."""
    if isinstance(value, dict):
        items = choose(st.permutations(list(value.items())))
        return {_name(k, choose): respell(v, choose, k) for k, v in items}
    if isinstance(value, list):
        return [respell(item, choose, key) for item in value]
    if key in BYTES and choose(st.booleans()):
        value = value.replace("+", "-").replace("/", "_")
        return value.rstrip("=") if choose(st.booleans()) else value
    if key in INTEGERS and choose(st.booleans()):
        return int(value)
    if key == "mediaType" and choose(st.booleans()):
        return LONG
    return value


def _name(key: str, choose: Any) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m[1].lower(), key) if choose(st.booleans()) else key


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from([1, 2]))
def test_every_spelling_has_one_digest(data: st.DataObject, version: int):
    spelled = json.dumps(respell(VALUES[version], data.draw), indent=data.draw(st.sampled_from([None, 1, 4])))
    assert parse_bundle(spelled.encode()) == parse_bundle(format_json(VALUES[version]))


@pytest.mark.parametrize(
    "more",
    [
        {"integratedTime": "0"},
        {"integratedTime": 0},
        {"integratedTime": None},
        {"inclusionPromise": None},
    ],
)
def test_defaults_and_nulls_are_absent(more: dict[str, Any]):
    value = json.loads(json.dumps(VALUES[2]))
    value["verificationMaterial"]["tlogEntries"][0] |= more
    value["dsseEnvelope"]["signatures"][0]["keyid"] = ""
    assert parse_bundle(json.dumps(value).encode()).digest == parse_bundle(format_json(VALUES[2])).digest


def test_the_parts_of_a_bundle():
    bundle = parse_bundle(format_json(VALUES[2]))
    assert (bundle.payload, bundle.payload_type) == (PAYLOAD, "application/vnd.in-toto+json")
    assert format_bundle(bundle) == bundle.data == format_json(parse_json(bundle.data, "it"))
    assert bundle.digest == digest_of(bundle.data)
    assert parse_bundle(bundle.data) == bundle


def test_what_the_sandbox_signs_is_canonical_after_parsing(sandbox):
    bundle = sandbox.signer("reviewer").sign(PAYLOAD)
    assert parse_bundle(bundle.data) == bundle
    assert StrictVerifier(sandbox.trusted_root()).verify(bundle).bundle == bundle.digest


def _edited(path: str, new: Any) -> dict[str, Any]:
    value = json.loads(json.dumps(VALUES[2]))
    *parents, last = path.split("/")
    place = value
    for step in parents:
        place = place[int(step) if step.isdecimal() else step]
    if new is None:
        del place[last]
    else:
        place[last] = new
    return value


ENTRY = "verificationMaterial/tlogEntries/0"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "other JSON"),
        ([], "not a Sigstore bundle"),
        ({"_type": "https://in-toto.io/Statement/v1"}, "an unsigned in-toto statement"),
        ({"payloadType": "x", "payload": "", "signatures": []}, "a bare DSSE envelope"),
        ({"base64Signature": "", "cert": ""}, "a signature of an old cosign"),
        ({"SignedEntryTimestamp": "", "Payload": {}}, "a signature of an old cosign"),
        ({"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1"}, "version=0.1"),
        ({"mediaType": LONG, "messageSignature": {}}, "plain bytes"),
        (_edited("verificationMaterial", {"publicKey": {"hint": "x"}}), "a public key"),
        (_edited("verificationMaterial", {"x509CertificateChain": {}}), "a certificate chain"),
        (_edited("dsseEnvelope", None), "dsseEnvelope is missing"),
        (_edited(f"{ENTRY}/logIndex", "-1"), "unsigned 64-bit"),
        (_edited(f"{ENTRY}/logIndex", "01"), "unsigned 64-bit"),
        (_edited(f"{ENTRY}/logIndex", True), "unsigned 64-bit"),
        (_edited(f"{ENTRY}/logIndex", str(2**64)), "unsigned 64-bit"),
        (_edited(f"{ENTRY}/canonicalizedBody", "e3 0="), "base64"),
        (_edited(f"{ENTRY}/canonicalizedBody", "e31="), "base64"),
        (_edited(f"{ENTRY}/canonicalizedBody", 5), "base64"),
        (_edited(f"{ENTRY}/more", 1), "unknown field 'more'"),
        (_edited(f"{ENTRY}/log_index", "2"), "twice, in two spellings"),
        (_edited(f"{ENTRY}/inclusionProof", None), "inclusionProof is missing"),
        (_edited("verificationMaterial/tlogEntries", []), "0 transparency log entries"),
        (_edited("verificationMaterial/tlogEntries", {}), "not a list"),
        (_edited("dsseEnvelope/signatures", [{"sig": "eA=="}, {"sig": "eA=="}]), "2 signatures"),
    ],
)
def test_what_is_no_bundle_is_named(value: Any, message: str):
    with pytest.raises(Malformed, match=message) as caught:
        parse_bundle(json.dumps(value).encode())
    assert caught.value.remedy


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"a": 1, "a": 2}', b"[" * 100_000])
def test_what_is_no_json_is_malformed(data: bytes):
    with pytest.raises(Malformed):
        parse_bundle(data)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_other_value_anywhere_is_refused_or_changes_the_digest(data: st.DataObject):
    """Nothing inside a bundle is ignored: what parses has another digest and does not verify."""
    value = json.loads(json.dumps(VALUES[2]))
    place, last = data.draw(st.sampled_from(list(_leaves(value))))
    old = place[last]
    new = data.draw(st.sampled_from(["", "0", "7", "AAAA", old[:-4], old[1:] + old[:1]]))
    place[last] = new
    good = parse_bundle(format_json(VALUES[2]))
    try:
        bundle = parse_bundle(json.dumps(value).encode())
    except Malformed:
        return
    if new == old or bundle.digest == good.digest:
        assert bundle == good
        return
    with pytest.raises((Untrusted, Malformed)):
        verifier_for(FORGE.root_bytes()).verify(bundle)


def _leaves(value: Any) -> Any:
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, dict | list):
            yield from _leaves(item)
        else:
            yield value, key
