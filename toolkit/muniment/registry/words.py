"""Who said what: approvals, rejections and waivers that hold, by the roles and persons of the rules in force."""

from __future__ import annotations

import re
from datetime import datetime

from muniment.core.digest import Digest
from muniment.core.name import Name, VersionId
from muniment.policy.facts import ApprovalFact, IncidentFact, SignerFact, WaiverFact
from muniment.registry.config import Config
from muniment.registry.state import Approval, State, Trouble, Waiver
from muniment.signing.identity import Identity, Signed

_MAIL = re.compile(r"[^@\s/:]+@[^@\s/:]+")
_SERVICE = ".gserviceaccount.com"


def approvals_for(state: State, target: Digest, namespace: str, at: datetime) -> tuple[ApprovalFact, ...]:
    """The approvals of a statement that hold at a time, by the persons and roles of the configuration in force."""
    config = state.config
    assert config is not None
    return tuple(
        ApprovalFact(a.event.role, config.person_of(who := signer_of(state, a.index)), a.signer, grade_of(who), a.at)
        for a in state.approvals.get(target, ())
        if a.approves and a.stands(at) and a.event.role in roles_of(state, config, a.index, "approve", namespace)
    )


def rejection_of(state: State, target: Digest, namespace: str | None, at: datetime) -> Approval | None:
    """The oldest rejection of a statement that stands, by who may approve in the namespace; without one, configure."""
    config = state.config
    assert config is not None
    standing = [a for a in state.approvals.get(target, ()) if not a.approves and a.stands(at)]
    kinds = ["approve"] if namespace else ["approve", "configure"]
    held = (a for a in standing if all(a.event.role in roles_of(state, config, a.index, k, namespace) for k in kinds))
    return next(held, None)


def administrators(state: State, signed: Signed, at: datetime) -> frozenset[str]:
    """The persons behind a configure event: its signer and those who approved it as administrators of configuration."""
    assert state.config is not None
    own = state.config.person_of(signed.identity)
    others = {
        state.config.person_of(signer_of(state, a.index))
        for a in state.approvals.get(signed.statement_digest, ())
        if a.approves
        and a.stands(at)
        and a.event.role in roles_of(state, state.config, a.index, "approve", None)
        and a.event.role in roles_of(state, state.config, a.index, "configure", None)
    }
    return frozenset(p for p in (own, *others) if p is not None)


def authors(state: State, signed: Signed | None, version: VersionId) -> frozenset[str]:
    """Signer and person of the event itself and of the version's release."""
    identities = [signed.identity] if signed else []
    released = state.versions.get(version)
    record = state.entries[released.events[0]].record if released else None
    if record is not None:
        identities.append(record.identity)
    return frozenset(name for identity in identities for name in names_of(state, identity))


def names_of(state: State, identity: Identity) -> frozenset[str]:
    """What an identity is known by among authors: its key, and its person."""
    assert state.config is not None
    person = state.config.person_of(identity)
    return frozenset([identity.key, *([person] if person else [])])


def name_of(state: State, index: int) -> str:
    """Who signed an entry: the person, or the certificate's subject."""
    assert state.config is not None
    who = signer_of(state, index)
    return state.config.person_of(who) or who.subject


def signer_fact(config: Config, identity: Identity, roles: tuple[str, ...]) -> SignerFact:
    """A signer, by the persons of a configuration."""
    person, grade = config.person_of(identity), grade_of(identity)
    return SignerFact(identity.key, identity.issuer, identity.subject, person, roles, identity.claims, grade)


def grade_of(identity: Identity) -> str:
    """How surely a signature is one person's act: a job behind a protected environment, or a person's own e-mail."""
    if identity.claim("deploymentEnvironment"):
        return "environment-gated"
    personal = _MAIL.fullmatch(identity.subject) and not identity.subject.endswith(_SERVICE)
    return "personal-signature" if personal else "declared"


def waivers_for(state: State, signed: Signed | None, version: VersionId) -> tuple[WaiverFact, ...]:
    """The waivers for a version that were not taken back, by who may waive in its namespace."""
    config, involved = state.config, authors(state, signed, version)
    assert config is not None
    return tuple(
        _waiver(state, w, record, bool(names_of(state, record.identity) & involved))
        for w in state.waivers.get(version, ())
        if w.revoked_by is None
        and (record := state.entries[w.index].record) is not None
        and w.event.role in roles_of(state, config, w.index, "waive", version.name.namespace)
    )


def _waiver(state: State, waiver: Waiver, record: Signed, own: bool) -> WaiverFact:
    said = waiver.event
    return WaiverFact(
        statement=record.statement_digest,
        rule=said.rule,
        subjects=waiver.subjects,
        reason=said.reason,
        approver=name_of(state, waiver.index),
        role=said.role,
        not_before=said.not_before,
        expires=said.expires,
        ticket=said.ticket or "",
        by_author=own,
    )


def incidents_of(state: State, name: Name) -> tuple[IncidentFact, ...]:
    """The open incidents of a name; `version` is empty for one that is not located yet."""
    found = (state.incidents[name, i] for i in state.open.get(name, Trouble()).incidents)
    return tuple(IncidentFact(i.id, str(i.version) if i.version else "", i.opened_at) for i in found)


def roles_of(state: State, config: Config, index: int, kind: str, namespace: str | None) -> tuple[str, ...]:
    """The roles a configuration gives the signer of an entry for a kind of record, as of the entry's own times."""
    entry, who = state.entries[index], signer_of(state, index)
    assert entry.record is not None
    return config.roles_of(who, kind, namespace, entry.record.signed_at, entry.admitted_at)


def signer_of(state: State, index: int) -> Identity:
    """Who signed a record, by its index."""
    record = state.entries[index].record
    assert record is not None
    return record.identity
