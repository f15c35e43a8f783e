"""When an event is admitted and what it changes: one kind, one judge. A judge changes nothing until the event is in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from muniment.policy.finding import Finding
from muniment.registry.access import AccessReview
from muniment.registry.deletion import Redact, RequestDeletion
from muniment.registry.event import (
    Approve,
    Configure,
    Event,
    Promote,
    Release,
    Retire,
    Rollback,
    RotateKey,
)
from muniment.registry.judges import (
    access,
    approve,
    configure,
    deletion,
    deploy,
    incident,
    movement,
    observe,
    release,
    retire,
    revoke,
    rotate,
    waive,
)
from muniment.registry.judges.common import Change
from muniment.registry.oversight import Incident, Revoke, Waive
from muniment.registry.runtime import Deploy, Observe
from muniment.registry.state import State
from muniment.signing.identity import Signed

Judge = Callable[[State, Signed, Event, datetime], tuple[Change, tuple[Finding, ...]]]

JUDGES: dict[type[Event], Judge] = {
    Configure: configure.judge,
    RotateKey: rotate.judge,
    Release: release.judge,
    Approve: approve.judge,
    Revoke: revoke.judge,
    Waive: waive.judge,
    Incident: incident.judge,
    AccessReview: access.judge,
    Promote: movement.judge_promote,
    Rollback: movement.judge_rollback,
    Deploy: deploy.judge,
    Observe: observe.judge,
    Retire: retire.judge,
    RequestDeletion: deletion.judge_request,
    Redact: deletion.judge_redact,
}
