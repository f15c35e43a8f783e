"""A check's answer, and what checks look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from muniment.insight.access import Held
from muniment.insight.due.common import Glance
from muniment.registry.config import Config


class Verdict(StrEnum):
    """The four outcomes of a check; what could not be looked at is never passed over."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNCHECKED = "not-checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One check's answer: the fact, what to do where it is not ok, and a line for each thing it found."""

    id: str
    title: str
    verdict: Verdict
    fact: str
    remedy: str = ""
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exam:
    """A registry under examination: a glance at it, who holds what, and after how long without use a right is idle."""

    glance: Glance
    held: tuple[Held, ...]
    idle: timedelta = timedelta(days=90)

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self.glance.config

    def in_force(self) -> tuple[Held, ...]:
        """The bindings that hold for what is signed and admitted now."""
        return tuple(h for h in self.held if h.binding.lasts(self.glance.at, self.glance.at))

    def settled(self, held: Held) -> bool:
        """Whether a binding is old enough that its use says something."""
        return self.glance.at - held.since_at > self.idle


def judged(
    id_: str, title: str, found: Sequence[str], good: str, bad: str, remedy: str, verdict: Verdict = Verdict.WARN
) -> Check:
    """The check that is ok unless something was found; `bad` is told with how many there are in front."""
    if not found:
        return Check(id_, title, Verdict.OK, good)
    return Check(id_, title, verdict, f"{len(found)} {bad}", remedy, tuple(found))
