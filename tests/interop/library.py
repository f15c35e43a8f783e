"""Runs inside the peers' environment: verifies every bundle with the Python library, and parses every statement.

Arguments: bundles.json, root.json. Prints one line a peer; any surprise is an exception.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from sigstore.errors import VerificationError
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

bundles = json.loads(Path(sys.argv[1]).read_text("utf-8"))
verifier = Verifier(trusted_root=TrustedRoot.from_file(sys.argv[2]))


def refused(path: str, policy: Identity) -> bool:
    """Whether the library refuses a bundle."""
    try:
        verifier.verify_dsse(Bundle.from_json(Path(path).read_text("utf-8")), policy)
    except VerificationError:
        return True
    return False


for item in bundles:
    policy = Identity(identity=item["identity"], issuer=item["issuer"])
    bundle = Bundle.from_json(Path(item["bundle"]).read_text("utf-8"))
    _, payload = verifier.verify_dsse(bundle, policy)
    assert json.loads(payload) == item["statement"]
    assert refused(item["broken"], policy), f"accepted the broken {item['broken']}"
    assert refused(item["bundle"], Identity(identity="nobody@example.org", issuer=item["issuer"]))
print(f"sigstore library: {len(bundles)} bundles")

for item in bundles:
    envelope = json.loads(Path(item["bundle"]).read_text("utf-8"))["dsseEnvelope"]
    proto = json_format.Parse(base64.b64decode(envelope["payload"]), statement_pb2.Statement())
    statement = Statement(proto.subject, proto.predicate_type, proto.predicate)
    statement.validate()
    assert proto.subject[0].digest["sha256"] == item["subject"]
print(f"in-toto-attestation: {len(bundles)} statements")
