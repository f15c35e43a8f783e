"""Takes each check out of the verifier, one at a time, and shows the test that notices: `make mutants`.

A check is a guard whose branch raises, returns False or returns why not (each operand of its `or` for itself); an
operand of an `and` that is returned; or a call, for its own sake, of what is named check…, require… or verify….
Which tests reach a check is measured once; then each mutant, a copy of the package with one check gone, runs only
those, until one fails. A mutant that none notices has survived, and the run fails.

    python tests/mutation/run.py [--only PART-OF-A-PATH] [--tests PATH ...] [--processes N] [--reached FILE]
"""

from __future__ import annotations

import argparse
import ast
import compileall
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PACKAGE = TOP / "toolkit" / "muniment"
# What decides whether a reader believes: everything between the bytes of a registry and "verified".
VERIFIER = (
    *("core", "evidence/statement.py", "evidence/check.py", "evidence/evaluation.py", "evidence/reproduction.py"),
    *("evidence/review.py", "evidence/scan.py", "evidence/reference.py", "log", "policy", "signing/bundle.py"),
    *("signing/certificate.py", "signing/chain.py", "signing/der.py", "signing/entry.py", "signing/foreign.py"),
    *("signing/issued.py", "signing/keyring.py", "signing/lean.py", "signing/parts.py", "signing/protojson.py"),
    *("signing/source.py", "signing/stock.py", "signing/strict.py", "signing/token.py", "signing/trustroot.py"),
    *("registry/anchor.py", "registry/check.py", "registry/config.py", "registry/config_check.py"),
    *("registry/cosign.py", "registry/decision.py", "registry/event.py", "registry/facts.py", "registry/fold.py"),
    *("registry/judges", "registry/leaf.py", "registry/oversight.py", "registry/pattern.py", "registry/predicate.py"),
    *("registry/recovery.py", "registry/redaction.py", "registry/runtime.py", "registry/sequencer.py"),
    *("registry/snapshot.py", "registry/sources.py", "registry/state.py", "registry/words.py", "verify"),
)
TESTS = tuple(f"tests/{room}" for room in ("core", "evidence", "log", "signing", "policy", "registry", "verify"))
CALLED = ("check", "require", "verify")
SECONDS = 300
FIRST = 40
TOO_LONG = "no answer within its time"
UNKNOWN = 4  # how pytest ends where a test that was named is not there
Reached = dict[str, dict[str, list[str]]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One check taken out of a file: `source` is the file without it, `raised` the line that it leads to."""

    path: Path
    line: int
    raised: int
    what: str
    source: str


class _Without(ast.NodeTransformer):
    """Takes out the check that stands at a place of the walk."""

    def __init__(self, place: int) -> None:
        self.place, self.at, self.found = place, -1, None

    def _here(self, node: ast.AST, raised: ast.AST, what: str) -> bool:
        self.at += 1
        if self.at != self.place:
            return False
        self.found = (node.lineno, raised.lineno, what)
        return True

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if _refuses(node.body[-1]):
            node.test = self._less(node, node.body[-1], node.test, ast.Or)
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.BoolOp) and isinstance(node.value.op, ast.And):
            node.value = self._less(node, node, node.value, ast.And)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        self.generic_visit(node)
        call = node.value
        name = ast.unparse(call.func).split(".")[-1].lstrip("_") if isinstance(call, ast.Call) else ""
        return ast.Pass() if name.startswith(CALLED) and self._here(node, node, ast.unparse(call)) else node

    def _less(self, node: ast.AST, raised: ast.AST, test: ast.expr, joined: type[ast.boolop]) -> ast.expr:
        """The test without the operand whose turn it is; one that is not joined is false instead."""
        operands = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, joined) else []
        for operand in operands:
            if self._here(node, raised, ast.unparse(operand)):
                rest = [o for o in operands if o is not operand]
                return rest[0] if len(rest) == 1 else ast.BoolOp(joined(), rest)
        whole = not operands and self._here(node, raised, ast.unparse(test))
        return ast.Constant(False) if whole else test


def _refuses(last: ast.stmt) -> bool:
    """Whether a branch that ends so says no: it raises, or returns False or a reason."""
    match last:
        case ast.Raise() | ast.Return(ast.JoinedStr()):
            return True
        case ast.Return(ast.Constant(value)):
            return value is False or (isinstance(value, str) and bool(value))
    return False


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of a file."""
    tree = ast.parse(path.read_text("utf-8"))
    place = 0
    while True:
        change = _Without(place)
        mutated = change.visit(copy.deepcopy(tree))
        if change.found is None:
            return
        line, raised, what = change.found
        yield Mutant(path, line, raised, what, ast.unparse(ast.fix_missing_locations(mutated)))
        place += 1


def files(only: str) -> list[Path]:
    """The verifier's files, in order."""
    found: list[Path] = []
    for place in VERIFIER:
        path = PACKAGE / place
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]  # a file that moved is an error
    return [path for path in found if only in str(path)]


def reach(tests: list[str], processes: int) -> Reached:
    """File → line → the tests that run it; those that fail as things are can notice nothing, and are left out."""
    reached: Reached = {}
    places = [TOP / test.partition("::")[0] for test in tests]
    each = [str(file) for place in places for file in (sorted(place.rglob("test_*.py")) if place.is_dir() else [place])]
    with ThreadPoolExecutor(processes) as pool:
        for found in pool.map(_reach, [each[at::processes] for at in range(min(processes, len(each)))]):
            for name, lines in found.items():
                for line, names in lines.items():
                    reached.setdefault(name, {}).setdefault(line, []).extend(names)
    return reached


def _reach(tests: list[str]) -> Reached:
    with tempfile.TemporaryDirectory() as folder:
        settings, out = Path(folder) / "coveragerc", Path(folder) / "report.json"
        settings.write_text(f"[run]\nsource = {PACKAGE}\n[json]\nshow_contexts = True\n")
        environment = _environment(TOP) | {"COVERAGE_FILE": f"{folder}/data"}
        command = [sys.executable, "-m", "coverage"]
        plugins = ["-p", "no:cacheprovider", "-p", "tests.mutation.contexts"]
        run = [*command, "run", f"--rcfile={settings}", "-m", "pytest", "-q", "--tb=no", *plugins, *tests]
        told = subprocess.run(run, cwd=TOP, env=environment, check=False, capture_output=True, text=True)
        failed = set(_failures(told.stdout))
        if told.returncode not in (0, 1) or (told.returncode and not failed):
            raise RuntimeError(f"{tests} cannot be run: {told.stdout[-500:]}{told.stderr[-500:]}")
        for name in sorted(failed):
            print(f"fails as things are: {name}", flush=True)
        report = [*command, "json", f"--rcfile={settings}", "-q", "-o", str(out), "--show-contexts"]
        subprocess.run(report, cwd=TOP, env=environment, check=True)
        files = json.loads(out.read_text("utf-8"))["files"]
    return {
        str((TOP / name).resolve()): {
            line: [context for context in contexts if context not in failed]
            for line, contexts in facts["contexts"].items()
        }
        for name, facts in files.items()
    }


def _failures(told: str) -> list[str]:
    """The tests that pytest says failed, or could not be begun."""
    lines = [line for line in told.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return [line.split(" - ")[0].split(" ", 1)[1] for line in lines]


def _kept(file: Path | None, tests: list[str], processes: int) -> Reached:
    """What tests reach, as a file has it; measured and kept there where it is none yet."""
    if file is None or not file.exists():
        reached = reach(tests, processes)
        if file is not None:
            file.write_text(json.dumps(reached), "utf-8")
        return reached
    found: Reached = json.loads(file.read_text("utf-8"))
    return found


def judge(mutant: Mutant, contexts: dict[str, list[str]], tests: list[str], most: int) -> str:
    """The first test that notices, or nothing: also where none did in `most` seconds."""
    chosen = _chosen(mutant, contexts) or tests
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        shutil.copytree(TOP / "toolkit", top / "toolkit")
        for name in ("templates", "schemas", "tests", "docs", ".github", "README.md", "pyproject.toml", "Makefile"):
            (top / name).symlink_to(TOP / name)
        (top / mutant.path.relative_to(TOP)).write_text(mutant.source, "utf-8")
        # Most are noticed by the first tests that reach them; to collect all of them takes longer.
        noticed = _noticed(chosen[:FIRST], top, SECONDS)
        if noticed or len(chosen) <= FIRST:
            return noticed
        noticed = _noticed(chosen[FIRST:], top, most)
        return "" if noticed == TOO_LONG else noticed


def _noticed(chosen: list[str], top: Path, most: int) -> str:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no", *chosen]
    try:
        done = subprocess.run(
            command, cwd=top, env=_environment(top), capture_output=True, text=True, timeout=most, check=False
        )
    except subprocess.TimeoutExpired:
        return TOO_LONG
    whole = list(dict.fromkeys(name.partition("[")[0] for name in chosen))
    if done.returncode == UNKNOWN and whole != chosen:  # a case whose name is another one in every run
        return _noticed(whole, top, most)
    if done.returncode == 0:
        return ""
    told = (done.stdout + done.stderr).strip().splitlines() or ["no word"]  # where nothing can be imported, on stderr
    return (*_failures(done.stdout), told[-1][:100])[0]


def _chosen(mutant: Mutant, contexts: dict[str, list[str]]) -> list[str]:
    """The tests that reach a check: first those that it made fail, then those that pass it; its own room's before."""
    near = range(mutant.line - 1, mutant.raised + 1)
    lines = [mutant.raised, *(line for line in near if line != mutant.raised)]
    own = f"tests/{mutant.path.relative_to(PACKAGE).parts[0]}/"
    reaching = (sorted(contexts.get(str(line), ()), key=lambda name: (own not in name, name)) for line in lines)
    return list(dict.fromkeys(name for names in reaching for name in names if name))


def _environment(top: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{top / 'toolkit'}"}


def main() -> int:
    """Prints a row a mutant; 1 where one survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only files whose path holds this")
    parser.add_argument("--tests", nargs="*", default=list(TESTS), help="the tests that may notice")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--reached", type=Path, help="where to keep what was measured, for runs of the same tests")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for the tests after the first ones")
    given = parser.parse_args()
    reached = _kept(given.reached, given.tests, given.processes)
    compileall.compile_dir(PACKAGE, quiet=2)  # once, and not for each mutant
    every = [m for path in files(given.only) for m in mutants(path)]
    print(f"{len(every)} checks in {len({m.path for m in every})} files", flush=True)
    with ThreadPoolExecutor(given.processes) as pool:
        noticed = pool.map(lambda m: judge(m, reached.get(str(m.path), {}), given.tests, given.seconds), every)
        survived = 0
        for mutant, by in zip(every, noticed, strict=True):
            survived += not by
            place = f"{mutant.path.relative_to(PACKAGE)}:{mutant.line}"
            print(f"{place:40} {mutant.what[:70]:70} {by or 'SURVIVED'}", flush=True)
    print(f"{len(every) - survived} noticed, {survived} survived")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())
