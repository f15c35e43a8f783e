"""The pins a reader starts from. They come from outside the registry that is verified, never from it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from muniment.core.canonical import format_json, parse_json
from muniment.core.digest import Digest, digest_of, parse_digest
from muniment.core.errors import Malformed
from muniment.log.note import parse_vkey
from muniment.registry.fold import History
from muniment.signing.trustroot import canonical_root, is_sandbox_root

FIELDS = frozenset({"origin", "genesis", "tlogPolicy", "sigstore"})


@dataclass(frozen=True, slots=True)
class Trust:
    """Origin, hash of the first leaf, log keys (vkeys) and the Sigstore trusted root (canonical JSON)."""

    origin: str
    genesis: Digest
    log_keys: tuple[str, ...]
    trusted_root: bytes

    @property
    def root(self) -> Digest:
        """The digest of the trusted root."""
        return digest_of(self.trusted_root)

    @property
    def sandbox(self) -> bool:
        """Whether the trusted root is a sandbox's."""
        return is_sandbox_root(self.trusted_root)


def format_trust(trust: Trust) -> bytes:
    """`trust.json`: indented JSON; the log's keys stand in the lines of C2SP's tlog-policy."""
    value = {
        "origin": trust.origin,
        "genesis": str(trust.genesis),
        "tlogPolicy": [*(f"log {key}" for key in trust.log_keys), "quorum none"],
        "sigstore": {"trustedRoot": json.loads(trust.trusted_root)},
    }
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def parse_trust(data: bytes) -> Trust:
    """The pins that a trust.json holds. Raises `Malformed`."""
    value = parse_json(data, "trust.json")
    unknown = sorted(set(value) - FIELDS) if isinstance(value, dict) else []
    if unknown:
        raise Malformed(f"trust.json has the field {unknown[0]!r}, which this muniment cannot apply.", "Upgrade it.")
    try:
        root = canonical_root(format_json(value["sigstore"]["trustedRoot"]))
        lines = [str(line) for line in value["tlogPolicy"]]
        if not isinstance(value["origin"], str):
            raise Malformed("trust.json has an origin that is not text.", "Write the log's name.")
        return Trust(value["origin"], parse_digest(value["genesis"]), _log_keys(lines), root)
    except (KeyError, TypeError) as error:
        raise Malformed(
            f"trust.json lacks {error}.", "Use the trust.json that the registry's makers gave out."
        ) from error


def trust_of(history: History) -> Trust:
    """The pins of a registry as it stands, for its own makers to give out."""
    config, genesis = history.state.config, history.state.genesis
    assert config is not None
    assert genesis is not None
    return Trust(config.origin, genesis, config.log_keys, config.trusted_root)


def _log_keys(lines: list[str]) -> tuple[str, ...]:
    keys: list[str] = []
    for line in lines:
        match line.split():
            case ["log", key]:
                parse_vkey(key)
                keys.append(key)
            case ["quorum", "none"]:
                pass
            case _:
                raise Malformed(
                    f"trust.json has the policy line {line!r}, which this muniment cannot apply.", "Upgrade it."
                )
    if not keys:
        raise Malformed("trust.json names no log key.", "It needs a `log` line in tlogPolicy.")
    return tuple(keys)
