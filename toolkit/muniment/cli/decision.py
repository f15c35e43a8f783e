"""What was decided at gates: findings beside the sequencer's signed records, and one of these for a deploy job."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muniment.cli import options, output
from muniment.cli.events import configured
from muniment.core.errors import Missing, Usage

if TYPE_CHECKING:
    from muniment.core.name import VersionId
    from muniment.registry.state import Entry, State


def register(main: typer.Typer) -> None:
    """Adds the group's commands."""
    main.command()(decision)


def decision(
    selector: Annotated[str, typer.Argument(help="The version.")],
    gate: Annotated[str, typer.Option("--gate", help="The gate it passed: release, promote or deploy.")] = "promote",
    environment: Annotated[str, typer.Option("--env", help="The environment, where the gate has one.")] = "production",
    kind: Annotated[
        str, typer.Option("--kind", help="vsa, the SLSA verification summary, or policy-decision, with every finding.")
    ] = "vsa",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", readable=False, help="Write the bundle here; else only say what it says."),
    ] = None,
    registry: options.Registry = options.HERE,
    json: output.Json = False,
) -> None:
    """Take the newest signed decision on a version out of the log, for a job that checks it with stock tools."""
    from muniment.core.name import parse_selector
    from muniment.registry import propose
    from muniment.registry.fold import blob_reader

    state = options.own_history(registry).state
    version = propose.resolve(state, parse_selector(selector))
    found = _newest(state, version, gate, _place(state, gate, environment), kind)
    assert found.record is not None
    if out is not None:
        options.write(out, blob_reader(options.readable(registry))(found.record.bundle))
    value = _value(state, version, found, out)
    output.result(value, "\n".join(_lines(value)), json)
    where = value.get("environment")
    if state.versions[version].retired or (where and state.current(version.name, where) != version):
        output.say(f"note: {version} {'is retired' if state.versions[version].retired else f'left {where}'} since.")


def gates_of(state: State, version: VersionId) -> list[dict[str, Any]]:
    """The gates that a version passed, oldest first: what policy said there, and the records that say so."""
    from muniment.interop.findings import findings_json
    from muniment.registry.decision import decisions_on

    return [
        _gate(e)
        | _allowed(state, e)
        | {"findings": findings_json(e.findings), "decisions": [_record(d) for d in decisions_on(state, e.index)]}
        for e in _passed(state, version)
    ]


def gate_line(gate: dict[str, Any]) -> str:
    """A gate in one line."""
    rules = [f"{f['rule']} {f['status']}" for f in gate["findings"] if f["status"] != "not-applicable"]
    signed = [f"{d['kind']} in entry {d['entry']}" for d in gate["decisions"]]
    where = f" {gate['environment']}" if "environment" in gate else ""
    plain = f"unproven since entry {gate['unprovenSince']}" if "unprovenSince" in gate else "no rule applied"
    allowed = f"signed by {gate['signer']}"
    allowed += f", approved by {', '.join(gate['approvedBy'])}" if gate["approvedBy"] else ""
    said = "; ".join(filter(None, [", ".join(rules) or plain, ", ".join(signed), allowed]))
    return f"  {gate['gate']}{where} (entry {gate['entry']}): {said}"


def _place(state: State, gate: str, environment: str) -> str | None:
    from muniment.policy.gates import IN_ENVIRONMENTS
    from muniment.registry.decision import DECIDED

    if gate not in DECIDED:
        raise Usage(f"No decisions are signed at the gate {gate!r}.", f"Choose among {', '.join(DECIDED)}.")
    if gate not in IN_ENVIRONMENTS:
        return None
    configured(state, environment)
    return environment


def _newest(state: State, version: VersionId, gate: str, environment: str | None, kind: str) -> Entry:
    from muniment.evidence.kinds import DECISIONS
    from muniment.registry.decision import decisions_on

    if kind not in DECISIONS:
        raise Usage(f"{kind!r} is no kind of decision.", f"Choose among {', '.join(DECISIONS)}.")
    here = [
        e for e in _passed(state, version) if (e.kind, getattr(e.event, "environment", None)) == (gate, environment)
    ]
    if here:
        found = [d for d in decisions_on(state, here[-1].index) if d.kind == kind]
        if found:
            return found[-1]
        raise Missing(
            f"No {kind} on entry {here[-1].index} is in the log.",
            "publish makes it, where registry.yaml named a sequencer when the event was admitted.",
        )
    where = f", {environment}" if environment else ""
    raise Missing(f"{version} never passed the gate {gate}{where}.", "See muniment show for the gates it passed.")


def _passed(state: State, version: VersionId) -> list[Entry]:
    """The events by which a version passed gates, oldest first."""
    from muniment.registry.decision import passed_gate

    events = (state.entries[i] for i in state.versions[version].events)
    return [e for e in events if passed_gate(e) and getattr(e.event, "version", None) == version]


def _gate(event: Entry) -> dict[str, Any]:
    where = getattr(event.event, "environment", None)
    value = {"gate": event.kind, "entry": event.index} | ({"environment": where} if where else {})
    return value | ({"unprovenSince": event.unproven} if event.unproven is not None else {})


def _allowed(state: State, event: Entry) -> dict[str, Any]:
    """Who signed an event, and who approved it."""
    from muniment.insight.standing import approvals_for

    signed = [state.entries[a.index].record for a in approvals_for(state, event.index)]
    approved = [record.identity.subject for record in signed if record is not None]
    return {"signer": event.record.identity.subject if event.record else "", "approvedBy": approved}


def _record(found: Entry) -> dict[str, Any]:
    assert found.record is not None
    return {"kind": found.kind, "entry": found.index, "bundle": str(found.record.bundle)}


def _value(state: State, version: VersionId, found: Entry, out: Path | None) -> dict[str, Any]:
    """What a decision says, who signed it, and how to check it."""
    from muniment.registry.decision import decided

    on, record = decided(found), found.record
    assert on is not None
    assert record is not None
    said, who = record.statement.predicate, record.identity
    told = {key: said[key] for key in ("resourceUri", "verifiedLevels", "findings") if key in said}
    value = {"version": str(version), **_gate(state.entries[on]), "decision": _record(found), **told}
    value |= {"predicateType": record.statement.predicate_type, "signer": who.subject, "issuer": who.issuer}
    return value | {"written": str(out) if out else None, "check": _command(state, found, out)}


def _command(state: State, found: Entry, out: Path | None) -> str:
    """The stock command that checks a bundle: its signature, signer, type, and the artifact it is about."""
    assert found.record is not None
    who, statement = found.record.identity, found.record.statement
    command = ["cosign", "verify-blob-attestation", "--bundle", str(out or "vsa.sigstore.json")]
    if state.config is not None and state.config.sandbox:
        command += ["--trusted-root", "trusted_root.json", "--use-signed-timestamps"]
    command += ["--type", statement.predicate_type]
    command += ["--certificate-identity", who.subject, "--certificate-oidc-issuer", who.issuer]
    return shlex.join([*command, "--digest", statement.subjects[0].digest.hex, "--digestAlg", "sha256"])


def _lines(value: dict[str, Any]) -> list[str]:
    said, where = value["decision"], f", {value['environment']}" if "environment" in value else ""
    lines = [f"{value['version']} passed the gate {value['gate']}{where} (entry {value['entry']})"]
    lines += [f"  {said['kind']} in entry {said['entry']}, signed by {value['signer']} ({value['issuer']})"]
    lines += [f"  resourceUri: {value['resourceUri']}"] if "resourceUri" in value else []
    lines += [f"  verifiedLevels: {', '.join(value['verifiedLevels'])}"] if "verifiedLevels" in value else []
    lines += [f"  {f['status']:5} {f['rule']}: {f['reason']}" for f in value.get("findings", ())]
    lines += [f"wrote {value['written']}"] if value["written"] else []
    return [*lines, f"check it: {value['check']}"]
