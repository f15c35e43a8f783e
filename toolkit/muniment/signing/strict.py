"""Strict verification: the stock Sigstore verifier, and every check it leaves out.

What is added to `sigstore.verify.Verifier.verify_dsse`:

- every timestamp token must verify, and the proved time is returned (the earliest, cut to whole seconds);
- the keys of log, certificate authority, CT log and timestamp authority must have been valid at every proved time;
- log ids must be those of their keys, and the trusted root must not say otherwise; the SCT names a known CT log, at a
  time at which its key was valid;
- checkpoint: strict form, the log's own origin and name, the size and root of the inclusion proof;
- the outer log index is the proof's (Rekor v2) or signed (Rekor v1); integrated time only with its signature;
- the log body is byte for byte the one that the bundle implies;
- the certificate names one subject, and its extensions .8 to .24 are DER UTF8Strings.

`signing.lean` says yes to what certainly passes all of this; everything else is decided here.
Source: Sigstore client specification; Rekor v2 specification, section 6; Fulcio `docs/oid-info.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sigstore.models import Bundle as StockBundle

from muniment.core.canonical import parse_json
from muniment.core.digest import digest_of
from muniment.core.errors import Malformed, Untrusted
from muniment.core.instant import whole_seconds
from muniment.evidence.statement import PAYLOAD_TYPE, parse_statement
from muniment.signing.bundle import Bundle
from muniment.signing.certificate import check_sct, read_identity
from muniment.signing.entry import check_entry, check_promise
from muniment.signing.identity import Signed
from muniment.signing.keyring import Log, choose, known_logs, read_keyring
from muniment.signing.lean import Lean, Proven
from muniment.signing.parts import Parts, parse_parts
from muniment.signing.stock import Stock, plain_errors
from muniment.signing.trustroot import canonical_root

_DO_NOT = "Do not use the bundle; ask its signer for a good one."


class StrictVerifier:
    """Verifies bundles against one trusted root, by itself: no network, no clock, any number of threads.

    `root` is the SHA-256 of the canonical trusted root. Raises `Malformed` for a trusted root that is none.
    """

    def __init__(self, trusted_root: bytes) -> None:
        canonical = canonical_root(trusted_root)
        self.root = digest_of(canonical)
        self._keys = read_keyring(canonical)
        self._stock = Stock(parse_json(canonical, "The trusted root"))
        self._lean = Lean(self._keys, self.root, self._stock)

    def verify(self, bundle: Bundle) -> Signed:
        """What the bundle says, by whom, and since when that is proved (UTC, whole seconds).

        Raises `Untrusted` when a check fails, `Malformed` when the bundle is not of a form that can be checked.
        """
        parts, logs = self._open(bundle)
        return _signed(bundle, parts, self._lean.prove(parts, logs) or self._decide(bundle, parts, logs))

    def prove(self, bundle: Bundle) -> Proven:
        """Who signed the bundle's payload, which is not looked into, and when. Raises like `verify`."""
        parts, logs = self._open(bundle)
        return self._lean.prove(parts, logs) or self._decide(bundle, parts, logs)

    def verify_by_stock(self, bundle: Bundle) -> Signed:
        """The same as `verify`, at the stock verifier's pace."""
        parts, logs = self._open(bundle)
        return _signed(bundle, parts, self._decide(bundle, parts, logs))

    def verify_lean(self, bundle: Bundle) -> Signed | None:
        """The same as `verify` where that needs no word of the stock verifier on the bundle as a whole, else None."""
        parts, logs = self._open(bundle)
        proven = self._lean.prove(parts, logs)
        return None if proven is None else _signed(bundle, parts, proven)

    def _open(self, bundle: Bundle) -> tuple[Parts, list[Log]]:
        parts = parse_parts(bundle.data)
        if parts.payload_type != PAYLOAD_TYPE:
            raise Malformed(f"The bundle's payload is not of type {PAYLOAD_TYPE}.", "Sign an in-toto statement.")
        check_promise(parts.entry)
        if not parts.tokens and parts.entry.promise is None:
            raise Untrusted("Nothing proves when the bundle was signed.", "Sign with a timestamp authority.")
        return parts, known_logs(self._keys, parts.entry.log_id)

    def _decide(self, bundle: Bundle, parts: Parts, logs: Sequence[Log]) -> Proven:
        with plain_errors():
            stock = StockBundle.from_json(bundle.data)
            times = self._stock.times(stock)
            # A timestamp that does not verify refuses the bundle, even where others would do.
            if len(times) != len(parts.tokens) + (parts.entry.promise is not None):
                raise Untrusted(
                    "A timestamp of the bundle does not verify, or its authority was not valid then.", _DO_NOT
                )
            moments = [time.time for time in times]
            log, positions = choose(self._keys, logs, moments)
            check_entry(parts, log)
            self._stock.verify(stock, times, positions)
            check_sct(stock.signing_certificate, [self._keys.ct_logs[at] for at in positions.ct_logs])
        return Proven(read_identity(stock.signing_certificate, self.root), min(moments))


@lru_cache(maxsize=16)
def verifier_for(trusted_root: bytes) -> StrictVerifier:
    """The verifier of a trusted root; made once for equal bytes."""
    return StrictVerifier(trusted_root)


def _signed(bundle: Bundle, parts: Parts, proven: Proven) -> Signed:
    return Signed(
        statement=parse_statement(parts.payload),
        statement_digest=digest_of(parts.payload),
        payload=parts.payload,
        identity=proven.identity,
        signed_at=whole_seconds(proven.time),
        bundle=digest_of(bundle.data),
    )
