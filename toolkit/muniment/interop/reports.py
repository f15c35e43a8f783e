"""What a publish or a verification did, as a job's outputs, summary and annotations; `github` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from muniment.core.instant import format_instant, format_posix
from muniment.insight.doctor import Check, Verdict
from muniment.insight.due import Due
from muniment.interop.about import about_of, signed_by, signers_of
from muniment.interop.github import Annotation, Level, cell, report, table
from muniment.policy.finding import Finding, Status
from muniment.registry.cosign import Gathered
from muniment.registry.draft import Turned
from muniment.registry.sequencer import Published
from muniment.registry.state import Entry, State
from muniment.verify.monitor import Monitored
from muniment.verify.target import Verified
from muniment.verify.witness import Cosigned

Row = tuple[str, ...]


def report_publish(done: Published) -> None:
    """Tells the running step what was admitted, what waits and what was refused."""
    report(publish_outputs(done), publish_summary(done), publish_annotations(done))


def report_verify(done: Verified, demands: Sequence[str]) -> None:
    """Tells the running step what was demanded and what holds."""
    report(verify_outputs(done), verify_summary(done, demands))


def report_cosignatures(gathered: Gathered) -> None:
    """Tells the running step who cosigned the newest checkpoint, and of places that gave nothing."""
    rows = [(name, format_posix(at)) for name, at in sorted(gathered.witnesses.items())]
    annotations = [Annotation(Level.WARNING, remark, "Cosignatures") for remark in gathered.remarks]
    report({}, "\n".join(_section("Cosigned", ("witness", "at"), rows)), annotations)


def report_witness(done: Cosigned, vkey: str) -> None:
    """Tells the running step what was cosigned, and by which key."""
    point, since = done.checkpoint, done.previous.size if done.previous else 0
    summary = f"### Cosigned: {cell(point.origin)}, {point.size} entries\n\n{cell(vkey)}; {since} were seen before\n"
    outputs = {"origin": point.origin, "size": str(point.size), "root": point.root.hex(), "witness": vkey}
    report(outputs, summary, [Annotation(Level.WARNING, remark) for remark in done.remarks])


def report_monitor(done: Monitored) -> None:
    """Tells the running step what is new in a log and what waits: a notice an entry, a warning a submission."""
    notices = [Annotation(Level.NOTICE, _told(done.history.state, entry), "New entry") for entry in done.shown]
    warnings = [Annotation(Level.WARNING, f"{one.path}: {one.reason}", "Undecided") for one in done.late]
    report(monitor_outputs(done), monitor_summary(done), [*warnings, *notices])


def report_due(found: Sequence[Due], at: datetime) -> None:
    """Tells the running step what falls due: outputs `due` and `overdue` in decimal, a warning for what is overdue."""
    late = [one for one in found if one.status(at) == "overdue"]
    rows = [(format_instant(one.at), one.status(at), one.kind, one.about, f"{one.fact} {one.remedy}") for one in found]
    summary = [f"### {len(found)} fall due, {len(late)} of them overdue\n"]
    summary += _section("Due", ("at", "", "kind", "about", "what"), rows)
    warnings = [Annotation(Level.WARNING, f"{one.about}: {one.fact}", "Overdue") for one in late]
    report({"due": str(len(found)), "overdue": str(len(late))}, "\n".join(summary), warnings)


def report_doctor(checks: Sequence[Check]) -> None:
    """Tells the running step what is doubtful: outputs `failed`, `warned` and `unchecked` in decimal."""
    count = {v: sum(c.verdict is v for c in checks) for v in Verdict}
    rows = [
        (c.verdict.value, c.title, " ".join([c.fact, *c.details, c.remedy]))
        for c in checks
        if c.verdict is not Verdict.OK
    ]
    summary = [f"### Doctor: {', '.join(f'{count[v]} {v.value}' for v in Verdict)}\n"]
    summary += _section("Doubts", ("", "check", "what"), rows)
    levels = {Verdict.FAIL: Level.ERROR, Verdict.WARN: Level.WARNING}
    shown = [Annotation(levels[c.verdict], c.fact, c.title) for c in checks if c.verdict in levels]
    outputs = {"failed": count[Verdict.FAIL], "warned": count[Verdict.WARN], "unchecked": count[Verdict.UNCHECKED]}
    report({name: str(number) for name, number in outputs.items()}, "\n".join(summary), shown)


def monitor_outputs(done: Monitored) -> dict[str, str]:
    """The outputs `origin`, `size`, `before`, `new` and `late`, in decimal."""
    return {
        "origin": done.history.checkpoint.origin,
        "size": str(done.history.checkpoint.size),
        "before": str(done.before),
        "new": str(len(done.shown)),
        "late": str(len(done.late)),
    }


def monitor_summary(done: Monitored) -> str:
    """Markdown: the new entries, what waits in the inbox, and remarks."""
    point = done.history.checkpoint
    parts = [f"### {cell(point.origin)}: {point.size} entries, {point.size - done.before} since the last look\n"]
    parts += _section(
        "New", ("entry", "kind", "about", "signed by"), [_admitted_row(done.history.state, e) for e in done.shown]
    )
    waiting = [(one.path, one.kind, one.reason, "late" if one.late else "") for one in done.inbox or ()]
    parts += _section("In the inbox", ("submission", "kind", "why", ""), waiting)
    return "\n".join([*parts, *(f"- {cell(remark)}" for remark in done.remarks)])


def _told(state: State, entry: Entry) -> str:
    index, kind, about, signer = _admitted_row(state, entry)
    return f"entry {index}: {kind} {about} by {signer}"


def publish_outputs(done: Published) -> dict[str, str]:
    """The outputs `size`, `root`, `admitted`, `waiting`, `refused` and `left`: decimal counts, the root in hex."""
    waiting = sum(turned.waits for turned in done.turned)
    checkpoint = done.history.checkpoint
    return {
        "size": str(checkpoint.size),
        "root": checkpoint.root.hex(),
        "admitted": str(len(done.admitted)),
        "waiting": str(waiting),
        "refused": str(len(done.turned) - waiting),
        "left": str(done.left),
    }


def publish_summary(done: Published) -> str:
    """Markdown: one table a fate, then every finding that asks for something."""
    checkpoint = done.history.checkpoint
    parts = [f"### {cell(checkpoint.origin)}: {checkpoint.size} entries\n"]
    admitted = [_admitted_row(done.history.state, e) for e in done.admitted if e.record is not None]
    parts += _section("Admitted", ("entry", "kind", "about", "signed by"), admitted)
    for title, waits in (("Waiting", True), ("Refused", False)):
        turned = [one for one in done.turned if one.waits is waits]
        why = [(one.kind, one.error.fact, one.error.remedy, one.path) for one in turned]
        parts += _section(title, ("kind", "why", "what to do", "submission"), why)
    parts += [f"{done.left} submissions were not looked at yet: publish again.\n"] if done.left else []
    findings = [f for one in done.turned for f in findings_of(one)] + [f for e in done.admitted for f in e.findings]
    asking = [f for f in findings if f.status in (Status.FAIL, Status.WARN)]
    rows = [(f.status.value, f.rule, f.subject, f.reason, f.fix) for f in asking]
    parts += _section("Findings", ("", "rule", "subject", "reason", "fix"), rows)
    return "\n".join(parts)


def publish_annotations(done: Published) -> list[Annotation]:
    """A warning for what waits; an error for each of several refusals (one alone is told as the command ends)."""
    refused = sum(not turned.waits for turned in done.turned)
    return [
        Annotation(
            Level.WARNING if turned.waits else Level.ERROR,
            str(turned.error),
            f"{turned.kind or 'submission'} {'waits' if turned.waits else 'refused'}",
        )
        for turned in done.turned
        if turned.waits or refused > 1
    ]


def verify_outputs(done: Verified) -> dict[str, str]:
    """The outputs `verified`, `origin`, `size`, `sandbox` and `versions` (one a line, in the order of the files)."""
    return {
        "verified": "true",
        "origin": done.origin,
        "size": str(done.size),
        "sandbox": "true" if done.sandbox else "false",
        "versions": "\n".join(file.version for file in done.files),
    }


def verify_summary(done: Verified, demands: Sequence[str]) -> str:
    """Markdown: what was demanded, then what holds, and what rests on somebody's word."""
    mark = " (sandbox: it proves nothing outside of trials)" if done.sandbox else ""
    held = [f"{file.path} is {file.version}, {', '.join(file.stages) or 'in no environment'}" for file in done.files]
    parts = [f"### Verified{mark}: {cell(done.target)}\n"]
    for title, lines in (
        ("Demanded", demands),
        ("Holds", [*done.facts, *done.vouched, *held]),
        ("Asserted by the log", done.asserted),
        ("Not checked", done.not_checked),
    ):
        parts += [f"**{title}**\n", *[f"- {cell(line)}" for line in lines], ""] if lines else []
    return "\n".join(parts)


def findings_of(turned: Turned) -> tuple[Finding, ...]:
    """What the rules said of a submission that was not admitted."""
    return tuple(getattr(turned.error, "findings", ()))


def _admitted_row(state: State, entry: Entry) -> Row:
    assert entry.record is not None
    return (str(entry.index), entry.kind, about_of(state, entry), signed_by(signers_of(entry)))


def _section(title: str, header: Row, rows: Sequence[Row]) -> list[str]:
    return [f"**{title}**\n", table(header, rows)] if rows else []
