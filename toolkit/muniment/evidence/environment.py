"""The machine and the software a model is trained with, as plain facts that do not change from one read to the next.

Free memory, clock rates and host names are left out: two reads on one machine are equal.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from muniment.core.document import check_schema
from muniment.core.errors import Missing
from muniment.evidence import spdx

# Variables that change what training computes; no other variable is ever read into a record.
_VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "SOURCE_DATE_EPOCH",
    "TF_DETERMINISTIC_OPS",
)
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_LICENCE_FILE = re.compile(r"\.dist-info/(?:licenses/)?[^/]*(?:LICEN[CS]E|COPYING)[^/]*$", re.IGNORECASE)
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed Python distribution; `name` is normalised (PEP 503), `requires` are names that are installed too.

    `licence` is an SPDX expression or None, `concluded` says that it was recognised from the licence's text;
    `licence_name` is what the metadata says where that is not SPDX.
    """

    name: str
    version: str
    licence: str | None = None
    licence_name: str | None = None
    requires: tuple[str, ...] = ()
    summary: str | None = None
    concluded: bool = False


@dataclass(frozen=True, slots=True)
class Hardware:
    """The machine: `memory` in whole GiB, rounded; `accelerators` by name."""

    architecture: str
    processor: str | None
    cores: int
    memory: int | None
    accelerators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a model is trained."""

    system: str
    kernel: str
    implementation: str
    python: str
    hardware: Hardware
    variables: tuple[tuple[str, str], ...]
    distributions: tuple[Distribution, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """The code that was checked out; `modified` says that files under version control differ from it."""

    repository: str | None
    commit: str
    modified: bool


def read_environment(environ: Mapping[str, str] | None = None) -> Environment:
    """The environment of this process; `environ` stands in for its variables."""
    variables = _variables(environ)
    return Environment(
        system=_system(),
        kernel=f"{platform.system()} {platform.release()}",
        implementation=platform.python_implementation(),
        python=platform.python_version(),
        hardware=_hardware(),
        variables=tuple((name, variables[name]) for name in _VARIABLES if name in variables),
        distributions=read_distributions(),
    )


def read_distributions(paths: list[str] | None = None) -> tuple[Distribution, ...]:
    """The distributions installed in `paths` (default: this process's), by name; the first on the path wins."""
    found: dict[str, tuple[metadata.Distribution, metadata.PackageMetadata]] = {}
    for item in metadata.distributions(path=sys.path if paths is None else paths):
        said = item.metadata  # parsed anew at each access
        if said["Name"] and said["Version"]:
            found.setdefault(normal_name(said["Name"]), (item, said))
    return tuple(_distribution(name, *found[name], found.keys()) for name in sorted(found))


def closure(distributions: tuple[Distribution, ...], roots: list[str]) -> tuple[Distribution, ...]:
    """The distributions named in `roots` and all they require. Raises `Missing` for a root that is not installed."""
    by_name = {d.name: d for d in distributions}
    pending, reached = [normal_name(r) for r in roots], set[str]()
    if lost := [name for name in pending if name not in by_name]:
        raise Missing(f"The environment has no distribution {lost[0]!r}.", "Correct the name, or install it.")
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending.extend(other for other in by_name[name].requires if other in by_name)
    return tuple(d for d in distributions if d.name in reached)


def normal_name(name: str) -> str:
    """A distribution's name as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def format_environment(environment: Environment) -> dict[str, Any]:
    """The environment as JSON, as a recipe's `environment` file holds it."""
    hardware = {k: v for k, v in asdict(environment.hardware).items() if v is not None}
    software = {k: getattr(environment, k) for k in ("system", "kernel", "implementation", "python")}
    distributions = [{k: v for k, v in _distribution_json(d).items() if v} for d in environment.distributions]
    hardware["accelerators"] = list(environment.hardware.accelerators)
    return {
        "hardware": hardware,
        "software": software | {"distributions": distributions},
        "variables": dict(environment.variables),
    }


def parse_environment(value: Any) -> Environment:
    """The environment that `format_environment` writes. Raises `Malformed`."""
    check_schema(value, "environment", "The environment")
    hardware, software = value["hardware"], value["software"]
    return Environment(
        system=software["system"],
        kernel=software["kernel"],
        implementation=software["implementation"],
        python=software["python"],
        hardware=Hardware(
            hardware["architecture"],
            hardware.get("processor"),
            hardware["cores"],
            hardware.get("memory"),
            tuple(hardware.get("accelerators", ())),
        ),
        variables=tuple(sorted(value["variables"].items())),
        distributions=tuple(_parse_distribution(d) for d in software["distributions"]),
    )


def read_commit(folder: Path, environ: Mapping[str, str] | None = None) -> Commit | None:
    """The commit checked out in a folder, from git, else from GitHub Actions' variables; None where neither knows."""
    environ = _variables(environ)
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    server, repository = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_REPOSITORY")
    hosted = f"{server}/{repository}" if server and repository else None
    if commit is None:
        given = environ.get("GITHUB_SHA")
        return Commit(hosted, given, False) if given else None
    modified = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return Commit(hosted or _origin(folder), commit, bool(modified))


def builder_id(environ: Mapping[str, str] | None = None) -> tuple[str, str | None]:
    """SLSA builder id and invocation: workflow and run in GitHub Actions, else a machine that vouches for itself."""
    environ = _variables(environ)
    workflow, server = environ.get("GITHUB_WORKFLOW_REF"), environ.get("GITHUB_SERVER_URL", "https://github.com")
    if environ.get("GITHUB_ACTIONS") != "true" or not workflow:
        return "https://muniment.dev/builders/self/v1", None
    run = f"{server}/{environ.get('GITHUB_REPOSITORY')}/actions/runs/{environ.get('GITHUB_RUN_ID')}"
    return f"{server}/{workflow}", f"{run}/attempts/{environ.get('GITHUB_RUN_ATTEMPT', '1')}"


def _distribution(
    name: str, item: metadata.Distribution, said: metadata.PackageMetadata, installed: Collection[str]
) -> Distribution:
    licence, licence_name, concluded = _licence(item, said)
    wanted = {
        normal_name(match.group(1))
        for text in said.get_all("Requires-Dist") or ()
        # What only an extra asks for is not what the distribution needs to run.
        if (match := _REQUIREMENT.match(text)) and not re.search(r"\bextra\s*==", text)
    }
    requires = tuple(sorted((wanted & set(installed)) - {name}))
    return Distribution(name, said["Version"], licence, licence_name, requires, said["Summary"] or None, concluded)


def _licence(item: metadata.Distribution, said: metadata.PackageMetadata) -> tuple[str | None, str | None, bool]:
    """The SPDX expression of a distribution, else the name its metadata gives; and whether a text was recognised."""
    text = (said["License-Expression"] or said["License"] or "").strip()
    classifiers = [c.rpartition("::")[2].strip() for c in said.get_all("Classifier") or () if "License ::" in c]
    for candidate in (text, *classifiers):
        if (known := spdx.known(candidate)) is not None:
            return known, None, False
    recognised = spdx.recognise(text) or _from_file(item)
    if recognised is not None:
        return recognised, None, True
    first = next((t for t in (*classifiers, text.partition("\n")[0]) if t), None)
    return None, first[:100] if first else None, False


def _from_file(item: metadata.Distribution) -> str | None:
    """The licence whose text the distribution's only licence file holds."""
    names = [f for f in item.files or () if _LICENCE_FILE.search(f.as_posix())]
    if len(names) != 1:
        return None
    try:
        return spdx.recognise(Path(str(names[0].locate())).read_text("utf-8", "replace"))
    except OSError:
        return None


def _distribution_json(item: Distribution) -> dict[str, Any]:
    return {
        "name": item.name,
        "version": item.version,
        "licence": item.licence,
        "licenceName": item.licence_name,
        "requires": list(item.requires),
        "summary": item.summary,
        "concluded": item.concluded,
    }


def _parse_distribution(value: dict[str, Any]) -> Distribution:
    return Distribution(
        value["name"],
        value["version"],
        value.get("licence"),
        value.get("licenceName"),
        tuple(value.get("requires", ())),
        value.get("summary"),
        value.get("concluded", False),
    )


def _variables(environ: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environ is None else environ


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME") or platform.system()
    except OSError:
        return platform.system()


def _hardware() -> Hardware:
    names = {_field(text, "Model") for text in _texts("/proc/driver/nvidia/gpus", "*/information")}
    memory = next((_field(text, "MemTotal") for text in _texts("/proc", "meminfo")), None)
    processor = next((_field(text, "model name") for text in _texts("/proc", "cpuinfo")), None)
    return Hardware(
        architecture=platform.machine(),
        processor=processor or platform.processor() or None,
        cores=os.cpu_count() or 1,
        memory=max(1, round(int(memory.split()[0]) * 1024 / _GIB)) if memory else None,
        accelerators=tuple(sorted(n for n in names if n)),
    )


def _texts(folder: str, pattern: str) -> list[str]:
    try:
        return [path.read_text("utf-8", "replace") for path in sorted(Path(folder).glob(pattern))]
    except OSError:
        return []


def _field(text: str, name: str) -> str | None:
    match = re.search(rf"^{re.escape(name)}\s*:\s*(.+)$", text, re.MULTILINE)
    return match.group(1).strip() if match else None


def _origin(folder: Path) -> str | None:
    """The address of `origin` without user name and password; None for a path on this machine."""
    address = _git(folder, "remote", "get-url", "origin")
    if address is None:
        return None
    if match := re.fullmatch(r"(?:ssh://)?git@([\w.-]+)[:/](.+?)(?:\.git)?", address):
        return f"https://{match[1]}/{match[2]}"
    match = re.fullmatch(r"(https?://)(?:[^/@]*@)?(.+?)(?:\.git)?/?", address)
    return f"{match[1]}{match[2]}" if match else None


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        run = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, timeout=20, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return run.stdout.strip() if run.returncode == 0 else None
