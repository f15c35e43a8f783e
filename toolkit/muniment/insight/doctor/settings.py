"""The registry as a whole: keys, witnesses, issuers, the policy's last gate, the inbox."""

from __future__ import annotations

from datetime import timedelta

from muniment.core.instant import format_instant
from muniment.evidence.kinds import kind_of
from muniment.insight.doctor.common import Check, Exam, Verdict, judged
from muniment.insight.doctor.separation import approval_rules, guards
from muniment.insight.due.keys import log_keys, sigstore, third_parties
from muniment.log.policy import NO_QUORUM
from muniment.policy.finding import Status
from muniment.registry.draft import PATIENCE
from muniment.registry.pattern import GITHUB

STALE = timedelta(days=7)


def sandbox(exam: Exam) -> Check:
    """Whether what is signed proves anything outside of trials."""
    title = "It is no sandbox"
    if not exam.config.sandbox:
        return Check("sandbox", title, Verdict.OK, "Its Sigstore instance is a real one.")
    fact, remedy = "Its identities are a sandbox's: it proves nothing outside of trials.", "Make a real one to rely on."
    return Check("sandbox", title, Verdict.WARN, fact, remedy)


def keys(exam: Exam) -> Check:
    """Keys and certificates that should have been replaced."""
    ask = (log_keys, sigstore, third_parties)
    late = [one for kind in ask for one in kind(exam.glance) if one.status(exam.glance.at) == "overdue"]
    found = [f"{one.about}, since {format_instant(one.at)}: {one.fact}" for one in late]
    limit = exam.config.limits.log_key_days
    lasts = f"a log key lasts {limit} days" if limit else "log keys have no limit (limits.logKeyDays)"
    good = f"None is overdue; {lasts}."
    remedy = "Replace them: muniment due says how for each."
    return judged("keys", "Keys are in their time", found, good, "should have been replaced.", remedy, Verdict.FAIL)


def witnesses(exam: Exam) -> Check:
    """Whether readers can ask for others than the operator to have seen the log."""
    title, policy = "Witnesses see the log", exam.config.tlog_policy
    if policy.quorum != NO_QUORUM:
        return Check(
            "witnesses", title, Verdict.OK, f"{len(policy.witnesses)} witnesses; the quorum is {policy.quorum}."
        )
    fact = (
        f"{len(policy.witnesses)} witnesses and no quorum: readers have only the operator's word that there is one log."
    )
    remedy = "Name witnesses and a quorum under witnessPolicy: docs/witness.md."
    return Check("witnesses", title, Verdict.WARN, fact, remedy)


def sequencer(exam: Exam) -> Check:
    """Whether checkpoints are anchored by a named job."""
    title, who = "Checkpoints are anchored", exam.config.sequencer
    if who is not None:
        return Check("sequencer", title, Verdict.OK, f"{who.subject} anchors each checkpoint in Sigstore's log.")
    fact, remedy = "No sequencer is named, so no checkpoint is anchored.", "Name the job that publishes as sequencer."
    return Check("sequencer", title, Verdict.WARN, fact, remedy)


def issuers(exam: Exam) -> Check:
    """Issuers of people's identities of which nobody declares that they enforce a second factor."""
    declared = {i.issuer: i.mfa for i in exam.config.issuers}
    used = sorted(_people(exam))
    found = [
        f"{issuer}: {declared.get(issuer, 'not declared')}" for issuer in used if declared.get(issuer) != "enforced"
    ]
    remedy = "Say under issuers what each enforces, and use those that do."
    good = "Of each issuer it is declared that it enforces a second factor."
    bad = "issuers are not declared to enforce a second factor."
    return judged("issuers", "Issuers enforce a second factor", found, good, bad, remedy)


def _people(exam: Exam) -> set[str]:
    """The issuers in use, without that of GitHub's workflows, behind which nobody logs in."""
    used = {h.binding.identity.issuer for h in exam.in_force()}
    return {issuer for issuer in used if issuer != GITHUB and not issuer.startswith(f"{GITHUB}/")}


def approvals_at_the_end(exam: Exam) -> Check:
    """Whether a version needs somebody's approval on its way into the last environment."""
    last, title = exam.config.environments[-1], "Nothing gets to the end without approval"
    found = [use.id for use in approval_rules(exam) if guards(exam, use, last)]
    if found:
        return Check("approvals-at-the-end", title, Verdict.OK, f"{', '.join(found)} asks at promote to {last}.")
    fact = f"No rule in force asks for approvals, of every kind, at promote to {last}."
    remedy = "Use approvals-required at the gate promote: docs/rules/approvals-required.md."
    return Check("approvals-at-the-end", title, Verdict.FAIL, fact, remedy)


def idle_rules(exam: Exam) -> Check:
    """Rules that were asked and never applied."""
    asked: dict[str, list[Status]] = {use.id: [] for use in exam.config.policy.rules}
    for entry in exam.glance.state.entries.values():
        for finding in entry.findings:
            asked.get(finding.rule, []).append(finding.status)
    found = [
        f"{rule}: asked {len(said)} times"
        for rule, said in asked.items()
        if said and set(said) == {Status.NOT_APPLICABLE}
    ]
    remedy = "See whether kinds, environments and `when` of each are as they are meant."
    good = "Each that was asked applied to something."
    return judged("idle-rules", "Rules apply", found, good, "rules were asked and never applied.", remedy)


def inbox(exam: Exam) -> Check:
    """What waits for long."""
    title, at = "Nothing waits for long", exam.glance.at
    if exam.glance.waiting is None:
        return Check("inbox", title, Verdict.UNCHECKED, "The inbox is not visible here.", "Ask where the registry is.")
    old = [one for one in exam.glance.waiting if at - one.since > STALE]
    found = [f"{kind_of(o.kind) or o.kind} by {o.subject}, since {format_instant(o.since)}: {o.reason}" for o in old]
    late = any(at - one.since > PATIENCE for one in old)
    bad, remedy = f"wait for more than {STALE.days} days.", "Decide on each and publish: muniment approve, publish."
    verdict = Verdict.FAIL if late else Verdict.WARN
    return judged("inbox", title, found, "Nothing does.", bad, remedy, verdict)
