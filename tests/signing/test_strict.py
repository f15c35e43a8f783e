"""Each leniency of the stock verifier, played by an adversary: the stock one accepts the bundle, the strict one not.

That the stock verifier accepts it proves that the strict check, and nothing else, is what refuses it.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from sigstore.errors import Error
from sigstore.models import Bundle as StockBundle
from sigstore.models import TrustedRoot
from sigstore.verify import Verifier

from muniment.core.canonical import format_json
from muniment.core.digest import digest_of
from muniment.core.errors import Malformed, MunimentError, Untrusted
from muniment.signing.bundle import Bundle, parse_bundle
from muniment.signing.identity import ARC, EXTENSIONS
from muniment.signing.sandbox import GITHUB, workflow
from muniment.signing.sandbox.rekor import ORIGIN
from muniment.signing.strict import StrictVerifier, verifier_for
from tests.signing.forge import MADE, PAYLOAD, SIGNED, Forge, b64

BEFORE, AFTER = (SIGNED - timedelta(hours=1)).isoformat(), (SIGNED + timedelta(hours=1)).isoformat()


class Anyone:
    def verify(self, cert: x509.Certificate) -> None:
        pass


def stock_accepts(bundle: Bundle, root: bytes, tmp_path: Path) -> bool:
    (tmp_path / "root.json").write_bytes(root)
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(tmp_path / "root.json")))
    try:
        verifier.verify_dsse(StockBundle.from_json(bundle.data), Anyone())
    except Error:
        return False
    return True


def test_a_good_bundle_says_what_who_and_when(forge: Forge):
    bundle = forge.bundle(stamped=[SIGNED + timedelta(seconds=3)])
    verifier = StrictVerifier(forge.root_bytes())
    signed = verifier.verify(bundle)
    assert signed.payload == PAYLOAD
    assert signed.statement_digest == digest_of(PAYLOAD)
    assert signed.bundle == bundle.digest == digest_of(bundle.data)
    assert signed.signed_at == SIGNED + timedelta(seconds=3)
    assert signed.signed_at.tzinfo is UTC
    assert signed.identity.root == verifier.root == digest_of(forge.root_bytes())
    assert signed.identity.subject == "reviewer@sandbox.muniment.dev"
    assert signed.identity.issuer == "https://accounts.sandbox.muniment.dev"
    assert signed.identity.claims == ()


def test_the_earliest_of_several_times_counts(forge: Forge):
    later = SIGNED + timedelta(minutes=4)
    assert StrictVerifier(forge.root_bytes()).verify(forge.bundle(stamped=[later, SIGNED])).signed_at == SIGNED


def test_fractions_of_a_second_are_cut_off(forge: Forge):
    late = SIGNED + timedelta(seconds=1, microseconds=999_000)
    assert StrictVerifier(forge.root_bytes()).verify(forge.bundle(stamped=[late])).signed_at == SIGNED + timedelta(
        seconds=1
    )


def test_every_extension_of_a_workflow_is_read(forge: Forge):
    bundle = forge.bundle(identity=workflow("trainer", environment="production", sha="a" * 40))
    identity = StrictVerifier(forge.root_bytes()).verify(bundle).identity
    assert identity.issuer == GITHUB
    assert [name for name, _ in identity.claims] == sorted(set(EXTENSIONS.values()) - {"issuer"})
    assert identity.claim("deploymentEnvironment") == "production"
    assert identity.claim("sourceRepositoryDigest") == "a" * 40
    assert identity.claim("tokenSubject") == "repo:sandbox.muniment.dev/models:environment:production"
    assert identity.subject.endswith("/.github/workflows/train.yml@refs/heads/main")


@pytest.mark.parametrize("stamped", [(), (SIGNED,)], ids=["promise only", "promise and token"])
def test_rekor_v1_is_verified_too(forge: Forge, stamped: tuple[datetime, ...]):
    signed = StrictVerifier(forge.root_bytes()).verify(forge.bundle(version=1, stamped=stamped))
    assert (signed.payload, signed.signed_at) == (PAYLOAD, SIGNED)


def test_rekor_v1_without_promise_needs_a_token(forge: Forge):
    assert StrictVerifier(forge.root_bytes()).verify(forge.bundle(version=1, promise=False)).signed_at == SIGNED


# --- what stock accepts and strict refuses: the bundle -------------------------------------------------------------


def _outer_index(entry: dict[str, Any]) -> dict[str, Any]:
    return entry | {"logIndex": "1"}


def _line(name: str = ORIGIN, key_id: bytes = b"\x01\x02\x03\x04") -> str:
    return f"— {name} {b64(key_id + bytes(64))}\n"


def _own_id(forge: Forge) -> bytes:
    return base64.b64decode(forge.root["tlogs"][0]["logId"]["keyId"])


def _spaced(body: bytes) -> bytes:
    return body.replace(b'":', b'": ', 1)


LENIENT: dict[str, tuple[dict[str, Any], str]] = {
    "log index that is not the proof's": ({"entry": _outer_index}, "log index"),
    "checkpoint of another size": ({"checkpoint": lambda c: replace(c, size=7)}, "another tree size"),
    "checkpoint of another origin": (
        {"checkpoint": lambda c: replace(c, origin="elsewhere.example"), "line_name": "elsewhere.example"},
        "of the log 'elsewhere.example'",
    ),
    "v2 checkpoint with a tree number": (
        {"checkpoint": lambda c: replace(c, origin=f"{c.origin} - 7")},
        f"of the log '{ORIGIN} - 7'",
    ),
    "signature line of another name": ({"line_name": "elsewhere.example"}, "signature of its log"),
    "checkpoint with a further line": ({"checkpoint": lambda c: replace(c, extensions=("more",))}, "lines that"),
    "body with white space": ({"body": _spaced}, "canonical"),
    "body with base64 of another spelling": (
        {"body": lambda b: b.replace(b'"digest":"', b'"digest":"!')},
        "not the canonical one",
    ),
    "v2 with an unsigned time": ({"entry": lambda e: e | {"integratedTime": "1700000000"}}, "never signs"),
    "v2 with an unsigned promise": (
        {"entry": lambda e: e | {"inclusionPromise": {"signedEntryTimestamp": b64(b"x")}}},
        "never signs",
    ),
    "v1 body with white space": ({"version": 1, "body": _spaced}, "not the canonical one"),
    "v1 body with an envelope hash that is none": (
        {"version": 1, "body": lambda b: b.replace(b"0" * 64, b"0" * 63 + b"g", 1)},
        "not the canonical one",
    ),
    "v1 with a promise that nobody signed": (
        {"version": 1, "promise": False, "entry": lambda e: e | {"inclusionPromise": {"signedEntryTimestamp": "eHg="}}},
        "promise without its time",
    ),
    "v1 with a time that nobody signed": (
        {"version": 1, "promise": False, "entry": lambda e: e | {"integratedTime": "1700000000"}},
        "log time without its signature",
    ),
    "v1 without promise, other index": ({"version": 1, "promise": False, "entry": _outer_index}, "log index"),
    "v1 of another origin": (
        {"version": 1, "checkpoint": lambda c: replace(c, origin="rekor.sigstore.dev - 1")},
        "of the log 'rekor.sigstore.dev - 1'",
    ),
    "v1 whose line bears another name": ({"version": 1, "line_name": "elsewhere.example"}, "signature of its log"),
    "claim that is no DER": ({"extensions": lambda e: e | {f"{ARC}.11": b"github-hosted"}}, "DER UTF8String"),
    "claim of another kind of text": ({"extensions": lambda e: e | {f"{ARC}.11": b"\x16\x01a"}}, "DER UTF8String"),
    "claim with bytes after it": ({"extensions": lambda e: e | {f"{ARC}.11": b"\x0c\x01ab"}}, "DER UTF8String"),
    "claim with a long length": ({"extensions": lambda e: e | {f"{ARC}.11": b"\x0c\x81\x01a"}}, "DER UTF8String"),
    "claim that is not UTF-8": ({"extensions": lambda e: e | {f"{ARC}.23": b"\x0c\x01\xff"}}, "not UTF-8"),
    "claim with a line break": ({"extensions": lambda e: e | {f"{ARC}.23": b"\x0c\x03a\nb"}}, "control characters"),
    "two issuers": ({"extensions": lambda e: e | {f"{ARC}.1": b"https://other.example"}}, "two different issuers"),
    "no issuer": ({"extensions": lambda e: {}}, "no issuer"),
    "claim that is empty": ({"extensions": lambda e: e | {f"{ARC}.23": b"\x0c\x00"}}, "is empty"),
    "two subjects": (
        {"subjects": [x509.RFC822Name("a@sandbox.muniment.dev"), x509.RFC822Name("b@sandbox.muniment.dev")]},
        "names 2 subjects",
    ),
    "subject of another kind": ({"subjects": [x509.DNSName("host.example")]}, "neither e-mail"),
}


@pytest.mark.parametrize("case", LENIENT)
def test_strict_refuses_what_stock_accepts(forge: Forge, case: str, tmp_path: Path):
    parts, message = LENIENT[case]
    bundle = forge.bundle(**parts)
    assert stock_accepts(bundle, forge.root_bytes(), tmp_path)
    with pytest.raises((Untrusted, Malformed), match=message):
        StrictVerifier(forge.root_bytes()).verify(bundle)


def test_a_second_signature_by_the_log_is_refused(forge: Forge, tmp_path: Path):
    bundle = forge.bundle(lines_after=_line(key_id=_own_id(forge)[:4]))
    assert stock_accepts(bundle, forge.root_bytes(), tmp_path)
    with pytest.raises(Untrusted, match="exactly one signature"):
        StrictVerifier(forge.root_bytes()).verify(bundle)


def test_a_cosignature_of_a_witness_is_no_harm(forge: Forge):
    bundle = forge.bundle(lines_after=_line("witness.example"))
    assert StrictVerifier(forge.root_bytes()).verify(bundle).payload == PAYLOAD


@pytest.mark.parametrize("version", [1, 2])
def test_a_token_that_does_not_verify_is_never_ignored(forge: Forge, version: int, tmp_path: Path):
    """A stolen log key can promise any time; the token beside it must not be droppable by damaging it."""
    value = forge.value(version=version, stamped=(SIGNED,))
    tokens = value["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    tokens.append({"signedTimestamp": b64(forge.token(b"another signature", SIGNED))})
    bundle = parse_bundle(format_json(value))
    assert stock_accepts(bundle, forge.root_bytes(), tmp_path)
    with pytest.raises(Untrusted, match="timestamp of the bundle does not verify"):
        StrictVerifier(forge.root_bytes()).verify(bundle)


def test_a_checkpoint_by_another_known_log_is_refused(forge: Forge, tmp_path: Path):
    """The stock keyring tries every key when it does not know the id, and a Rekor v2 id it never knows."""
    other = ed25519.Ed25519PrivateKey.generate()

    def add_other(root: dict[str, Any]) -> None:
        raw = base64.b64decode(root["tlogs"][0]["publicKey"]["rawBytes"])[:-32] + other.public_key().public_bytes_raw()
        own = digest_of(b"other.sandbox.muniment.dev\n\x01" + raw[-32:]).raw
        key = root["tlogs"][0]["publicKey"] | {"rawBytes": b64(raw)}
        log = {"baseUrl": "https://other.sandbox.muniment.dev", "publicKey": key, "logId": {"keyId": b64(own)}}
        root["tlogs"].append(root["tlogs"][0] | log)

    bundle, root = forge.bundle(log_key=other), forge.root_bytes(add_other)
    assert stock_accepts(bundle, root, tmp_path)
    with pytest.raises(Untrusted, match="does not verify"):
        StrictVerifier(root).verify(bundle)


# --- what stock accepts and strict refuses: the trusted root -------------------------------------------------------


@pytest.mark.parametrize(
    "window", [{"start": AFTER}, {"start": MADE.isoformat(), "end": BEFORE}], ids=["early", "late"]
)
@pytest.mark.parametrize(
    ("service", "message"),
    [("tlogs", "log key"), ("ctlogs", "CT log key"), ("certificateAuthorities", "certificate authority")],
)
@pytest.mark.parametrize("version", [1, 2])
def test_a_key_counts_only_inside_its_window(
    forge: Forge, service: str, message: str, window: dict[str, str], version: int, tmp_path: Path
):
    def retire(root: dict[str, Any]) -> None:
        for one in root[service]:
            one.get("publicKey", one)["validFor"] = window

    bundle, root = forge.bundle(version=version), forge.root_bytes(retire)
    assert stock_accepts(bundle, root, tmp_path)
    with pytest.raises(Untrusted, match=f"{message} was not valid at 2026-03-02T12:00:00Z"):
        StrictVerifier(root).verify(bundle)


def test_every_proved_time_must_be_inside_the_window(forge: Forge):
    """With a promise inside and a token outside, choosing the convenient one would undo the retirement."""
    end = (SIGNED + timedelta(minutes=1)).isoformat()

    def retire(root: dict[str, Any]) -> None:
        for log in root["tlogs"]:
            log["publicKey"]["validFor"] = {"start": MADE.isoformat(), "end": end}

    verifier = StrictVerifier(forge.root_bytes(retire))
    verifier.verify(forge.bundle(version=1, stamped=[SIGNED + timedelta(seconds=30)]))
    with pytest.raises(Untrusted, match="log key was not valid"):
        verifier.verify(forge.bundle(version=1, stamped=[SIGNED + timedelta(minutes=2)]))


def test_a_window_includes_both_ends(forge: Forge):
    def narrow(root: dict[str, Any]) -> None:
        for one in [*root["tlogs"], *root["ctlogs"]]:
            one["publicKey"]["validFor"] = {"start": SIGNED.isoformat(), "end": SIGNED.isoformat()}

    assert StrictVerifier(forge.root_bytes(narrow)).verify(forge.bundle()).signed_at == SIGNED


def test_a_retired_timestamp_authority_proves_nothing(forge: Forge):
    def retire(root: dict[str, Any]) -> None:
        root["timestampAuthorities"][0]["validFor"]["end"] = BEFORE

    for version in (1, 2):
        with pytest.raises(Untrusted, match="timestamp of the bundle does not verify"):
            StrictVerifier(forge.root_bytes(retire)).verify(forge.bundle(version=version))


@pytest.mark.parametrize("service", ["tlogs", "ctlogs"])
@pytest.mark.parametrize("field", ["logId", "checkpointKeyId"])
def test_a_root_with_a_wrong_log_id_is_refused(forge: Forge, service: str, field: str, tmp_path: Path):
    def garble(root: dict[str, Any]) -> None:
        root[service][0][field] = {"keyId": b64(bytes(32))}

    assert stock_accepts(forge.bundle(), forge.root_bytes(garble), tmp_path)
    with pytest.raises(Malformed, match="an id that is not its key's"):
        StrictVerifier(forge.root_bytes(garble))


@pytest.mark.parametrize("service", ["tlogs", "ctlogs"])
def test_a_log_of_another_hash_is_refused(forge: Forge, service: str, tmp_path: Path):
    def rehash(root: dict[str, Any]) -> None:
        root[service][0]["hashAlgorithm"] = "SHA2_512"

    assert stock_accepts(forge.bundle(), forge.root_bytes(rehash), tmp_path)
    with pytest.raises(Malformed, match="hashes by 'SHA2_512'"):
        StrictVerifier(forge.root_bytes(rehash))


@pytest.mark.parametrize("logged", [{"log_id": bytes(32)}, {"at": MADE - timedelta(seconds=1)}], ids=["id", "time"])
def test_a_certificate_is_logged_by_a_known_log_in_its_time(forge: Forge, logged: dict[str, Any], tmp_path: Path):
    bundle, verifier = forge.bundle(sct=logged), StrictVerifier(forge.root_bytes())
    assert stock_accepts(bundle, forge.root_bytes(), tmp_path)
    assert verifier.verify_lean(bundle) is None
    with pytest.raises(Untrusted, match="logged by no CT log of the trusted root in its time"):
        verifier.verify(bundle)


def test_a_log_that_moved_to_another_name_is_refused(forge: Forge):
    """The id of a Rekor v2 log holds its name, so a root cannot rename it."""

    def rename(root: dict[str, Any]) -> None:
        root["tlogs"][0]["baseUrl"] = "https://elsewhere.example"

    with pytest.raises(Malformed, match="an id that is not its key's"):
        StrictVerifier(forge.root_bytes(rename))


# --- what both must refuse -----------------------------------------------------------------------------------------


def _payload_of_another(value: dict[str, Any]) -> None:
    value["dsseEnvelope"]["payload"] = b64(PAYLOAD.replace(b'"rows":3', b'"rows":4'))


def _other_payload_type(value: dict[str, Any]) -> None:
    value["dsseEnvelope"]["payloadType"] = "application/json"


def _no_token(value: dict[str, Any]) -> None:
    del value["verificationMaterial"]["timestampVerificationData"]


def _damaged_token(value: dict[str, Any]) -> None:
    (token,) = value["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    raw = bytearray(base64.b64decode(token["signedTimestamp"]))
    raw[-1] ^= 1
    token["signedTimestamp"] = b64(bytes(raw))


def _same_token_twice(value: dict[str, Any]) -> None:
    value["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] *= 2


def _proof_hash(value: dict[str, Any]) -> None:
    value["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["hashes"][0] = b64(bytes(32))


def _unknown_log(value: dict[str, Any]) -> None:
    value["verificationMaterial"]["tlogEntries"][0]["logId"]["keyId"] = b64(bytes(32))


def _unknown_kind(value: dict[str, Any]) -> None:
    value["verificationMaterial"]["tlogEntries"][0]["kindVersion"] = {"kind": "intoto", "version": "0.0.2"}


def _no_certificate(value: dict[str, Any]) -> None:
    value["verificationMaterial"]["certificate"]["rawBytes"] = b64(b"not a certificate")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (_payload_of_another, Untrusted, "not the canonical one"),
        (_other_payload_type, Malformed, "payload is not of type"),
        (_no_token, Untrusted, "Nothing proves when"),
        (_damaged_token, Untrusted, "timestamp of the bundle does not verify"),
        (_same_token_twice, Untrusted, "duplicate timestamp"),
        (_proof_hash, Untrusted, "inclusion proof contains invalid root hash"),
        (_unknown_log, Untrusted, "trusted root does not know"),
        (_unknown_kind, Malformed, "kind intoto 0.0.2"),
        (_no_certificate, Malformed, "cannot be"),
    ],
)
def test_a_changed_bundle_is_refused(forge: Forge, change: Any, error: type[MunimentError], message: str):
    value = forge.value()
    change(value)
    with pytest.raises(error, match=message):
        StrictVerifier(forge.root_bytes()).verify(parse_bundle(format_json(value)))


def _entry(value: dict[str, Any]) -> dict[str, Any]:
    (entry,) = value["verificationMaterial"]["tlogEntries"]
    return entry  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_payload_of_another, "not the canonical one"),
        (lambda v: _entry(v).update(logIndex="98766"), "SET: invalid inclusion promise"),
        (lambda v: _entry(v).update(logIndex="2"), "SET: invalid inclusion promise"),
        (lambda v: _entry(v)["inclusionProof"].update(logIndex="1"), "invalid log entry"),
        (lambda v: _entry(v).update(integratedTime=str(int(SIGNED.timestamp()) + 1)), "SET: invalid inclusion promise"),
        (lambda v: _entry(v)["inclusionPromise"].update(signedEntryTimestamp=b64(b"x")), "SET: invalid"),
        (lambda v: _entry(v).pop("integratedTime"), "promise without its time"),
        (lambda v: _entry(v).pop("inclusionPromise"), "time without its signature"),
        (lambda v: _entry(v).update(canonicalizedBody=b64(b"{}")), "not the canonical one"),
        (lambda v: _entry(v)["kindVersion"].update(kind="hashedrekord"), "of kind hashedrekord 0.0.1"),
        (lambda v: _entry(v)["inclusionProof"].update(treeSize="4"), "another tree size"),
    ],
)
@pytest.mark.parametrize("stamped", [(), (SIGNED,)], ids=["promise", "promise and token"])
def test_a_changed_bundle_of_rekor_v1_is_refused(forge: Forge, change: Any, message: str, stamped: tuple[Any, ...]):
    value = forge.value(version=1, stamped=stamped)
    change(value)
    with pytest.raises((Untrusted, Malformed), match=message):
        StrictVerifier(forge.root_bytes()).verify(parse_bundle(format_json(value)))


@pytest.mark.parametrize("late", [timedelta(minutes=10, seconds=1), timedelta(days=400), timedelta(seconds=-1)])
def test_a_certificate_is_judged_at_the_proved_time(forge: Forge, late: timedelta):
    with pytest.raises(Untrusted, match="does not verify"):
        StrictVerifier(forge.root_bytes()).verify(forge.bundle(stamped=[SIGNED + late]))


def test_the_bundle_of_another_instance_is_refused(forge: Forge):
    with pytest.raises(Untrusted, match="trusted root does not know"):
        StrictVerifier(forge.root_bytes()).verify(Forge().bundle())


def test_the_certificate_of_another_instance_is_refused(forge: Forge):
    """All of the foreign instance's services are exchanged for known ones, but for its certificate authority."""

    def foreign(root: dict[str, Any]) -> None:
        root["certificateAuthorities"] = Forge().root["certificateAuthorities"]

    with pytest.raises(Untrusted, match="certificate chain"):
        StrictVerifier(forge.root_bytes(foreign)).verify(forge.bundle())


def test_a_certificate_logged_nowhere_is_refused(forge: Forge):
    def foreign(root: dict[str, Any]) -> None:
        root["ctlogs"] = Forge().root["ctlogs"]

    with pytest.raises(Untrusted, match="SCT"):
        StrictVerifier(forge.root_bytes(foreign)).verify(forge.bundle())


def test_a_promise_by_another_key_is_refused(forge: Forge):
    value = forge.value(version=1, stamped=())
    value["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = str(int(SIGNED.timestamp()) + 60)
    with pytest.raises(Untrusted, match="SET"):
        StrictVerifier(forge.root_bytes()).verify(parse_bundle(format_json(value)))


def test_a_payload_that_is_no_statement_is_refused(forge: Forge):
    with pytest.raises(Malformed, match="Statement"):
        StrictVerifier(forge.root_bytes()).verify(forge.bundle(payload=b"{}"))


def test_what_is_verified_are_the_bytes_and_not_the_fields_beside_them(forge: Forge):
    bundle = forge.bundle()
    signed = StrictVerifier(forge.root_bytes()).verify(replace(bundle, payload=b"{}", digest=digest_of(b"")))
    assert (signed.payload, signed.bundle) == (PAYLOAD, bundle.digest)


def test_verifiers_are_made_once_for_a_root(forge: Forge):
    root = forge.root_bytes()
    assert verifier_for(root) is verifier_for(bytes(root))
    assert verifier_for(root).root == digest_of(root)
