"""A whole Sigstore instance in a folder: OIDC issuer (GitHub Actions too), Fulcio, Rekor v2 and a timestamp authority.

    create(folder)
    add_identity(folder, person("reviewer"))
    with Sandbox(folder) as sandbox:
        bundle = sandbox.signer("reviewer").sign(payload)

What it signs proves nothing outside of trials: every name in it ends in `sandbox.muniment.dev`.
"""

from muniment.signing.sandbox.identities import ACCOUNTS, GITHUB, SandboxIdentity, person, workflow
from muniment.signing.sandbox.instance import Sandbox, add_identity, create, read_identities

__all__ = [
    "ACCOUNTS",
    "GITHUB",
    "Sandbox",
    "SandboxIdentity",
    "add_identity",
    "create",
    "person",
    "read_identities",
    "workflow",
]
