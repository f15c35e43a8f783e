"""What a rule says of a subject."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """The five outcomes of a rule."""

    PASS = "pass"  # noqa: S105 - an outcome
    WARN = "warn"
    FAIL = "fail"
    WAIVED = "waived"
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's word on one subject.

    `reason` is the fact, `fix` what makes it pass, `waiver` how to ask for an exception and whom to turn to.
    `waits` marks a failure that later records can mend (a missing approval): the subject may stay in the inbox.
    `page` is the rule's page of docs, `controls` what it serves; `waived_by` is the statement of the waiver that holds,
    and `expires` when it ends.
    """

    rule: str
    title: str
    status: Status
    subject: str
    reason: str
    fix: str = ""
    waiver: str = ""
    waits: bool = False
    page: str = ""
    controls: tuple[str, ...] = ()
    waived_by: str = ""
    expires: datetime | None = None

    @property
    def remedy(self) -> str:
        """What people are told to do: the fix, and nothing where a waiver excuses the failure."""
        return "" if self.status is Status.WAIVED else self.fix
