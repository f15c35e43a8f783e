"""Signing by the stock client: what goes wrong is told as a fact and a remedy."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from muniment.core.errors import Malformed, MunimentError, Unchecked, Unreachable, Untrusted
from muniment.signing.keyless import Keyless, ambient_token, bypass_proxy, public_good_config, tuf_config
from muniment.signing.sandbox import ACCOUNTS, Sandbox, create
from muniment.signing.sandbox.keys import read_keys
from muniment.signing.sandbox.oidc import issue_token
from muniment.signing.sandbox.tuf import publish
from muniment.signing.strict import StrictVerifier
from muniment.signing.trustroot import is_sandbox_root, root_of_config
from tests.signing.forge import PAYLOAD, Forge


def changed(sandbox: Sandbox, key: str, url: str) -> str:
    config: dict[str, Any] = json.loads(sandbox.trust_config())
    config["signingConfig"][key][0]["url"] = url
    return json.dumps(config)


def test_a_token_and_a_configuration_suffice(sandbox: Sandbox):
    signer = Keyless(sandbox.trust_config(), sandbox.token("reviewer"))
    first, second = signer.sign(PAYLOAD), signer.sign(PAYLOAD)
    verifier = StrictVerifier(sandbox.trusted_root())
    assert verifier.verify(first).identity == verifier.verify(second).identity
    assert first.digest != second.digest
    certificates = {json.loads(b.data)["verificationMaterial"]["certificate"]["rawBytes"] for b in (first, second)}
    assert len(certificates) == 1


def test_a_certificate_that_ends_is_renewed(sandbox: Sandbox):
    asked: list[str] = []

    def token() -> str:
        asked.append(sandbox.token("reviewer"))
        return asked[-1]

    signer = Keyless(sandbox.trust_config(), token)
    signer.sign(PAYLOAD)
    signer.sign(PAYLOAD)
    assert len(asked) == 1
    signer._until = datetime.now(UTC) + timedelta(seconds=30)
    signer.sign(PAYLOAD)
    assert len(asked) == 2


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"_type":"https://in-toto.io/Statement/v1","subject":[]}'])
def test_a_payload_that_is_no_statement_is_malformed(sandbox: Sandbox, payload: bytes):
    with pytest.raises(Malformed, match="cannot be signed") as caught:
        sandbox.signer("reviewer").sign(payload)
    assert "in-toto Statement" in caught.value.remedy


def token_of(sandbox: Sandbox, folder: Path, case: str) -> str:
    claims, now = {"iss": ACCOUNTS, "sub": "a", "email": "a@sandbox.muniment.dev"}, datetime.now(UTC)
    key = read_keys(folder).oidc_key
    return {
        "no token": lambda: "nonsense",
        "expired": lambda: issue_token(claims, key, now - timedelta(hours=1)),
        "other audience": lambda: issue_token(claims, key, now, audience="elsewhere"),
        "foreign": lambda: issue_token(claims, Forge().keys.oidc_key, now),
    }[case]()


@pytest.mark.parametrize(
    ("case", "error", "message"),
    [
        ("no token", Malformed, "identity token cannot be used"),
        ("expired", Malformed, "identity token cannot be used"),
        ("other audience", Malformed, "identity token cannot be used"),
        ("foreign", Unreachable, "answered 403: The identity token is not of this sandbox"),
    ],
)
def test_a_bad_token_is_told(sandbox: Sandbox, folder: Path, case: str, error: type[MunimentError], message: str):
    with pytest.raises(error, match=message) as caught:
        Keyless(sandbox.trust_config(), token_of(sandbox, folder, case)).sign(PAYLOAD)
    assert "new identity token" in caught.value.remedy


@pytest.mark.parametrize(
    ("key", "path", "message"),
    [
        ("tsaUrls", "/nothing", "not timestamped and logged.*404"),
        ("rekorTlogUrls", "/nothing", "not timestamped and logged: .* answered 404: The sandbox serves nothing"),
    ],
)
def test_a_service_that_fails_is_told(sandbox: Sandbox, key: str, path: str, message: str):
    signer = Keyless(changed(sandbox, key, sandbox.url + path), sandbox.token("reviewer"))
    with pytest.raises(Unreachable, match=message):
        signer.sign(PAYLOAD)


@pytest.mark.parametrize("key", ["caUrls", "rekorTlogUrls"])
def test_a_service_that_is_not_there_is_named(sandbox: Sandbox, key: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        signer = Keyless(changed(sandbox, key, f"http://127.0.0.1:{port}"), sandbox.token("reviewer"))
        with pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{port} does not answer"):
            signer.sign(PAYLOAD)


def test_an_instance_that_signs_with_other_keys_than_its_root_is_refused(sandbox: Sandbox):
    """A certificate authority or log that is not the trusted one is noticed when signing, not by the first reader."""
    config = json.loads(sandbox.trust_config())
    config["trustedRoot"]["tlogs"] = Forge().root["tlogs"]
    with pytest.raises(Untrusted, match="trusted root does not know"):
        Keyless(json.dumps(config), sandbox.token("reviewer")).sign(PAYLOAD)


@pytest.mark.parametrize(
    ("config", "message"),
    [("{", "not JSON"), ("{}", "not a Sigstore client trust configuration"), ("[]", "not a Sigstore client trust")],
)
def test_what_is_no_configuration_is_malformed(config: str, message: str):
    with pytest.raises(Malformed, match=message):
        Keyless(config, "token")


def test_a_configuration_without_services_is_malformed(sandbox: Sandbox):
    config = json.loads(sandbox.trust_config())
    del config["signingConfig"]
    with pytest.raises(Malformed, match="no signingConfig"):
        Keyless(json.dumps(config), "token")


def test_the_public_good_instance_is_known_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    root = root_of_config(public_good_config(offline=True))
    assert not is_sandbox_root(root)
    assert b"rekor.sigstore.dev" in root


def test_a_tuf_repository_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    create(tmp_path / "sandbox")
    publish(tmp_path / "sandbox", tmp_path / "public")
    with pytest.raises(Unreachable, match="could not be fetched by TUF") as caught:
        tuf_config("http://127.0.0.1:9", tmp_path / "public" / "root.json")
    assert "as a file" in caught.value.remedy


def test_outside_of_a_ci_there_is_no_token(monkeypatch: pytest.MonkeyPatch):
    for name in ("GITHUB_ACTIONS", "BUILDKITE", "GITLAB_CI", "CIRCLECI", "GOOGLE_SERVICE_ACCOUNT_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert ambient_token() is None


def test_a_job_without_permission_is_told_which(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", raising=False)
    with pytest.raises(Unchecked, match="gave no identity token") as caught:
        ambient_token()
    assert "id-token: write" in caught.value.remedy


JOB = """
import sys
from pathlib import Path
from muniment.signing.keyless import Keyless, ambient_token
bundle = Keyless(Path(sys.argv[1]).read_text(), ambient_token()).sign(Path(sys.argv[2]).read_bytes())
sys.stdout.buffer.write(bundle.data)
"""


def test_a_job_of_the_emulated_github_signs_past_a_proxy(sandbox: Sandbox, tmp_path: Path):
    """What an action does: nothing but the environment and a configuration file, with a proxy that is not there."""
    (tmp_path / "trust.json").write_text(sandbox.trust_config())
    (tmp_path / "payload").write_bytes(PAYLOAD)
    environ = {k: v for k, v in os.environ.items() if k.lower() != "no_proxy"}
    environ |= {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "PYTHONPATH": "toolkit"}
    environ |= {k: v for k, v in sandbox.environ("trainer").items() if k.lower() != "no_proxy"}
    command = [sys.executable, "-c", JOB, str(tmp_path / "trust.json"), str(tmp_path / "payload")]
    done = subprocess.run(command, env=environ, capture_output=True, timeout=60, check=True)
    from muniment.signing.bundle import parse_bundle

    signed = StrictVerifier(sandbox.trusted_root()).verify(parse_bundle(done.stdout))
    assert signed.identity.claim("deploymentEnvironment") == "production"


def test_the_environment_for_a_job_bypasses_proxies(sandbox: Sandbox):
    assert "127.0.0.1" in sandbox.environ("trainer")["NO_PROXY"].split(",")


def test_bypassing_a_proxy_keeps_what_was_listed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", "intern.example,localhost")
    monkeypatch.setenv("no_proxy", "")
    bypass_proxy()
    bypass_proxy()
    assert os.environ["NO_PROXY"] == "intern.example,localhost,127.0.0.1"
    assert os.environ["no_proxy"] == "127.0.0.1,localhost"
