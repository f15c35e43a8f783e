"""Independent clients agree with what a demo signed: python tests/interop/run.py DEMO

Installs each peer where it is missing (.venv/peers, .venv/cyclonedx, .venv/npm, .venv/go) and asks it. A peer that
cannot be installed or asked is a failure. Every peer must also refuse a broken copy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from decided import decided_registry  # noqa: E402
from elsewhere import signed_elsewhere  # noqa: E402
from gather import find_model, gather  # noqa: E402
from logs import broken, served, some_files  # noqa: E402

from muniment.evidence.kinds import DECISIONS  # noqa: E402

VENV = HERE.parents[1] / ".venv"
COSIGN = "v3.1.3"
TESSERA = "v1.0.4"
Bundles = list[dict[str, Any]]


class Disagreement(Exception):
    """A peer does not say what it should."""


def main() -> int:
    """Asks every peer in turn; returns the number that disagree."""
    demo = Path(sys.argv[1]).resolve()
    failed = 0
    with tempfile.TemporaryDirectory() as temp:
        out = Path(temp)
        bundles = gather(demo, out)
        assert bundles, f"{demo} holds no bundles"
        for name, ask in PEERS.items():
            began = time.monotonic()
            try:
                said = list(ask(demo, out, bundles))
            except (Disagreement, AssertionError, subprocess.SubprocessError, OSError) as error:
                failed, said = failed + 1, [f"FAILED: {error}"]
            print(f"{name:<24} {time.monotonic() - began:6.1f} s  {'; '.join(said)}", flush=True)
    print(f"{len(PEERS) - failed} of {len(PEERS)} peers agree on {len(bundles)} bundles")
    return failed


def library(demo: Path, out: Path, bundles: Bundles) -> Iterator[str]:
    """The Sigstore library and the parser of in-toto, in one process."""
    python = _python("peers")
    yield from _run(python, HERE / "library.py", out / "bundles.json", out / "root.json").splitlines()


def sigstore_cli(demo: Path, out: Path, bundles: Bundles) -> Iterator[str]:
    """`sigstore verify identity`, one bundle of each type."""
    python = _python("peers")
    chosen = {item["type"]: item for item in bundles}.values()
    for item in chosen:
        who = ["--cert-identity", item["identity"], "--cert-oidc-issuer", item["issuer"], f"sha256:{item['subject']}"]
        start = [python, "-m", "sigstore", "--trust-config", out / "config.json", "verify", "identity", "--bundle"]
        _run(*start, item["bundle"], *who)
        _refuses(*start, item["broken"], *who)
    yield f"{len(chosen)} types"


def model_signing(demo: Path, out: Path, bundles: Bundles) -> Iterator[str]:
    """`model_signing verify sigstore` over the model itself, and over a changed copy."""
    python = _python("peers")
    signatures = [item for item in bundles if item["type"] == "https://model_signing/signature/v1.0"]
    held = 0
    for item in signatures:
        model = find_model(demo, item["statement"])
        if model is None:
            continue
        held += 1
        start = [python, "-m", "model_signing", "verify", "sigstore", "--signature", item["bundle"]]
        start += ["--identity", item["identity"], "--identity_provider", item["issuer"]]
        start += ["--trust_config", out / "config.json"]
        _run(*start, model)
        _refuses(*start, _changed(model, out / "changed"))
    if not held:
        raise Disagreement(f"none of the {len(signatures)} signed models was found under {demo}")
    yield f"{held} of {len(signatures)} signed artifacts found and verified"


def sigstore_js(demo: Path, out: Path, bundles: Bundles) -> Iterator[str]:
    """The JavaScript client."""
    folder = VENV / "npm"
    folder.mkdir(exist_ok=True)
    for name in ("package.json", "sigstore.mjs"):
        shutil.copyfile(HERE / name, folder / name)
    if not _fresh(folder / "node_modules" / ".ready", HERE / "package.json"):
        _run("npm", "install", "--silent", "--no-fund", "--no-audit", "--ignore-scripts", cwd=folder)
        (folder / "node_modules" / ".ready").touch()
    yield _run("node", folder / "sigstore.mjs", out / "bundles.json", out / "root.json").strip()


def cosign(demo: Path, out: Path, bundles: Bundles) -> Iterator[str]:
    """cosign, built from source."""
    binary = _cosign()
    for item in bundles:
        start = [binary, "verify-blob-attestation", "--trusted-root", out / "root.json", "--use-signed-timestamps"]
        start += ["--certificate-identity", item["identity"], "--certificate-oidc-issuer", item["issuer"]]
        start += ["--type", item["type"], "--digest", item["subject"], "--digestAlg", "sha256", "--bundle"]
        _run(*start, item["bundle"])
        _refuses(*start, item["broken"])
    yield f"{len(bundles)} bundles"


def elsewhere(demo: Path, out: Path, bundles: Bundles) -> Iterator[str]:
    """The other way round: what cosign and model_signing sign is admitted here."""
    yield from signed_elsewhere(_python("peers"), _cosign(), out)


def decisions(demo: Path, out: Path, bundles: Bundles) -> Iterator[str]:
    """The sequencer's decisions, which the demo has none of: by the library, in-toto's parser and cosign."""
    made, inner = decided_registry(out / "decided"), out / "decisions"
    inner.mkdir()
    found = [item for item in gather(made, inner) if item["type"] in DECISIONS.values()]
    if len(found) != 4:
        raise Disagreement(f"{len(found)} decisions on a release and a promotion")
    yield from library(demo, inner, found)
    yield from cosign(demo, inner, found)


def cyclonedx(demo: Path, out: Path, bundles: Bundles) -> Iterator[str]:
    """CycloneDX's strict validator."""
    yield _run(_python("cyclonedx"), HERE / "mlbom.py", out / "bundles.json").strip()


def fsck(demo: Path, out: Path, bundles: Bundles) -> Iterator[str]:
    """Tessera's fsck: every tile and entry bundle of the served logs, and the root they add up to."""
    binary = _go("fsck", f"github.com/transparency-dev/tessera/cmd/fsck@{TESSERA}")
    with served(demo, out / "fsck") as logs:
        for log in logs:
            (out / "log.pub").write_text(log.log_key, "utf-8")
            command = (binary, f"--storage_url={log.url}/", f"--public_key={out / 'log.pub'}", "--ui=false", "--N=4")
            if not _is_whole(command, 120):
                raise Disagreement(f"fsck does not find {log.folder.name} whole")
            for path in some_files(log):
                with broken(log, path):
                    if _is_whole(command, 10):
                        raise Disagreement(f"fsck accepted a broken {path}")
        yield f"{len(logs)} logs"


def _is_whole(command: tuple[Any, ...], timeout: int) -> bool:
    """Whether fsck says so; where it does not, it may end with 0 all the same, or not end."""
    try:
        return "Successfully fsck'd" in _call(command, None, timeout, {}).stderr
    except subprocess.TimeoutExpired:
        return False


def checksum_database(demo: Path, out: Path, bundles: Bundles) -> Iterator[str]:
    """Go's checksum database client: signatures of log and witness, tiles, entries, consistency of all checkpoints."""
    binary, source = VENV / "go" / "tlog", HERE / "tlog"
    if not _fresh(binary, source / "main.go"):
        _run("go", "build", "-o", binary, ".", cwd=source, timeout=1800)
    with served(demo, out / "tlog") as logs:
        for log in logs:
            command = [binary, log.url, log.log_key, log.witness_key, *log.older]
            yield _run(*command).strip()
            for path in [*some_files(log), "checkpoint", f"checkpoints/{log.older[0]}"]:
                with broken(log, path):
                    _refuses(*command)


PEERS: dict[str, Callable[[Path, Path, Bundles], Iterator[str]]] = {
    "sigstore, in-toto": library,
    "sigstore (command)": sigstore_cli,
    "model_signing (command)": model_signing,
    "sigstore-js": sigstore_js,
    "cosign": cosign,
    "decisions": decisions,
    "signed elsewhere": elsewhere,
    "cyclonedx": cyclonedx,
    "tessera fsck": fsck,
    "go sumdb": checksum_database,
}


def _go(name: str, package: str) -> Path:
    """A command of Go's, built from source."""
    binary = VENV / "go" / name
    if not binary.exists():
        _run("go", "install", package, timeout=1800, GOBIN=str(binary.parent), CGO_ENABLED="0")
    return binary


def _python(name: str) -> Path:
    """The Python of an environment that holds what tests/interop/<name>.txt lists."""
    wanted, python = HERE / f"{name}.txt", VENV / name / "bin" / "python"
    if not _fresh(VENV / name / ".ready", wanted):
        _run(sys.executable, "-m", "venv", VENV / name)
        _run(python, "-m", "pip", "install", "--quiet", "--requirement", wanted)
        (VENV / name / ".ready").touch()
    return python


def _cosign() -> Path:
    return _go("cosign", f"github.com/sigstore/cosign/v3/cmd/cosign@{COSIGN}")


def _fresh(made: Path, source: Path) -> bool:
    return made.exists() and made.stat().st_mtime >= source.stat().st_mtime


def _changed(model: Path, copy: Path) -> Path:
    """A copy of a model with one byte of its first file changed."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    target = copy / model.name
    shutil.copytree(model, target) if model.is_dir() else shutil.copyfile(model, target)
    victim = target if target.is_file() else next(path for path in sorted(target.rglob("*")) if path.is_file())
    data = victim.read_bytes()
    victim.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    return target


def _run(*command: Any, cwd: Path | None = None, timeout: int = 600, **environ: str) -> str:
    done = _call(command, cwd, timeout, environ)
    if done.returncode:
        raise Disagreement(f"{' '.join(map(str, command))[:200]}\n{(done.stderr or done.stdout)[-1500:]}")
    return done.stdout


def _refuses(*command: Any) -> None:
    if _call(command, None, 600, {}).returncode == 0:
        raise Disagreement(f"it accepted what is broken: {' '.join(map(str, command))[-300:]}")


def _call(command: tuple[Any, ...], cwd: Path | None, timeout: int, environ: dict[str, str]) -> Any:
    arguments = [str(part) for part in command]
    return subprocess.run(
        arguments, cwd=cwd, env=os.environ | environ, capture_output=True, text=True, timeout=timeout, check=False
    )


if __name__ == "__main__":
    sys.exit(min(main(), 1))
