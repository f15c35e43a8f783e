"""Stock tools agree: what muniment signs in a sandbox verifies with the sigstore command line and library, offline."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sigstore.models import Bundle as StockBundle
from sigstore.models import TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import AllOf, Identity, OIDCBuildTrigger, OIDCSourceRepositoryIdentifier

from muniment.core.digest import digest_of
from muniment.evidence.statement import Statement, Subject, format_statement
from muniment.signing.sandbox import ACCOUNTS, GITHUB, Sandbox

MODEL = b"weights of a model"
SUBJECT = (Subject("model.bin", digest_of(MODEL)),)
STATEMENT = format_statement(Statement(SUBJECT, "https://slsa.dev/provenance/v1", {"buildDefinition": {}}))
WORKFLOW = "https://github.com/sandbox.muniment.dev/models/.github/workflows/train.yml@refs/heads/main"


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("reviewer", Identity(identity="reviewer@sandbox.muniment.dev", issuer=ACCOUNTS)),
        (
            "trainer",
            AllOf(
                [
                    Identity(identity=WORKFLOW, issuer=GITHUB),
                    OIDCSourceRepositoryIdentifier("77"),
                    OIDCBuildTrigger("push"),
                ]
            ),
        ),
    ],
)
def test_the_stock_library_verifies(sandbox: Sandbox, tmp_path: Path, name: str, policy: AllOf | Identity):
    (tmp_path / "root.json").write_bytes(sandbox.trusted_root())
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(tmp_path / "root.json")))
    bundle = sandbox.signer(name).sign(STATEMENT)
    assert verifier.verify_dsse(StockBundle.from_json(bundle.data), policy)[1] == STATEMENT


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("reviewer", ["identity", "--cert-identity", "reviewer@sandbox.muniment.dev", "--cert-oidc-issuer", ACCOUNTS]),
        ("trainer", ["github", "--cert-identity", WORKFLOW, "--repository", "sandbox.muniment.dev/models"]),
    ],
)
def test_the_stock_command_line_verifies(sandbox: Sandbox, tmp_path: Path, name: str, arguments: list[str]):
    (tmp_path / "trust.json").write_text(sandbox.trust_config())
    (tmp_path / "model.bin").write_bytes(MODEL)
    (tmp_path / "bundle.json").write_bytes(sandbox.signer(name).sign(STATEMENT).data)
    command = [sys.executable, "-m", "sigstore", "--trust-config", "trust.json", "verify", *arguments]
    command += ["--offline", "--bundle", "bundle.json", "model.bin"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (tmp_path / "model.bin").write_bytes(b"other weights")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
