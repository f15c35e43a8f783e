"""Evidence at the gate submit: what policy says of the record itself, before any version stands on it."""

from __future__ import annotations

from datetime import datetime

from muniment.policy.engine import is_asked
from muniment.policy.finding import Finding
from muniment.policy.gates import SUBMIT
from muniment.registry import facts, redaction
from muniment.registry.judges.common import config_of, judge_policy
from muniment.registry.state import State
from muniment.signing.identity import Signed


def judge(state: State, brought: Signed, said: Signed, kind: str, at: datetime) -> tuple[Finding, ...]:
    """The findings on a record; `brought` is what was signed for this log, and `said` it or the third party's in it.

    Raises `Refused` with them where policy keeps it out.
    """
    if not is_asked(config_of(state).policy, SUBMIT):
        return ()
    record = facts.record_fact(state, said, kind, at)
    found = facts.gather_record(state, brought, record, said.statement, at)
    return judge_policy(state, found, redaction.is_record_underivable(state, said.statement))
