"""Policy: named uses of rules at gates. Plain facts in, findings out; a rule that cannot decide fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muniment.core.document import check_schema
from muniment.core.errors import Malformed
from muniment.policy.facts import Facts
from muniment.policy.finding import Finding, Status
from muniment.policy.rules import RULES

# The gates that semantics 1 asks at; a rule at another one would be written down and never asked.
GATES = ("release", "promote")


@dataclass(frozen=True, slots=True)
class RuleUse:
    """A rule put to use: `id` names it in findings, `rule` is the built-in rule, `params` what it is held to.

    `kinds` are the kinds of artifact it is for, `environments` those it guards; empty means all.
    """

    id: str
    rule: str
    gate: str
    severity: Status
    kinds: tuple[str, ...]
    environments: tuple[str, ...]
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force, in the order they are written."""

    rules: tuple[RuleUse, ...]


def parse_policy(value: Mapping[str, Any]) -> Policy:
    """The policy that a parsed policy.yaml holds. Raises `Malformed`."""
    check_schema(value, "policy", "policy.yaml")
    uses = tuple(_parse_use(rule) for rule in value["rules"])
    ids = [use.id for use in uses]
    repeated = next((i for i in ids if ids.count(i) > 1), None)
    if repeated is not None:
        raise Malformed(f"policy.yaml uses the rule id {repeated!r} twice.", "Give every use an id of its own.")
    return Policy(uses)


def evaluate(policy: Policy, facts: Facts) -> tuple[Finding, ...]:
    """What every rule of the facts' gate says of them, in policy order."""
    return tuple(_judge(use, facts) for use in policy.rules if use.gate == facts.gate)


def failures(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings that keep a subject out."""
    return tuple(f for f in findings if f.status is Status.FAIL)


def _parse_use(value: Mapping[str, Any]) -> RuleUse:
    name, params = value["rule"], value.get("with", {})
    if name not in RULES:
        raise Malformed(
            f"policy.yaml names the rule {name!r}, which does not exist.", f"Choose among {', '.join(RULES)}."
        )
    if value["gate"] not in GATES:
        raise Malformed(
            f"policy.yaml, rule {value.get('id', name)}: nothing is asked at the gate {value['gate']!r}.",
            f"Choose among {', '.join(GATES)}.",
        )
    if value.get("environments") and value["gate"] != "promote":
        raise Malformed(
            f"policy.yaml, rule {value.get('id', name)}: there is no environment at the gate {value['gate']!r}.",
            "Leave `environments` out, or ask at the gate promote.",
        )
    wrong = RULES[name].check_params(params)
    if wrong:
        raise Malformed(f"policy.yaml, rule {value.get('id', name)}: {wrong}.", "Correct it under `with`.")
    return RuleUse(
        id=value.get("id", name),
        rule=name,
        gate=value["gate"],
        severity=Status(value.get("severity", "fail")),
        kinds=tuple(value.get("kinds", ())),
        environments=tuple(value.get("environments", ())),
        params=params,
    )


def _judge(use: RuleUse, facts: Facts) -> Finding:
    rule = RULES[use.rule]
    applies = (not use.kinds or not facts.kinds.isdisjoint(use.kinds)) and (
        not use.environments or facts.environment in use.environments
    )
    if not applies:
        return Finding(use.id, rule.title, Status.NOT_APPLICABLE, facts.subject, "The rule is not for this case.")
    verdict = rule.judge(facts, use.params)
    return Finding(
        rule=use.id,
        title=rule.title,
        status=Status.PASS if verdict.holds else use.severity,
        subject=facts.subject,
        reason=verdict.reason,
        fix="" if verdict.holds else verdict.fix,
        waiver="" if verdict.holds else f"Nobody can waive {use.id} yet; change policy.yaml by a configure entry.",
        waits=verdict.waits and not verdict.holds,
    )
