"""Policy tried out: the dry run of a gate, cases of a team's own policy, what another policy would change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muniment.cli import options, output
from muniment.cli.events import Evidence, Kind
from muniment.cli.findings import Format, show
from muniment.core.errors import Usage

if TYPE_CHECKING:
    from muniment.policy.cases import Tried
    from muniment.policy.changes import RuleChange
    from muniment.policy.document import Policy
    from muniment.policy.finding import Finding
    from muniment.registry.dryrun import Effect

EffectiveTime = Annotated[
    str | None,
    typer.Option("--effective-time", help="Judge as of then: 2026-03-01 or 2026-03-01T08:00:00Z; else as of now."),
]

app = typer.Typer(help="Try policies out.", no_args_is_help=True)


def register(main: typer.Typer) -> None:
    """Adds the group's commands."""
    main.command()(check)
    app.command("test")(try_cases)
    app.command()(diff)
    main.add_typer(app, name="policy")


def check(
    selector: Annotated[
        str, typer.Argument(help="The version; at the gate submit a bundle, a statement, or the index of an entry.")
    ],
    artifacts: Annotated[
        list[Path] | None,
        typer.Argument(help="At the gate release, of a version that is not released yet: its artifacts."),
    ] = None,
    gate: Annotated[
        str, typer.Option("--gate", help="The gate to try: submit, release, promote, deploy or rollback.")
    ] = "promote",
    environment: Annotated[str, typer.Option("--to", help="The environment.")] = "production",
    kind: Kind = "model",
    evidence: Evidence = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", readable=False, help="A policy.yaml to try; else the one in force.")
    ] = None,
    at: EffectiveTime = None,
    form: Format = "text",
    registry: options.Registry = options.HERE,
    json: output.Json = False,
) -> None:
    """Try a gate without changing anything: findings and how to mend them."""
    from muniment.cli.gates import Question, ask
    from muniment.interop.findings import Asked
    from muniment.policy import plugins
    from muniment.policy.engine import evaluate, failures
    from muniment.registry.dryrun import out_of_order
    from muniment.registry.judges.common import config_of

    state, moment = options.own_history(registry).state, _moment(at)
    facts = ask(state, Question(selector, gate, environment, tuple(artifacts or ()), kind, evidence), moment)
    judged = evaluate(_read(policy) if policy else config_of(state).policy, facts)
    findings = (*out_of_order(state, facts), *judged)
    passes = not failures(findings)
    asked = Asked(facts.subject, gate, facts.environment, passes)
    show(asked, (*findings, *plugins.advice(facts, plugins.installed())), form, json)
    if not passes:
        raise typer.Exit(1)


def try_cases(
    files: Annotated[list[Path], typer.Argument(readable=False, help="Documents of cases: schemas/policy-test.json.")],
    policy: Annotated[
        Path | None, typer.Option("--policy", readable=False, help="The policy.yaml to try; else the one each names.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Try a policy on cases: facts, and what its rules should say of them."""
    tried = [(path, case) for path in files for case in _cases(path, policy)]
    failed = [case for _, case in tried if case.wrong]
    lines = [line for path, case in tried for line in _case_lines(path, case)]
    told = f"{len(failed)} of {len(tried)} cases failed" if failed else f"{len(tried)} cases passed"
    output.result(_cases_json(tried), "\n".join([*lines, told]), json)
    if failed:
        raise typer.Exit(1)


def diff(
    before: Annotated[Path, typer.Argument(readable=False, help="A policy.yaml.")],
    after: Annotated[Path, typer.Argument(readable=False, help="Another policy.yaml.")],
    registry: Annotated[
        str | None,
        typer.Option("--registry", "-r", envvar="MUNIMENT_REGISTRY", help="Whose versions to try both on."),
    ] = None,
    at: EffectiveTime = None,
    json: output.Json = False,
) -> None:
    """Say what another policy would change: which rules, and for which versions at which gates."""
    from muniment.policy.changes import changes
    from muniment.registry.dryrun import effects

    one, two, moment = _read(before), _read(after), _moment(at)
    rules = changes(one, two)
    found = tuple(effects(options.own_history(registry).state, one, two, moment)) if registry else ()
    value = {"rules": [_change_json(c) for c in rules], "versions": [_effect_json(e) for e in found]}
    lines = [line for change in rules for line in _change_lines(change)]
    lines += [line for effect in found for line in _effect_lines(effect)]
    output.result(value, "\n".join(lines) or "nothing changes", json)


def _read(path: Path) -> Policy:
    from muniment.policy.document import read_policy

    return read_policy(options.read(path), str(path))


def _cases(path: Path, policy: Path | None) -> tuple[Tried, ...]:
    from muniment.core.document import load_document
    from muniment.policy.cases import try_cases

    document = load_document(options.read(path), "policy-test", str(path))
    if policy is None and "policy" not in document:
        raise Usage(f"{path} names no policy.", "Write policy: policy.yaml in it, or give --policy.")
    return try_cases(_read(policy or path.parent / document["policy"]), document)


def _moment(text: str | None) -> datetime:
    from muniment.core.errors import Malformed
    from muniment.core.instant import parse_instant

    if text is None:
        return options.now()
    try:
        return parse_instant(f"{text}T00:00:00Z" if len(text) == 10 else text)
    except Malformed as error:
        raise Usage(f"{text[:40]!r} is no time.", "Write 2026-03-01 or 2026-03-01T08:00:00Z.") from error


def _case_lines(path: Path, case: Tried) -> list[str]:
    if not case.wrong:
        return [f"pass {case.name}"]
    return [f"FAIL {case.name} ({path})", *(f"     {line}" for line in case.wrong)]


def _cases_json(tried: list[tuple[Path, Tried]]) -> list[dict[str, Any]]:
    from muniment.interop.findings import findings_json

    return [
        {"file": str(path), "name": c.name, "passes": not c.wrong, "wrong": list(c.wrong)}
        | {"findings": findings_json(c.findings)}
        for path, c in tried
    ]


_WRITTEN = {"params": "with"}  # fields of a rule that policy.yaml calls otherwise


def _change_json(change: RuleChange) -> dict[str, Any]:
    what = [{"field": _WRITTEN.get(f, f), "before": _text(a), "after": _text(b)} for f, a, b in change.what]
    return {change.of: change.rule, "change": change.kind} | ({"what": what} if what else {})


def _change_lines(change: RuleChange) -> list[str]:
    sign = {"added": "+", "removed": "-"}.get(change.kind, "~")
    return [
        f"{sign} {change.of} {change.rule}",
        *(f"    {_WRITTEN.get(f, f)}: {_text(a)} -> {_text(b)}" for f, a, b in change.what),
    ]


def _effect_json(effect: Effect) -> dict[str, Any]:
    rules = [
        {"rule": r, "before": _status(a), "after": _status(b), "reason": _reason(a, b)} for r, a, b in effect.rules
    ]
    where = {"environment": effect.environment} if effect.environment else {}
    passes = {"before": effect.admits[0], "after": effect.admits[1]}
    return {"version": str(effect.version), "gate": effect.gate, **where, "passes": passes, "rules": rules}


def _effect_lines(effect: Effect) -> list[str]:
    turn = {(True, False): ": no longer passes", (False, True): ": passes now"}.get(effect.admits, "")
    where = f", {effect.environment}" if effect.environment else ""
    rules = [
        f"    {r}: {_status(a) or 'no rule'} -> {_status(b) or 'no rule'}: {_reason(a, b)}" for r, a, b in effect.rules
    ]
    return [f"{effect.version} at {effect.gate}{where}{turn}", *rules]


def _status(finding: Finding | None) -> str | None:
    return finding.status.value if finding else None


def _reason(before: Finding | None, after: Finding | None) -> str:
    found = after or before
    return found.reason if found else ""


def _text(value: Any) -> str:
    """A field's value as policy.yaml may have it."""
    if isinstance(value, (Mapping, list, tuple)):
        return dumps(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)
