import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.digest import Digest
from muniment.core.errors import Malformed
from muniment.core.name import InEnvironment, Latest, Name, VersionId, parse_name, parse_selector, parse_version_id

SEGMENTS = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9_-])?", fullmatch=True)
VERSIONS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._+-]{0,62}[A-Za-z0-9_+-])?", fullmatch=True).filter(
    lambda text: text != "latest"
)
MODEL = Name("aiops", "cpu-anomaly")


@given(SEGMENTS, SEGMENTS, VERSIONS)
def test_a_version_reads_back(namespace, name, version):
    ident = VersionId(Name(namespace, name), version)
    assert parse_version_id(str(ident)) == ident
    assert parse_selector(str(ident)) == ident
    assert parse_name(f"{namespace}/{name}") == ident.name


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("aiops/cpu-anomaly@1.2.0", VersionId(MODEL, "1.2.0")),
        ("aiops/cpu-anomaly@2026-01+rc.1", VersionId(MODEL, "2026-01+rc.1")),
        ("aiops/cpu-anomaly@latest", Latest(MODEL)),
        ("aiops/cpu-anomaly#production", InEnvironment(MODEL, "production")),
        ("sha256:" + "0" * 64, Digest("0" * 64)),
    ],
)
def test_selectors(text, means):
    assert parse_selector(text) == means


@pytest.mark.parametrize(
    "text",
    [
        "cpu-anomaly",
        "aiops/cpu-anomaly",
        "aiops/cpu-anomaly@",
        "aiops/cpu-anomaly#",
        "aiops/cpu-anomaly#Production",
        "aiops/cpu-anomaly@1.0@2.0",
        "aiops/cpu/anomaly@1.0",
        "Aiops/cpu@1.0",
        "aiops/cpu@1.0.",
        "aiops./cpu@1.0",
        "../cpu@1.0",
        "aiops/..@1.0",
        "aiops/.hidden@1.0",
        "aiops/cpu@../../etc",
        "aiops/cpu@1 0",
        "aiops/cpu@1.0\n",
        "aiops/cpu\n@1.0",
        "aiops/cpú@1.0",
        f"aiops/{'a' * 65}@1.0",
        f"aiops/a@{'1' * 65}",
        "sha256:00",
        "",
        "@latest",
        "/@1",
    ],
)
def test_no_selector(text):
    with pytest.raises(Malformed):
        parse_selector(text)


def test_a_name_without_a_slash_is_called_so():
    with pytest.raises(Malformed, match="'aiops' is not a name"):
        parse_name("aiops")


@pytest.mark.parametrize("version", ["latest", "", ".1", "-1", "1/2", "1.", "１"])
def test_no_version(version):
    with pytest.raises(Malformed):
        VersionId(MODEL, version)


@given(st.text(string.printable, max_size=20))
def test_a_name_is_safe_as_a_path_and_in_a_page(text):
    try:
        name = Name("a", text).name
    except Malformed:
        return
    assert not set(name) & set("/\\<>&\"' \n\t%?#@:*|")
    assert name not in (".", "..")
