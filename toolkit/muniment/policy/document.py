"""policy.yaml as values: uses of built-in rules and rules of one's own, parsed to the last character."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muniment.core.document import Misplaced, check_schema, load_document, located, placed
from muniment.core.errors import Malformed
from muniment.core.instant import parse_instant
from muniment.policy.cel import Program, compile_expression
from muniment.policy.finding import Status
from muniment.policy.gates import IN_ENVIRONMENTS, SUBMIT
from muniment.policy.rules import OWN, RULES
from muniment.policy.triggers import Trigger, parse_triggers
from muniment.policy.variables import known_at

_OWN_ONLY, _OWN_NEEDS = ("require", "message"), ("id", "title", "require", "message")


@dataclass(frozen=True, slots=True)
class RuleUse:
    """A rule put to use: `id` names it in findings, `rule` is the built-in rule, `params` what it is held to.

    A rule of one's own has no `rule` but `require`, an expression, and `message`, what is said where it does not hold.
    `kinds` are the kinds of artifact it is for, `environments` those it guards; empty means all. `when` says whether it
    applies at all. Before `effective_on` it only warns. At the gate submit nothing is `waivable`: a waiver is for a
    version.
    """

    id: str
    rule: str
    title: str
    gate: str
    severity: Status
    kinds: tuple[str, ...]
    environments: tuple[str, ...]
    params: Mapping[str, Any]
    when: Program | None = None
    require: Program | None = None
    message: str = ""
    fix: str = ""
    controls: tuple[str, ...] = ()
    effective_on: datetime | None = None
    waivable: bool = True
    escalation: str = ""

    @property
    def page(self) -> str:
        """The page of docs that says what the rule asks, relative to the repository."""
        return f"docs/rules/{self.rule}.md" if self.rule else "docs/policy.md"


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force, in the order they are written; `escalation` is whom to turn to where nobody else is named.

    `triggers` are what is watched of versions that run.
    """

    rules: tuple[RuleUse, ...]
    escalation: str = ""
    triggers: tuple[Trigger, ...] = ()


def parse_policy(value: Mapping[str, Any]) -> Policy:
    """The policy that a parsed policy.yaml holds. Raises `Malformed`, and `Misplaced` for what is wrong with a rule."""
    check_schema(value, "policy", "policy.yaml")
    uses = tuple(_parse_use(number, rule) for number, rule in enumerate(value["rules"]))
    ids = [use.id for use in uses]
    repeated = next((i for i in ids if ids.count(i) > 1), None)
    if repeated is not None:
        raise Malformed(f"policy.yaml uses the rule id {repeated!r} twice.", "Give every use an id of its own.")
    return Policy(uses, value.get("escalation", ""), parse_triggers(value.get("triggers", ())))


def read_policy(text: bytes, what: str) -> Policy:
    """The policy that a file's text holds. Raises `Malformed` with line and column."""
    try:
        return parse_policy(load_document(text, "policy", what))
    except Misplaced as error:
        raise located(error, text, what) from error


def _parse_use(number: int, value: Mapping[str, Any]) -> RuleUse:
    with placed("rules", number):
        return _use(value)


def _use(value: Mapping[str, Any]) -> RuleUse:
    name = value.get("rule", OWN)
    where = f"The rule {value.get('id', name or 'without id')}"
    _check_shape(value, name, where)
    params = value.get("with", {})
    if name:
        _check_params(name, params, where)
    return RuleUse(
        id=value.get("id", name),
        rule=name,
        title=value.get("title") or RULES[name].title,
        gate=value["gate"],
        severity=Status(value.get("severity", "fail")),
        kinds=tuple(value.get("kinds", ())),
        environments=tuple(value.get("environments", ())),
        params=params,
        when=_program(value, "when", where),
        require=_program(value, "require", where),
        message=value.get("message", ""),
        fix=value.get("fix", ""),
        controls=tuple(value.get("controls", ())),
        effective_on=_effective_on(value, where),
        waivable=value.get("waivable", True) and value["gate"] != SUBMIT,
        escalation=value.get("escalation", ""),
    )


def _check_shape(value: Mapping[str, Any], name: str, where: str) -> None:
    if name:
        if name not in RULES:
            known = ", ".join(RULES)
            raise Malformed(
                f"There is no built-in rule {name!r}.",
                f"Choose among {known}; or leave `rule` out and write `require`.",
            )
        stray = next((key for key in _OWN_ONLY if key in value), None)
        if stray:
            raise Malformed(f"{where}: `{stray}` is for rules of one's own.", "Leave out either `rule` or `require`.")
    elif lacking := [key for key in _OWN_NEEDS if key not in value]:
        raise Malformed(f"{where}: it has no `rule` and no `{lacking[0]}`.", "Name a built-in rule, or write your own.")
    elif "with" in value:
        raise Malformed(f"{where}: `with` is for built-in rules.", "Write the values into `require`.")
    _check_gate(value, name, where)


def _check_gate(value: Mapping[str, Any], name: str, where: str) -> None:
    """Raises `Malformed` for what cannot be asked at the rule's gate."""
    if name and value["gate"] not in RULES[name].gates:
        raise Malformed(
            f"{where}: {name} cannot be asked at the gate {value['gate']}.",
            f"It is for {', '.join(RULES[name].gates)}; docs/rules/{name}.md says why.",
        )
    if value.get("kinds") and value["gate"] == SUBMIT:
        raise Malformed(
            f"{where}: no kind of artifact is known at the gate submit.",
            "Leave `kinds` out; `when` can look at the kind of record: evidence.all(e, e.kind == 'bom').",
        )
    if value.get("environments") and value["gate"] not in IN_ENVIRONMENTS:
        raise Malformed(
            f"{where}: there is no environment at the gate {value['gate']!r}.",
            f"Leave `environments` out, or ask at the gate {' or '.join(IN_ENVIRONMENTS)}.",
        )


def _check_params(name: str, params: Mapping[str, Any], where: str) -> None:
    wrong = RULES[name].check_params(params)
    if wrong:
        raise Malformed(f"{where}: {wrong}.", f"Correct it under `with`; docs/rules/{name}.md says what it takes.")


def _program(value: Mapping[str, Any], key: str, where: str) -> Program | None:
    if key not in value:
        return None
    try:
        return compile_expression(value[key], known_at(value["gate"]))
    except Malformed as error:
        raise Malformed(f"{where}, {key}, {error.fact}", error.remedy) from error


def _effective_on(value: Mapping[str, Any], where: str) -> datetime | None:
    if "effectiveOn" not in value:
        return None
    text = value["effectiveOn"]
    return parse_instant(f"{text}T00:00:00Z" if len(text) == 10 else text, f"{where}: effectiveOn")
