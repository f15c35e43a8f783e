"""Believing nothing: verify and pack; and plain questions: show and, in `entries`, history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muniment.cli import commands, options, output
from muniment.cli.entries import history

if TYPE_CHECKING:
    from muniment.core.digest import Digest
    from muniment.verify.target import Verified


def register(app: typer.Typer) -> None:
    """Adds the group's commands."""
    commands.add(app, verify, pack, show, history)


def verify(
    target: Annotated[str, typer.Argument(help="A registry folder, a site's address, or a pack.")],
    trust: options.TrustFile,
    files: Annotated[list[Path] | None, typer.Argument(help="Artifacts that must be of it.")] = None,
    pages: Annotated[
        bool | None,
        typer.Option(help="Render a site's pages again and compare them; those of an address unless told not to."),
    ] = None,
    remember: Annotated[
        Path | None,
        typer.Option(
            "--remember",
            help="A file that remembers the checkpoint for the next time, which must continue it.",
        ),
    ] = None,
    max_age: Annotated[
        str | None, typer.Option("--max-age", help="How old the checkpoint may be, as in 7d, 12h or 30m.")
    ] = None,
    json: output.Json = False,
) -> None:
    """Verify a registry, a site or a pack, and artifacts against it, from the pins in trust.json alone."""
    from muniment.cli.pages import with_pages
    from muniment.interop.reports import report_verify
    from muniment.verify.target import Reading, demands, verify_target
    from muniment.verify.target import remember as keep

    most = options.span(max_age, "--max-age") if max_age is not None else None
    pins, memory = options.trust(trust), options.memory(remember) if remember is not None else None
    reading = Reading(memory, most, options.now(), options.processes())
    demanded = demands(target, pins, reading)
    output.say("Demands:")
    for line in demanded:
        output.say(f"  - {line}")
    done = with_pages(verify_target(target, files or [], pins, reading), pages)
    output.result(_value(done), _text(done), json)
    report_verify(done, demanded)
    keep(done, pins, reading)


def pack(
    selector: Annotated[str, typer.Argument(help="The version.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The pack's file.")],
    since: Annotated[
        list[int] | None,
        typer.Option("--since", help="A size that its reader remembers from long ago; the last few are proved anyway."),
    ] = None,
    registry: options.Registry = options.HERE,
    json: output.Json = False,
) -> None:
    """Write one file with all that is needed to verify a version offline."""
    from muniment.core.name import parse_selector
    from muniment.registry import propose
    from muniment.registry.fold import blob_reader
    from muniment.verify.pack import make_pack
    from muniment.verify.selfread import own_anchor

    replayed, store = options.own_history(registry), options.store(registry)
    version = propose.resolve(replayed.state, parse_selector(selector))
    data = make_pack(replayed, version, blob_reader(store), own_anchor(store, replayed), since or ())
    options.write(out, data)
    output.result(
        {"version": str(version), "pack": str(out), "bytes": len(data)}, f"{out}: {version}, {len(data)} bytes", json
    )


def show(
    selector: Annotated[str | None, typer.Argument(help="A version; nothing for the whole catalog.")] = None,
    registry: options.Registry = options.HERE,
    json: output.Json = False,
) -> None:
    """Show what stands where, or one version."""
    from muniment.cli.decision import gate_line, gates_of
    from muniment.cli.trouble import trouble_of
    from muniment.core.name import parse_selector
    from muniment.registry import propose
    from muniment.registry.documents import version_document

    state = options.own_history(registry).state
    if selector is None:
        rows = [_row(state, v) for v in sorted(state.versions)]
        output.result(rows, _table(rows), json)
        return
    version = state.versions[propose.resolve(state, parse_selector(selector))]
    value = version_document(version) | {"environments": list(state.environments_of(version.id))}
    value |= {"redacted": gone} if (gone := _gone(state, version)) else {}
    more, told = trouble_of(state, version.id, options.now())
    gates = gates_of(state, version.id)
    shown = value | {"evidence": [_evidence(state, digest) for digest in version.evidence]} | told
    lines = [line for key, item in shown.items() for line in _field(key, item)]
    lines += ["gates:", *(gate_line(gate) for gate in gates)]
    output.result(value | more | {"gates": gates}, "\n".join(lines), json)


def _value(done: Verified) -> dict[str, Any]:
    return {
        "verified": True,
        "target": done.target,
        "origin": done.origin,
        "size": done.size,
        "sandbox": done.sandbox,
        "asOf": done.as_of,
        "facts": list(done.facts),
        "vouched": list(done.vouched),
        "files": [
            {"path": f.path, "digest": f.digest, "version": f.version, "stages": list(f.stages)} for f in done.files
        ],
        "asserted": list(done.asserted),
        "replayedBy": list(done.replayed_by),
        "notChecked": list(done.not_checked),
        "redacted": [
            {"by": one.by, "records": list(one.records), "decisions": list(one.decisions)} for one in done.unproven
        ],
    }


def _text(done: Verified) -> str:
    lines = [f"VERIFIED{' (SANDBOX: proves nothing outside of trials)' if done.sandbox else ''}: {done.target}"]
    lines += [f"  {fact}" for fact in done.facts]
    lines += [f"  {line}" for line in done.vouched]
    lines += [f"  {f.path} is {f.version} ({', '.join(f.stages) or 'in no environment'})" for f in done.files]
    lines += [
        f"  asserted by the log; replayed by: {', '.join(done.replayed_by) or 'nobody'}: {item}"
        for item in done.asserted
    ]
    lines += [f"  not checked: {item}" for item in done.not_checked]
    return "\n".join(lines)


def _row(state: Any, version: Any) -> dict[str, Any]:
    known = state.versions[version]
    standing = ["retired"] if known.retired else list(state.environments_of(version))
    owes = [b.index for (name, _), b in state.breaches.items() if b.version == version and b.settled_by is None]
    value = {"version": str(version), "kind": known.artifacts[0].kind, "environments": standing}
    return value | ({"owes": sorted(owes)} if owes else {})


def _field(key: str, value: Any) -> list[str]:
    """A field of a document as lines: long or made items of a list a line each."""
    if isinstance(value, dict):
        return [f"{key}:", *(f"  {line}" for name, item in value.items() for line in _field(name, item))]
    if not isinstance(value, list):
        return [f"{key}: {value}"]
    items = [" ".join(str(i[k]) for k in sorted(i, reverse=True)) if isinstance(i, dict) else str(i) for i in value]
    if sum(map(len, items)) > 100 or any(" " in item for item in items):
        return [f"{key}:", *(f"  {item}" for item in items)]
    return [f"{key}: {', '.join(items) or 'none'}"]


def _table(rows: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"{r['version']:<40} {r['kind']:<9} {', '.join(r['environments'])}{_owing(r)}".rstrip() for r in rows
    )


def _owing(row: dict[str, Any]) -> str:
    entries = ", ".join(map(str, row.get("owes", ())))
    return f"  owes approvals: emergency in entry {entries}" if entries else ""


def _evidence(state: Any, digest: Digest) -> str:
    """A record that a release names, for people: its kind and signer, beside its statement."""
    from muniment.interop.about import signed_by, signers_of

    entry = state.entries[state.statements[digest][0]]
    who = f" by {signed_by(signers_of(entry))}" if entry.record else ""
    return f"{digest} {entry.kind}{who} (entry {entry.index})"


def _gone(state: Any, version: Any) -> list[dict[str, Any]]:
    """Evidence of a version that was redacted: its statement, and the entry that says so."""
    found = ((digest, state.entries[state.statements[digest][0]].unproven) for digest in version.evidence)
    return [{"statement": str(digest), "by": by} for digest, by in found if by is not None]
