"""Secrets in records are found by their form, named by place and never repeated; digests are none."""

from __future__ import annotations

import random
import re
import string
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.digest import digest_of
from muniment.policy.finding import Finding, Status
from muniment.policy.rules.secrets_in_metadata import PATTERNS
from tests.policy.make import evidence, facts, judge

# Joined here, so that this file holds no token that a scanner of repositories would report.
TOKENS = {
    "aws-key": "AKIA" + "IOSFODNN7EXAMPLE"[:13] + "ABC",
    "azure-key": "AccountKey=" + "a" * 86 + "==",
    "github-token": "ghp_" + "a1B2" * 9,
    "gitlab-token": "glpat-" + "abcdefghij0123456789",
    "google-key": "AIza" + "a1B2_" * 7,
    "huggingface-token": "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH",
    "jwt": "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0" + "." + "a" * 30,
    "npm-token": "npm_" + "a1B2" * 9,
    "openai-key": "sk-" + "proj-" + "a1B2" * 10,
    "password-in-url": "postgres://user:" + "hunter2@db.example.org/x",
    "private-key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "pypi-token": "pypi-" + "AgEI" + "a" * 60,
    "slack-token": "xoxb-" + "1234567890-1234567890",
    "stripe-key": "sk_live_" + "a1B2" * 6,
}


def ask(predicate: dict[str, Any], **params: Any) -> Finding:
    return judge({"rule": "secrets-in-metadata", "with": params}, facts("release", evidence("provenance", predicate)))


def test_every_pattern_has_its_example() -> None:
    assert list(TOKENS) == list(PATTERNS)


@pytest.mark.parametrize("name", TOKENS)
def test_a_secret_is_found_wherever_it_stands(name: str) -> None:
    token = TOKENS[name]
    for predicate, path in (
        ({"a": {"b": ["x", f"run --token={token} now"]}}, "/a/b/1"),
        ({"environment": token}, "/environment"),
        ({"deep": {token: 1}}, "/deep (a key)"),
    ):
        found = ask(predicate)
        assert (found.status, found.reason) == (Status.FAIL, f"{name} in provenance at {path}.")
        assert token not in found.reason + found.fix
        assert ask(predicate, **{"except": [name]}).status is Status.PASS


def test_a_secret_key_is_not_shown_in_a_path() -> None:
    token = TOKENS["github-token"]
    found = ask({token: {token: token}})
    assert token not in found.reason


@pytest.mark.parametrize(
    "text",
    [
        str(digest_of(b"x")),
        "sha512-" + "Zm9v" * 22 + "==",
        "git+https://github.com/acme/fraud@refs/heads/main",
        "https://user@example.org/x",
        "postgres://user:${PASSWORD}@db/x",
        "postgres://user:***@db/x",
        "pkg:pypi/scikit-learn@1.5.0?vcs_url=https://example.org/a:b",
        "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "AKIA is the prefix of a key",
        "task-" + "a" * 60,
        "mask-" + "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_what_is_no_secret(text: str) -> None:
    assert ask({"a": text}).status is Status.PASS


@given(st.binary(max_size=64))
def test_digests_are_no_secrets(data: bytes) -> None:
    digest = digest_of(data)
    assert ask({"a": [str(digest), digest.hex.upper(), f"{digest.hex}:{digest.hex}"]}).status is Status.PASS


def test_random_identifiers_are_no_secrets() -> None:
    source = random.Random(7)  # noqa: S311 - names, not keys
    letters = string.ascii_letters + string.digits + "+/=_-"
    texts = ["".join(source.choices(letters, k=source.randint(1, 100))) for _ in range(3000)]
    assert ask({"names": texts}).status is Status.PASS


def test_it_is_quick_on_hostile_text() -> None:
    """Patterns are linear: what begins like a token over and over takes no longer than other text."""
    hostile = ["eyJ" + "a" * 100_000, "a://" + "b:" * 50_000, "sk-" * 30_000, "ghp_" * 30_000, "-----BEGIN " * 10_000]
    began = time.perf_counter()
    ask({"a": hostile})
    assert time.perf_counter() - began < 5


def test_no_pattern_repeats_a_repetition() -> None:
    assert [n for n, p in PATTERNS.items() if re.search(r"[+*}]\)[+*{]", p) and n != "private-key"] == []


def test_deep_records_are_searched() -> None:
    value: Any = TOKENS["npm-token"]
    for _ in range(60):
        value = [value]
    assert ask({"a": value}).status is Status.FAIL


def test_a_key_that_is_no_plain_name_is_not_shown_in_a_path() -> None:
    found = ask({"a b": {"<b>": TOKENS["npm-token"]}, "x" * 50: 1})
    assert found.reason == "npm-token in provenance at /…/…."


def test_a_short_secret_that_is_a_key_is_not_shown_either() -> None:
    found = ask({TOKENS["aws-key"]: {"x": TOKENS["npm-token"]}})
    assert found.reason == "aws-key in provenance at / (a key), npm-token in provenance at /…/x."
