"""A deploy job's short statement: taken out of the log, and checked by programs that know nothing of this one."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement as Independent
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from muniment.core.document import check_schema
from muniment.core.name import VersionId, parse_version_id
from muniment.evidence.statement import Statement
from muniment.registry import propose
from muniment.registry.inbox import submit
from muniment.registry.reach import evidence_about
from muniment.registry.sequencer import publish
from muniment.registry.store.local import LocalStore
from muniment.verify.selfread import read_history
from tests.cli.run import muniment
from tests.cli.test_bad_input import plain
from tests.registry.paper import model
from tests.registry.test_deciding import VERSION, Signer
from tests.registry.test_deciding import ready as ready
from tests.world import World, now, statement_digest


@pytest.fixture(scope="module")
def decided(ready: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry in which a version was released and promoted, each decided on."""
    store = ready.copy(tmp_path_factory.mktemp("decided") / "registry")
    publish(store, ready.key, now(), lambda: Signer(ready))
    promote(ready, store, VERSION)
    return store.root


def promote(world: World, store: LocalStore, version: VersionId) -> None:
    """A version promoted to production with an approval."""
    state = read_history(store).state
    promotion = propose.promote(state, version, "production", "it is good", now())
    approval = propose.approve(state, statement_digest(promotion), "reviewer", "looked at it", now())
    submit(store, world.sign("reviewer", approval).data)
    put(world, store, "operator", promotion)


def put(world: World, store: LocalStore, who: str, statement: Statement) -> None:
    submit(store, world.sign(who, statement).data)
    assert not publish(store, world.key, now(), lambda: Signer(world)).turned


def taken(decided: Path, out: Path, *more: object) -> dict[str, Any]:
    ran = muniment("decision", VERSION, "-r", decided, "-o", out, *more, "--json")
    assert ran.code == 0, ran
    return json.loads(ran.out)


def test_stock_programs_read_and_verify_it(ready: World, decided: Path, tmp_path: Path) -> None:
    told = taken(decided, tmp_path / "vsa.sigstore.json")
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(root_of(ready, tmp_path))))
    bundle = Bundle.from_json((tmp_path / "vsa.sigstore.json").read_bytes())
    kind, payload = verifier.verify_dsse(bundle, Identity(identity=told["signer"], issuer=told["issuer"]))
    assert kind == "application/vnd.in-toto+json"
    value = json.loads(payload)
    read = Independent.copy_from_pb(ParseDict(value, statement_pb2.Statement()))
    read.validate()
    assert read.pb.predicate_type == "https://slsa.dev/verification_summary/v1" == told["predicateType"]
    assert read.pb.subject[0].digest["sha256"] == model().digest.hex
    levels = value["predicate"]["verifiedLevels"]  # which that library takes for one text; SLSA says a list
    assert levels == ["SLSA_BUILD_LEVEL_UNEVALUATED", "MUNIMENT_PROMOTE/production"]
    known = {**value["predicate"], "verifiedLevels": levels[1]}
    summary = ParseDict(known, vsa_pb2.VerificationSummary(), ignore_unknown_fields=True)
    assert summary.verification_result == "PASSED"
    assert summary.resource_uri == "https://test.sandbox.muniment.dev/aiops/aiops/cpu@1.0.0" == told["resourceUri"]
    assert summary.policy.uri.endswith("/policy.json")
    assert len(summary.input_attestations) == 2
    check_schema(value["predicate"], "standard/verification-summary-v1", "The summary")


def root_of(world: World, folder: Path) -> Path:
    (folder / "trusted_root.json").write_bytes(world.sandbox.trusted_root())
    return folder / "trusted_root.json"


def test_the_command_that_checks_it_is_told(ready: World, decided: Path, tmp_path: Path) -> None:
    ran = muniment("decision", VERSION, "-r", decided, "-o", tmp_path / "a b.json")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "aiops/cpu@1.0.0 passed the gate promote, production (entry 12)"
    assert lines[1].startswith("  vsa in entry 14, signed by operator@sandbox.muniment.dev (https://")
    assert f"wrote {tmp_path}/a b.json" in lines
    asked = f"cosign verify-blob-attestation --bundle '{tmp_path}/a b.json' --trusted-root trusted_root.json"
    assert lines[-1].startswith(f"check it: {asked} --use-signed-timestamps --type https://slsa.dev/")
    assert lines[-1].endswith(f"--digest {model().digest.hex} --digestAlg sha256")


def test_another_gate_and_every_finding(decided: Path, tmp_path: Path) -> None:
    told = taken(decided, tmp_path / "d.json", "--gate", "release", "--kind", "policy-decision")
    assert (told["gate"], told["entry"], "environment" in told) == ("release", 6, False)
    assert [(f["rule"], f["status"]) for f in told["findings"]] == [("evidence-required", "pass")]
    envelope = json.loads((tmp_path / "d.json").read_bytes())["dsseEnvelope"]
    payload = json.loads(base64.b64decode(envelope["payload"]))
    check_schema(payload["predicate"], "policy-decision-v1", "The decision")
    assert payload["predicateType"] == "https://muniment.dev/policy-decision/v1"
    ran = muniment("decision", VERSION, "-r", decided, "--gate", "release", "--kind", "policy-decision")
    assert "  pass  evidence-required: The release stands on signature." in ran.out.splitlines()
    assert "wrote" not in ran.out


def test_what_is_not_there(decided: Path, told: World, tmp_path: Path) -> None:
    at = ["decision", VERSION, "-r", decided]
    plain(muniment(*at, "--env", "staging"), 3, "never passed the gate promote, staging")
    plain(muniment(*at, "--env", "moon"), 2, "environment 'moon' is not configured")
    plain(muniment(*at, "--gate", "rollback"), 2, "No decisions are signed at the gate 'rollback'")
    plain(muniment(*at, "--kind", "svr"), 2, "'svr' is no kind of decision")
    plain(muniment("decision", "aiops/cpu@9.0.0", "-r", decided), 3, "Nothing in the registry is")
    ran = muniment("decision", "aiops/cpu@1.0.0", "-r", told.store.root, "--gate", "release")
    plain(ran, 3, "No vsa on entry")
    assert not list(tmp_path.iterdir())


def test_a_version_that_left_is_told(ready: World, decided: Path, tmp_path: Path) -> None:
    shutil.copytree(decided, tmp_path / "r")
    store, newer = LocalStore(tmp_path / "r"), parse_version_id("aiops/cpu@2.0.0")
    state = read_history(store).state
    put(ready, store, "trainer", propose.release(state, newer, (model(),), evidence_about(state, (model(),)), now()))
    promote(ready, store, newer)
    ran = muniment("decision", VERSION, "-r", store.root)
    assert (ran.code, ran.err) == (0, "note: aiops/cpu@1.0.0 left production since.\n")


def test_show_and_history_name_them(decided: Path) -> None:
    shown = json.loads(muniment("show", VERSION, "-r", decided, "--json").out)
    assert [(g["gate"], g["entry"], [d["entry"] for d in g["decisions"]]) for g in shown["gates"]] == [
        ("release", 6, [8, 9]),
        ("promote", 12, [14, 15]),
    ]
    assert shown["gates"][1]["findings"][0]["rule"] == "approvals-required"
    lines = muniment("show", VERSION, "-r", decided).out.splitlines()
    said = "approvals-required pass; vsa in entry 14, policy-decision in entry 15"
    allowed = "signed by operator@sandbox.muniment.dev, approved by reviewer@sandbox.muniment.dev"
    assert f"  promote production (entry 12): {said}; {allowed}" in lines
    evidence = [line.split(" ", 3)[3] for line in lines if line.startswith("  sha256:")]
    assert [kind.split(" by ")[0] for kind in evidence] == ["signature"]
    listed = json.loads(muniment("history", VERSION, "-r", decided, "--json").out)
    kinds = ["release", "vsa", "policy-decision", "approve", "promote", "vsa", "policy-decision"]
    assert [row["kind"] for row in listed] == kinds
