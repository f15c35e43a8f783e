"""Timestamps taken apart: what may vary in a known frame is held to its one form, everything else makes a new frame."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from muniment.core.errors import Malformed
from muniment.signing import der
from muniment.signing.sandbox.tsa import TimestampRequest, request_for, timestamp
from muniment.signing.token import read_token
from tests.signing.forge import SIGNED, Forge

SIGNATURE = b"a signature"
Tree = tuple[int, Any]
# Where the parts stand in the tree of a response: TimeStampResp, ContentInfo, SignedData, SignerInfo, its attributes.
STATUS, SIGNED_DATA = (0, 0), (1, 1, 0)
SIGNERS = (*SIGNED_DATA, 4)
SIGNER = (*SIGNERS, 0)
ATTRIBUTES = (*SIGNER, 3)


def tree(data: bytes) -> Tree:
    (element,) = der.decode_all(data)
    return grown(element)


def grown(element: der.Element) -> Tree:
    tag, content = element
    return (tag, [grown(inner) for inner in der.decode_all(content)]) if tag & 0x20 else (tag, content)


def written(node: Tree) -> bytes:
    tag, content = node
    return der.encode(tag, *map(written, content)) if isinstance(content, list) else der.encode(tag, content)


def edited(data: bytes, path: tuple[int, ...], change: Callable[[Any], Any]) -> bytes:
    """The DER with the content of the element at a path changed."""

    def walk(node: Tree, rest: tuple[int, ...]) -> Tree:
        tag, content = node
        if not rest:
            return tag, change(content)
        return tag, [walk(inner, rest[1:]) if at == rest[0] else inner for at, inner in enumerate(content)]

    return written(walk(tree(data), path))


def with_info(data: bytes, change: Callable[[list[Tree]], list[Tree]]) -> bytes:
    """The response with its TSTInfo changed, and the digest that is signed of it."""
    info = written((der.SEQUENCE, change(tree(_info(data))[1])))
    digest = hashlib.sha256(info).digest()
    data = edited(data, (*SIGNED_DATA, 2, 1, 0), lambda _: info)
    return edited(data, (*ATTRIBUTES, 1, 1, 0), lambda _: digest)


def _info(data: bytes) -> bytes:
    node: Any = tree(data)
    for at in (*SIGNED_DATA, 2, 1, 0):
        node = node[1][at]
    return node[1]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def response(forge: Forge) -> bytes:
    return forge.token(SIGNATURE, SIGNED)


def test_the_parts_of_a_timestamp(forge: Forge, response: bytes):
    token = read_token(response)
    assert (token.imprint_hash, token.imprint) == ("sha256", hashlib.sha256(SIGNATURE).digest())
    assert (token.time, token.signed_hash) == (SIGNED, "sha256")
    assert written(tree(response)) == response


def test_frames_are_equal_whatever_the_request_and_the_time(forge: Forge):
    frames = set()
    for nonce in (0, 127, 128, 2**63, 2**64 - 1):
        for later in (timedelta(), timedelta(seconds=1, milliseconds=250), timedelta(days=700)):
            request = replace(request_for(b"%d" % nonce), nonce=nonce)
            frames.add(read_token(timestamp(request, forge.keys.tsa_key, forge.keys.tsa, SIGNED + later)).frame)
    assert len(frames) == 1
    without = TimestampRequest(request_for(b"x").imprint, None, certificates=False)
    bare = read_token(timestamp(without, forge.keys.tsa_key, forge.keys.tsa, SIGNED)).frame
    assert bare not in frames


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ((*STATUS,), lambda _: b"\x01"),
        ((0,), lambda items: [*items, (der.SEQUENCE, [(der.UTF8_STRING, b"granted")])]),
        ((*SIGNED_DATA, 0), lambda _: b"\x01"),
        ((*SIGNER, 0), lambda _: b"\x03"),
        ((*SIGNER, 1, 1), lambda _: b"\x07"),
        ((*SIGNER, 4, 0), lambda oid: oid[:-1] + b"\x03"),
        (ATTRIBUTES, lambda items: items[::-1]),
        (ATTRIBUTES, lambda items: items[:2]),
        ((*ATTRIBUTES, 2, 1, 0, 0, 0, 0), lambda digest: bytes(len(digest))),
        (SIGNED_DATA, lambda items: [*items[:3], items[4]]),
    ],
    ids=["status", "status text", "version", "signer version", "serial", "algorithm", "order", "fewer", "ess", "certs"],
)
def test_whatever_else_differs_is_another_frame(response: bytes, path: tuple[int, ...], change: Any):
    other = edited(response, path, change)
    assert other != response
    assert read_token(other).frame != read_token(response).frame


def _imprint(algorithm: Tree, digest: Tree) -> Tree:
    return der.SEQUENCE, [algorithm, digest]


INFO: dict[str, Callable[[list[Tree]], list[Tree]]] = {
    "serial number with a leading zero": lambda i: [*i[:3], (der.INTEGER, b"\x00\x01"), *i[4:]],
    "serial number below zero": lambda i: [*i[:3], (der.INTEGER, b"\xff\x01"), *i[4:]],
    "serial number of nothing": lambda i: [*i[:3], (der.INTEGER, b""), *i[4:]],
    "serial number of 21 bytes": lambda i: [*i[:3], (der.INTEGER, b"\x01" * 21), *i[4:]],
    "serial number that is none": lambda i: [*i[:3], (der.OCTET_STRING, b"\x01"), *i[4:]],
    "nonce with a leading zero": lambda i: [*i, (der.INTEGER, b"\x00\x01")],
    "time that is none": lambda i: [*i[:4], (der.TIME, b"20261301000000Z"), *i[5:]],
    "imprint by an unknown hash": lambda i: [
        *i[:2],
        (der.SEQUENCE, [(der.SEQUENCE, [(der.OID, b"\x01")]), i[2][1][1]]),
    ],
    "imprint that is none": lambda i: [*i[:2], (der.SEQUENCE, [i[2][1][0], (der.UTF8_STRING, b"x" * 32)]), *i[3:]],
}


@pytest.mark.parametrize("case", INFO)
def test_what_may_vary_has_one_form(response: bytes, case: str):
    assert read_token(with_info(response, lambda info: info)) == read_token(response)
    with pytest.raises(Malformed):
        read_token(with_info(response, INFO[case]))


def _signing_time(text: bytes, tag: int = 0x17) -> Tree:
    (oid,) = der.decode_all(der.encode_oid("1.2.840.113549.1.9.5"))
    return der.SEQUENCE, [oid, (der.SET, [(tag, text)])]


OTHER_FORMS: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "digest of another TSTInfo": ((*ATTRIBUTES, 1, 1, 0), lambda d: bytes([d[0] ^ 1]) + d[1:]),
    "no digest": (ATTRIBUTES, lambda items: [items[0], items[2]]),
    "two digests": (ATTRIBUTES, lambda items: [*items, items[1]]),
    "two values of the digest": ((*ATTRIBUTES, 1, 1), lambda items: items * 2),
    "signing time of another form": (ATTRIBUTES, lambda items: [*items, _signing_time(b"26010100000Z")]),
    "signing time of another tag": (ATTRIBUTES, lambda items: [*items, _signing_time(b"260101000000Z", der.TIME)]),
    "unsigned attributes": (SIGNER, lambda items: [*items, (der.explicit(1), [])]),
    "two signers": (SIGNERS, lambda items: items * 2),
    "no signer": (SIGNERS, lambda items: []),
    "signature of another form": ((*SIGNER, 5), None),  # type: ignore[dict-item]
    "no token": ((), lambda items: items[:1]),
}


@pytest.mark.parametrize("case", OTHER_FORMS)
def test_other_forms_are_not_read(response: bytes, case: str):
    path, change = OTHER_FORMS[case]
    if change is None:
        data = edited(response, path[:-1], lambda items: [*items[:-1], (der.UTF8_STRING, items[-1][1])])
    else:
        data = edited(response, path, change)
    with pytest.raises(Malformed):
        read_token(data)


def test_a_signing_time_may_vary(response: bytes):
    def at(text: bytes) -> bytes:
        return edited(response, ATTRIBUTES, lambda items: [*items, _signing_time(text)])

    assert read_token(at(b"260101000000Z")).frame == read_token(at(b"260101000001Z")).frame
    assert read_token(at(b"260101000000Z")).frame != read_token(response).frame


@pytest.mark.parametrize("cut", [0, 1, 2, 40, 500, -1])
def test_what_is_cut_short_is_not_read(response: bytes, cut: int):
    with pytest.raises(Malformed):
        read_token(response[:cut])
    with pytest.raises(Malformed):
        read_token(response + b"\x00")
