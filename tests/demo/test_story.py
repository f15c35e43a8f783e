"""The whole demo, once: what happens in which order, what is refused, and what it leaves."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from muniment.core.name import parse_name
from muniment.evidence.artifact import measure
from muniment.registry.store.local import LocalStore
from muniment.verify.replay import verify_registry
from muniment.verify.trust import parse_trust
from tests.cli.run import Ran, muniment

MODEL = ["provenance", "link", "link", "bom", "signature", "evaluation"]
STORY = [
    ("administrator", ["configure"]),
    ("trainer", ["dataset"]),
    ("trainer", ["release"]),
    ("trainer", ["link"]),
    ("trainer", MODEL),
    ("trainer", ["release"]),
    ("operator", ["promote"]),
    ("reviewer", ["approve", "promote"]),
    ("trainer", MODEL),
    ("trainer", ["release"]),
    ("operator", []),
    ("reviewer", ["approve", "promote"]),
    ("operator", ["incident"]),
    ("operator", ["rollback"]),
    ("trainer", MODEL),
    ("trainer", ["release"]),
    ("operator", ["promote"]),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "demo"


@pytest.fixture(scope="module")
def ran(folder: Path) -> Ran:
    done = muniment("demo", folder, "--json")
    assert done.code == 0, done
    return done


def test_the_order_of_events(ran: Ran) -> None:
    told = json.loads(ran.out)["story"]
    assert [(t["who"], sorted(t["admitted"])) for t in told] == [(who, sorted(kinds)) for who, kinds in STORY]


def test_the_refusal_names_the_rule(ran: Ran) -> None:
    turned = [t["turnedAway"] for t in json.loads(ran.out)["story"] if t["turnedAway"]]
    assert turned == [["aiops/telemetry-anomaly@2.0.0 does not pass the gate promote: reviewed."]]


def test_altered_copies_were_caught(ran: Ran) -> None:
    pack, model = json.loads(ran.out)["caught"]
    assert "telemetry-anomaly@1.0.0" in model
    assert "no artifact of" in model
    assert pack


def test_what_it_leaves(ran: Ran, folder: Path) -> None:
    names = {p.name for p in folder.iterdir()}
    assert {"registry", "site", "trust.json", "keys", "pack", "audit"} <= names
    assert (folder / "site" / "index.html").is_file()
    assert (folder / "audit" / "index.html").is_file()
    assert sorted(p.name for p in (folder / "pack").iterdir()) == [
        "incident-risk-1.0.0.pack",
        "telemetry-anomaly-1.0.0.pack",
        "telemetry-anomaly-2.0.0.pack",
    ]


def test_keys_are_for_their_owner_alone(ran: Ran, folder: Path) -> None:
    for path in (folder / "keys").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert not mode & 0o077 or path.name == "identities.json", (path, oct(mode))


def test_what_stands_in_the_end(ran: Ran, folder: Path) -> None:
    trust = parse_trust((folder / "trust.json").read_bytes())
    state = verify_registry(LocalStore(folder / "registry"), trust).history.state
    detector, risk = parse_name("aiops/telemetry-anomaly"), parse_name("aiops/incident-risk")
    tenures = [t.version.version for t in state.stages[(detector, "production")]]
    assert tenures == ["1.0.0", "2.0.0", "1.0.0"]
    assert state.current(risk, "staging") is not None
    assert state.current(risk, "production") is None


def test_the_tampered_pack_is_refused_by_the_command(ran: Ran, folder: Path) -> None:
    pack = next((folder / "tampered").glob("*.pack"))
    refused = muniment("verify", pack, "--trust", folder / "trust.json")
    assert refused.code in (1, 3)
    assert "error: " in refused.err


def test_the_pack_and_its_model_verify(ran: Ran, folder: Path) -> None:
    model = folder / "work" / "models" / "telemetry-anomaly-1.0.0"
    done = muniment("verify", folder / "pack" / "telemetry-anomaly-1.0.0.pack", model, "--trust", folder / "trust.json")
    assert done.code == 0, done
    assert "in staging and in production" in done.out
    assert "cosigned by neighbour at" in done.out
    assert "asserted by the log; replayed by: neighbour" in done.out
    assert (
        measure(model).digest.hex
        in muniment("show", "aiops/telemetry-anomaly#production", "-r", folder / "registry").out
    )


def test_data_that_is_none_is_told_before_anything_is_made_or_replaced(ran: Ran, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert muniment("demo", tmp_path / "new", "--data", tmp_path / "data").code == 3
    assert not (tmp_path / "new").exists()
    assert muniment("demo", folder, "--force", "--data", tmp_path / "data").code == 3
    assert (folder / "registry" / "checkpoint").exists()


def test_it_refuses_a_folder_with_things_in_it(ran: Ran, folder: Path, tmp_path: Path) -> None:
    again = muniment("demo", folder)
    assert again.code == 2
    assert "not empty" in again.err
    (tmp_path / "letter").write_text("mine")
    assert muniment("demo", tmp_path, "--force").code == 2
    assert (tmp_path / "letter").read_text() == "mine"


def test_a_versions_history_names_who_approved(ran: Ran, folder: Path) -> None:
    done = muniment("history", "aiops/telemetry-anomaly@2.0.0", "-r", folder / "registry", "--json")
    assert [row["kind"] for row in json.loads(done.out)] == ["release", "approve", "promote", "rollback"]
