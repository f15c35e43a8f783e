"""The quick verifier says yes to what is signed today, and never to what the stock verifier and our checks refuse."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from muniment.core.canonical import format_json, parse_json
from muniment.core.errors import Malformed, MunimentError, Untrusted
from muniment.signing.bundle import Bundle, parse_bundle
from muniment.signing.parts import Parts, format_parts, parse_parts
from muniment.signing.sandbox import person, workflow
from muniment.signing.sandbox.keys import key_usage
from muniment.signing.sandbox.tsa import request_for, timestamp
from muniment.signing.strict import StrictVerifier
from muniment.signing.token import read_token
from tests.signing.forge import SIGNED, Forge, b64
from tests.signing.test_strict import LENIENT
from tests.world import World

LATER = SIGNED + timedelta(seconds=90)
GOOD: dict[str, dict[str, Any]] = {
    "v2 by a person": {},
    "v2 by a workflow": {"identity": workflow("trainer", environment="production")},
    "v2 with two timestamps": {"stamped": (LATER, SIGNED)},
    "v2 with fractions of a second": {"stamped": (SIGNED + timedelta(milliseconds=1230),)},
    "v2 with a witness": {"lines_after": f"— witness.example {b64(bytes(68))}\n"},
    "v1 by its promise": {"version": 1, "stamped": ()},
    "v1 with promise and timestamp": {"version": 1},
    "v1 by a timestamp": {"version": 1, "promise": False, "identity": workflow("trainer")},
}


@pytest.fixture(scope="module")
def verifier(forge: Forge) -> StrictVerifier:
    return StrictVerifier(forge.root_bytes())


def by_stock(verifier: StrictVerifier, bundle: Bundle) -> Any:
    try:
        return verifier.verify_by_stock(bundle)
    except MunimentError:
        return None


def lean(verifier: StrictVerifier, bundle: Bundle) -> Any:
    try:
        return verifier.verify_lean(bundle)
    except MunimentError:
        return None


def assert_no_yes_alone(verifier: StrictVerifier, bundle: Bundle) -> bool:
    """Where the quick verifier says yes, the other says the same; returns whether it did."""
    quick = lean(verifier, bundle)
    assert quick is None or quick == by_stock(verifier, bundle)
    return quick is not None


# --- what it must know ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", GOOD)
def test_a_good_bundle_is_known(forge: Forge, verifier: StrictVerifier, case: str):
    for _ in range(4):
        bundle = forge.bundle(**GOOD[case])
        quick = verifier.verify_lean(bundle)
        assert quick is not None
        assert quick == verifier.verify_by_stock(bundle) == verifier.verify(bundle)


def test_every_bundle_of_a_registry_is_known(told: World):
    verifier = StrictVerifier(told.sandbox.trusted_root())
    blobs = [path.read_bytes() for path in (told.store.root / "blob").rglob("*") if path.is_file()]
    bundles = [parse_bundle(data) for data in blobs if data.startswith(b'{"dsseEnvelope"')]
    assert len(bundles) > 8
    for bundle in bundles:
        assert verifier.verify_lean(bundle) == verifier.verify_by_stock(bundle)


class Counting:
    """The stock parts, counted."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.certificates, self.stamps = inner, 0, 0

    def check_certificate(self, *arguments: Any) -> None:
        self.certificates += 1
        self.inner.check_certificate(*arguments)

    def stamped(self, *arguments: Any) -> datetime | None:
        self.stamps += 1
        return self.inner.stamped(*arguments)  # type: ignore[no-any-return]


def test_the_stock_verifier_is_asked_once_for_what_repeats(forge: Forge):
    verifier = StrictVerifier(forge.root_bytes())
    oracle = verifier._lean._oracle = Counting(verifier._lean._oracle)
    value = forge.value()
    for at in (SIGNED, LATER, SIGNED + timedelta(minutes=9)):
        assert verifier.verify_lean(stamped_again(forge, value, at)) is not None
    assert (oracle.certificates, oracle.stamps) == (1, 1)
    assert verifier.verify_lean(forge.bundle(identity=person("another"))) is not None
    assert (oracle.certificates, oracle.stamps) == (1, 1)
    assert verifier.verify_lean(forge.bundle(identity=workflow("trainer"))) is not None
    assert (oracle.certificates, oracle.stamps) == (2, 1)


# --- what it must not believe, though the log, the authority or the certificate's holder lies -----------------------


def stamped_again(forge: Forge, value: dict[str, Any], *times: datetime) -> Bundle:
    """The same signature under other timestamps."""
    signature = base64.b64decode(value["dsseEnvelope"]["signatures"][0]["sig"])
    return with_tokens(value, *(forge.token(signature, at) for at in times))


def with_tokens(value: dict[str, Any], *tokens: bytes) -> Bundle:
    tokens_ = {"rfc3161Timestamps": [{"signedTimestamp": b64(token)} for token in tokens]}
    material = value["verificationMaterial"] | {"timestampVerificationData": tokens_}
    return parse_bundle(format_json(value | {"verificationMaterial": material}))


def _by_another_key(data: bytes) -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).sign(data, ec.ECDSA(hashes.SHA256()))


def _without(kind: type[x509.ExtensionType]) -> Any:
    return lambda extensions: [pair for pair in extensions if not isinstance(pair[0], kind)]


def _instead(kind: type[x509.ExtensionType], new: x509.ExtensionType, critical: bool) -> Any:
    return lambda extensions: [(new, critical) if isinstance(e, kind) else (e, c) for e, c in extensions]


_USAGE = x509.KeyUsage(False, True, False, False, False, False, False, False, False)  # content commitment


def _other_hash(body: bytes) -> bytes:
    start = body.index(b'"payloadHash"') + len(b'"payloadHash":{"algorithm":"sha256","value":"')
    return body[:start] + b"0" * 64 + body[start + 64 :]


LIES: dict[str, dict[str, Any]] = {
    "v2 signature of another key": {"signature": _by_another_key},
    "v1 signature of another key": {"version": 1, "signature": _by_another_key},
    "v1 signature of another key, with a timestamp": {"version": 1, "promise": False, "signature": _by_another_key},
    "v1 entry of another payload": {"version": 1, "body": _other_hash},
    "v1 entry of another signature": {"version": 1, "body": lambda b: b.replace(b'ture":"ME', b'ture":"MF')},
    "v1 promise with a number that JSON cannot hold": {"version": 1, "index": 2**53},
    "checkpoint of another root": {"checkpoint": lambda c: replace(c, root=bytes(32))},
    "v1 checkpoint of another root": {"version": 1, "checkpoint": lambda c: replace(c, root=bytes(32))},
    "certificate that is not for signing": {"profile": _instead(x509.KeyUsage, key_usage(certificates=True), True)},
    "certificate for another usage": {"profile": _instead(x509.KeyUsage, _USAGE, True)},
    "certificate without usage": {"profile": _without(x509.KeyUsage)},
    "certificate for servers": {
        "profile": _instead(x509.ExtendedKeyUsage, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    },
    "certificate without purpose": {"profile": _without(x509.ExtendedKeyUsage)},
    "certificate without its issuer's key": {"profile": _without(x509.AuthorityKeyIdentifier)},
    "key on another curve in an entry for P-256": {"curve": ec.SECP384R1()},
    "certificate before its time": {"certified": SIGNED + timedelta(seconds=1)},
    "certificate after its time": {"certified": SIGNED - timedelta(minutes=10, seconds=1)},
}


@pytest.mark.parametrize("case", LIES)
def test_a_lie_is_not_believed(forge: Forge, verifier: StrictVerifier, case: str):
    for _ in range(2):
        bundle = forge.bundle(**LIES[case])
        assert by_stock(verifier, bundle) is None
        assert lean(verifier, bundle) is None
        with pytest.raises((Untrusted, Malformed)):
            verifier.verify(bundle)


@pytest.mark.parametrize("case", LENIENT)
def test_what_stock_accepts_and_strict_refuses_is_not_believed(forge: Forge, verifier: StrictVerifier, case: str):
    assert lean(verifier, forge.bundle(**LENIENT[case][0])) is None


@pytest.mark.parametrize("version", [1, 2])
def test_a_timestamp_of_a_known_frame_is_checked_by_itself(forge: Forge, verifier: StrictVerifier, version: int):
    value = forge.value(version=version, promise=False)
    signature = base64.b64decode(value["dsseEnvelope"]["signatures"][0]["sig"])
    good = forge.token(signature, SIGNED)
    assert lean(verifier, with_tokens(value, good)) is not None
    other = Forge().keys.tsa_key
    lies = {
        "over another signature": forge.token(b"another", SIGNED),
        "by another key": timestamp(request_for(signature), other, forge.keys.tsa, SIGNED),
        "of another time": good.replace(b"20260302120000Z", b"20260302120001Z"),
    }
    for what, token in lies.items():
        assert token != good, what
        for tokens in ([token], [good, token]):
            bundle = with_tokens(value, *tokens)
            assert lean(verifier, bundle) is None, what
            assert by_stock(verifier, bundle) is None, what


def test_no_more_timestamps_than_the_stock_verifier_reads(forge: Forge, verifier: StrictVerifier):
    value = forge.value()
    for count, known in ((32, True), (33, False)):
        bundle = stamped_again(forge, value, *(SIGNED + timedelta(seconds=n) for n in range(count)))
        assert (lean(verifier, bundle) is not None) is known
        assert (by_stock(verifier, bundle) is not None) is known
    twice = stamped_again(forge, value, SIGNED)
    (token,) = parse_parts(twice.data).tokens
    assert lean(verifier, with_tokens(value, token, token)) is None


def test_a_known_certificate_is_judged_at_each_time(forge: Forge, verifier: StrictVerifier):
    value = forge.value()
    for late, good in ((0, True), (600, True), (601, False), (-1, False)):
        bundle = stamped_again(forge, value, SIGNED + timedelta(seconds=late))
        assert (lean(verifier, bundle) is not None) is good
        assert (by_stock(verifier, bundle) is not None) is good


@pytest.mark.parametrize("service", ["tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"])
@pytest.mark.parametrize("seconds", [-1, 0, 1])
@pytest.mark.parametrize("edge", ["start", "end"])
def test_every_window_is_held_to_the_second(forge: Forge, service: str, seconds: int, edge: str):
    def narrow(root: dict[str, Any]) -> None:
        for one in root[service]:
            window = one.get("publicKey", one)["validFor"]
            window[edge] = (SIGNED + timedelta(seconds=seconds)).isoformat()

    verifier = StrictVerifier(forge.root_bytes(narrow))
    for version in (1, 2):
        bundle = forge.bundle(version=version)
        known = assert_no_yes_alone(verifier, bundle)
        assert known is (seconds >= 0 if edge == "end" else seconds <= 0)
        assert (by_stock(verifier, bundle) is not None) is known


def _ends(at: datetime) -> Any:
    def change(root: dict[str, Any]) -> None:
        root["timestampAuthorities"][0]["validFor"]["end"] = at.isoformat()

    return change


def test_a_timestamp_of_a_known_frame_must_lie_in_the_window(forge: Forge):
    end = SIGNED + timedelta(seconds=60)
    verifier, value = StrictVerifier(forge.root_bytes(_ends(end))), forge.value()
    for seconds, good in ((0, True), (59, True), (60, True), (61, False)):
        bundle = stamped_again(forge, value, SIGNED + timedelta(seconds=seconds))
        assert (lean(verifier, bundle) is not None) is good
        assert (by_stock(verifier, bundle) is not None) is good


def test_a_frame_is_known_of_one_authority_only(forge: Forge):
    """The same leaf stands in the root twice, once for longer and under a root that did not certify it."""
    middle = SIGNED + timedelta(seconds=60)

    def twice(root: dict[str, Any]) -> None:
        (good,) = root["timestampAuthorities"]
        own, _ = good["certChain"]["certificates"]
        stranger = Forge().root["timestampAuthorities"][0]["certChain"]["certificates"][1]
        bad = good | {"certChain": {"certificates": [own, stranger]}}
        good["validFor"] = good["validFor"] | {"end": middle.isoformat()}
        root["timestampAuthorities"] = [bad, good]

    verifier, value = StrictVerifier(forge.root_bytes(twice)), forge.value()
    for seconds, good in ((0, True), (61, False)):
        bundle = stamped_again(forge, value, SIGNED + timedelta(seconds=seconds))
        assert (lean(verifier, bundle) is not None) is good
        assert (by_stock(verifier, bundle) is not None) is good


@pytest.mark.parametrize(("version", "log"), [(2, 0), (1, 1)])
@pytest.mark.parametrize("details", ["PKIX_ECDSA_P384_SHA_384", "PKIX_ED25519", "PKIX_ECDSA_P256_SHA_256"])
def test_a_log_signs_as_its_root_says(forge: Forge, version: int, log: int, details: str):
    def restate(root: dict[str, Any]) -> None:
        root["tlogs"][log]["publicKey"]["keyDetails"] = details

    own = {2: "PKIX_ED25519", 1: "PKIX_ECDSA_P256_SHA_256"}[version]
    verifier, bundle = StrictVerifier(forge.root_bytes(restate)), forge.bundle(version=version)
    assert (lean(verifier, bundle) is not None) is (details == own)
    assert (by_stock(verifier, bundle) is not None) is (details == own)


def test_a_certificate_known_under_other_keys_is_asked_about_again(forge: Forge):
    """A second authority, valid later, must not lend its certificates to times before it."""

    def two(root: dict[str, Any]) -> None:
        other = Forge().root["certificateAuthorities"][0]
        other["validFor"] = {"start": LATER.isoformat()}
        root["certificateAuthorities"][0]["validFor"]["end"] = (LATER + timedelta(seconds=1)).isoformat()
        root["certificateAuthorities"].append(other)

    verifier, value = StrictVerifier(forge.root_bytes(two)), forge.value()
    for seconds, good in ((0, True), (91, True), (92, False)):
        bundle = stamped_again(forge, value, SIGNED + timedelta(seconds=seconds))
        assert assert_no_yes_alone(verifier, bundle) is good


# --- any change, anywhere -------------------------------------------------------------------------------------------


def changed(parts: Parts) -> Iterator[Parts]:
    """Each part of a bundle with each of its bytes changed, and numbers moved."""
    entry, proof = parts.entry, parts.entry.proof
    for name in ("payload", "signature", "certificate"):
        yield from (replace(parts, **{name: data}) for data in flipped(getattr(parts, name)))
    for index, token in enumerate(parts.tokens):
        yield from (
            replace(parts, tokens=(*parts.tokens[:index], t, *parts.tokens[index + 1 :])) for t in flipped(token)
        )
    if entry.promise is None:
        yield replace(parts, tokens=())
    yield replace(parts, keyid="anything")
    yield replace(parts, payload_type="application/json")
    for body in flipped(entry.body, step=7):
        yield replace(parts, entry=replace(entry, body=body))
    for promise in flipped(entry.promise or b""):
        yield replace(parts, entry=replace(entry, promise=promise))
    for log_id in flipped(entry.log_id):
        yield replace(parts, entry=replace(entry, log_id=log_id))
    for by in (-1, 1, 2**40):
        yield replace(parts, entry=replace(entry, index=max(0, entry.index + by)))
        yield replace(parts, entry=replace(entry, time=max(1, (entry.time or 0) + by)))
        yield replace(parts, entry=replace(entry, proof=replace(proof, index=max(0, proof.index + by))))
        yield replace(parts, entry=replace(entry, proof=replace(proof, size=max(0, proof.size + by))))
    for root in flipped(proof.root):
        yield replace(parts, entry=replace(entry, proof=replace(proof, root=root)))
    for hash_ in flipped(proof.hashes[0]):
        yield replace(parts, entry=replace(entry, proof=replace(proof, hashes=(hash_, *proof.hashes[1:]))))
    yield replace(parts, entry=replace(entry, proof=replace(proof, hashes=proof.hashes[1:])))
    yield replace(parts, entry=replace(entry, proof=replace(proof, hashes=(*proof.hashes, bytes(32)))))
    for note in flipped(proof.checkpoint.encode()):
        if (text := note.decode("utf-8", "replace")).encode() == note:
            yield replace(parts, entry=replace(entry, proof=replace(proof, checkpoint=text)))


def flipped(data: bytes, step: int = 1) -> Iterator[bytes]:
    for at in range(0, len(data), step):
        for bit in (1, 0x20):
            yield data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]


@pytest.mark.parametrize("case", ["v2 by a person", "v2 by a workflow", "v1 with promise and timestamp"])
def test_no_change_is_believed_that_the_stock_verifier_refuses(forge: Forge, verifier: StrictVerifier, case: str):
    parts = parse_parts(forge.bundle(**GOOD[case]).data)
    tried, believed = 0, []
    for other in changed(parts):
        data = format_parts(other)
        tried += 1
        if assert_no_yes_alone(verifier, Bundle(other.payload, other.payload_type, parse_bundle(data).digest, data)):
            believed.append(other)
    assert tried > 4000
    assert believed
    assert {signed_by_somebody(other) for other in believed} == {signed_by_somebody(parts)}


def signed_by_somebody(parts: Parts) -> tuple[Any, ...]:
    """A bundle without the hint of a key, and without three fields of a timestamp that nobody signs and no one reads.

    These are the versions of SignedData and SignerInfo, and the signature's algorithm, which follows from the key.
    """
    tokens = []
    for token in map(read_token, parts.tokens):
        status, kind, _, digests, content_type, certificates, info, (_, who, hashed_by, shape, _) = token.frame
        frame = (status, kind, digests, content_type, certificates, info, (who, hashed_by, shape))
        tokens.append(replace(token, frame=frame))
    return replace(parts, keyid="", tokens=()), tuple(tokens)


def test_only_the_canonical_spelling_is_read(forge: Forge):
    data = forge.bundle().data
    assert format_parts(parse_parts(data)) == data
    value = parse_json(data, "it")
    for spelled in (
        data + b"\n",
        data.replace(b'"logIndex":"2"', b'"logIndex":2'),
        data.replace(b'"logIndex":"2"', b'"logIndex":"02"'),
        data.replace(b'"kindVersion":', b'"integratedTime":"0","kindVersion":'),
        data.replace(b'"signatures":[{', b'"signatures":[{"keyid":"",'),
        data.replace(b'"payloadType":"application/vnd.in-toto+json"', b'"payloadType":7'),
        data.replace(b'{"dsseEnvelope"', b'{"a":1,"dsseEnvelope"'),
        data.replace(b'"logIndex":"2"}]', b'"logIndex":"18446744073709551616"}]'),
        format_json(value | {"verificationMaterial": []}),
        format_json(value | {"dsseEnvelope": None}),
        b"[]",
        b"{",
    ):
        assert spelled != data
        with pytest.raises(Malformed):
            parse_parts(spelled)
