"""Whether it takes several people to do harm, and whether one who is away stops everything."""

from __future__ import annotations

from collections.abc import Iterator

from muniment.insight.access import Held
from muniment.insight.doctor.common import Check, Exam, Verdict, judged
from muniment.policy.document import RuleUse
from muniment.policy.finding import Status


def administrators(exam: Exam) -> Check:
    """How many may change the rules, and how many of them it takes."""
    able = {h.who for h in exam.in_force() if "configure" in h.may and not h.binding.namespaces}
    persons = {h.person for h in exam.in_force() if "configure" in h.may and not h.binding.namespaces} - {None}
    threshold, title = exam.config.threshold, "Several administrators stand behind the rules"
    told = f"{len(able)} may configure, and it takes {threshold}"
    if threshold > 1 and len(persons) < threshold:
        remedy = "Bind more persons, for good, to a role that may configure and approve."
        return Check("administrators", title, Verdict.FAIL, f"{told}: the threshold cannot be reached.", remedy)
    if len(able) <= threshold:
        remedy = "Bind one administrator more than it takes, so that one may be away."
        return Check("administrators", title, Verdict.WARN, f"{told}: if one is away, nothing can change.", remedy)
    if threshold == 1:
        remedy = "Set administrators.threshold to 2 in registry.yaml."
        return Check("administrators", title, Verdict.WARN, f"{told}: each alone can change every rule.", remedy)
    return Check("administrators", title, Verdict.OK, f"{told}.")


def one_hand(exam: Exam) -> Check:
    """Who alone holds all that it takes to release, approve and promote in a namespace."""
    found = [
        f"{who} in {namespace}"
        for namespace in exam.config.namespaces
        for who in sorted({h.who for h in exam.in_force()})
        if {"release", "approve", "promote"} <= _kinds(exam, who, namespace)
    ]
    remedy = "Give release, approve and promote to different people: muniment configure."
    bad = "hold release, approve and promote at once; only a rule on approvals keeps them from acting alone."
    verdict = Verdict.WARN if _guarding(exam) else Verdict.FAIL
    good = "Nobody holds release, approve and promote at once."
    return judged("one-hand", "Nobody can do it all alone", found, good, bad, remedy, verdict)


def redactors(exam: Exam) -> Check:
    """Who may delete evidence and has versions of their own that it may speak against."""
    moving = {h.who for h in exam.in_force() if {"release", "promote"} & set(h.may)}
    found = sorted({h.who for h in exam.in_force() if "redact" in h.may} & moving)
    remedy = "Give redact to people who neither release nor promote: muniment configure."
    bad = "may redact evidence, and release or promote what it speaks against."
    good = "Nobody who releases or promotes may redact evidence."
    return judged("redactors", "Nobody deletes what speaks against them", found, good, bad, remedy)


def approvers(exam: Exam) -> Check:
    """Whether enough persons hold the roles that rules on approvals ask for, wherever somebody can release."""
    short, tight = list[str](), list[str]()
    for use, role, count in _asked(exam):
        for namespace in _released_in(exam):
            holders = _approvers(exam, role, namespace)
            told = f"{use.id} asks for {count} in the role {role}; in {namespace} {len(holders)} hold it"
            (short if len(holders) < count else tight if len(holders) == count else []).append(told)
    title, remedy = "There are enough approvers", "Bind more persons to the role: muniment configure."
    good = "Every rule on approvals can be met, also where one approver is away or is the author."
    if short:
        bad = "cannot be met, or only if nobody is away or is the author."
        return judged("approvers", title, [*short, *tight], good, bad, remedy, Verdict.FAIL)
    return judged("approvers", title, tight, good, "can be met only if nobody is away or is the author.", remedy)


def several_identities(exam: Exam) -> Check:
    """Persons whose identities hold different roles: what looks like two people is one."""
    roles: dict[str, dict[str, set[str]]] = {}
    for held in exam.in_force():
        if held.person is not None:
            roles.setdefault(held.person, {}).setdefault(held.binding.identity.subject, set()).add(held.binding.role)
    found = [_identities(p, by) for p, by in sorted(roles.items()) if len({frozenset(r) for r in by.values()}) > 1]
    remedy = "They count as one person. Still, bind the roles of each person to one identity where that can be."
    bad = "have several identities in different roles."
    good = "Nobody has several identities in different roles."
    return judged("several-identities", "Each person acts under one identity", found, good, bad, remedy)


def _identities(person: str, roles: dict[str, set[str]]) -> str:
    said = (f"{who} as {' and '.join(sorted(names))}" for who, names in sorted(roles.items()))
    return f"{person}: {'; '.join(said)}"


def approval_rules(exam: Exam) -> Iterator[RuleUse]:
    """The rules that ask for approvals, built in or as expressions, and keep a version out."""
    for use in exam.config.policy.rules:
        own = use.require is not None and "approvals" in use.require.names
        if (use.rule == "approvals-required" or own) and use.severity is Status.FAIL:
            yield use


def guards(exam: Exam, use: RuleUse, environment: str) -> bool:
    """Whether a rule is asked where a version is promoted to an environment, of any kind and already now."""
    begun = use.effective_on is None or use.effective_on <= exam.glance.at
    return (
        use.gate == "promote" and begun and not use.kinds and (not use.environments or environment in use.environments)
    )


def _guarding(exam: Exam) -> bool:
    last = exam.config.environments[-1]
    return any(guards(exam, use, last) for use in approval_rules(exam))


def _kinds(exam: Exam, who: str, namespace: str) -> set[str]:
    here = (h for h in exam.in_force() if h.who == who and _in(h, namespace))
    return {kind for h in here for kind in h.may}


def _in(held: Held, namespace: str) -> bool:
    return not held.binding.namespaces or namespace in held.binding.namespaces


def _asked(exam: Exam) -> Iterator[tuple[RuleUse, str, int]]:
    """Every role that a built-in rule on approvals asks for, and of how many."""
    for use in approval_rules(exam):
        if use.rule == "approvals-required":
            for slot in use.params.get("roles", [use.params]):
                yield use, slot["role"], slot["count"]


def _released_in(exam: Exam) -> list[str]:
    releasing = [h for h in exam.in_force() if "release" in h.may]
    return [n for n in exam.config.namespaces if any(_in(h, n) for h in releasing)]


def _approvers(exam: Exam, role: str, namespace: str) -> set[str]:
    """The persons who may approve in a role and namespace."""
    return {
        h.person
        for h in exam.in_force()
        if h.binding.role == role and "approve" in h.may and h.person is not None and _in(h, namespace)
    }
