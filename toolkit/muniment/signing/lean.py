"""A quick yes for bundles of the form that is signed today, with the same checks as the stock verifier and our own.

It never says no: whatever it does not know or cannot prove is left to the stock verifier, which decides and explains.
What it takes over from the stock verifier, by content:

- of a certificate: that one with an equal frame is good (`signing.issued`), asked once a frame and authority;
- of a timestamp: that one with an equal frame is good (`signing.token`), asked once a frame and authority.

All else is computed here, each time: the certificate's signature and SCT (once for the same bytes under the same keys),
the timestamp's digests and signature, inclusion, checkpoint, promise, the log's body, the envelope's signature, and
that every key was valid at every proved time.
Source: Sigstore client specification; RFC 3161; RFC 6962; Rekor v2 specification, section 6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from muniment.core.digest import Digest
from muniment.core.errors import Untrusted
from muniment.log.merkle import check_inclusion, leaf_hash
from muniment.signing.certificate import read_identity
from muniment.signing.entry import check_entry, pae, promised
from muniment.signing.identity import Identity
from muniment.signing.issued import Issued, logged, read_issued
from muniment.signing.keyring import Authority, Keyring, Log, Positions, Window, choose, valid_at
from muniment.signing.parts import Parts
from muniment.signing.token import Token, read_token

MAX_TOKENS = 32
_KEPT = 256
_CERTIFICATE, _TOKEN = "certificate", "token"
_HASHES = {"sha256": SHA256(), "sha384": SHA384(), "sha512": SHA512()}
_DO_NOT = "Ask the stock verifier."


class Oracle(Protocol):
    """The parts of the stock verifier that are asked once."""

    def check_certificate(self, certificate: x509.Certificate, positions: Positions) -> None:
        """Holds for a signing certificate under the keys at these positions; else raises."""
        ...

    def stamped(self, position: int, response: bytes, message: bytes) -> datetime | None:
        """The time at which one timestamp authority stamped the message, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Proven:
    """Who signed a bundle, and the earliest time at which that is proved."""

    identity: Identity
    time: datetime


@dataclass(frozen=True, slots=True)
class _Leaf:
    key: EllipticCurvePublicKey
    window: Window
    identity: Identity


class Lean:
    """The quick verifier for one trusted root."""

    def __init__(self, keys: Keyring, root: Digest, oracle: Oracle) -> None:
        self._keys = keys
        self._root = root
        self._oracle = oracle
        self._frames: set[tuple[object, ...]] = set()
        self._leaf = lru_cache(_KEPT)(self._read_leaf)

    def prove(self, parts: Parts, logs: Sequence[Log]) -> Proven | None:
        """Who signed and when, for a bundle that certainly verifies; None for all others.

        `logs` are those with the entry's id; `check_promise` must hold.
        """
        try:
            return self._prove(parts, logs)
        except Exception:
            return None

    def _prove(self, parts: Parts, logs: Sequence[Log]) -> Proven:
        entry = parts.entry
        moments = [self._stamp(token, parts.signature) for token in _distinct(parts.tokens)]
        if entry.time is not None:
            moments.append(datetime.fromtimestamp(entry.time, UTC))
        log, positions = choose(self._keys, logs, moments)
        leaf = self._leaf(parts.certificate, positions)
        _require(valid_at(moments, leaf.window))
        _check_logged(parts, log)
        leaf.key.verify(parts.signature, pae(parts.payload_type, parts.payload), ECDSA(SHA256()))
        return Proven(leaf.identity, min(moments))

    def _stamp(self, response: bytes, message: bytes) -> datetime:
        """The time that a timestamp over the message proves."""
        token = read_token(response)
        _require(hashlib.new(token.imprint_hash, message).digest() == token.imprint)
        for authority in self._keys.timestampers:
            valid = valid_at([token.time], *authority.windows)
            if valid and self._stamped_by(authority, token, response, message):
                return token.time
        raise Untrusted("No timestamp authority is known to have made this.", _DO_NOT)

    def _stamped_by(self, authority: Authority, token: Token, response: bytes, message: bytes) -> bool:
        if not _signed_by(authority.key, token.signature, token.signed, _HASHES[token.signed_hash]):
            return False
        at, known = authority.position, (_TOKEN, authority.position, token.frame)
        return self._known(known, lambda: self._oracle.stamped(at, response, message) == token.time)

    def _known(self, frame: tuple[object, ...], ask: Callable[[], bool]) -> bool:
        """Whether a frame is good, asked until it is."""
        if frame in self._frames:
            return True
        good = ask()
        if good and len(self._frames) < _KEPT:
            self._frames.add(frame)
        return good

    def _read_leaf(self, raw: bytes, positions: Positions) -> _Leaf:
        certificate = x509.load_der_x509_certificate(raw)
        issued = read_issued(certificate, raw)
        authorities = [self._keys.authorities[at] for at in positions.authorities]
        _require(any(self._issued_by(authority, issued, certificate, positions) for authority in authorities))
        key = certificate.public_key()
        if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
            raise Untrusted("The certificate is for another kind of key.", _DO_NOT)
        window = Window(certificate.not_valid_before_utc, certificate.not_valid_after_utc)
        return _Leaf(key, window, read_identity(certificate, self._root))

    def _issued_by(
        self, authority: Authority, issued: Issued, certificate: x509.Certificate, positions: Positions
    ) -> bool:
        if authority.constrained or not _signed_by(authority.key, issued.signature, issued.signed, issued.signed_hash):
            return False
        _check_stamp(issued, [self._keys.ct_logs[at] for at in positions.ct_logs], authority.key_id)

        def ask() -> bool:
            self._oracle.check_certificate(certificate, replace(positions, authorities=(authority.position,)))
            return True

        return self._known((_CERTIFICATE, authority.position, issued.frame), ask)


def _check_stamp(issued: Issued, ct_logs: Sequence[Log], issuer_key: bytes) -> None:
    """Holds when a CT log, which was valid then, signed the certificate."""
    at, log_id = issued.stamped_at, issued.stamp.log_id
    (log, *_) = [log for log in ct_logs if log.log_id == log_id and log.window.covers(at)]
    log.verify(issued.stamp.signature, logged(issued, issuer_key))


def _check_logged(parts: Parts, log: Log) -> None:
    entry, proof = parts.entry, parts.entry.proof
    note, line = check_entry(parts, log)
    check_inclusion(leaf_hash(entry.body), proof.index, proof.size, proof.hashes, proof.root)
    log.verify(line.signature, note.text.encode())
    if entry.promise is not None:
        log.verify(entry.promise, promised(entry))


def _signed_by(key: object, signature: bytes, signed: bytes, hashed_by: HashAlgorithm) -> bool:
    """Whether a key on a curve made a signature; of other keys nothing is known."""
    if not isinstance(key, EllipticCurvePublicKey):
        return False
    try:
        key.verify(signature, signed, ECDSA(hashed_by))
    except InvalidSignature:
        return False
    return True


def _distinct(tokens: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The stock verifier refuses equal timestamps and more than 32."""
    _require(len(set(tokens)) == len(tokens) <= MAX_TOKENS)
    return tokens


def _require(holds: bool) -> None:
    if not holds:
        raise Untrusted("This is not known to hold.", _DO_NOT)
