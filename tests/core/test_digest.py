import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.digest import Digest, digest_of, parse_digest
from muniment.core.errors import Malformed

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # FIPS 180-4: SHA-256 of no bytes


def test_the_digest_of_nothing():
    assert str(digest_of(b"")) == f"sha256:{EMPTY}"


@given(st.binary())
def test_a_digest_is_sha256_and_reads_back(data):
    digest = digest_of(data)
    assert digest.raw == hashlib.sha256(data).digest()
    assert parse_digest(str(digest)) == digest


@pytest.mark.parametrize(
    "text",
    [
        EMPTY,
        f"SHA256:{EMPTY}",
        f"sha256:{EMPTY.upper()}",
        f"sha256:{EMPTY[:-1]}",
        f"sha256:{EMPTY}0",
        f"sha256:{EMPTY}\n",
        f" sha256:{EMPTY}",
        f"sha256:sha256:{EMPTY}",
        "sha512:" + "0" * 128,
        "",
        None,
        7,
        b"sha256:" + EMPTY.encode(),
    ],
)
def test_nothing_else_is_a_digest(text):
    with pytest.raises(Malformed):
        parse_digest(text)


def test_an_absurd_text_is_not_repeated_at_length():
    with pytest.raises(Malformed) as caught:
        parse_digest("sha256:" + "z" * 10_000)
    assert len(str(caught.value)) < 300


def test_digests_have_an_order():
    assert sorted([Digest("f" * 64), Digest("0" * 64)]) == [Digest("0" * 64), Digest("f" * 64)]
