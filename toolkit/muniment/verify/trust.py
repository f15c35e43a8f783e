"""The pins a reader starts from. They come from outside the registry that is verified, never from it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from muniment.core.canonical import format_json, parse_json
from muniment.core.digest import Digest, digest_of, parse_digest
from muniment.core.document import check_schema
from muniment.core.errors import Malformed
from muniment.log.note import format_vkey, parse_vkey
from muniment.log.policy import Log, Policy, format_policy, parse_policy
from muniment.registry.config import Config
from muniment.registry.fold import History
from muniment.registry.pattern import Pattern, check_pinned, parse_pattern
from muniment.signing.trustroot import canonical_root, is_sandbox_root


@dataclass(frozen=True, slots=True)
class Trust:
    """Origin, hash of the first leaf, log keys and witnesses, and the Sigstore trusted root (canonical JSON).

    `replayed_by` names the witnesses that replay the whole log before they cosign; `anchor`, where it is given, is who
    must have signed every checkpoint keyless as well.
    """

    origin: str
    genesis: Digest
    policy: Policy
    trusted_root: bytes
    replayed_by: tuple[str, ...] = ()
    anchor: Pattern | None = None

    @property
    def log_keys(self) -> tuple[str, ...]:
        """The pinned log keys as vkeys."""
        return tuple(format_vkey(log.key) for log in self.policy.logs)

    @property
    def root(self) -> Digest:
        """The digest of the trusted root."""
        return digest_of(self.trusted_root)

    @property
    def sandbox(self) -> bool:
        """Whether the trusted root is a sandbox's."""
        return is_sandbox_root(self.trusted_root)

    def policy_with(self, log_keys: tuple[str, ...]) -> Policy:
        """What a checkpoint needs where these are the log's keys in force: one of them, and the pinned witnesses."""
        return replace(self.policy, logs=tuple(Log(parse_vkey(key)) for key in log_keys))


def format_trust(trust: Trust) -> bytes:
    """`trust.json`: indented JSON; keys, witnesses and quorum stand in the lines of C2SP's tlog-policy."""
    value: dict[str, Any] = {
        "origin": trust.origin,
        "genesis": str(trust.genesis),
        "tlogPolicy": format_policy(trust.policy).decode().splitlines(),
    }
    if trust.replayed_by:
        value["replayedBy"] = list(trust.replayed_by)
    if trust.anchor is not None:
        value["anchor"] = _format_pattern(trust.anchor)
    value["sigstore"] = {"trustedRoot": json.loads(trust.trusted_root)}
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def parse_trust(data: bytes, what: str = "trust.json") -> Trust:
    """The pins that a trust.json holds. Raises `Malformed`, naming it `what`, also for fields it does not know."""
    value = parse_json(data, what)
    check_schema(value, "trust", what)
    format_json(value)  # half of a surrogate pair is no text, and would be found out where it is first printed
    policy = parse_policy("".join(f"{line}\n" for line in value["tlogPolicy"]).encode())
    if not policy.logs:
        raise Malformed(f"{what} names no log key.", "It needs a `log` line in tlogPolicy.")
    own = {log.key.public for log in policy.logs}
    for witness in policy.witnesses:
        if witness.key.public in own:
            raise Malformed(f"{what} names the log's own key as the witness {witness.name!r}.", "Name somebody else's.")
    replayed_by = tuple(value.get("replayedBy", ()))
    for name in set(replayed_by) - {witness.name for witness in policy.witnesses}:
        raise Malformed(f"{what} says that {name!r} replays, which is no witness.", "Name it in tlogPolicy.")
    anchor = parse_pattern(value["anchor"]) if "anchor" in value else None
    if anchor is not None:
        check_pinned(anchor, "anchor")
    root = canonical_root(format_json(value["sigstore"]["trustedRoot"]))
    return Trust(value["origin"], parse_digest(value["genesis"]), policy, root, replayed_by, anchor)


def trust_of(history: History) -> Trust:
    """The pins of a registry as it stands, for its own makers to give out."""
    config, genesis = history.state.config, history.state.genesis
    assert config is not None
    assert genesis is not None
    return configured_trust(config, genesis)


def configured_trust(config: Config, genesis: Digest) -> Trust:
    """The pins that a configuration states; of its witnesses none is taken to replay."""
    return Trust(config.origin, genesis, config.tlog_policy, config.trusted_root, (), config.sequencer)


def _format_pattern(pattern: Pattern) -> dict[str, Any]:
    value: dict[str, Any] = {"issuer": pattern.issuer, "subject": pattern.subject}
    return value | ({"claims": dict(pattern.claims)} if pattern.claims else {})
