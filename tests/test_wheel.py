"""The wheel holds exactly the package, its templates and its schemas, and works far from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.source import TOP

SHIPPED = {"toolkit/muniment": "muniment", "templates": "muniment/_data/templates", "schemas": "muniment/_data/schemas"}
JUNK = {"__pycache__", ".DS_Store"}


def _run(*command: str, cwd: Path = TOP, **environ: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environ, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """An sdist, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    sdist = _hook("build_sdist", TOP, folder)
    with tarfile.open(folder / sdist) as archive:
        archive.extractall(folder, filter="data")
    source = folder / sdist.removesuffix(".tar.gz")
    wheel = _hook("build_wheel", source, folder)
    again = folder / "again"
    again.mkdir()
    assert _hook("build_wheel", source, again) == wheel
    return folder / sdist, folder / wheel, again / wheel


def _hook(name: str, source: Path, folder: Path) -> str:
    code = f"import hatchling.build as b; print(b.{name}({str(folder)!r}))"
    return _run(sys.executable, "-c", code, cwd=source, SOURCE_DATE_EPOCH="1767225600").strip().splitlines()[-1]


def _expected() -> set[str]:
    found = set()
    for folder, inside in SHIPPED.items():
        for path in (TOP / folder).rglob("*"):
            relative = path.relative_to(TOP / folder)
            if path.is_file() and not JUNK & set(relative.parts) and path.suffix != ".pyc":
                found.add(f"{inside}/{relative.as_posix()}")
    return found


def test_the_wheel_holds_exactly_what_the_checkout_has(built):
    names = set(zipfile.ZipFile(built[1]).namelist())
    code = {name for name in names if ".dist-info/" not in name}
    assert code == _expected()
    assert {"muniment/py.typed", "muniment/cli/main.py"} <= code
    assert any(name.startswith("muniment/_data/schemas/") and name.endswith(".json") for name in code)
    assert any(name.startswith("muniment/_data/templates/") for name in code)
    about = {name.partition(".dist-info/")[2] for name in names - code}
    assert about == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_nothing_in_the_wheel_is_unknown_to_git(built):
    tracked = set(_run("git", "ls-files", "--cached", "--others", "--exclude-standard", *SHIPPED).splitlines())
    for name in zipfile.ZipFile(built[1]).namelist():
        for folder, inside in sorted(SHIPPED.items(), key=lambda pair: -len(pair[1])):
            if name.startswith(f"{inside}/") and ".dist-info/" not in name:
                assert folder + name.removeprefix(inside) in tracked
                break


def test_two_builds_are_equal(built):
    assert built[1].read_bytes() == built[2].read_bytes()


def test_the_sdist_carries_tests_and_actions(built):
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "tests/test_wheel.py"} <= names
    assert any(name.startswith(".github/actions/") for name in names)


def test_the_installed_wheel_runs_from_the_root_directory(built, tmp_path):
    """Its own environment without the checkout; the dependencies come from this one."""
    _run(sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv"))
    python = tmp_path / "venv" / "bin" / "python"
    site = Path(_run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    zipfile.ZipFile(built[1]).extractall(site)  # noqa: S202 - our own wheel
    code = (
        "import sys; sys.path += [p for p in sys.argv[1].split(':') if p]\n"
        "import muniment; from muniment.core.resources import resource_root\n"
        "from muniment.core.document import load_document\n"
        "print(muniment.__file__); print(resource_root('templates')); print(resource_root('schemas'))\n"
        "load_document(b'rules: []', 'policy', 'policy.yaml')\n"
        "sys.argv = ['muniment', '--version']; from muniment.cli.main import run; run()\n"
    )
    dependencies = ":".join(path for path in sys.path if path.endswith("site-packages"))
    lines = _run(str(python), "-I", "-c", code, dependencies, cwd=Path("/")).splitlines()
    assert all(line.startswith(str(site)) for line in lines[:3]), lines
    assert lines[3].startswith("muniment ")
