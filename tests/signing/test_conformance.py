"""The bundle cases of sigstore-conformance: what must verify does, what must not does not, and why some are left.

Statements are judged by `open_foreign`. Most cases sign a plain file, which is no evidence here; they are judged by
the same checks put together around the stock client's `verify_artifact`, so that real logs, timestamps and damaged
ones meet them too.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from sigstore.models import Bundle as StockBundle

from muniment.core.canonical import format_json, parse_json
from muniment.core.digest import digest_of
from muniment.core.errors import Malformed, Untrusted
from muniment.signing import entry, foreign, parts
from muniment.signing.bundle import parse_bundle
from muniment.signing.certificate import read_identity
from muniment.signing.foreign import open_foreign
from muniment.signing.identity import Identity
from muniment.signing.keyring import choose, known_logs, read_keyring
from muniment.signing.protojson import FOREIGN, Field, normalise
from muniment.signing.sandbox import GITHUB
from muniment.signing.source import parse_source
from muniment.signing.stock import Stock, plain_errors
from muniment.signing.strict import StrictVerifier
from muniment.signing.trustroot import canonical_root

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "conformance"
CASES = sorted(path.stem for path in (FOLDER / "bundles").iterdir())
BEACON = {
    "issuer": GITHUB,
    "subject": "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
}
AT = datetime(2026, 1, 1, tzinfo=UTC)
(PUBLIC,) = Path(str(files("sigstore") / "_store")).glob("*tuf-repo-cdn.sigstore.dev/trusted_root.json")
MESSAGE = {
    **FOREIGN,
    "Bundle": {
        "mediaType": Field("text"),
        "verificationMaterial": Field("VerificationMaterial"),
        "messageSignature": Field("MessageSignature"),
    },
    "MessageSignature": {"messageDigest": Field("HashOutput", required=False), "signature": Field("bytes")},
    "HashOutput": {"algorithm": Field("text"), "digest": Field("bytes")},
}
ROOTS = {
    "bundle-with-sct-with-extensions": "bundle-with-sct-with-extensions",
    "intoto-": "intoto",
    "invalid-ct-key": "invalid-ct-key",
    "managed-key-and-trusted-root": "managed-key-and-trusted-root",
    "rekor2-dsse": "staging-later",
    "rekor2-timestamp-outside-trust-root-tsa-validity": "rekor2-timestamp-outside-trust-root-tsa-validity",
    "rekor2-timestamp-outside-tsa-cert-validity": "local-tsa",
    "rekor2-timestamp-with-expired-cert-chain": "local-tsa",
    "rekor2-": "staging",
    "trust-root-tlog-missing-validity-start": "trust-root-tlog-missing-validity-start",
    "trust-root-tlog-validity-end-inclusive": "trust-root-tlog-validity-end-inclusive",
    "trust-root-tsa-validity-end-inclusive": "trust-root-tsa-validity-end-inclusive",
}


def root_of(case: str) -> bytes:
    name = next((name for start, name in ROOTS.items() if case.startswith(start)), None)
    return PUBLIC.read_bytes() if name is None else (FOLDER / "roots" / f"{name}.json").read_bytes()


def artifact_of(case: str) -> bytes:
    own = FOLDER / "artifacts" / case.removesuffix("_fail")
    return (own if own.exists() else FOLDER / "artifacts" / "a.txt").read_bytes()


def verify(case: str) -> Identity:
    data = (FOLDER / "bundles" / f"{case}.json").read_bytes()
    if b'"dsseEnvelope"' in data:
        source = parse_source({"sigstore": parse_json(root_of(case), "root"), "identities": [BEACON]})
        signer = open_foreign(data, source, AT).signer
        assert isinstance(signer, Identity)
        return signer
    identity = verify_artifact(data, canonical_root(root_of(case)), artifact_of(case))
    if (identity.issuer, identity.subject) != (BEACON["issuer"], BEACON["subject"]):
        raise Untrusted(f"It is signed by {identity.subject}.", "")
    return identity


class Anyone:
    def verify(self, cert: x509.Certificate) -> None:
        pass


def verify_artifact(data: bytes, root: bytes, artifact: bytes) -> Identity:
    """The strict checks around the stock verifier, for a bundle over a file."""
    value = normalise(parse_json(data, "The bundle"), "Bundle", MESSAGE, "bundle")
    foreign._check_media_type(value)
    value = foreign._of_today(value)
    try:
        logged = parts._entry(value["verificationMaterial"]["tlogEntries"][0])
    except KeyError as missing:
        raise Malformed(f"{missing.args[0]} is missing") from missing
    if (logged.time is None) != (logged.promise is None):
        raise Untrusted("a time without promise, or a promise without time")
    keys, stock = read_keyring(root), Stock(parse_json(root, "root"))
    logs = known_logs(keys, logged.log_id)
    with plain_errors():
        bundle = StockBundle.from_json(format_json(value))
        times = stock.times(bundle)
        tokens = value["verificationMaterial"].get("timestampVerificationData", {}).get("rfc3161Timestamps", [])
        if len(times) != len(tokens) + (logged.promise is not None):
            raise Untrusted("a timestamp does not verify")
        log, positions = choose(keys, logs, [time.time for time in times])
        entry._check_checkpoint(logged, log)
        stock._at(positions).at(times).verify_artifact(artifact, bundle, Anyone())
    return read_identity(bundle.signing_certificate, digest_of(root))


GOOD = {
    *("bundle-with-sct-with-extensions", "happy-path-intoto-in-dsse-v3", "happy-path-v0.1", "happy-path-v0.2"),
    *("happy-path-v0.3", "happy-path-v0.3-new-mediaType", "rekor2-checkpoint-cosigned", "rekor2-dsse-happy-path"),
    *("rekor2-checkpoint-multiple-cosigs", "rekor2-checkpoint-origin-not-first", "rekor2-checkpoint-two-sigs-cosigned"),
    *("rekor2-checkpoint-two-sigs-from-origin", "rekor2-happy-path", "rekor2-timestamp-with-embedded-cert"),
    *("rekor2-timestamp-with-expired-cert-chain", "rekor2-timestamp-without-embedded-cert"),
    *("trust-root-tlog-validity-end-inclusive", "trust-root-tsa-validity-end-inclusive"),
}
FALSE = {
    "bundle-empty-certificate-chain_fail": "not signed with a Sigstore certificate",
    "bundle-from-wrong-instance_fail": "a log that the trusted root does not know",
    "bundle-invalid-base64-signature_fail": "signature is not base64",
    "bundle-malformed-json_fail": "is not JSON",
    "bundle-negative-log-index_fail": "logIndex is not an unsigned 64-bit integer",
    "bundle-unknown-version_fail": "of media type",
    "bundle-with-root-cert_fail": "brings a root certificate",
    "checkpoint-bad-keyhint_fail": "not bear exactly one signature of its log",
    "checkpoint-wrong-roothash_fail": "checkpoint is of another tree size",
    "dsse-invalid-sig_fail": "not the canonical one",
    "dsse-mismatch-envelope_fail": "not the canonical one",
    "dsse-mismatch-sig_fail": "not the canonical one",
    "inclusion-proof-corrupted-hash_fail": "invalid root hash",
    "incorrect-public-key_fail": "invalid root hash",
    "integrated-time-in-future_fail": "cert is not valid at validation time",
    "intoto-expired-certificate_fail": "of kind intoto 0.0.2",
    "intoto-log-entry-mismatch_fail": "of kind intoto 0.0.2",
    "intoto-missing-inclusion-proof_fail": "inclusionProof is missing",
    "intoto-set-outside-signing-cert-validity_fail": "of kind intoto 0.0.2",
    "intoto-tsa-timestamp-outside-cert-validity_fail": "of kind intoto 0.0.2",
    "invalid-checkpoint-signature_fail": "checkpoint: invalid signature",
    "invalid-ct-key_fail": "SCT verify failed",
    "invalid-inclusion-proof_fail": "checkpoint is missing",
    "managed-key-no-key_fail": "not signed with a Sigstore certificate",
    "managed-key-wrong-key_fail": "not signed with a Sigstore certificate",
    "message-digest-mismatch_fail": "message digest mismatch",
    "rekor2-checkpoint-missing-log-signature_fail": "no signature lines",
    "rekor2-checkpoint-missing-origin_fail": "not a checkpoint",
    "rekor2-checkpoint-missing-root-hash_fail": "not a checkpoint",
    "rekor2-checkpoint-missing-size_fail": "not a checkpoint",
    "rekor2-checkpoint-no-matching-signature_fail": "of the log 'log2025-alpha1.rekor.github.dev'",
    "rekor2-dsse-invalid-sig_fail": "not the canonical one",
    "rekor2-dsse-mismatch-envelope_fail": "not the canonical one",
    "rekor2-dsse-mismatch-sig_fail": "not the canonical one",
    "rekor2-no-inclusion-proof_fail": "inclusionProof is missing",
    "rekor2-no-timestamp_fail": "inclusion promise or signed timestamp",
    "rekor2-timestamp-outside-trust-root-tsa-validity_fail": "a timestamp does not verify",
    "rekor2-timestamp-outside-tsa-cert-validity_fail": "a timestamp does not verify",
    "rekor2-timestamp-payload-mismatch_fail": "a timestamp does not verify",
    "rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail": "Invalid Timestamp Response",
    "rekor2-timestamp-untrusted-tsa-without-embedded-cert_fail": "a timestamp does not verify",
    "rekor2-timestamp-with-incorrect-time_fail": "signedTimestamp is not base64",
    "set-invalid-signature_fail": "invalid inclusion promise",
    "signature-mismatch_fail": "Signature is invalid",
    "trust-root-tlog-missing-validity-start_fail": "start is missing",
    "wrong-hashedrekord-artifact_fail": "inconsistent with other materials",
    "wrong-hashedrekord-cert-and-sig_fail": "inconsistent with other materials",
    "wrong-hashedrekord-entry_fail": "inconsistent with other materials",
    "wrong-material_fail": "message digest mismatch",
}
# Cases that must verify, and do not here.
LEFT = {
    "intoto-with-custom-trust-root": (
        "of kind intoto 0.0.2",
        "The stock client verifies no entries of the kind intoto, which clients stopped writing in 2024.",
    ),
    "managed-key-and-trusted-root": (
        "not signed with a Sigstore certificate",
        "A key signs a plain file here: as evidence only statements count. The stock client refuses it too.",
    ),
    "managed-key-happy-path": (
        "not signed with a Sigstore certificate",
        "A key signs a plain file here: as evidence only statements count. The stock client refuses it too.",
    ),
}


def test_every_case_is_here():
    assert sorted([*GOOD, *FALSE, *LEFT]) == CASES
    assert {case.endswith("_fail") for case in FALSE} == {True}
    assert not any(case.endswith("_fail") for case in (*GOOD, *LEFT))


@pytest.mark.parametrize("case", sorted(GOOD))
def test_what_must_verify_does(case: str):
    assert verify(case).issuer == GITHUB


@pytest.mark.parametrize("case", sorted(FALSE))
def test_what_must_not_verify_does_not(case: str):
    with pytest.raises((Untrusted, Malformed), match=FALSE[case]):
        verify(case)


@pytest.mark.parametrize("case", sorted(LEFT))
def test_what_is_left_has_its_reason(case: str):
    with pytest.raises(Malformed, match=LEFT[case][0]):
        verify(case)


def test_a_timestamp_outside_of_the_certificates_life_is_refused():
    """The case has line breaks in its base64, for which alone it is refused; without them its time is what is wrong."""
    case = "rekor2-timestamp-with-incorrect-time_fail"
    value = parse_json((FOLDER / "bundles" / f"{case}.json").read_bytes(), "it")
    (stamp,) = value["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    stamp["signedTimestamp"] = stamp["signedTimestamp"].replace("\n", "")
    with pytest.raises(Untrusted, match="not valid at validation time"):
        verify_artifact(format_json(value), canonical_root(root_of(case)), artifact_of(case))


REAL = "happy-path-intoto-in-dsse-v3"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.update(logIndex=str(int(e["logIndex"]) + 1)), "SET: invalid inclusion promise"),
        (lambda e: e.update(integratedTime=str(int(e["integratedTime"]) + 1)), "SET: invalid inclusion promise"),
        (lambda e: e["inclusionProof"].update(logIndex="7"), "invalid log entry"),
        (lambda e: e["inclusionProof"]["hashes"].reverse(), "root hash"),
        (lambda e: e.update(canonicalizedBody=spaced(e["canonicalizedBody"])), "not the canonical one"),
        (lambda e: e.pop("inclusionPromise"), "time without its signature"),
        (lambda e: e.pop("integratedTime"), "promise without its time"),
        (lambda e: e["inclusionProof"]["checkpoint"].update(envelope=other_tree(e)), "does not verify"),
    ],
)
def test_a_real_bundle_of_rekor_v1_is_held_to_every_part(change: Any, message: str):
    value = parse_json((FOLDER / "bundles" / f"{REAL}.json").read_bytes(), "it")
    (logged,) = value["verificationMaterial"]["tlogEntries"]
    change(logged)
    with pytest.raises(Untrusted, match=message):
        StrictVerifier(PUBLIC.read_bytes()).verify(parse_bundle(format_json(value)))


def spaced(body: str) -> str:
    return b64encode(b64decode(body).replace(b'":', b'": ', 1)).decode()


def other_tree(logged: dict[str, Any]) -> str:
    """The checkpoint with one line of its signed text changed."""
    envelope: str = logged["inclusionProof"]["checkpoint"]["envelope"]
    return envelope.replace("rekor.sigstore.dev - 1", "rekor.sigstore.dev - 2", 1)


def test_the_quick_verifier_knows_the_statements_of_real_instances():
    for case in ("happy-path-intoto-in-dsse-v3", "rekor2-dsse-happy-path"):
        bundle = parse_bundle((FOLDER / "bundles" / f"{case}.json").read_bytes())
        verifier = StrictVerifier(root_of(case))
        assert verifier.verify_lean(bundle) == verifier.verify_by_stock(bundle)
