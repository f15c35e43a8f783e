"""The doctor: what is doubtful about how a registry is set up, one check a question.

A check says what it found and never changes anything. `CHECKS` are those that the registry itself answers; whoever
knows more of the surroundings adds checks of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from muniment.insight.doctor.bindings import (
    broad_roles,
    ended_bindings,
    ending_bindings,
    unmapped,
    unused,
    wide_bindings,
)
from muniment.insight.doctor.common import Check, Exam, Verdict
from muniment.insight.doctor.review import access_review, decided_by_itself, not_carried_out
from muniment.insight.doctor.separation import administrators, approvers, one_hand, redactors, several_identities
from muniment.insight.doctor.settings import (
    approvals_at_the_end,
    idle_rules,
    inbox,
    issuers,
    keys,
    sandbox,
    sequencer,
    witnesses,
)

__all__ = ["CHECKS", "Check", "Exam", "Verdict", "examine"]

CHECKS: tuple[Callable[[Exam], Check], ...] = (
    sandbox,
    administrators,
    one_hand,
    redactors,
    approvers,
    approvals_at_the_end,
    several_identities,
    unmapped,
    unused,
    wide_bindings,
    broad_roles,
    ended_bindings,
    ending_bindings,
    issuers,
    keys,
    witnesses,
    sequencer,
    idle_rules,
    inbox,
    access_review,
    not_carried_out,
    decided_by_itself,
)


def examine(exam: Exam) -> tuple[Check, ...]:
    """The answers of all checks, in their order."""
    return tuple(check(exam) for check in CHECKS)
