"""What the two review rules have in common: the newest review that counts decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from muniment.core.instant import format_instant
from muniment.evidence.review import SEVERITIES, Review, read_review
from muniment.policy.facts import EvidenceFact, Facts, Verdict
from muniment.policy.reading import DAYS, age, is_older, some

PARAMS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "role": {"type": "string", "minLength": 1},
        "independent": {"type": "boolean"},
        "conditions": {"enum": ["accept", "fail"]},
        "maxOpen": {"enum": ["none", *SEVERITIES]},
        "maxDays": DAYS,
        "data": {"type": "boolean"},
    },
}


def judge_review(kind: str, facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if the newest review of the kind that counts approves, and holds at the facts' time.

    It counts if it was signed in `role`, where that is given, and by no author (unless `independent` is false).
    """
    what, all_ = kind.replace("-", " "), facts.of_kind(kind)
    counted = _counted(kind, facts, params)
    fix = f"Have it reviewed (muniment attest {kind} … --from review.yaml) and publish the review."
    if not counted:
        role = f" in the role {params['role']}" if "role" in params else ""
        own = "; a review by an author does not count" if all_ and not role else ""
        return Verdict(False, f"There is no {what}{role}{own}.", fix, waits=True)
    newest = counted[-1]
    review = read_review(newest.predicate)
    problem = _refusal(review, params) or _ended(review, facts, params) or _uncovered(review, facts, params)
    who = newest.signer.person or newest.signer.subject
    if problem:
        return Verdict(False, f"The {what} by {who} {problem}.", fix)
    return Verdict(True, f"The {what} by {who} approves until {format_instant(review.valid_until)}.")


def review_ends(kind: str, facts: Facts, params: Mapping[str, Any]) -> Iterator[tuple[str, EvidenceFact, datetime]]:
    """When the newest review of the kind that counts gets older than `maxDays`, where that is asked."""
    for newest in _counted(kind, facts, params)[-1:]:
        if "maxDays" in params:
            made = read_review(newest.predicate).reviewed_at
            yield f"its {kind}", newest, made + timedelta(days=params["maxDays"])


def _counted(kind: str, facts: Facts, params: Mapping[str, Any]) -> list[EvidenceFact]:
    return [e for e in facts.of_kind(kind) if _counts(e, facts, params)]


def _counts(fact: EvidenceFact, facts: Facts, params: Mapping[str, Any]) -> bool:
    by_author = bool({fact.signer.key, fact.signer.person} & facts.authors)
    in_role = "role" not in params or params["role"] in fact.signer.roles
    return in_role and not (by_author and params.get("independent", True))


def _refusal(review: Review, params: Mapping[str, Any]) -> str:
    if review.decision == "rejected":
        return "rejects it"
    if review.decision != "approved" and params.get("conditions", "accept") == "fail":
        return "approves with conditions only"
    if "maxOpen" in params:
        levels = ("none", *SEVERITIES)
        above = [s for s in review.open if levels.index(s) > levels.index(params["maxOpen"])]
        if above:
            return f"leaves findings open: {some(above)}"
    return ""


def _ended(review: Review, facts: Facts, params: Mapping[str, Any]) -> str:
    if review.valid_until <= facts.at:
        return f"ended at {format_instant(review.valid_until)}"
    if review.reviewed_at > facts.at:
        return f"is dated {format_instant(review.reviewed_at)}, which is still to come"
    if "maxDays" in params and is_older(facts.at, review.reviewed_at, params["maxDays"]):
        return f"is {age(facts.at, review.reviewed_at)} old, and {params['maxDays']} are allowed"
    return ""


def _uncovered(review: Review, facts: Facts, params: Mapping[str, Any]) -> str:
    if not params.get("data"):
        return ""
    if not facts.data:
        return "cannot be held to the data: neither provenance nor ML-BOM names any"
    missing = [d.name for d in facts.data if d.digest not in review.data]
    return f"does not cover the data {some(missing)}" if missing else ""
