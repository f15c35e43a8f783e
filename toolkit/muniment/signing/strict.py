"""The stock Sigstore verifier, and every check it leaves out.

This is the only file that uses private parts of the `sigstore` package; `tests/signing/test_private.py` names each
of them and fails when one moves. What is added to `sigstore.verify.Verifier.verify_dsse`:

- every timestamp token must verify, and the proved time is returned (the earliest, cut to whole seconds);
- the keys of log, certificate authority, CT log and timestamp authority must have been valid at every proved time;
- log ids must be those of their keys, and the trusted root must not say otherwise;
- checkpoint: strict form, the log's own origin and name, the size and root of the inclusion proof;
- the outer log index is the proof's (Rekor v2) or signed (Rekor v1); integrated time only with its signature;
- the log body is canonical JSON and, for Rekor v2, byte for byte the one that the bundle implies;
- the certificate names one subject, and its extensions .8 to .24 are DER UTF8Strings.

Source: Sigstore client specification; Rekor v2 specification, section 6; Fulcio `docs/oid-info.md`.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography import x509
from sigstore._internal.timestamp import TimestampVerificationResult
from sigstore._internal.trust import CertificateAuthority, CTKeyring, KeyringPurpose, RekorKeyring
from sigstore.errors import Error
from sigstore.models import Bundle as StockBundle
from sigstore.models import ClientTrustConfig, InvalidBundle, TrustedRoot
from sigstore.verify import Verifier

from muniment.core.canonical import format_json, parse_json
from muniment.core.digest import digest_of
from muniment.core.errors import Malformed, MunimentError, Untrusted
from muniment.core.instant import format_instant, whole_seconds
from muniment.evidence.statement import PAYLOAD_TYPE, parse_statement
from muniment.signing.bundle import Bundle
from muniment.signing.certificate import read_identity
from muniment.signing.entry import check_entry, check_promise
from muniment.signing.identity import Signed
from muniment.signing.keyring import Authority, Log, read_keyring, valid_at
from muniment.signing.trustroot import CONFIG_MEDIA_TYPE, canonical_root

_SIGNING_MEDIA_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
_DO_NOT = "Do not use the bundle; ask its signer for a good one."
_OTHER_ROOT = "Check that the bundle belongs to this Sigstore instance, and that the trusted root is up to date."


class StrictVerifier:
    """Verifies bundles against one trusted root, by itself: no network, no clock, any number of threads.

    `root` is the SHA-256 of the canonical trusted root. Raises `Malformed` for a trusted root that is none.
    """

    def __init__(self, trusted_root: bytes) -> None:
        self._root = canonical_root(trusted_root)
        self.root = digest_of(self._root)
        self._value = parse_json(self._root, "The trusted root")
        self._keys = read_keyring(self._root)
        self._stock = _stock_verifier(_stock_root(self._value))
        self._narrowed: dict[tuple[tuple[int, ...], ...], _AtTimes] = {}

    def verify(self, bundle: Bundle) -> Signed:
        """What the bundle says, by whom, and since when that is proved (UTC, whole seconds).

        Raises `Untrusted` when a check fails, `Malformed` when the bundle is not of a form that can be checked.
        """
        value = parse_json(bundle.data, "The bundle")
        if value["dsseEnvelope"]["payloadType"] != PAYLOAD_TYPE:
            raise Malformed(f"The bundle's payload is not of type {PAYLOAD_TYPE}.", "Sign an in-toto statement.")
        (entry,) = value["verificationMaterial"]["tlogEntries"]
        check_promise(entry)
        logs, stated = self._logs(entry), _stated_times(value["verificationMaterial"])
        with _plain_errors():
            stock = StockBundle.from_json(bundle.data)
            times = self._times(stock, stated)
            log = _log_at(logs, [time.time for time in times])
            check_entry(value, log)
            payload = self._verifier(log, times).verify_dsse(stock, _AnyIdentity())[1]
        return self._signed(payload, stock.signing_certificate, min(time.time for time in times), bundle)

    def _signed(self, payload: bytes, certificate: x509.Certificate, time: datetime, bundle: Bundle) -> Signed:
        return Signed(
            statement=parse_statement(payload),
            statement_digest=digest_of(payload),
            payload=payload,
            identity=read_identity(certificate, self.root),
            signed_at=whole_seconds(time),
            bundle=digest_of(bundle.data),
        )

    def _times(self, stock: StockBundle, stated: int) -> list[TimestampVerificationResult]:
        """Every proved time. A timestamp that does not verify refuses the bundle, even where others would do."""
        times = self._stock._establish_time(stock)
        if len(times) != stated:
            raise Untrusted("A timestamp of the bundle does not verify, or its authority was not valid then.", _DO_NOT)
        return times

    def _logs(self, entry: dict[str, Any]) -> list[Log]:
        """The logs of the trusted root with the entry's log id; one key may stand there with several windows."""
        known = [log for log in self._keys.logs if _b64(log.log_id) == entry["logId"]["keyId"]]
        if not known:
            raise Untrusted("The bundle is in a log that the trusted root does not know.", _OTHER_ROOT)
        return known

    def _verifier(self, log: Log, times: list[TimestampVerificationResult]) -> Verifier:
        """The stock verifier with only those keys that were valid at every proved time."""
        moments = [time.time for time in times]
        ct_logs = tuple(ct.position for ct in self._keys.ct_logs if valid_at(moments, ct.window))
        authorities = _valid(self._keys.authorities, moments)
        timestampers = _valid(self._keys.timestampers, moments)
        for found, what in ((ct_logs, "CT log key"), (authorities, "certificate authority")):
            if not found:
                raise _retired(what, moments)
        key = ((log.position,), ct_logs, authorities, timestampers)
        narrowed = self._narrowed.get(key)
        if narrowed is None:
            narrowed = self._narrowed.setdefault(key, _AtTimes(trusted_root=_FastRoot(self._narrow(*key))))
        return narrowed.at(times)

    def _narrow(
        self, logs: Sequence[int], ct_logs: Sequence[int], authorities: Sequence[int], timestampers: Sequence[int]
    ) -> TrustedRoot:
        kept = {
            "tlogs": logs,
            "ctlogs": ct_logs,
            "certificateAuthorities": authorities,
            "timestampAuthorities": timestampers,
        }
        parts = {name: [self._value[name][i] for i in positions] for name, positions in kept.items()}
        return _stock_root({**self._value, **parts})


@lru_cache(maxsize=16)
def verifier_for(trusted_root: bytes) -> StrictVerifier:
    """The verifier of a trusted root; made once for equal bytes."""
    return StrictVerifier(trusted_root)


def format_config(config: ClientTrustConfig) -> str:
    """The ClientTrustConfig JSON of a stock configuration, which has no public way to be written."""
    return config._inner.to_json()


class _AnyIdentity:
    """The stock policy object that leaves to the caller which identities count; who signed is always returned."""

    def verify(self, cert: x509.Certificate) -> None:
        """Accepts every certificate."""


class _FastRoot(TrustedRoot):
    """The stock trusted root, which loads its keys once instead of at each use."""

    def __init__(self, root: TrustedRoot) -> None:
        super().__init__(root._inner)
        self._loaded: dict[str, Any] = {}

    def rekor_keyring(self, purpose: KeyringPurpose) -> RekorKeyring:
        keys: RekorKeyring = self._once(f"rekor {purpose}", lambda: super(_FastRoot, self).rekor_keyring(purpose))
        return keys

    def ct_keyring(self, purpose: KeyringPurpose) -> CTKeyring:
        keys: CTKeyring = self._once(f"ct {purpose}", lambda: super(_FastRoot, self).ct_keyring(purpose))
        return keys

    def get_timestamp_authorities(self) -> list[CertificateAuthority]:
        authorities: list[CertificateAuthority] = self._once("tsa", super().get_timestamp_authorities)
        return authorities

    def _once(self, name: str, load: Callable[[], Any]) -> Any:
        if name not in self._loaded:
            self._loaded[name] = load()
        return self._loaded[name]


class _AtTimes(Verifier):
    """The stock verifier for one bundle whose times are already proved, so that tokens are verified once."""

    _times: list[TimestampVerificationResult] | None = None

    def at(self, times: list[TimestampVerificationResult]) -> _AtTimes:
        verifier = copy.copy(self)
        verifier._times = times
        return verifier

    def _establish_time(self, bundle: StockBundle) -> list[TimestampVerificationResult]:
        assert self._times is not None
        return self._times


def _stock_verifier(root: TrustedRoot) -> Verifier:
    try:
        return Verifier(trusted_root=_FastRoot(root))
    except Error as error:
        raise Malformed(f"The trusted root is not whole: {_one_line(error)}.", _OTHER_ROOT) from error


def _stock_root(value: dict[str, Any]) -> TrustedRoot:
    """The stock object of a trusted root; a whole client configuration is the public way to one without a file."""
    config = {
        "mediaType": CONFIG_MEDIA_TYPE,
        "trustedRoot": value,
        "signingConfig": {"mediaType": _SIGNING_MEDIA_TYPE},
    }
    try:
        return ClientTrustConfig.from_json(format_json(config).decode()).trusted_root
    except (Error, ValueError) as error:
        raise Malformed(f"The trusted root cannot be read: {_one_line(error)}.", _OTHER_ROOT) from error


@contextmanager
def _plain_errors() -> Iterator[None]:
    """False is `Untrusted`, unknown is `Malformed`: the client's own errors say which."""
    try:
        yield
    except MunimentError:
        raise
    except InvalidBundle as error:
        raise Malformed(f"The bundle cannot be read: {_one_line(error)}.", _DO_NOT) from error
    except Error as error:
        raise Untrusted(f"The bundle does not verify: {_one_line(error)}.", _OTHER_ROOT) from error
    except Exception as error:
        raise Malformed(f"The bundle cannot be checked: {_one_line(error)}.", _DO_NOT) from error


def _stated_times(material: dict[str, Any]) -> int:
    """How many timestamp tokens and promised times a bundle states."""
    tokens = material.get("timestampVerificationData", {}).get("rfc3161Timestamps", [])
    stated = len(tokens) + ("inclusionPromise" in material["tlogEntries"][0])
    if stated == 0:
        raise Untrusted("Nothing proves when the bundle was signed.", "Sign with a timestamp authority.")
    return stated


def _log_at(logs: Sequence[Log], moments: list[datetime]) -> Log:
    for log in logs:
        if valid_at(moments, log.window):
            return log
    raise _retired("log key", moments)


def _valid(authorities: Sequence[Authority], moments: list[datetime]) -> tuple[int, ...]:
    return tuple(a.position for a in authorities if valid_at(moments, *a.windows))


def _retired(what: str, moments: list[datetime]) -> Untrusted:
    then = " and ".join(format_instant(moment) for moment in moments)
    return Untrusted(f"The trusted root's {what} was not valid at {then}, when the bundle was signed.", _OTHER_ROOT)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _one_line(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:300].rstrip(".")
