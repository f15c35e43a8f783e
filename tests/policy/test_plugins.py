"""Rules of other packages: they pass or warn, whatever they do, and never decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from muniment.policy.engine import evaluate, failures, parse_policy
from muniment.policy.facts import Facts, Verdict
from muniment.policy.finding import Status
from muniment.policy.plugins import GROUP, advice, installed
from tests.policy.make import facts
from tests.source import imports, modules


@dataclass(frozen=True, slots=True)
class Point:
    """An entry point as `importlib.metadata` gives it."""

    name: str
    rule: Callable[[Facts], Any]
    value: str = "package:rule"

    def load(self) -> Callable[[Facts], Any]:
        """The rule."""
        return self.rule


def broken(known: Facts) -> Verdict:
    raise KeyError(known.subject)


def test_advice() -> None:
    points = [
        Point("good", lambda f: Verdict(True, f.subject)),
        Point("bad", lambda f: Verdict(False, "no", "do")),
        Point("none", lambda f: None),
        Point("broken", broken),
        Point("odd", lambda f: 7),
    ]
    found = advice(facts(), points)
    assert [(f.rule, f.status) for f in found] == [
        ("good", Status.PASS),
        ("bad", Status.WARN),
        ("broken", Status.WARN),
        ("odd", Status.WARN),
    ]
    assert failures(found) == ()
    assert found[2].reason == "The rule broke: KeyError."
    assert (found[1].reason, found[1].fix, found[1].title) == ("no", "do", "Advice of package:rule")


def test_nothing_is_installed_here() -> None:
    assert installed() == ()
    assert GROUP == "muniment.rules"


def test_what_decides_never_looks_at_what_is_installed() -> None:
    """Only the command asks for advice: neither `check` nor a replay can."""
    users = [n for n, tree in modules().items() if any("policy.plugins" in i for i, _ in imports(n, tree))]
    assert users == ["cli.policy"]
    policy = parse_policy({"rules": []})
    assert evaluate(policy, facts()) == ()
