"""Certificates taken apart: what varies under a known frame is checked by itself, everything else makes a new frame."""

from __future__ import annotations

import copy
import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from muniment.core.errors import Malformed
from muniment.signing import der
from muniment.signing.bundle import Bundle
from muniment.signing.issued import Issued, logged, read_issued
from muniment.signing.parts import parse_parts
from muniment.signing.sandbox import person, workflow
from muniment.signing.sandbox.keys import Keys
from muniment.signing.strict import StrictVerifier
from tests.signing.forge import SIGNED, Forge, Parts, b64, spki
from tests.signing.forge import der as certificate_der
from tests.signing.test_lean import by_stock, lean
from tests.signing.test_token import Tree, edited

# Where the parts stand in a certificate: TBSCertificate, its fields, the list of its extensions.
VERSION, SERIAL, ALGORITHM, SIGNED_BY = (0, 0, 0), (0, 1), (0, 2, 0), (1, 0)
NOT_AFTER, KIND, EXTENSIONS = (0, 4, 1), (0, 6, 0, 1), (0, 7, 0)
SCT_LIST = x509.PrecertificateSignedCertificateTimestamps.oid
Change = Callable[[Any], Any]


def raw(forge: Forge, **parts: Any) -> bytes:
    return parse_parts(forge.bundle(**parts).data).certificate


def issued(data: bytes) -> Issued:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns of serial numbers that must not be
        return read_issued(x509.load_der_x509_certificate(data), data)


def without(kind: type[x509.ExtensionType]) -> Change:
    return lambda extensions: [pair for pair in extensions if not isinstance(pair[0], kind)]


def critical(kind: type[x509.ExtensionType], flag: bool) -> Change:
    return lambda extensions: [(e, flag if isinstance(e, kind) else c) for e, c in extensions]


def with_another(extension: x509.ExtensionType) -> Change:
    return lambda extensions: [*extensions, (extension, False)]


# --- frames --------------------------------------------------------------------------------------------------------

ALIKE: dict[str, dict[str, Any]] = {
    "another person": {"identity": person("somebody-else")},
    "another time": {"certified": SIGNED + timedelta(seconds=61)},
    "another SCT": {"sct": {"at": SIGNED - timedelta(seconds=1)}},
}
OTHER: dict[str, dict[str, Any]] = {
    "a workflow": {"identity": workflow("trainer")},
    "a subject of another kind": {"subjects": [x509.UniformResourceIdentifier("https://example.org/a")]},
    "a second subject": {"subjects": [x509.RFC822Name("a@example.org"), x509.RFC822Name("b@example.org")]},
    "a subject that is not critical": {"profile": critical(x509.SubjectAlternativeName, False)},
    "a key on another curve": {"curve": ec.SECP384R1()},
    "no key identifier": {"profile": without(x509.SubjectKeyIdentifier)},
    "another issuer's key identifier": {
        "profile": lambda extensions: [
            (x509.AuthorityKeyIdentifier(bytes(20), None, None) if isinstance(e, x509.AuthorityKeyIdentifier) else e, c)
            for e, c in extensions
        ]
    },
    "a key identifier that is critical": {"profile": critical(x509.SubjectKeyIdentifier, True)},
    "times in the other form": {"certified": datetime(2051, 1, 1, tzinfo=UTC)},
    "an extension of somebody else": {
        "profile": with_another(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"x"))
    },
    "an authority": {"profile": with_another(x509.BasicConstraints(ca=True, path_length=None))},
}


@pytest.mark.parametrize("case", ALIKE)
def test_what_varies_is_not_in_the_frame(forge: Forge, case: str):
    one, other = issued(raw(forge)), issued(raw(forge, **ALIKE[case]))
    assert one.frame == other.frame
    assert one.precertificate != other.precertificate


@pytest.mark.parametrize("case", OTHER)
def test_all_else_makes_another_frame(forge: Forge, case: str):
    assert issued(raw(forge)).frame != issued(raw(forge, **OTHER[case])).frame


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (VERSION, lambda _: b"\x00"),
        (ALGORITHM, lambda oid: oid[:-1] + b"\x03"),
        (SIGNED_BY, lambda oid: oid[:-1] + b"\x03"),
        (NOT_AFTER, lambda text: text[:-1] + b"Z"),
    ],
)
def test_parts_that_the_forge_cannot_change_are_in_the_frame(
    forge: Forge, path: tuple[int, ...], change: Callable[[Any], Any]
):
    data = raw(forge)
    try:
        other = issued(edited(data, path, change)).frame
    except (Malformed, ValueError):
        return
    assert (other == issued(data).frame) is (path == NOT_AFTER)


def _extensions(data: bytes, change: Callable[[list[Tree]], list[Tree]]) -> bytes:
    return edited(data, EXTENSIONS, change)


def _is_list(extension: Tree) -> bool:
    return der.encode(*extension[1][0]) == der.encode_oid(SCT_LIST.dotted_string)


@pytest.mark.parametrize("serial", [b"\x00", b"\xff", b"\x7f" + bytes(20)])
def test_a_serial_number_has_its_form(forge: Forge, serial: bytes):
    with pytest.raises((Malformed, ValueError)):
        issued(edited(raw(forge), SERIAL, lambda _: serial))
    assert issued(edited(raw(forge), SERIAL, lambda _: b"\x7f" + bytes(19))).frame == issued(raw(forge)).frame


def with_listed(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The certificate with its list of SCTs changed, whose length is written anew."""

    def walk(extension: Tree) -> Tree:
        oid, (tag, value) = extension[1]
        ((_, listed),) = der.decode_all(value)
        body = change(listed[2:])
        return extension[0], [oid, (tag, der.encode(der.OCTET_STRING, len(body).to_bytes(2, "big") + body))]

    return _extensions(data, lambda extensions: [walk(e) if _is_list(e) else e for e in extensions])


LISTS: dict[str, Callable[[bytes], bytes]] = {
    "two": lambda listed: listed * 2,
    "none": lambda listed: b"",
    "one over SHA-384": lambda listed: listed[:45] + b"\x05" + listed[46:],
}


@pytest.mark.parametrize("case", LISTS)
def test_one_sct_over_sha_256_is_wanted(forge: Forge, case: str):
    data = raw(forge)
    assert with_listed(data, lambda listed: listed) == data
    with pytest.raises(Malformed, match="form that is not known"):
        issued(with_listed(data, LISTS[case]))


def test_a_certificate_without_scts_is_not_known(forge: Forge):
    with pytest.raises(Malformed, match="form that is not known"):
        issued(_extensions(raw(forge), lambda extensions: [e for e in extensions if not _is_list(e)]))


def test_what_a_ct_log_signs_is_what_the_sandbox_s_signed(forge: Forge):
    at = datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)
    one, key = issued(raw(forge, sct={"at": at})), forge.keys.ct_key.public_key()
    assert one.stamped_at == at
    issuer = hashlib.sha256(spki(forge.keys.fulcio_key)).digest()
    key.verify(one.stamp.signature, logged(one, issuer), ec.ECDSA(one.signed_hash))


# --- certificates of a known frame ---------------------------------------------------------------------------------


def with_keys(forge: Forge, **keys: Any) -> Forge:
    other = copy.copy(forge)
    other.keys = replace(forge.keys, **keys)
    return other


def _own_issuer(keys: Keys) -> Change:
    """The authority key identifier of the authority that is named, whoever signs."""
    own = x509.AuthorityKeyIdentifier.from_issuer_public_key(keys.fulcio_key.public_key())
    return lambda extensions: [(own if isinstance(e, x509.AuthorityKeyIdentifier) else e, c) for e, c in extensions]


def _log(keys: Keys) -> Mapping[str, Any]:
    return {"log_id": hashlib.sha256(spki(keys.ct_key)).digest()}


def known(forge: Forge, root: bytes | None = None) -> StrictVerifier:
    """A verifier that saw a good certificate of the frame."""
    verifier = StrictVerifier(root or forge.root_bytes())
    assert verifier.verify_lean(forge.bundle()) is not None
    return verifier


def refused(verifier: StrictVerifier, bundle: Bundle) -> bool:
    return lean(verifier, bundle) is None and by_stock(verifier, bundle) is None


def test_an_authority_s_name_is_not_its_signature(forge: Forge):
    stranger = with_keys(forge, fulcio_key=ec.generate_private_key(ec.SECP256R1()))
    bundle = stranger.bundle(profile=_own_issuer(forge.keys))
    assert issued(parse_parts(bundle.data).certificate).frame == issued(raw(forge)).frame
    assert refused(known(forge), bundle)


class Unsigned(Forge):
    """Logs certificates that their authority did not sign."""

    def _holder(self, p: Parts) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key, certificate = super()._holder(p)
        data = edited(certificate_der(certificate), (2,), lambda bits: bits[:-1] + bytes([bits[-1] ^ 1]))
        return key, x509.load_der_x509_certificate(data)


def test_an_sct_is_not_the_authority_s_signature(forge: Forge):
    careless = Unsigned.__new__(Unsigned)
    careless.__dict__.update(forge.__dict__)
    assert refused(known(forge), careless.bundle())


def test_a_ct_log_s_id_is_not_its_signature(forge: Forge):
    stranger = with_keys(forge, ct_key=ec.generate_private_key(ec.SECP256R1()))
    assert refused(known(forge), stranger.bundle(sct=_log(forge.keys)))


def test_an_sct_of_a_log_that_is_not_known_is_none(forge: Forge):
    assert refused(known(forge), forge.bundle(sct={"log_id": bytes(32)}))


def test_an_sct_is_of_its_log_s_time(forge: Forge):
    def later(root: dict[str, Any]) -> None:
        root["ctlogs"][0]["publicKey"]["validFor"]["start"] = SIGNED.isoformat()

    verifier = known(forge, forge.root_bytes(later))
    assert refused(verifier, forge.bundle(sct={"at": SIGNED - timedelta(seconds=1)}))


def limited(forge: Forge, names: x509.NameConstraints) -> bytes:
    """The trusted root with an authority that lets its certificates have only some names."""
    own = forge.keys.fulcio
    builder = x509.CertificateBuilder().subject_name(own.subject).issuer_name(own.issuer).public_key(own.public_key())
    builder = builder.serial_number(own.serial_number).add_extension(names, critical=True)
    builder = builder.not_valid_before(own.not_valid_before_utc).not_valid_after(own.not_valid_after_utc)
    for extension in own.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    certificate = builder.sign(forge.keys.fulcio_key, SHA256())

    def limit(root: dict[str, Any]) -> None:
        root["certificateAuthorities"][0]["certChain"]["certificates"][0] = {
            "rawBytes": b64(certificate_der(certificate))
        }

    return forge.root_bytes(limit)


def test_nothing_is_known_of_names_below_an_authority_that_limits_them(forge: Forge):
    """A name is no part of a frame: what the stock verifier said of one says nothing of the next."""
    verifier = StrictVerifier(limited(forge, x509.NameConstraints([x509.RFC822Name("sandbox.example")], None)))
    good, bad = (forge.bundle(subjects=[x509.RFC822Name(f"a@{host}.example")]) for host in ("sandbox", "other"))
    assert by_stock(verifier, good) is not None
    assert by_stock(verifier, bad) is None
    assert lean(verifier, good) is None
    assert lean(verifier, bad) is None
