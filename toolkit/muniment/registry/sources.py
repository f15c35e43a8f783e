"""Third parties: whose statements, made outside of the registry, count as evidence once somebody brings them in.

A record of kind third-party carries a bundle made elsewhere and names the source of registry.yaml that vouches for it.
Whoever brings it proves when it was there; what it says, and who said it, is the source's. From admission on the entry
stands for the inner statement by its own signer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from muniment.core.canonical import format_json
from muniment.core.digest import Digest, digest_of
from muniment.core.document import Misplaced, check_schema
from muniment.core.errors import Refused
from muniment.evidence.kinds import EVIDENCE, OWN, THIRD_PARTY, kind_of
from muniment.evidence.statement import Statement, format_statement
from muniment.signing.foreign import CertificateHolder, Foreign, KeyHolder, open_foreign
from muniment.signing.identity import Identity, Signed
from muniment.signing.source import Authorities, Instance, Key, Source, parse_source
from muniment.signing.trustroot import is_sandbox_root


@dataclass(frozen=True, slots=True)
class Believed:
    """A source by its name in registry.yaml, the kinds of evidence it is believed for, and where (empty: all over)."""

    name: str
    source: Source
    kinds: frozenset[str]
    namespaces: tuple[str, ...]

    @property
    def sandbox(self) -> bool | None:
        """Whether the source is a sandbox; None for keys and authorities, which say nothing of it."""
        return is_sandbox_root(self.source.trusted_root) if isinstance(self.source, Instance) else None

    def vouches(self, identity: Identity, kind: str, namespace: str | None) -> bool:
        """Whether what the identity says of this kind counts in a namespace (None: in any)."""
        here = namespace is None or not self.namespaces or namespace in self.namespaces
        return kind in self.kinds and here and _is_of(identity, self.source)


def parse_sources(value: Mapping[str, Any]) -> tuple[Believed, ...]:
    """The sources that registry.yaml declares. Raises `Malformed` with the field."""
    return tuple(_believed(name, dict(body)) for name, body in value.items())


def bring_in(bundle: Any, source: str, sources: tuple[Believed, ...], at: datetime) -> Statement:
    """The statement that brings in a bundle, which its source must vouch for now; its subjects are the inner ones."""
    foreign = _opened(bundle, _declared(source, sources), at)
    return third_party(source, bundle, foreign.statement)


def third_party(source: str, bundle: Mapping[str, Any], inner: Statement) -> Statement:
    """The statement that brings in a bundle made elsewhere."""
    return Statement(inner.subjects, f"{OWN}{THIRD_PARTY}/v1", {"source": source, "bundle": bundle})


def open_third_party(signed: Signed, sources: tuple[Believed, ...]) -> tuple[str, Signed]:
    """The kind of the inner statement, and the record as its own signer's. Raises `Refused`, `Untrusted`, `Malformed`.

    The time stays that of whoever brought it in: a key or certificate proves none, and another log's is its own.
    """
    predicate = signed.statement.predicate
    check_schema(predicate, "third-party-v1", "The third-party record")
    believed = _declared(predicate["source"], sources)
    foreign = _opened(predicate["bundle"], believed, signed.signed_at)
    kind = kind_of(foreign.statement.predicate_type)
    if kind not in believed.kinds:
        raise Refused(
            f"The source {believed.name} is not believed for {foreign.statement.predicate_type}.",
            f"It is for {', '.join(sorted(believed.kinds))}.",
        )
    if foreign.statement.subjects != signed.statement.subjects:
        raise Refused("The third-party record names other subjects than what it carries.", "Make it with muniment.")
    return str(kind), replace(signed, statement=foreign.statement, payload=foreign.payload, identity=_identity(foreign))


def _opened(bundle: Any, believed: Believed, at: datetime) -> Foreign:
    """What a bundle says. Raises `Malformed` for what canonical JSON cannot: facts and pages write it again."""
    foreign = open_foreign(format_json(bundle), believed.source, at)
    format_statement(foreign.statement)
    return foreign


def _declared(name: str, sources: tuple[Believed, ...]) -> Believed:
    believed = next((b for b in sources if b.name == name), None)
    if believed is None:
        raise Refused(
            f"registry.yaml declares no source {name!r}.", "An administrator declares under sources whom to believe."
        )
    return believed


def _believed(name: str, body: dict[str, Any]) -> Believed:
    kinds = frozenset(body.pop("kinds"))
    unknown = sorted(kinds - set(EVIDENCE))
    if unknown:
        raise Misplaced(
            ("sources", name, "kinds"),
            f"A source is believed for {unknown[0]!r}, which is no kind of evidence.",
            f"Choose among {', '.join(sorted(EVIDENCE))}.",
        )
    namespaces = tuple(body.pop("namespaces", ()))
    return Believed(name, parse_source(body, f"registry.yaml, sources/{name}"), kinds, namespaces)


def _identity(foreign: Foreign) -> Identity:
    """Who said it, in the one form in which signers are known; keys and certificates are issued by themselves."""
    match foreign.signer:
        case KeyHolder(spki=spki):
            return _key_identity(spki)
        case CertificateHolder(subject=subject, certificate=certificate, authority=authority):
            return Identity(authority, "certificate authority", subject, (("certificate", str(certificate)),))
        case Identity() as identity:
            return identity


def _key_identity(spki: Digest) -> Identity:
    return Identity(spki, "key", str(spki))


def _is_of(identity: Identity, source: Source) -> bool:
    match source:
        case Instance(trusted_root=root, identities=patterns):
            return identity.root == digest_of(root) and any(p.matches(identity) for p in patterns)
        case Key(spki=spki):
            return identity == _key_identity(digest_of(spki))
        case Authorities(certificates=certificates, leaf=leaf):
            pinned = leaf is None or str(leaf) in (identity.subject, identity.claim("certificate"))
            return identity.root in {digest_of(c) for c in certificates} and pinned
