"""Addresses: taken apart alike by every interpreter, or not at all."""

import pytest

from muniment.core.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("https://rekor.example", ("https", "rekor.example", "rekor.example", "")),
        ("HTTPS://Host.Example:8080/a/b?c=/d#e", ("https", "host.example", "Host.Example:8080", "/a/b")),
        ("//host.example/a", ("", "host.example", "host.example", "/a")),
        ("http://[::1]:80/x", ("http", "::1", "[::1]:80", "/x")),
    ],
)
def test_parts(text, parts):
    assert parse_address(text) == Address(*parts)


@pytest.mark.parametrize(
    "text",
    [
        "host.example",
        "https:host.example",
        "https://",
        "https://user@host.example",
        "https://a[::1]b/",  # some releases of Python take ::1 for its host, others refuse it
        "https://[::1",
        " https://host.example",
        "https://host.example\n",
        "https://h\u00f6st.example",
        "https://host.example:",
        "https:///path",
    ],
)
def test_anything_else_has_no_parts(text):
    assert parse_address(text) is None
