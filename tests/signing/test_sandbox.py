"""The sandbox: a whole instance that the stock client signs against, in a folder that processes may share."""

from __future__ import annotations

import base64
import http.client
import json
import os
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import rfc3161_client
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from rfc3161_client.base import HashAlgorithm

from muniment.core.errors import Conflict, Malformed, Missing, Untrusted, Usage
from muniment.log.checkpoint import parse_checkpoint
from muniment.log.merkle import MemoryTree, leaf_hash, root_at
from muniment.log.note import parse_note
from muniment.log.tiles import TileReader, entries_path, parse_entry_bundle, tile_path
from muniment.signing.bundle import parse_bundle
from muniment.signing.sandbox import (
    ACCOUNTS,
    GITHUB,
    Sandbox,
    SandboxIdentity,
    add_identity,
    create,
    person,
    read_identities,
    workflow,
)
from muniment.signing.sandbox.keys import read_keys
from muniment.signing.sandbox.oidc import issue_token, open_token
from muniment.signing.sandbox.rekor import ORIGIN, Rekor, genesis
from muniment.signing.sandbox.tsa import parse_request, timestamp
from muniment.signing.strict import StrictVerifier
from tests.signing.forge import PAYLOAD, SIGNED, Forge


def test_a_person_signs(sandbox: Sandbox):
    before = datetime.now(UTC) - timedelta(seconds=1)
    bundle = sandbox.signer("reviewer").sign(PAYLOAD)
    signed = StrictVerifier(sandbox.trusted_root()).verify(bundle)
    assert signed.payload == PAYLOAD
    assert (signed.identity.issuer, signed.identity.subject) == (ACCOUNTS, "reviewer@sandbox.muniment.dev")
    assert before <= signed.signed_at <= datetime.now(UTC)


def test_a_workflow_signs(sandbox: Sandbox):
    signed = StrictVerifier(sandbox.trusted_root()).verify(sandbox.signer("trainer").sign(PAYLOAD))
    identity = signed.identity
    assert identity.issuer == GITHUB
    assert (
        identity.subject == "https://github.com/sandbox.muniment.dev/models/.github/workflows/train.yml@refs/heads/main"
    )
    assert identity.claim("deploymentEnvironment") == "production"
    assert identity.claim("sourceRepositoryIdentifier") == "77"
    assert identity.claim("runnerEnvironment") == "github-hosted"


def test_nothing_signed_holds_a_port_or_a_loopback_address(sandbox: Sandbox):
    bundle = sandbox.signer("trainer").sign(PAYLOAD)
    certificate = json.loads(bundle.data)["verificationMaterial"]["certificate"]["rawBytes"]
    port = sandbox.url.rpartition(":")[2].encode()
    for data in (bundle.data, sandbox.trusted_root(), base64.b64decode(certificate)):
        assert b"127.0.0.1" not in data
        assert b":" + port not in data
    assert b"127.0.0.1:" + port in sandbox.trust_config().encode()


def test_the_trusted_root_outlives_the_run(folder: Path, sandbox: Sandbox):
    bundle = sandbox.signer("reviewer").sign(PAYLOAD)
    with Sandbox(folder) as again:
        assert again.trusted_root() == sandbox.trusted_root()
        assert again.url != sandbox.url
        assert StrictVerifier(again.trusted_root()).verify(bundle).payload == PAYLOAD


def test_only_the_owner_reads_the_folder(folder: Path):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) >= 14
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if path.is_file() else 0o700), path


def test_an_umask_does_not_open_the_folder(tmp_path: Path):
    before = os.umask(0)
    try:
        create(tmp_path / "open")
        add_identity(tmp_path / "open", person("a"))
    finally:
        os.umask(before)
    assert all(
        not stat.S_IMODE(path.stat().st_mode) & 0o077 for path in [tmp_path / "open", *(tmp_path / "open").rglob("*")]
    )


def test_a_folder_holds_one_sandbox(folder: Path):
    with pytest.raises(Conflict, match="already holds a sandbox"):
        create(folder)


def test_a_folder_without_sandbox_is_missing(tmp_path: Path):
    with pytest.raises(Missing, match="no sandbox"):
        Sandbox(tmp_path)
    with pytest.raises(Missing):
        add_identity(tmp_path, person("a"))


def test_a_damaged_key_is_named(tmp_path: Path):
    create(tmp_path / "s")
    (tmp_path / "s" / "ct.key").write_bytes(b"no key")
    with pytest.raises(Malformed, match=r"ct\.key"):
        Sandbox(tmp_path / "s")
    (tmp_path / "s" / "ct.key").unlink()
    with pytest.raises(Missing, match=r"ct\.key"):
        Sandbox(tmp_path / "s")


def test_a_sandbox_that_does_not_run_says_so(folder: Path):
    with pytest.raises(Usage, match="not running"):
        Sandbox(folder).trust_config()


def test_identities_are_kept(tmp_path: Path):
    create(tmp_path / "s")
    add_identity(tmp_path / "s", person("b"))
    add_identity(tmp_path / "s", workflow("a", ref="refs/tags/v1"))
    add_identity(tmp_path / "s", SandboxIdentity("b", ACCOUNTS, "boss@sandbox.muniment.dev"))
    known = read_identities(tmp_path / "s")
    assert list(known) == ["a", "b"]
    assert known["b"].subject == "boss@sandbox.muniment.dev"
    assert known["a"] == workflow("a", ref="refs/tags/v1")


def test_many_add_identities_and_none_is_lost(tmp_path: Path):
    create(tmp_path / "s")
    threads = [threading.Thread(target=add_identity, args=(tmp_path / "s", person(f"p{n}"))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert set(read_identities(tmp_path / "s")) == {f"p{n}" for n in range(8)}


def test_a_replaced_identity_signs_as_the_new_one(tmp_path: Path):
    create(tmp_path / "s")
    add_identity(tmp_path / "s", person("a"))
    with Sandbox(tmp_path / "s") as sandbox:
        verifier = StrictVerifier(sandbox.trusted_root())
        assert verifier.verify(sandbox.signer("a").sign(PAYLOAD)).identity.issuer == ACCOUNTS
        add_identity(tmp_path / "s", workflow("a"))
        assert verifier.verify(sandbox.signer("a").sign(PAYLOAD)).identity.issuer == GITHUB


def test_a_workflow_that_another_repository_calls(forge: Forge):
    """The subject is the same file; only the extensions tell who called it (DESIGN: bindings pin .15 and .17)."""
    called = workflow("x", caller="else/where", repository_id="9", repository_owner_id="8")
    identity = StrictVerifier(forge.root_bytes()).verify(forge.bundle(identity=called)).identity
    assert identity.subject == workflow("x").subject
    assert identity.claim("sourceRepositoryURI") == "https://github.com/else/where"
    assert identity.claim("sourceRepositoryOwnerURI") == "https://github.com/else"
    assert identity.claim("sourceRepositoryIdentifier") == "9"
    assert identity.claim("buildSignerURI") == identity.subject
    assert (
        identity.claim("buildConfigURI") == "https://github.com/else/where/.github/workflows/call.yml@refs/heads/main"
    )


@pytest.mark.parametrize(
    ("name", "issuer", "subject"),
    [
        ("A b", ACCOUNTS, "a@sandbox.muniment.dev"),
        ("a", "https://other.example", "a@sandbox.muniment.dev"),
        ("a", ACCOUNTS, "no address"),
        ("a", GITHUB, "a@sandbox.muniment.dev"),
        ("a", GITHUB, "https://github.com/o/r/.github/workflows/x.yml"),
    ],
)
def test_a_wrong_identity_is_refused(name: str, issuer: str, subject: str):
    with pytest.raises(Malformed):
        SandboxIdentity(name, issuer, subject)


def test_an_unknown_name_is_missing(sandbox: Sandbox):
    with pytest.raises(Missing, match="knows no identity 'nobody'") as caught:
        sandbox.signer("nobody")
    assert "reviewer, trainer" in caught.value.remedy


# --- the log ------------------------------------------------------------------------------------------------------


def read_log(folder: Path) -> tuple[list[bytes], bytes, int]:
    """The lines, the root and the size that the folder's checkpoint states."""
    checkpoint = parse_checkpoint(parse_note((folder / "rekor" / "checkpoint").read_bytes()).text)
    return (folder / "rekor" / "entries.jsonl").read_bytes().splitlines(), checkpoint.root, checkpoint.size


def assert_log_is_whole(folder: Path) -> list[bytes]:
    lines, root, size = read_log(folder)
    assert len(lines) == size
    assert lines[0] == genesis()
    assert len(set(lines)) == size
    assert MemoryTree(leaf_hash(line) for line in lines).root() == root
    return lines


SIGN_MANY = """
import sys
from pathlib import Path
from muniment.signing.sandbox import Sandbox
payload = Path(sys.argv[2]).read_bytes()
with Sandbox(Path(sys.argv[1])) as sandbox:
    for number in range(12):
        print(sandbox.signer("reviewer").sign(payload).data.decode(), flush=True)
"""


def test_two_processes_share_a_folder(tmp_path: Path):
    folder = tmp_path / "shared"
    create(folder)
    add_identity(folder, person("reviewer"))
    (tmp_path / "payload").write_bytes(PAYLOAD)
    command = [sys.executable, "-c", SIGN_MANY, str(folder), str(tmp_path / "payload")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [process.communicate(timeout=60)[0].splitlines() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert len(assert_log_is_whole(folder)) == 25
    verifier = StrictVerifier((folder / "trusted_root.json").read_bytes())
    bundles = [parse_bundle(line.encode()) for lines in printed for line in lines]
    assert {verifier.verify(bundle).payload for bundle in bundles} == {PAYLOAD}
    indexes = [json.loads(b.data)["verificationMaterial"]["tlogEntries"][0]["logIndex"] for b in bundles]
    assert sorted(map(int, indexes)) == list(range(1, 25))


def test_many_threads_append_to_one_log(tmp_path: Path):
    keys = Forge().keys
    Rekor(tmp_path / "rekor", keys.rekor_key).create()
    logs = [Rekor(tmp_path / "rekor", keys.rekor_key) for _ in range(3)]
    threads = [
        threading.Thread(target=lambda n=n: [logs[n % 3].append(b"%d-%d" % (n, i)) for i in range(10)])
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(assert_log_is_whole(tmp_path)) == 61
    assert logs[0].bodies() == assert_log_is_whole(tmp_path)


def test_what_a_crash_left_behind_the_checkpoint_is_cut_off(tmp_path: Path):
    keys = Forge().keys
    Rekor(tmp_path / "rekor", keys.rekor_key).create()
    with (tmp_path / "rekor" / "entries.jsonl").open("ab") as file:
        file.write(b"a line without check")
    (tmp_path / "rekor" / "checkpoint.new").write_bytes(b"half")
    entry = Rekor(tmp_path / "rekor", keys.rekor_key).append(b"next")
    assert entry["logIndex"] == "1"
    assert assert_log_is_whole(tmp_path) == [genesis(), b"next"]


def test_a_changed_log_is_not_continued(tmp_path: Path):
    keys = Forge().keys
    Rekor(tmp_path / "rekor", keys.rekor_key).create()
    Rekor(tmp_path / "rekor", keys.rekor_key).append(b"first")
    path = tmp_path / "rekor" / "entries.jsonl"
    path.write_bytes(path.read_bytes().replace(b"first", b"other"))
    for _ in range(2):
        with pytest.raises(Untrusted, match="does not agree with its checkpoint"):
            Rekor(tmp_path / "rekor", keys.rekor_key).append(b"second")
    path.write_bytes(genesis() + b"\n")
    with pytest.raises(Untrusted, match="does not agree"):
        Rekor(tmp_path / "rekor", keys.rekor_key).append(b"second")


def test_a_failed_write_does_not_poison_the_log(tmp_path: Path):
    keys = Forge().keys
    log = Rekor(tmp_path / "rekor", keys.rekor_key)
    log.create()
    (tmp_path / "rekor" / "checkpoint.new").mkdir()
    with pytest.raises(OSError, match=r"checkpoint\.new"):
        log.append(b"lost")
    (tmp_path / "rekor" / "checkpoint.new").rmdir()
    assert log.append(b"kept")["logIndex"] == "1"
    assert assert_log_is_whole(tmp_path) == [genesis(), b"kept"]


# --- the services -------------------------------------------------------------------------------------------------


def call(url: str, body: bytes | None = None, bearer: str = "") -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, {"Authorization": f"Bearer {bearer}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def csr() -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    pem = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    from cryptography.hazmat.primitives.serialization import Encoding

    return json.dumps({"certificateSigningRequest": base64.b64encode(pem.public_bytes(Encoding.PEM)).decode()}).encode()


def test_github_gives_tokens_only_to_its_own_job(sandbox: Sandbox):
    environ = sandbox.environ("trainer")
    url, secret = environ["ACTIONS_ID_TOKEN_REQUEST_URL"], environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
    status, body = call(f"{url}&audience=sigstore", bearer=secret)
    assert status == 200
    claims = json.loads(base64.urlsafe_b64decode(json.loads(body)["value"].split(".")[1] + "=="))
    assert (claims["iss"], claims["aud"]) == (GITHUB, "sigstore")
    assert call(f"{url}&audience=sigstore", bearer="guess")[0] == 403
    assert call(f"{url}&audience=sigstore".replace("trainer", "reviewer"), bearer=secret)[0] == 403


def test_fulcio_refuses_tokens_that_are_not_good(sandbox: Sandbox, folder: Path):
    keys, url = read_keys(folder), f"{sandbox.url}/api/v2/signingCert"
    claims = {"iss": ACCOUNTS, "sub": "reviewer", "email": "reviewer@sandbox.muniment.dev"}
    now = datetime.now(UTC)
    tokens = {
        "not of this sandbox": issue_token(claims, Forge().keys.oidc_key, now),
        "expired": issue_token(claims, keys.oidc_key, now - timedelta(minutes=11)),
        "meant for": issue_token(claims, keys.oidc_key, now, audience="elsewhere"),
        "not a JSON Web Token": "nonsense",
    }
    for message, token in tokens.items():
        status, body = call(url, csr(), token)
        assert status in (400, 403)
        assert message in json.loads(body)["message"]
    assert call(url, csr(), sandbox.token("reviewer"))[0] == 200


def test_fulcio_wants_proof_of_the_key(sandbox: Sandbox):
    request = json.loads(csr())
    pem = bytearray(base64.b64decode(request["certificateSigningRequest"]))
    der = bytearray(base64.b64decode(b"".join(bytes(pem).splitlines()[1:-1])))
    der[-1] ^= 1
    broken = b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE REQUEST-----\n"
    body = json.dumps({"certificateSigningRequest": base64.b64encode(broken).decode()}).encode()
    status, answer = call(f"{sandbox.url}/api/v2/signingCert", body, sandbox.token("reviewer"))
    assert (status, "not signed by its key" in answer.decode()) == (403, True)


def key_request(subject: bytes, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    """A key with its signature over the token's subject, as cosign and sigstore-js send it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = key or ec.generate_private_key(ec.SECP256R1())
    content = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    proof = base64.b64encode(key.sign(subject, ec.ECDSA(hashes.SHA256()))).decode()
    public = {"algorithm": "ECDSA", "content": content}
    return json.dumps({"publicKeyRequest": {"publicKey": public, "proofOfPossession": proof}}).encode()


def test_fulcio_takes_a_key_that_signs_the_subject(sandbox: Sandbox):
    url, token = f"{sandbox.url}/api/v2/signingCert", sandbox.token("reviewer")
    status, answer = call(url, key_request(b"reviewer@sandbox.muniment.dev"), token)
    assert (status, answer.count(b"BEGIN CERTIFICATE")) == (200, 3)
    status, answer = call(url, key_request(b"stranger@sandbox.muniment.dev"), token)
    assert (status, "not signed by its key" in answer.decode()) == (403, True)
    other = key_request(b"reviewer@sandbox.muniment.dev", ec.generate_private_key(ec.SECP384R1()))
    status, answer = call(url, other, token)
    assert (status, "not on P-256" in answer.decode()) == (400, True)
    workflow_token = sandbox.token("trainer")
    subject = b"repo:sandbox.muniment.dev/models:environment:production"
    assert call(url, key_request(subject), workflow_token)[0] == 200
    for body in (b"{}", b"[]", b'{"publicKeyRequest": 1}', b'{"certificateSigningRequest": "x"}'):
        status, answer = call(url, body, token)
        assert (status, "certificateSigningRequest" in answer.decode()) == (400, True)


def test_rekor_logs_only_true_signatures(sandbox: Sandbox, folder: Path):
    before = read_log(folder)
    bundle = json.loads(Forge().bundle().data)
    raw = bundle["verificationMaterial"]["certificate"]["rawBytes"]
    verifier = {"x509Certificate": {"rawBytes": raw}, "keyDetails": "PKIX_ECDSA_P256_SHA_256"}
    signature = {"content": bundle["dsseEnvelope"]["signatures"][0]["sig"], "verifier": verifier}
    request = {"digest": base64.b64encode(bytes(32)).decode(), "signature": signature}
    url = f"{sandbox.url}/api/v2/log/entries"
    status, answer = call(url, json.dumps({"hashedRekordRequestV002": request}).encode())
    assert (status, "not of its certificate's key" in answer.decode()) == (403, True)
    assert call(url, b"{}")[0] == 400
    assert read_log(folder) == before


def test_the_log_is_served_as_tiles(sandbox: Sandbox):
    sandbox.signer("reviewer").sign(PAYLOAD)
    checkpoint = parse_checkpoint(parse_note(call(f"{sandbox.url}/api/v2/checkpoint")[1]).text)

    def fetch(path: str) -> bytes:
        status, body = call(f"{sandbox.url}/api/v2/{path}")
        assert status == 200
        return body

    assert root_at(TileReader(fetch, checkpoint.size), checkpoint.size) == checkpoint.root
    entries = parse_entry_bundle(fetch(entries_path(0, checkpoint.size)))
    assert MemoryTree(map(leaf_hash, entries)).root() == checkpoint.root
    for path in (entries_path(0), tile_path(0, 0), tile_path(1, 0, 1)):
        assert call(f"{sandbox.url}/api/v2/{path}")[0] == 404


@pytest.mark.parametrize(
    "path", ["/", "/api/v2/tile/9", "/api/v2/tile/0/000.p/0", "/../trusted_root.json", "/api/v2/signingCert"]
)
def test_nothing_else_is_served(sandbox: Sandbox, path: str):
    assert call(sandbox.url + path)[0] == 404
    assert call(sandbox.url + "/nothing", b"{}")[0] == 404


def test_large_bodies_are_refused(sandbox: Sandbox):
    host = sandbox.url.removeprefix("http://")
    for size in (str((1 << 20) + 1), "", "-1", "many"):
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.putrequest("POST", "/api/v1/timestamp")
        connection.putheader("Content-Length", size)
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()


def test_the_public_parts_are_served(sandbox: Sandbox, folder: Path):
    discovery = json.loads(call(f"{sandbox.url}/.well-known/openid-configuration")[1])
    assert discovery["issuer"] == ACCOUNTS
    (key,) = json.loads(call(discovery["jwks_uri"])[1])["keys"]
    numbers = read_keys(folder).oidc_key.public_key().public_numbers()
    assert int.from_bytes(base64.urlsafe_b64decode(key["n"] + "=="), "big") == numbers.n
    checkpoint = parse_checkpoint(parse_note(call(f"{sandbox.url}/api/v2/checkpoint")[1]).text)
    assert checkpoint.origin == ORIGIN
    chains = json.loads(call(f"{sandbox.url}/api/v2/trustBundle")[1])["chains"]
    assert len(chains[0]["certificates"]) == 2


def test_a_token_of_a_workflow_has_githubs_claims(sandbox: Sandbox, folder: Path):
    claims = open_token(sandbox.token("trainer"), read_keys(folder).oidc_key.public_key(), datetime.now(UTC))
    assert claims["sub"] == "repo:sandbox.muniment.dev/models:environment:production"
    assert claims["repository"] == "sandbox.muniment.dev/models"
    assert claims["exp"] - claims["iat"] == 600


@pytest.mark.parametrize("nonce", [True, False])
def test_a_timestamp_is_one_for_the_reference_library(forge: Forge, nonce: bool):
    request = (
        rfc3161_client.TimestampRequestBuilder()
        .hash_algorithm(HashAlgorithm.SHA256)
        .data(b"x")
        .nonce(nonce=nonce)
        .build()
    )
    answer = timestamp(parse_request(request.as_bytes()), forge.keys.tsa_key, forge.keys.tsa, SIGNED)
    response = rfc3161_client.decode_timestamp_response(answer)
    verifier = rfc3161_client.VerifierBuilder.from_request(request).tsa_certificate(forge.keys.tsa)
    assert verifier.add_root_certificate(forge.keys.tsa_root).build().verify_message(response, b"x")
    assert response.tst_info.gen_time == SIGNED
    assert response.as_bytes() == answer


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x03\x02\x01\x01", b"\x30\x82\xff", b"\x02\x01\x01", bytes(40)])
def test_what_is_no_timestamp_request_is_malformed(data: bytes):
    with pytest.raises(Malformed):
        parse_request(data)
