"""Registries in git repositories of this machine, and a `git` that does as it is told before or after the real one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from muniment.registry.store.local import LocalStore


def git(folder: Path, *arguments: str, given: bytes = b"") -> str:
    """What git says in a folder."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, input=given, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def repository(store: LocalStore, bare: Path, folder: str = "") -> str:
    """Puts a registry on the main branch of a new bare repository, and gives its address."""
    git(bare.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    work = bare.with_suffix(".work")
    shutil.copytree(store.root, work / folder if folder else work)
    git(work, "init", "--quiet", "--initial-branch=main")
    git(work, "add", "--all", "--force")
    git(work, "commit", "--quiet", "--message=begin")
    git(work, "push", "--quiet", str(bare), "main")
    shutil.rmtree(work)
    return f"git+file://{bare}"


def push_file(bare: Path, branch: str, path: str, data: bytes, mode: str = "100644") -> None:
    """Somebody else's push of one file to a branch, of any mode and under any name."""
    known = subprocess.run(["git", "rev-parse", "-q", "--verify", branch], cwd=bare, capture_output=True, check=False)
    parent = known.stdout.decode().strip()
    start = f"from {parent}\n" if parent else ""
    quoted = "".join(f"\\{byte:03o}" for byte in path.encode("utf-8", "surrogateescape"))
    header = f"commit refs/heads/{branch}\ncommitter t <t@example.org> now\ndata 1\nx\n{start}"
    inline = b"data %d\n%s\n" % (len(data), data)
    what, more = ("inline", inline) if mode != "160000" else (data.decode(), b"")  # a module is only the id of a commit
    stream = f'{header}M {mode} {what} "{quoted}"\n'.encode() + more
    git(bare, "fast-import", "--quiet", "--date-format=now", given=stream)


def files(bare: Path, branch: str = "main") -> list[str]:
    """The paths on a branch."""
    return git(bare, "ls-tree", "-r", "--name-only", branch).splitlines()


def show(bare: Path, path: str, branch: str = "main") -> bytes:
    """The bytes of a file on a branch."""
    return subprocess.run(["git", "show", f"{branch}:{path}"], cwd=bare, capture_output=True, check=True).stdout


def wrap(folder: Path, script: str) -> str:
    """A folder for PATH whose `git` is a script; in it `real` runs the real one."""
    folder.mkdir()
    real = shutil.which("git")
    path = folder / "git"
    path.write_text(f'#!/bin/sh\nreal() {{ "{real}" "$@"; }}\n{script}\n')
    path.chmod(0o755)
    return str(folder)
