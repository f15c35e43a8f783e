"""Bindings one by one: those nobody uses, those that allow more than is used, those that end or ended."""

from __future__ import annotations

from datetime import timedelta

from muniment.core.instant import format_instant
from muniment.evidence.kinds import THIRD_PARTY
from muniment.insight.access import Held
from muniment.insight.doctor.common import Check, Exam, judged
from muniment.registry.config_check import EMERGENCY, FOR_ALL

SOON = timedelta(days=30)
# What is signed on an occasion that may never come: that it was not signed says nothing.
OCCASIONAL = FOR_ALL | {EMERGENCY, "revoke", "waive", "incident", "rollback", "retire", "request-deletion"}
DECIDES = ("approve", "configure")


def unused(exam: Exam) -> Check:
    """Bindings in force for some time, under which nothing was signed in it."""
    found = [_told(h) for h in exam.in_force() if _idle(exam, h)]
    bad = f"without a record signed under it in {exam.idle.days} days."
    remedy = "Remove each that nobody needs from registry.yaml: muniment configure."
    return judged("unused-bindings", "Bindings are used", found, "Each was used lately, or is new.", bad, remedy)


def wide_bindings(exam: Exam) -> Check:
    """Bindings in all namespaces that were used in one."""
    found = [f"{_told(h)}: used in {next(iter(h.places))} only" for h in exam.in_force() if _wide(exam, h)]
    remedy = "Name the namespaces in registry.yaml: muniment configure."
    bad = "held in all namespaces and used in one."
    return judged("wide-bindings", "Bindings are no wider than their use", found, "None is wider.", bad, remedy)


def broad_roles(exam: Exam) -> Check:
    """Kinds of record that a role allows and none of its holders ever signed, occasions apart."""
    found = [f"{role}: {', '.join(kinds)}" for role in exam.config.roles if (kinds := _never_signed(exam, role))]
    remedy = "Take out of `may` what the role is not for: muniment configure."
    bad = "allow kinds of record that none of their holders ever signed."
    return judged("broad-roles", "Roles allow what is done under them", found, "None allows more.", bad, remedy)


def ended_bindings(exam: Exam) -> Check:
    """Bindings that have expired and still stand in registry.yaml."""
    at = exam.glance.at
    found = [f"{_told(h)}, at {format_instant(e)}" for h in exam.held if (e := h.binding.expires) and e <= at]
    remedy = "They may stay: what was signed under them goes on counting. Delete one to say that nothing of it counts."
    bad = "have expired; what was signed under them before still counts."
    return judged("expired-bindings", "No binding has expired", found, "None has.", bad, remedy)


def ending_bindings(exam: Exam) -> Check:
    """Bindings that expire soon."""
    at = exam.glance.at
    found = [
        f"{_told(h)}, at {format_instant(e)}"
        for h in exam.held
        if (e := h.binding.expires) is not None and at < e <= at + SOON
    ]
    remedy = "Renew those that go on: muniment configure."
    bad = f"within {SOON.days} days."
    return judged("expiring-bindings", "No binding expires soon", found, "None does.", bad, remedy)


def unmapped(exam: Exam) -> Check:
    """Identities that decide about others' work and belong to no person, so that they never count as a second one."""
    found = [_told(h) for h in exam.in_force() if h.person is None and set(h.may) & set(DECIDES)]
    remedy = "Name whose identity it is under persons: muniment configure."
    bad = "may approve or configure and belong to no person: none counts as a distinct one."
    return judged("unmapped-identities", "Who decides is a person", found, "Each is somebody's.", bad, remedy)


def remarks(exam: Exam, held: Held) -> list[str]:
    """What checks say of one binding, for whoever decides on it."""
    ended = held.binding.expires is not None and held.binding.expires <= exam.glance.at
    ending = held.binding.expires is not None and not ended and held.binding.expires <= exam.glance.at + SOON
    said = {
        f"nothing was signed under it in {exam.idle.days} days": _idle(exam, held),
        f"held in all namespaces, used in {', '.join(held.places)} only": _wide(exam, held),
        "it has expired": ended,
        f"it expires within {SOON.days} days": ending,
        "the identity belongs to no person": held.person is None and bool(set(held.may) & set(DECIDES)),
        "its identity is a pattern": held.binding.identity.wild,
    }
    return [remark for remark, holds in said.items() if holds]


def _told(held: Held) -> str:
    return f"{held.binding.role} in {held.where}: {held.who}"


def _idle(exam: Exam, held: Held) -> bool:
    if not exam.settled(held) or not held.binding.lasts(exam.glance.at, exam.glance.at):
        return False
    last = held.used[-1] if held.used else None
    return last is None or exam.glance.at - exam.glance.state.entries[last].admitted_at > exam.idle


def _wide(exam: Exam, held: Held) -> bool:
    """Whether a binding is held everywhere without need; what concerns the whole registry has to be."""
    several = not held.binding.namespaces and len(exam.config.namespaces) > 1
    return several and not FOR_ALL & set(held.may) and exam.settled(held) and len(held.places) == 1


def _never_signed(exam: Exam, role: str) -> list[str]:
    holders = [h for h in exam.in_force() if h.binding.role == role]
    if not holders or not all(exam.settled(h) for h in holders):
        return []
    entries = exam.glance.state.entries
    signed = {THIRD_PARTY if entries[i].carrier else entries[i].kind for h in holders for i in h.used}
    return sorted(exam.config.roles[role] - signed - OCCASIONAL)
