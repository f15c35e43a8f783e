"""Trusted roots: one digest for every spelling; which are of a sandbox."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from muniment.core.canonical import format_json, parse_json
from muniment.core.errors import Malformed
from muniment.signing.keyring import read_keyring
from muniment.signing.strict import StrictVerifier
from muniment.signing.trustroot import canonical_root, is_sandbox_root, root_of_config
from tests.signing.forge import Forge

SHIPPED = sorted(Path(str(files("sigstore") / "_store")).glob("*/trusted_root.json"))


def test_every_spelling_is_one_root(forge: Forge):
    root = forge.root_bytes()
    value = parse_json(root, "it")
    spelled = json.dumps(value, indent=2).replace('"baseUrl"', '"base_url"').replace('00Z"', '00.000Z"')
    assert canonical_root(spelled.encode()) == canonical_root(root) == root
    assert StrictVerifier(spelled.encode()).root == StrictVerifier(root).root


def test_times_are_compared_as_times(forge: Forge):
    def shifted(root: dict[str, Any]) -> None:
        root["tlogs"][0]["publicKey"]["validFor"] = {"start": "2026-03-01T12:00:00+01:00"}

    assert b"2026-03-01T11:00:00Z" in canonical_root(forge.root_bytes(shifted))


def test_a_sandbox_root_is_known_as_such(forge: Forge, sandbox):
    assert is_sandbox_root(forge.root_bytes())
    assert is_sandbox_root(sandbox.trusted_root())


@pytest.mark.parametrize("service", ["tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"])
def test_one_service_of_a_sandbox_is_enough(forge: Forge, service: str):
    def rename(root: dict[str, Any]) -> None:
        for kind in ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"):
            for one in root[kind] if kind != service else []:
                one |= {"baseUrl": "https://a.example"} if "baseUrl" in one else {"uri": "https://a.example"}

    assert is_sandbox_root(forge.root_bytes(rename))


@pytest.mark.parametrize("address", ["https://a[::1]b/", "https://x@rekor.sandbox.muniment.dev", " https://a.example"])
def test_an_address_that_interpreters_read_differently_is_none(forge: Forge, address: str):
    def rename(root: dict[str, Any]) -> None:
        root["tlogs"][0]["baseUrl"] = address

    with pytest.raises(Malformed, match="not a URL"):
        is_sandbox_root(forge.root_bytes(rename))


def test_a_name_that_only_looks_like_a_sandbox_is_none(forge: Forge):
    def rename(root: dict[str, Any]) -> None:
        for kind in ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"):
            for one in root[kind]:
                one |= {"baseUrl": "https://notsandbox.muniment.dev"} if "baseUrl" in one else {"uri": ""}

    assert not is_sandbox_root(forge.root_bytes(rename))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_the_public_roots_are_accepted(path: Path):
    """The roots of the public good and the staging instance, as the stock client ships them."""
    root = canonical_root(path.read_bytes())
    assert canonical_root(root) == root
    assert not is_sandbox_root(root)
    StrictVerifier(root)
    keys = read_keyring(root)
    assert len(keys.logs) >= 2
    assert any("rekor" in name for log in keys.logs for name in log.names)


def test_a_window_may_end_with_the_calendar(forge: Forge):
    def last(root: dict[str, Any]) -> None:
        root["timestampAuthorities"][0]["validFor"]["end"] = "9999-12-31T23:59:59.999999Z"

    assert StrictVerifier(forge.root_bytes(last)).verify_by_stock(forge.bundle())


def test_there_are_public_roots_to_test():
    assert len(SHIPPED) == 2


def test_the_root_inside_a_configuration(sandbox):
    assert root_of_config(sandbox.trust_config()) == sandbox.trusted_root()
    with pytest.raises(Malformed, match="not a Sigstore client trust configuration"):
        root_of_config(sandbox.trusted_root().decode())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(mediaType="application/vnd.dev.sigstore.trustedroot.v0.2+json"), "media type"),
        (lambda r: r.update(more=1), "unknown field"),
        (lambda r: r["tlogs"][0].update(baseUrl="not a url"), "not a URL"),
        (lambda r: r["tlogs"][0]["publicKey"].update(rawBytes="AAAA"), "damaged key"),
        (lambda r: r["tlogs"][0]["publicKey"].update(validFor={"start": "yesterday"}), "RFC 3339"),
        (lambda r: r["tlogs"][0]["publicKey"].update(validFor={"start": "2026-13-01T00:00:00Z"}), "RFC 3339"),
        (lambda r: r["ctlogs"][0]["publicKey"].update(keyDetails="ROT13"), "cannot be read"),
        (lambda r: r["certificateAuthorities"][0]["certChain"]["certificates"][0].update(rawBytes="AAAA"), "damaged"),
        (lambda r: r["timestampAuthorities"][0]["certChain"].update(certificates=[]), "without a certificate"),
        (lambda r: r["certificateAuthorities"][0].pop("validFor"), "validFor is missing"),
        (lambda r: r["tlogs"][0]["publicKey"].pop("validFor"), "validFor is missing"),
        (lambda r: r["ctlogs"][0]["publicKey"].update(validFor={}), "start is missing"),
    ],
)
def test_a_damaged_root_is_malformed(forge: Forge, change: Any, message: str):
    with pytest.raises(Malformed, match=message) as caught:
        StrictVerifier(forge.root_bytes(change))
    assert caught.value.remedy


@pytest.mark.parametrize("service", ["tlogs", "certificateAuthorities"])
def test_a_root_without_services_verifies_nothing(forge: Forge, service: str):
    with pytest.raises(Malformed, match="not whole"):
        StrictVerifier(forge.root_bytes(lambda root: root.update({service: []})))


def test_the_root_is_canonical_json(forge: Forge):
    root = canonical_root(forge.root_bytes())
    assert format_json(parse_json(root, "it")) == root
