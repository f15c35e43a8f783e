"""What a publish did, for people, programs and the job it runs in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from muniment.cli import options, output
from muniment.core.errors import MunimentError, Refused, Rejected

if TYPE_CHECKING:
    from muniment.log.note import NoteSigner
    from muniment.registry.cosign import Gathered
    from muniment.registry.draft import Turned
    from muniment.registry.sequencer import Published
    from muniment.registry.store import Store
    from muniment.signing.keyless import Signer

SHOWN = 100  # submissions told one by one; a flood fills no terminal


def sequence(
    store: Store,
    key: NoteSigner,
    anchor: Callable[[], Signer] | None,
    heartbeat: bool = False,
    retries: int = options.RETRIES,
) -> Published:
    """Publishes, again from the beginning where another writer came between."""
    from muniment.registry.sequencer import publish
    from muniment.registry.store.retry import again

    cache = options.cache(key)
    return again(lambda: publish(store, key, options.now(), anchor, heartbeat, cache=cache), retries)


def gather(store: Store, done: Published, places: list[str], retries: int) -> Gathered:
    """Takes in what witnesses cosigned, as their places serve it."""
    from muniment.registry import cosign
    from muniment.registry.store.retry import again

    config, readers = done.history.state.config, [options.reader(place) for place in places]
    assert config is not None
    origin, policy = config.origin, config.tlog_policy
    return again(lambda: cosign.gather(store, origin, policy, readers, options.now()), retries)


def report(
    done: Published,
    json: bool,
    delivered: Mapping[str, Any] | None = None,
    gathered: Gathered | None = None,
) -> None:
    """Prints what a publish did, and in JSON what was `delivered` to it. Raises `Refused` where it refused for good.

    `gathered` says which cosignatures it took in, where it was asked to.
    """
    from muniment.interop.reports import report_cosignatures, report_publish

    value, text = {**(delivered or {}), **_value(done)}, _text(done)
    if gathered is not None:
        value |= {"cosignatures": _cosignatures(gathered)}
        text = "\n".join([text, *(f"cosigned by {name} at {at}" for name, at in _times(gathered).items())])
        for remark in gathered.remarks:
            output.say(f"warning: {remark}")
    output.result(value, text, json)
    report_publish(done)
    if gathered is not None:
        report_cosignatures(gathered)
    refused = [t for t in done.turned if not t.waits]
    if refused:
        raise _refusal(refused)


def _refusal(turned: list[Turned]) -> MunimentError:
    """What ends the command: always a refusal, since a submission that cannot be read is turned away and decided on."""
    only = turned[0].error
    findings = getattr(only, "findings", ())
    if len(turned) > 1:
        return Refused(f"{len(turned)} submissions were not admitted.", "See each above.", findings)
    return only if isinstance(only, Rejected) else Refused(only.fact, only.remedy, findings)


def _cosignatures(gathered: Gathered) -> dict[str, Any]:
    return {"witnesses": _times(gathered), "added": gathered.added, "remarks": list(gathered.remarks)}


def _times(gathered: Gathered) -> dict[str, str]:
    from muniment.core.instant import format_posix

    return {name: format_posix(at) for name, at in sorted(gathered.witnesses.items())}


def _value(done: Published) -> dict[str, Any]:
    from muniment.interop.findings import findings_json

    return {
        "size": done.history.checkpoint.size,
        "root": done.history.checkpoint.root.hex(),
        "left": done.left,
        "admitted": [{"index": e.index, "kind": e.kind, "findings": findings_json(e.findings)} for e in done.admitted],
        "turned": [
            {
                "path": t.path,
                "kind": t.kind,
                "statement": str(t.statement) if t.statement else None,
                "waits": t.waits,
                "reason": t.error.fact,
                "fix": t.error.remedy,
                "findings": findings_json(getattr(t.error, "findings", ())),
            }
            for t in done.turned
        ],
    }


def _text(done: Published) -> str:
    lines = [f"entry {e.index}: {e.kind}" for e in done.admitted]
    alone = sum(not t.waits for t in done.turned) == 1
    for turned in done.turned[:SHOWN]:
        lines += _turned(turned, alone)
    if len(done.turned) > SHOWN:
        lines.append(f"and {len(done.turned) - SHOWN} more: see --json")
    if done.left:
        lines.append(f"{done.left} submissions were not looked at yet: publish again")
    lines.append(f"the log has {done.history.checkpoint.size} entries")
    return "\n".join(lines)


def _turned(turned: Turned, alone: bool) -> list[str]:
    """A submission that was not admitted. One refused `alone` ends the command, and is told with its remedy then."""
    from muniment.interop.findings import findings_text

    told = findings_text(getattr(turned.error, "findings", ()))
    lines = [f"{'waits' if turned.waits else 'refused'}: {turned.kind or turned.path}: {turned.error.fact}"]
    lines += [f"  {line}" for line in told]
    if not told and (turned.waits or not alone):
        lines.append(f"  try: {turned.error.remedy}")
    return [*lines, f"  STATEMENT: {turned.statement}"] if turned.waits and turned.statement else lines
