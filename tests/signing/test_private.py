"""The private parts of the sigstore package that muniment leans on: listed here, in one file, and still there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import sigstore._internal.sct
import sigstore._internal.timestamp
import sigstore._internal.trust
import sigstore.models
import sigstore.verify

import muniment.signing.stock
from muniment.core.canonical import parse_json
from muniment.signing.bundle import parse_bundle
from muniment.signing.stock import Stock
from muniment.signing.trustroot import canonical_root
from tests.signing.forge import SIGNED, Forge

STOCK = Path(muniment.signing.stock.__file__).resolve()
PACKAGE = STOCK.parents[1]
PRIVATE_IMPORTS = {
    "sigstore._internal.sct.verify_sct",
    "sigstore._internal.timestamp.TimestampSource",
    "sigstore._internal.timestamp.TimestampVerificationResult",
    "sigstore._internal.trust.CTKeyring",
    "sigstore._internal.trust.CertificateAuthority",
    "sigstore._internal.trust.KeyringPurpose",
    "sigstore._internal.trust.RekorKeyring",
}

MODULES = (sigstore._internal.sct, sigstore._internal.timestamp, sigstore._internal.trust)
PRIVATE_NAMES = {
    *("_establish_time", "_inner", "_times", "_trusted_root", "_verify_chain_at_time", "_verify_signed_timestamp"),
}


def _stock(forge: Forge) -> Stock:
    return Stock(parse_json(canonical_root(forge.root_bytes()), "root"))


def private_imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("sigstore", "rekor_types"):
            found |= {f"{node.module}.{alias.name}" for alias in node.names if "._" in f"{node.module}.{alias.name}"}
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.startswith("sigstore") and "._" in a.name}
    return found


def test_private_parts_are_used_in_one_file_only():
    for path in PACKAGE.rglob("*.py"):
        assert private_imports(path) == (PRIVATE_IMPORTS if path == STOCK else set()), path


def test_private_names_of_others_are_used_in_one_file_only():
    """An attribute that begins with `_` is taken only from `self`, but for the listed ones in stock.py."""
    for path in (PACKAGE / "signing").rglob("*.py"):
        used = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Attribute)
            and node.attr.startswith("_")
            and not node.attr.startswith("__")
            and ast.unparse(node.value) not in ("self", "super()", "super(_FastRoot, self)")
        }
        assert used == (PRIVATE_NAMES if path == STOCK else set()), path


@pytest.mark.parametrize("name", sorted(PRIVATE_IMPORTS))
def test_each_private_import_is_still_there(name: str):
    module, _, attribute = name.rpartition(".")
    assert hasattr({m.__name__: m for m in MODULES}[module], attribute)


def test_the_hook_for_times_is_still_called(forge: Forge, tmp_path: Path):
    """If the stock verifier stopped asking `_establish_time`, the times given to it would not be the ones it checks."""
    asked: list[object] = []

    class Asking(sigstore.verify.Verifier):
        def _establish_time(self, bundle: sigstore.models.Bundle) -> list[object]:
            asked.append(bundle)
            return super()._establish_time(bundle)

    class Anyone:
        def verify(self, cert: object) -> None:
            pass

    (tmp_path / "root.json").write_bytes(forge.root_bytes())
    root = sigstore.models.TrustedRoot.from_file(str(tmp_path / "root.json"))
    stock = sigstore.models.Bundle.from_json(forge.bundle().data)
    Asking(trusted_root=root).verify_dsse(stock, Anyone())
    assert asked == [stock]


def test_the_result_of_the_hook_has_a_time(forge: Forge):
    (result,) = _stock(forge).times(sigstore.models.Bundle.from_json(forge.bundle().data))
    assert result.time == SIGNED


def test_a_stamp_is_judged_by_one_authority(forge: Forge):
    signature = b"a signature"
    assert _stock(forge).stamped(0, forge.token(signature, SIGNED), signature) == SIGNED
    assert _stock(forge).stamped(0, forge.token(signature, SIGNED), b"another") is None


def test_a_configuration_can_be_written_and_read(sandbox):
    config = sigstore.models.ClientTrustConfig.from_json(sandbox.trust_config())
    again = sigstore.models.ClientTrustConfig.from_json(muniment.signing.stock.format_config(config))
    assert again.trusted_root._inner == config.trusted_root._inner


def test_the_bundle_reader_and_the_stock_reader_agree(forge: Forge):
    bundle = forge.bundle()
    assert parse_bundle(sigstore.models.Bundle.from_json(bundle.data).to_json().encode()) == bundle
