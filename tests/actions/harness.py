"""Runs a composite action as the runner does: its bash steps for real, the expressions it uses, its three files.

What is left out of GitHub's behaviour raises `NotImplementedError`, so no test passes because of it.
Source: GitHub's reference pages on composite actions, expressions and workflow commands.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import yaml

Used = Callable[[Mapping[str, str]], dict[str, str]]
_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(\d+)|([A-Za-z_][\w.*-]*)|(==|!=|&&|\|\||[!(),]))")
_ESCAPES = (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))


@dataclass
class Ran:
    """What an action left behind."""

    ok: bool
    outputs: dict[str, str] = field(default_factory=dict)
    annotations: list[tuple[str, str, str]] = field(default_factory=list)
    summary: str = ""
    log: str = ""
    steps: list[str] = field(default_factory=list)


def run_action(
    folder: Path,
    inputs: Mapping[str, str],
    workspace: Path,
    temp: Path,
    environ: Mapping[str, str],
    uses: Mapping[str, Used],
) -> Ran:
    """Runs the action in `folder`. `uses` stands for other people's actions, by name without version."""
    action = yaml.safe_load((folder / "action.yml").read_text("utf-8"))
    context = _Context(_inputs(action, inputs, environ), dict(environ), {}, {"temp": str(temp), "os": "Linux"})
    ran = Ran(True)
    for number, step in enumerate(action["runs"]["steps"]):
        if not _runs(str(step.get("if", "success()")), context, ran.ok):
            continue
        name = step.get("id", f"step-{number}")
        ran.steps.append(name)
        values = {
            key: _fill(str(value), context) for key, value in {**step.get("env", {}), **step.get("with", {})}.items()
        }
        if "uses" in step:
            context.steps[name] = uses[step["uses"].split("@")[0]](values)
            continue
        assert step["shell"] == "bash", "composite steps say their shell"
        assert "${{" not in step["run"], "an expression inside a script is an injection"
        ok, outputs = _bash(step["run"], values, folder, workspace, temp, environ, ran)
        context.steps[name] = outputs
        ran.ok = ran.ok and (ok or step.get("continue-on-error", False))
    ran.outputs = {name: _fill(output["value"], context) for name, output in action.get("outputs", {}).items()}
    return ran


@dataclass
class _Context:
    inputs: dict[str, str]
    environ: dict[str, str]
    steps: dict[str, dict[str, str]]
    runner: dict[str, str]

    def look_up(self, path: str) -> str:
        match path.split("."):
            case ["inputs", name]:
                return self.inputs[name]
            case ["steps", step, "outputs", name]:
                return self.steps.get(step, {}).get(name, "")
            case ["runner", name]:
                return self.runner[name]
            case ["github", name]:
                return self.environ.get(f"GITHUB_{name.upper()}", "")
        raise NotImplementedError(path)


def _inputs(action: dict, given: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    known = action.get("inputs", {})
    assert set(given) <= set(known), f"unexpected inputs: {set(given) - set(known)}"
    missing = [name for name, what in known.items() if what.get("required") and name not in given]
    assert not missing, f"required inputs are missing: {missing}"
    context = _Context({}, dict(environ), {}, {})
    return {name: given.get(name, _fill(str(what.get("default", "")), context)) for name, what in known.items()}


def _bash(script, values, folder, workspace, temp, environ, ran) -> tuple[bool, dict[str, str]]:
    files = {name: Path(mkdtemp(dir=temp)) / "file" for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for path in files.values():
        path.touch()
    runner = {
        "GITHUB_ACTION_PATH": folder,
        "GITHUB_WORKSPACE": workspace,
        "RUNNER_TEMP": temp,
        "GITHUB_ACTIONS": "true",
    }
    merged = {**environ, **{name: str(value) for name, value in {**runner, **files}.items()}, **values}
    (temp / "script.sh").write_text(script, "utf-8")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(temp / "script.sh")],
        cwd=workspace,
        env=merged,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    text = done.stdout.decode("utf-8", "replace")
    ran.log += text
    ran.annotations += read_annotations(text)
    ran.summary += files["GITHUB_STEP_SUMMARY"].read_text("utf-8")
    return done.returncode == 0, read_outputs(files["GITHUB_OUTPUT"].read_text("utf-8"))


def read_outputs(text: str) -> dict[str, str]:
    """The outputs that a step's file gives, as the runner reads it. Raises `ValueError` for lines it refuses."""
    outputs, lines = {}, iter(text.removesuffix("\n").split("\n") if text else [])
    for line in lines:
        name, mark, rest = line.partition("<<") if "<<" in line.split("=", 1)[0] else line.partition("=")
        if not mark or not name:
            raise ValueError(f"not an output: {line!r}")
        outputs[name] = rest if mark == "=" else "\n".join(_until(rest, lines))
    return outputs


def _until(delimiter: str, lines) -> list[str]:
    found = []
    for line in lines:
        if line == delimiter:
            return found
        found.append(line)
    raise ValueError("an output has no end")


def read_annotations(text: str) -> list[tuple[str, str, str]]:
    """(level, title, message) of every workflow command in a log; any other command raises `ValueError`."""
    found = []
    for line in re.split(r"\r\n|\r|\n", text):
        if "##[" in line and not line.lstrip().startswith("::"):
            raise ValueError(f"a command of the old form: {line!r}")
        if line.lstrip().startswith("::"):
            match = re.fullmatch(r"\s*::(notice|warning|error)(?: title=([^,:]*))?::(.*)", line)
            if not match:
                raise ValueError(f"a command nobody meant: {line!r}")
            level, title, message = match.groups()
            found.append((level, _unescape(title or ""), _unescape(message)))
    return found


def _unescape(text: str) -> str:
    for escaped, plain in _ESCAPES:
        text = text.replace(escaped, plain)
    return text


def _fill(text: str, context: _Context) -> str:
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _text(_Expression(found[1], context, True).value()), text)


def _runs(text: str, context: _Context, ok: bool) -> bool:
    inner = text.strip().removeprefix("${{").removesuffix("}}")
    value = _truth(_Expression(inner, context, ok).value())
    return value and (ok or re.search(r"\b(always|failure|cancelled)\(", inner) is not None)


def _text(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _truth(value: object) -> bool:
    return value not in (False, "", 0)


class _Expression:
    """`||`, `&&`, `==`, `!=`, `!`, brackets, literals, contexts and the status functions; comparison ignores case."""

    def __init__(self, text: str, context: _Context, ok: bool) -> None:
        self.tokens = [next(filter(None, groups)) for groups in _TOKEN.findall(text)] + ["end"]
        if "".join(self.tokens[:-1]) != re.sub(r"\s(?=(?:[^']*'[^']*')*[^']*$)", "", text):
            raise NotImplementedError(text)
        self.context, self.ok = context, ok

    def value(self) -> object:
        result = self._binary(0)
        if self.tokens != ["end"]:
            raise NotImplementedError(self.tokens)
        return result

    def _binary(self, level: int) -> object:
        if level == 3:
            return self._unary()
        left = self._binary(level + 1)
        while self.tokens[0] in (("||",), ("&&",), ("==", "!="))[level]:
            operator, right = self.tokens.pop(0), self._binary(level + 1)
            if operator == "||":
                left = left if _truth(left) else right
            elif operator == "&&":
                left = right if _truth(left) else left
            else:
                left = (_text(left).casefold() == _text(right).casefold()) is (operator == "==")
        return left

    def _unary(self) -> object:
        token = self.tokens.pop(0)
        if token == "!":
            return not _truth(self._unary())
        if token == "(":
            value = self._binary(0)
            assert self.tokens.pop(0) == ")"
            return value
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if self.tokens[0] == "(":
            self.tokens[:2] = []
            return {"always": True, "success": self.ok, "failure": not self.ok, "cancelled": False}[token]
        return {"true": True, "false": False}.get(token) if token in ("true", "false") else self.context.look_up(token)
