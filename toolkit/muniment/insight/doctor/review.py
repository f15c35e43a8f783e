"""The access review: whether there was one, whether it is time for the next, and what came of its decisions."""

from __future__ import annotations

from muniment.core.instant import format_instant
from muniment.insight.doctor.common import Check, Exam, Verdict, judged
from muniment.registry.access import ACCESS_KEY
from muniment.registry.pattern import parse_pattern
from muniment.registry.state import AccessState
from muniment.registry.words import signer_of


def access_review(exam: Exam) -> Check:
    """Whether somebody confirmed who may do what, and lately enough."""
    title, reviewed = "Access was reviewed", _last(exam)
    remedy = "Draft one and decide on each binding: muniment access-review --draft FILE."
    if reviewed is None:
        return Check("access-review", title, Verdict.WARN, "Nobody ever reviewed who may do what.", remedy)
    until = reviewed.event.next_review_by
    fact = f"It was at entry {reviewed.index}; the next is due by {format_instant(until)}."
    if until <= exam.glance.at:
        return Check("access-review", title, Verdict.FAIL, fact, remedy)
    if reviewed.event.configuration != exam.config.digest:
        fact = f"{fact} Who may do what changed since, at entry {exam.glance.state.configured_at}."
        return Check("access-review", title, Verdict.WARN, fact, remedy)
    return Check("access-review", title, Verdict.OK, fact)


def not_carried_out(exam: Exam) -> Check:
    """Bindings that the last review wants removed or changed and that still stand as they did."""
    reviewed, written = _last(exam), [h.written for h in exam.held]
    found = [
        f"{g.decision}: {g.binding['role']}, {parse_pattern(g.binding['identity']).subject}: {g.reason}"
        for g in (reviewed.event.granted if reviewed else ())
        if g.decision != "keep" and g.binding in written
    ]
    removed = any(line.startswith("remove") for line in found)
    verdict, remedy = Verdict.FAIL if removed else Verdict.WARN, "Change registry.yaml so: muniment configure."
    bad = "decisions of the last access review were not carried out."
    title, good = "The access review was carried out", "No decision of the last review is open."
    return judged("review-carried-out", title, found, good, bad, remedy, verdict)


def decided_by_itself(exam: Exam) -> Check:
    """Bindings that their own holder confirmed."""
    reviewed, found = _last(exam), list[str]()
    if reviewed is not None:
        who = signer_of(exam.glance.state, reviewed.index)
        person = exam.config.person_of(who)
        own = [h for h in exam.held if h.binding.identity.matches(who) or (person and h.person == person)]
        kept = [g.binding for g in reviewed.event.granted if g.decision == "keep"]
        found = [f"{h.binding.role}: {h.who}" for h in own if h.written in kept]
    remedy = "Have somebody else who may, review these."
    good, bad = "Nobody confirmed a right of their own.", "were confirmed by their own holder."
    return judged("review-of-oneself", "Nobody reviews their own rights", found, good, bad, remedy)


def _last(exam: Exam) -> AccessState | None:
    return exam.glance.state.access.get(ACCESS_KEY)
