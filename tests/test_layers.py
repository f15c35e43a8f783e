"""Rooms import only from rooms before them; only the edge touches files, sockets, processes and the clock."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import pytest

from tests.source import calls, imports, modules

ROOMS = [
    *("core", "evidence", "log", "signing", "policy", "registry", "verify"),
    *("insight", "site", "audit", "interop", "demo", "cli"),
]

FILES, SOCKETS, SYSTEM, CLOCK = "files", "sockets", "processes and environment", "the clock"
EVERYTHING = {FILES, SOCKETS, SYSTEM, CLOCK}
EDGE = {  # what may touch the world, what of it, and why
    "core.resources": {FILES},  # finds what the package ships
    "core.document": {FILES},  # reads the schemas the package ships
    "evidence.artifact": {FILES},  # hashes artifacts
    "evidence.environment": {FILES, SYSTEM},  # reads the machine
    "evidence.link": {SYSTEM},  # runs a training step
    "signing.keyless": {SOCKETS, SYSTEM, CLOCK},  # talks to Sigstore
    "signing.bulk": {SYSTEM},  # shares verification among processes
    "signing.sandbox": EVERYTHING,  # is a Sigstore on the loopback
    "registry.store.local": {FILES},  # holds a registry in a folder
    "registry.store.branch": {FILES, SYSTEM},  # runs git in a clone of its own
    "registry.store.http": {SOCKETS},  # reads one from a site
    "registry.store.retry": {CLOCK},  # waits before it tries again
    "verify.target": {FILES},  # opens what it is pointed at
    "site.render": {FILES},  # reads the assets and schemas the package ships
    "site.writer": {FILES},  # writes pages
    "audit.controls": {FILES},  # reads the frameworks the package ships
    "audit.report": {FILES},  # writes reports, and reads the styles the package ships
    "interop.settings": {SOCKETS},  # asks GitHub how a repository is protected
    "interop.github": {FILES, SYSTEM},  # writes the files a job names
    "demo": EVERYTHING,  # is a user of all this
    "cli": {FILES, SYSTEM, CLOCK},  # is the user's side of all this
}
SPEAKS = {
    "cli": "prints and exits",
    "demo": "runs as a program of its own",
    "interop.github": "tells the runner of annotations",
}

FILE_CALLS = {
    *("read_text", "read_bytes", "write_text", "write_bytes", "unlink", "mkdir", "rmdir", "rename", "iterdir", "rglob"),
    *("is_file", "is_dir", "stat", "lstat", "touch", "chmod", "symlink_to", "hardlink_to", "scandir", "listdir"),
}
OPENS = {"open", "io.open", "os.open", "os.fdopen", "os.walk"}
MODULES = {
    **dict.fromkeys(("socket", "socketserver", "http.server", "http.client", "urllib.request", "ssl"), SOCKETS),
    **dict.fromkeys(("requests", "asyncio", "selectors"), SOCKETS),
    **dict.fromkeys(("subprocess", "multiprocessing", "signal", "os.environ", "os.getenv", "platform"), SYSTEM),
    **dict.fromkeys(("tempfile", "shutil", "fcntl", "mmap", "glob"), FILES),
}
CLOCKS = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns", "time.localtime"),
    *("time.monotonic", "time.perf_counter", "time.gmtime", "time.sleep"),
}


def _touches(name: str, tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What of the world a module touches, and where."""
    for imported, line in imports(name, tree):
        for module, what in MODULES.items():
            if f"{imported}.".startswith(f"{module}."):
                yield what, f"line {line} imports {imported}"
    for called, line in calls(tree):
        if called in OPENS or ("." in called and called.rpartition(".")[2] in FILE_CALLS):
            yield FILES, f"line {line} calls {called}"
        if ".".join(called.split(".")[-2:]) in CLOCKS:
            yield CLOCK, f"line {line} calls {called}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}:
            yield SYSTEM, f"line {node.lineno} reads the environment"


def _within(name: str, places: Iterable[str]) -> bool:
    return any(name == place or name.startswith(place + ".") for place in places)


def _room(name: str) -> str:
    return name.split(".")[0]


EVERY = sorted(modules())


def test_every_module_stands_in_a_room():
    assert {_room(name) for name in EVERY if name} <= set(ROOMS)
    assert len(EVERY) > 20


@pytest.mark.parametrize("name", EVERY)
def test_a_room_imports_only_from_rooms_before_it(name):
    allowed = ROOMS[: ROOMS.index(_room(name)) + 1] if name else []
    for imported, line in imports(name, modules()[name]):
        parts = imported.split(".")
        if parts[0] == "muniment" and len(parts) > 1 and parts[1] != "__version__":
            assert parts[1] in allowed, f"{name}:{line} imports {imported}"


@pytest.mark.parametrize("name", EVERY)
def test_only_the_edge_touches_files_sockets_and_the_clock(name):
    allowed = {what for place, whats in EDGE.items() if _within(name, [place]) for what in whats}
    assert [place for what, place in _touches(name, modules()[name]) if what not in allowed] == []


@pytest.mark.parametrize("place", EDGE)
def test_the_edge_is_no_wider_than_it_needs(place):
    within = [name for name in EVERY if _within(name, [place])]
    assert {what for name in within for what, _ in _touches(name, modules()[name])} == EDGE[place]


@pytest.mark.parametrize("name", [name for name in EVERY if not _within(name, SPEAKS)])
def test_the_library_never_prints_or_exits(name):
    for called, line in calls(modules()[name]):
        assert called not in {"print", "sys.exit", "exit", "quit", "os._exit", "input"}, f"{name}:{line} calls {called}"
    for node in ast.walk(modules()[name]):
        written = isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.stderr"}
        assert not written, f"{name}:{node.lineno} writes to a standard stream"


@pytest.mark.parametrize("name", EVERY)
def test_values_are_frozen_and_slotted(name):
    """Except a module's own worksheet (`_Name`), which may change, and what keeps answers (cached_property)."""
    for node in ast.walk(modules()[name]):
        for decorator in node.decorator_list if isinstance(node, ast.ClassDef) else []:
            text = ast.unparse(decorator)
            if text.startswith("dataclass"):
                assert "frozen=True" in text or node.name.startswith("_"), f"{name}:{node.lineno} {node.name}"
                assert "slots=True" in text or "@cached_property" in ast.unparse(node), f"{name}:{node.lineno}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from muniment.cli import main", "muniment.cli.main"),
        ("from ..registry.state import State", "muniment.registry.state.State"),
        ("def f():\n    import muniment.site.render", "muniment.site.render"),
    ],
)
def test_the_reader_of_imports_sees_them(source, found):
    assert [name for name, _ in imports("log.note", ast.parse(source))] == [found]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("datetime.now(UTC)", CLOCK),
        ("x = datetime.datetime.now()", CLOCK),
        ("(folder / 'a').read_text()", FILES),
        ("open('a')", FILES),
        ("import shutil", FILES),
        ("def f():\n    from http.server import HTTPServer", SOCKETS),
        ("os.environ['A']", SYSTEM),
        ("import subprocess as s", SYSTEM),
    ],
)
def test_the_reader_of_touches_sees_them(source, what):
    assert {seen for seen, _ in _touches("log.note", ast.parse(source))} == {what}
