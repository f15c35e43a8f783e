"""The rules in force and who may do what: policy, roles, identities, persons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from muniment.core.instant import format_instant
from muniment.policy.document import RuleUse
from muniment.policy.gates import GATES
from muniment.policy.triggers import Trigger
from muniment.registry.access import ACCESS_KEY
from muniment.registry.config import Config
from muniment.registry.event import Configure
from muniment.registry.pattern import Pattern, parse_pattern
from muniment.site.facts.book import Book
from muniment.site.facts.common import event_facts
from muniment.site.facts.tables import pairs
from muniment.site.page import Sheet

Facts = dict[str, Any]


def rules_sheets(book: Book) -> Iterator[Sheet]:
    """The policy page and the access page."""
    yield Sheet("policy/index.html", "policy.html", policy_facts(book))
    yield Sheet("access/index.html", "access.html", access_facts(book))


def policy_facts(book: Book) -> Facts:
    """Each rule at its gate, what it asks, and how often it passed."""
    config = book.config
    gates = [{"gate": g, "rules": [_rule(book, use) for use in config.policy.rules if use.gate == g]} for g in GATES]
    return {
        "page": "policy",
        "gates": [g for g in gates if g["rules"]],
        "triggers": [_trigger(t) for t in config.policy.triggers],
        "unproven": sum(e.event is not None and e.unproven is not None for e in book.entries),
        "environments": list(config.environments),
        "configuration": str(config.digest),
        "changes": _changes(book),
    }


def _trigger(trigger: Trigger) -> Facts:
    """What a trigger watches, and when it fires."""
    return {
        "id": trigger.id,
        "title": trigger.title,
        "environment": trigger.environment,
        "watched": f"the drift of {trigger.watched}" if trigger.drift else trigger.watched,
        "fires": trigger.bounds,
        "windows": trigger.windows,
        "severity": trigger.severity,
    }


def access_facts(book: Book) -> Facts:
    """Roles and what they may sign, the identities bound to them with the claims that must hold, persons."""
    config = book.config
    return {
        "page": "access",
        "threshold": config.threshold,
        "sequencer": _pattern(config.sequencer) if config.sequencer else None,
        "roles": [{"role": r, "may": sorted(k), "holders": _holders(config, r)} for r, k in config.roles.items()],
        "persons": [{"person": p, "identities": [_pattern(i) for i in ids]} for p, ids in config.persons.items()],
        "namespaces": [
            {
                "namespace": n,
                "title": b.get("title"),
                "owners": list(b.get("owners", ())),
                "escalation": b.get("escalation"),
            }
            for n, b in config.namespaces.items()
        ],
        "issuers": [{"issuer": i.issuer, "mfa": i.mfa, "note": i.note} for i in config.issuers],
        "trustedRoot": str(config.root),
        "review": review_facts(book),
        "changes": _changes(book),
    }


def review_facts(book: Book) -> Facts | None:
    """The last access review: by whom, until when, what was decided of each binding and is not carried out yet."""
    reviewed = book.state.access.get(ACCESS_KEY)
    if reviewed is None:
        return None
    event, written = reviewed.event, book.config.source["registry"]["bindings"]
    return {
        "by": event_facts(book, book.state.entries[reviewed.index]),
        "nextReviewBy": format_instant(event.next_review_by),
        "ofToday": event.configuration == book.config.digest,
        "summary": event.summary,
        "decisions": [
            {
                "role": g.binding["role"],
                "subject": parse_pattern(g.binding["identity"]).subject,
                "decision": g.decision,
                "reason": g.reason,
                "open": g.decision != "keep" and g.binding in written,
            }
            for g in event.granted
        ],
    }


def _rule(book: Book, use: RuleUse) -> Facts:
    said = [f for e in book.entries for f in e.findings if f.rule == use.id]
    outcomes = {s: sum(f.status == s for f in said) for s in ("pass", "warn", "fail", "waived")}
    return {
        "id": use.id,
        "rule": use.rule,
        "title": use.title,
        "severity": use.severity.value,
        "kinds": list(use.kinds),
        "environments": list(use.environments),
        "parameters": [*pairs(use.params), *_expressions(use)],
        "outcomes": [{"status": s, "count": c} for s, c in outcomes.items() if c],
    }


def _expressions(use: RuleUse) -> list[Facts]:
    """What a rule asks in its own words, and when."""
    programs = (("when", use.when), ("require", use.require))
    return [{"key": key, "value": program.text} for key, program in programs if program]


def _holders(config: Config, role: str) -> list[Facts]:
    return [
        _pattern(b.identity)
        | {
            "namespaces": list(b.namespaces),
            "notBefore": format_instant(b.not_before) if b.not_before else None,
            "expires": format_instant(b.expires) if b.expires else None,
        }
        for b in config.bindings
        if b.role == role
    ]


def _pattern(pattern: Pattern) -> Facts:
    claims = [{"key": k, "value": v} for k, v in pattern.claims]
    reasons = [{"key": k, "value": v} for k, v in pattern.reasons]
    return {"subject": pattern.subject, "issuer": pattern.issuer, "claims": claims, "reasons": reasons}


def _changes(book: Book) -> list[Facts]:
    return [event_facts(book, e) for e in reversed(book.entries) if isinstance(e.event, Configure)]
