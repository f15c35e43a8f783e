"""Pipeline steps as in-toto links: what went in, the command, what came out.

The `in-toto` library records and checks; its link becomes a `link/v0.3` statement whose subjects are the products.
A directory is recorded file by file, and once more as `name/` with its manifest digest, so that a record of the
directory as a whole finds the step. Source: in-toto attestation framework, predicates/link.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from muniment.core.digest import Digest
from muniment.core.document import check_schema
from muniment.core.errors import Malformed, Missing, Rejected, Unchecked, Usage
from muniment.evidence.artifact import check_member, is_directory, manifest_digest, walk
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.statement import Statement, Subject

# Given an empty list the library excludes *.link*, .git, *.pyc and *~; this pattern excludes nothing.
_EXCLUDE_NOTHING = ["!*"]
_STDERR = 2


def record(
    step: str,
    command: Sequence[str],
    materials: Sequence[Path],
    products: Sequence[Path],
    base: Path,
    timeout: float | None = None,
    environ: Mapping[str, str] | None = None,
) -> Statement:
    """Runs a command in `base` and states what it did; its output goes to stderr.

    Materials and products lie under `base` and are named relative to it. `timeout` in seconds, None for no limit.
    Raises `Missing` for a material, product or command that is not there, `Rejected` when the command fails,
    `Unchecked` when it takes too long, and `Malformed` and `Usage` for paths that cannot be recorded.
    """
    if not command or not step.strip():
        raise Usage("A step needs a name and a command.", "Write: record --step NAME -- COMMAND.")
    if not products:
        raise Usage("A step needs a product.", "Name what the command writes with --products.")
    root = base.resolve()
    before = _snapshot(materials, root)
    status = _run(command, root, timeout, environ)
    after = _snapshot(products, root)
    return link_statement(step, command, before, after, status)


def link_statement(
    step: str, command: Sequence[str], materials: Mapping[str, Digest], products: Mapping[str, Digest], status: int = 0
) -> Statement:
    """A link as a statement: artifacts by posix path, sorted."""
    from in_toto.models.link import Link

    # The library's own class judges the form; it is not signed in its own envelope.
    Link(
        name=step,
        materials={name: {"sha256": d.hex} for name, d in materials.items()},
        products={name: {"sha256": d.hex} for name, d in products.items()},
        command=list(command),
        byproducts={"return-value": status},
        environment={},
    )
    predicate = {
        "name": step,
        "command": list(command),
        "materials": [{"name": n, "digest": {"sha256": materials[n].hex}} for n in sorted(materials)],
        "byproducts": {"return-value": status},
        "environment": {},
    }
    subjects = tuple(Subject(name, products[name]) for name in sorted(products))
    return Statement(subjects, EVIDENCE["link"], predicate)


def check_link(statement: Statement) -> None:
    """Raises `Malformed` for a link without a name, with two materials of one name, or of a step that failed."""
    predicate = statement.predicate
    check_schema(predicate, "standard/link-v0.3", "The link")
    names = [m["name"] for m in predicate.get("materials", ())]
    if len(set(names)) != len(names):
        raise Malformed("The link lists a material twice.", "Record the step again.")
    status = predicate.get("byproducts", {}).get("return-value", 0)
    if status != 0:
        raise Malformed(f"The link is of a step that failed: {str(status)[:40]!r}.", "Record a run that succeeds.")


def materials_of(predicate: Mapping[str, Any]) -> tuple[tuple[str, Digest], ...]:
    """The (name, digest) of the materials of a link predicate that was checked."""
    found = predicate.get("materials", ())
    return tuple((m["name"], Digest(m["digest"]["sha256"])) for m in found if "sha256" in m["digest"])


def _snapshot(paths: Sequence[Path], root: Path) -> dict[str, Digest]:
    """The digests of files under paths by the in-toto library, checked to leave none out."""
    from in_toto.runlib import in_toto_run

    wanted: dict[str, tuple[str, ...]] = {}
    for path in paths:
        name, members = _expected(path, root)
        wanted[name] = members
    if not wanted:
        return {}
    # Absolute paths with their prefix stripped: the library's own base_path changes the process's directory.
    link = in_toto_run(
        "snapshot",
        [str(root / name) for name in wanted],
        [],
        [],
        exclude_patterns=_EXCLUDE_NOTHING,
        lstrip_paths=[f"{root}/".replace("//", "/")],
    ).get_payload()
    found = {name: Digest(value["sha256"]) for name, value in link.materials.items()}
    for name, members in wanted.items():
        files = [f"{name}/{m}" for m in members] if members else [name]
        lost = [f for f in files if f not in found]
        if lost:
            raise Missing(f"{lost[0]} was not recorded.", "It vanished while the step was recorded; try again.")
        if members:
            found[f"{name}/"] = manifest_digest(found[f] for f in files)
    return found


def _expected(path: Path, root: Path) -> tuple[str, tuple[str, ...]]:
    """A path's name relative to the root, and for a directory the files in it."""
    whole = root / path
    directory = is_directory(whole)
    try:
        name = (whole.parent.resolve() / whole.name).relative_to(root).as_posix()
        check_member(name, "The path")
    except (ValueError, Malformed) as error:
        raise Usage(f"{path} is not inside {root}.", "Run the step in a folder that holds all it uses.") from error
    if whole.is_symlink():
        raise Malformed(f"{path} is a symbolic link.", "Name what it points to.")
    return name, tuple(f.path for f in walk(whole)) if directory else ()


def _run(command: Sequence[str], root: Path, timeout: float | None, environ: Mapping[str, str] | None) -> int:
    try:
        # Standard output is the caller's own document; what the step prints is for people.
        done = subprocess.run(list(command), cwd=root, timeout=timeout, stdout=_STDERR, env=environ, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unchecked(f"The step took longer than {timeout:g} seconds.", "Allow it more time.") from error
    except OSError as error:
        raise Missing(f"{command[0]} cannot be run: {error.strerror}.", "Check the command.") from error
    if done.returncode != 0:
        raise Rejected(
            f"The step failed with exit code {done.returncode}.", "Correct the command; nothing is recorded."
        )
    return done.returncode
