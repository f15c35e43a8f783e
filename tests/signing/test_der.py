"""DER: what is written is read again, and agrees with the reference library."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.errors import Malformed
from muniment.signing import der
from muniment.signing.identity import ARC
from muniment.signing.strict import StrictVerifier
from tests.signing.forge import Forge


@given(
    st.sampled_from([der.OCTET_STRING, der.UTF8_STRING, der.SEQUENCE]),
    st.sampled_from([0, 1, 127, 128, 255, 256, 70_000]),
)
def test_an_element_is_read_as_written(tag: int, size: int):
    data = bytes(size)
    assert der.decode(der.encode(tag, data) + b"rest") == (tag, data, b"rest")


@given(st.integers(0, 2**70))
def test_an_integer_is_never_negative(value: int):
    tag, content, rest = der.decode(der.encode_integer(value))
    assert (tag, int.from_bytes(content, "big", signed=True), rest) == (der.INTEGER, value, b"")


@pytest.mark.parametrize("oid", ["1.2.840.113549.1.9.16.1.4", "2.5.29.17", "1.3.6.1.4.1.57264.1.24", "2.999.1"])
def test_an_oid_is_the_reference_librarys(oid: str):
    name = x509.Name([x509.NameAttribute(x509.ObjectIdentifier(oid), "x")])
    assert der.encode_oid(oid) in name.public_bytes()


@pytest.mark.parametrize(
    ("microsecond", "text"), [(0, b"20260102030405Z"), (500_000, b"20260102030405.5Z"), (1, b"20260102030405.000001Z")]
)
def test_a_time_has_no_trailing_zeros(microsecond: int, text: bytes):
    assert der.decode(der.encode_time(datetime(2026, 1, 2, 3, 4, 5, microsecond, UTC)))[1] == text


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x05abc", b"\x30\x81", b"\x30\x82\x01\x00x"])
def test_what_ends_too_early_is_malformed(data: bytes):
    with pytest.raises(Malformed):
        der.decode(data)


@pytest.mark.parametrize(
    "data", [b"\x04\x81\x01a", b"\x04\x82\x00\x80" + bytes(128), b"\x30\x80\x00\x00", b"\x1f\x01a", b"\xbf\x81\x01a"]
)
def test_other_encodings_than_the_one_are_malformed(data: bytes):
    for read in (der.decode, der.decode_all):
        with pytest.raises(Malformed):
            read(data)


@given(st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)))
def test_a_time_is_read_as_written(moment: datetime):
    (element,) = der.decode_all(der.encode_time(moment))
    assert der.open_time(element) == moment


@pytest.mark.parametrize(
    "text",
    [b"20260102030405", b"20260102030405.0Z", b"20260102030405.10Z", b"20260230030405Z", b"20260102030460Z", b"x"],
)
def test_other_times_are_malformed(text: bytes):
    with pytest.raises(Malformed):
        der.open_time((der.TIME, text))
    with pytest.raises(Malformed):
        der.open_time((der.OCTET_STRING, b"20260102030405Z"))


@pytest.mark.parametrize("size", [1, 127, 128, 255, 256, 1000])
def test_claims_of_every_length_are_read(forge: Forge, size: int):
    claim = der.encode(der.UTF8_STRING, b"x" * size)
    bundle = forge.bundle(extensions=lambda e: e | {f"{ARC}.23": claim})
    identity = StrictVerifier(forge.root_bytes()).verify(bundle).identity
    assert identity.claims == (("deploymentEnvironment", "x" * size),)
