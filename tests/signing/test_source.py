"""Whom a configuration may name: each way, and each way to write it wrongly."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from muniment.core.canonical import format_json
from muniment.core.errors import Malformed
from muniment.signing.sandbox import GITHUB
from muniment.signing.source import Authorities, Believed, Instance, Key, parse_source
from tests.signing.forge import Forge
from tests.signing.test_foreign import (
    KEY,
    LEAF,
    MIDDLE,
    OF_KEY,
    OTHER,
    REVIEWER,
    ROOT,
    TRAINER,
    UNDER_ROOT,
    instance,
    pem,
    spki,
)


def test_sources_are_read(forge: Forge):
    trainer = Believed(GITHUB, TRAINER["subject"], tuple(sorted(TRAINER["claims"].items())))
    assert parse_source({"sigstore": forge.root, "identities": [TRAINER]}) == Instance(forge.root_bytes(), (trainer,))
    assert Key(spki(KEY)) == OF_KEY
    assert Authorities((ROOT.der,), None) == UNDER_ROOT
    pinned = parse_source({"certificate": {"authorities": [ROOT.pem, MIDDLE.pem], "leaf": f"sha256:{'a' * 64}"}})
    assert isinstance(pinned, Authorities)
    assert str(pinned.leaf) == f"sha256:{'a' * 64}"
    assert len(pinned.certificates) == 2


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WRONG: dict[str, tuple[Callable[[Forge], Any], str]] = {
    "nothing": (lambda f: {}, "source names no way"),
    "a list": (lambda f: [], "source names no way"),
    "two ways": (lambda f: {"key": pem(KEY), "certificate": {}}, "source names no way to verify, or several"),
    "more": (lambda f: {"key": pem(KEY), "more": 1}, "source has an unknown field 'more'"),
    "no identities": (lambda f: {"sigstore": f.root}, r"source\.identities is missing"),
    "empty identities": (lambda f: {"sigstore": f.root, "identities": []}, r"source\.identities is no list"),
    "identities of text": (lambda f: {"sigstore": f.root, "identities": "x"}, r"source\.identities is no list"),
    "root of text": (lambda f: {"sigstore": "x", "identities": [REVIEWER]}, r"source\.sigstore is no trusted root"),
    "damaged root": (lambda f: {"sigstore": f.root | {"tlogs": []}, "identities": [REVIEWER]}, r"source\.sigstore: "),
    "strange root": (lambda f: {"sigstore": f.root | {"more": 1}, "identities": [REVIEWER]}, "unknown field 'more'"),
    "identity of text": (lambda f: {"sigstore": f.root, "identities": ["x"]}, r"source\.identities\[0\] is no JSON"),
    "no subject": (
        lambda f: {"sigstore": f.root, "identities": [{"issuer": "x"}]},
        r"identities\[0\]\.subject is missing",
    ),
    "no issuer": (
        lambda f: {"sigstore": f.root, "identities": [REVIEWER | {"issuer": ""}]},
        r"identities\[0\]\.issuer is no text",
    ),
    "claims of text": (
        lambda f: {"sigstore": f.root, "identities": [REVIEWER | {"claims": "x"}]},
        r"identities\[0\]\.claims is no JSON object",
    ),
    "unknown claim": (
        lambda f: {"sigstore": f.root, "identities": [REVIEWER | {"claims": {"issuer": "x"}}]},
        r"identities\[0\]\.claims has an unknown claim 'issuer'",
    ),
    "claim of a number": (
        lambda f: {"sigstore": f.root, "identities": [REVIEWER | {"claims": {"buildTrigger": 1}}]},
        r"identities\[0\]\.claims\.buildTrigger is no text",
    ),
    "identity with more": (
        lambda f: {"sigstore": f.root, "identities": [REVIEWER | {"subjects": "*"}]},
        r"identities\[0\] has an unknown field",
    ),
    "key of a number": (lambda f: {"key": 1}, r"source\.key is no text"),
    "key of text": (lambda f: {"key": "x"}, r"source\.key is not one PEM block of a public key"),
    "two keys": (lambda f: {"key": pem(KEY) + pem(OTHER)}, r"source\.key is not one PEM block"),
    "key with words": (lambda f: {"key": "a key:\n" + pem(KEY)}, r"source\.key is not one PEM block"),
    "damaged key": (lambda f: {"key": pem(KEY).replace("M", "N")}, r"source\.key is no public key"),
    "RSA": (lambda f: {"key": pem(RSA)}, r"source\.key is a key of another kind"),
    "another curve": (
        lambda f: {"key": pem(ec.generate_private_key(ec.SECP256K1()))},
        r"source\.key is a key of another kind",
    ),
    "certificate as key": (lambda f: {"key": ROOT.pem}, r"source\.key is not one PEM block of a public key"),
    "certificate of text": (lambda f: {"certificate": ROOT.pem}, r"source\.certificate is no JSON object"),
    "no authorities": (lambda f: {"certificate": {}}, r"source\.certificate\.authorities is missing"),
    "empty authorities": (lambda f: {"certificate": {"authorities": []}}, r"authorities is no list"),
    "key as authority": (lambda f: {"certificate": {"authorities": [pem(KEY)]}}, r"authorities\[0\] is not one PEM"),
    "number as authority": (lambda f: {"certificate": {"authorities": [1]}}, r"authorities\[0\] is no certificate"),
    "damaged authority": (
        lambda f: {"certificate": {"authorities": [ROOT.pem.replace("MII", "MIJ", 1)]}},
        r"authorities\[0\] is no certificate",
    ),
    "leaf as authority": (
        lambda f: {"certificate": {"authorities": [ROOT.pem, LEAF.pem]}},
        r"authorities\[1\] is not the certificate of an authority",
    ),
    "authority twice": (lambda f: {"certificate": {"authorities": [ROOT.pem] * 2}}, "names a certificate twice"),
    "leaf of a number": (
        lambda f: {"certificate": {"authorities": [ROOT.pem], "leaf": 1}},
        r"source\.certificate\.leaf is no text",
    ),
    "leaf by half a digest": (
        lambda f: {"certificate": {"authorities": [ROOT.pem], "leaf": "sha256:ab"}},
        "not a SHA-256 digest",
    ),
    "certificate with more": (
        lambda f: {"certificate": {"authorities": [ROOT.pem], "leafs": 1}},
        r"source\.certificate has an unknown field 'leafs'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_source_is_named(forge: Forge, case: str):
    make_value, message = WRONG[case]
    with pytest.raises(Malformed, match=message) as caught:
        parse_source(make_value(forge))
    assert caught.value.remedy


def test_the_place_of_a_source_is_named_as_the_caller_says():
    with pytest.raises(Malformed, match=r"sources\.vendor\.key is no text"):
        parse_source({"key": 1}, "sources.vendor")


def test_a_root_is_canonical_whatever_its_spelling(forge: Forge):
    spelled = json.loads(json.dumps(forge.root).replace('"baseUrl"', '"base_url"'))
    assert parse_source({"sigstore": spelled, "identities": [REVIEWER]}) == instance(forge)
    assert format_json(forge.root) == forge.root_bytes()
