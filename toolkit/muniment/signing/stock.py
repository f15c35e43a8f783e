"""The stock Sigstore verifier over chosen keys of a trusted root, whole and by its parts.

This is the only file that uses private parts of the `sigstore` package; `tests/signing/test_private.py` names each
of them and fails when one moves.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import decode_timestamp_response
from sigstore._internal.sct import verify_sct
from sigstore._internal.timestamp import TimestampSource, TimestampVerificationResult
from sigstore._internal.trust import CertificateAuthority, CTKeyring, KeyringPurpose, RekorKeyring
from sigstore.errors import Error
from sigstore.models import Bundle as StockBundle
from sigstore.models import ClientTrustConfig, InvalidBundle, TrustedRoot
from sigstore.verify import Verifier

from muniment.core.canonical import format_json
from muniment.core.errors import Malformed, MunimentError, Untrusted
from muniment.signing.keyring import OTHER_ROOT, Positions
from muniment.signing.trustroot import CONFIG_MEDIA_TYPE

_SIGNING_MEDIA_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
_MOMENT = timedelta(microseconds=1)
_DO_NOT = "Do not use the bundle; ask its signer for a good one."


class Stock:
    """Verifiers over one trusted root, given as normalised protobuf-JSON. Raises `Malformed` for one not whole."""

    def __init__(self, value: dict[str, Any]) -> None:
        self._value = {**value, "timestampAuthorities": [_inclusive(one) for one in value["timestampAuthorities"]]}
        self._all = _verifier(_stock_root(self._value))
        self._narrowed: dict[Positions, _AtTimes] = {}
        self._stampers: dict[int, _AtTimes] = {}

    def times(self, bundle: StockBundle) -> list[TimestampVerificationResult]:
        """Every time that a bundle proves under any timestamp authority; a promised one is not checked yet."""
        return self._all._establish_time(bundle)

    def verify(self, bundle: StockBundle, times: list[TimestampVerificationResult], positions: Positions) -> None:
        """Holds when the bundle verifies at times that `times` found, by the keys at these positions alone."""
        self._at(positions).at(times).verify_dsse(bundle, _AnyIdentity())

    def check_certificate(self, certificate: x509.Certificate, positions: Positions) -> None:
        """Holds for a signing certificate: its chain at the time it begins, its SCT, its usages; else an exception.

        What the chain says of another time is only whether that lies inside each certificate's own validity.
        """
        verifier = self._at(positions)
        begin = TimestampVerificationResult(TimestampSource.TIMESTAMP_AUTHORITY, certificate.not_valid_before_utc)
        chain = verifier._verify_chain_at_time(certificate, begin)
        verify_sct(certificate, chain, verifier._trusted_root.ct_keyring(KeyringPurpose.VERIFY))
        extensions = certificate.extensions
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if not usage.digital_signature or ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
            raise Untrusted("The signing certificate is not for signing code.", _DO_NOT)

    def stamped(self, position: int, response: bytes, message: bytes) -> datetime | None:
        """The time at which one timestamp authority stamped the message, or None."""
        verifier = self._stampers.get(position)
        if verifier is None:
            narrowed = {**self._value, "timestampAuthorities": [self._value["timestampAuthorities"][position]]}
            verifier = self._stampers.setdefault(position, _verifier(_stock_root(narrowed)))
        result = verifier._verify_signed_timestamp(decode_timestamp_response(response), message)
        return None if result is None else result.time

    def _at(self, positions: Positions) -> _AtTimes:
        verifier = self._narrowed.get(positions)
        if verifier is None:
            verifier = self._narrowed.setdefault(positions, _verifier(self._narrow(positions)))
        return verifier

    def _narrow(self, positions: Positions) -> TrustedRoot:
        kept = {
            "tlogs": positions.logs,
            "ctlogs": positions.ct_logs,
            "certificateAuthorities": positions.authorities,
            "timestampAuthorities": positions.timestampers,
        }
        parts = {name: [self._value[name][i] for i in places] for name, places in kept.items()}
        return _stock_root({**self._value, **parts})


def format_config(config: ClientTrustConfig) -> str:
    """The ClientTrustConfig JSON of a stock configuration, which has no public way to be written."""
    return config._inner.to_json()


@contextmanager
def plain_errors() -> Iterator[None]:
    """False is `Untrusted`, unknown is `Malformed`: the client's own errors say which."""
    try:
        yield
    except MunimentError:
        raise
    except InvalidBundle as error:
        raise Malformed(f"The bundle cannot be read: {_one_line(error)}.", _DO_NOT) from error
    except Error as error:
        raise Untrusted(f"The bundle does not verify: {_one_line(error)}.", OTHER_ROOT) from error
    except Exception as error:
        raise Malformed(f"The bundle cannot be checked: {_one_line(error)}.", _DO_NOT) from error


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
    """The stock verifier, and with `at` one for a bundle whose times are already proved: tokens are verified once."""

    _times: list[TimestampVerificationResult] | None = None

    def at(self, times: list[TimestampVerificationResult]) -> _AtTimes:
        verifier = copy.copy(self)
        verifier._times = times
        return verifier

    def _establish_time(self, bundle: StockBundle) -> list[TimestampVerificationResult]:
        return super()._establish_time(bundle) if self._times is None else self._times


def _inclusive(authority: dict[str, Any]) -> dict[str, Any]:
    """The last moment of a window belongs to it (`sigstore_common.proto`); the stock verifier leaves that out."""
    window = authority["validFor"]
    if "end" not in window:
        return authority
    end = min(datetime.fromisoformat(window["end"]), datetime.max.replace(tzinfo=UTC) - _MOMENT) + _MOMENT
    return {**authority, "validFor": {**window, "end": end.isoformat().replace("+00:00", "Z")}}


def _verifier(root: TrustedRoot) -> _AtTimes:
    try:
        return _AtTimes(trusted_root=_FastRoot(root))
    except Error as error:
        raise Malformed(f"The trusted root is not whole: {_one_line(error)}.", OTHER_ROOT) from error


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
        raise Malformed(f"The trusted root cannot be read: {_one_line(error)}.", OTHER_ROOT) from error


def _one_line(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:300].rstrip(".")
