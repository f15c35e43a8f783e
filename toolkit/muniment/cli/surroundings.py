"""What stands around a registry on this machine: the program, the pins and the log's key beside it, GitHub's token."""

from __future__ import annotations

import os
import platform
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from muniment import __version__
from muniment.cli import options
from muniment.core.errors import MunimentError, Usage

PUBLIC_API = "https://api.github.com"

if TYPE_CHECKING:
    from muniment.insight.doctor import Check
    from muniment.registry.config import Config
    from muniment.registry.state import State


def surroundings(state: State, registry: str, trust: Path | None, log_key: Path | None) -> tuple[Check, ...]:
    """The checks that only this machine answers."""
    assert state.config is not None
    folder = Path(registry).absolute() if Path(registry).is_dir() else None
    pins = trust or (folder.with_name(f"{folder.name}.trust.json") if folder else None)
    key = log_key or (folder.with_name(f"{folder.name}.key") if folder else None)
    return (_program(), _pins(state, pins), _key(state.config, folder, key), *_github(state.config))


def _program() -> Check:
    from muniment.insight.doctor import Check, Verdict
    from muniment.registry.check import SEMANTICS

    fact = f"muniment {__version__}, semantics {SEMANTICS}, Python {platform.python_version()}, {platform.system()}."
    return Check("program", "What is running", Verdict.OK, fact)


def _pins(state: State, path: Path | None) -> Check:
    from muniment.insight.doctor import Check, Verdict
    from muniment.verify.trust import parse_trust

    title, remedy = "The pins are of this log", "Give the pins that readers have with --trust."
    if path is None or not path.exists():
        where = f"{path} does not exist." if path else "There is no folder beside which pins could lie."
        return Check("trust", title, Verdict.UNCHECKED, where, remedy)
    try:
        pins = parse_trust(options.read(path))
    except MunimentError as error:
        return Check("trust", title, Verdict.FAIL, error.fact, error.remedy)
    assert state.config is not None
    if (pins.origin, pins.genesis) != (state.config.origin, state.genesis):
        fact = f"{path} pins another log: {pins.origin}, whose first entry is {pins.genesis}."
        return Check("trust", title, Verdict.FAIL, fact, "Do not use it here; get the pins of this log.")
    return Check("trust", title, Verdict.OK, f"{path} pins {pins.origin}.")


def _key(config: Config, folder: Path | None, path: Path | None) -> Check:
    """The log's key where it would lie: nobody else reads it, it is outside of the registry, it is one of the log's."""
    from muniment.insight.doctor import Check, Verdict
    from muniment.log.note import parse_skey

    title, variable = "The log's key is kept well", os.environ.get("MUNIMENT_LOG_KEY")
    if path is None or not path.exists():
        found = "It is in MUNIMENT_LOG_KEY." if variable else "No key of the log lies here."
        return Check("log-key", title, Verdict.OK if variable else Verdict.UNCHECKED, found, "Give it with --log-key.")
    try:
        doubts = _doubts(path, folder) or (
            []
            if parse_skey(options.read(path).decode("utf-8", "replace").strip()).vkey in config.log_keys
            else ["it is no key of this log that is in force"]
        )
    except (MunimentError, OSError) as error:
        return Check("log-key", title, Verdict.UNCHECKED, f"{path}: {error}", "Check what it is.")
    if doubts:
        remedy = "Keep it outside of the registry, with mode 0600: chmod 600. If others may have read it, rotate it."
        return Check("log-key", title, Verdict.FAIL, f"{path}: {'; '.join(doubts)}.", remedy)
    return Check("log-key", title, Verdict.OK, f"{path}: only its owner reads it.")


def _doubts(path: Path, folder: Path | None) -> list[str]:
    mode = stat.S_IMODE(path.stat().st_mode)
    doubts = [f"others may read it (mode {mode:04o})"] if mode & 0o077 else []
    inside = folder is not None and path.resolve().is_relative_to(folder.resolve())
    return [*doubts, *(["it lies inside the registry, and would be published with it"] if inside else [])]


def _github(config: Config) -> tuple[Check, ...]:
    from muniment.insight.doctor import Check, Verdict
    from muniment.interop.settings import Api, examine_settings

    token, repository = os.environ.get("GITHUB_TOKEN"), os.environ.get("GITHUB_REPOSITORY")
    title = "GitHub's settings protect the identities"
    if not token or not repository:
        fact = "GITHUB_TOKEN or GITHUB_REPOSITORY is not set: GitHub's settings were not looked at."
        remedy = "Set both, the token to one that may read the repository's administration."
        return (Check("github", title, Verdict.UNCHECKED, fact, remedy),)
    try:
        return examine_settings(Api(os.environ.get("GITHUB_API_URL") or PUBLIC_API, token, repository), config)
    except Usage as error:
        return (Check("github", title, Verdict.UNCHECKED, error.fact, error.remedy),)
