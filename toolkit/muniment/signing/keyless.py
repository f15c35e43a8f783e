"""Signing without long-lived keys, by the stock Sigstore client, wherever a trust configuration points.

The client asks Fulcio for a ten-minute certificate in exchange for an identity token, signs the DSSE envelope, has
the signature timestamped and logs it. This module adds plain errors and checks the result as every reader will.
"""

from __future__ import annotations

import base64
import ipaddress
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from muniment.core.canonical import parse_json
from muniment.core.errors import Malformed, Missing, MunimentError, Unchecked, Unreachable, Untrusted
from muniment.signing.bundle import Bundle, parse_bundle
from muniment.signing.trustroot import root_of_config

if TYPE_CHECKING:
    from sigstore.sign import Signer as StockSigner

# A certificate is renewed this long before it ends: signing, timestamp and log must all fall inside.
_MARGIN = timedelta(seconds=60)
_SERVICES = ("caUrls", "oidcUrls", "rekorTlogUrls", "tsaUrls")


class Signer(Protocol):
    """Whoever can sign: a payload in, a verified bundle out."""

    def sign(self, payload: bytes) -> Bundle:
        """The bundle that says the in-toto statement `payload`, exactly these bytes."""
        ...


class Keyless:
    """Signs with certificates that a Sigstore instance gives for an identity token.

    `trust_config_json` is the standard ClientTrustConfig JSON. `token` is an identity token for the audience
    `sigstore`, or a function that fetches a fresh one whenever a new certificate is needed.
    """

    def __init__(self, trust_config_json: str, token: str | Callable[[], str]) -> None:
        from muniment.signing.strict import verifier_for

        self._config = trust_config_json
        self._verifier = verifier_for(root_of_config(trust_config_json))
        self._token = token
        self._signer: StockSigner | None = None
        self._until = datetime.now(UTC)
        _reach_loopback(trust_config_json)

    def sign(self, payload: bytes) -> Bundle:
        """The bundle, already verified strictly.

        Raises `Malformed` for a payload that is no statement or a token that is none, `Unreachable` for a service
        that does not answer as it should, `Untrusted` when the result does not verify.
        """
        from sigstore.dsse import Statement

        with _plain_errors("sign"):
            statement = Statement(payload)
        with _plain_errors("certificate"):
            signer = self._fresh_signer()
        with _warnings() as warnings, _plain_errors("log", warnings):
            stock = signer.sign_dsse(statement)
        self._until = stock.signing_certificate.not_valid_after_utc
        bundle = parse_bundle(stock.to_json().encode())
        self._verifier.verify(bundle)
        return bundle

    def _fresh_signer(self) -> StockSigner:
        """The signer with its certificate, renewed when it is about to end."""
        if self._signer is None or datetime.now(UTC) + _MARGIN >= self._until:
            from sigstore.models import ClientTrustConfig
            from sigstore.oidc import IdentityToken
            from sigstore.sign import SigningContext

            raw = self._token if isinstance(self._token, str) else self._token()
            context = SigningContext.from_trust_config(ClientTrustConfig.from_json(self._config))
            # The context manager of the client yields the signer and has nothing to close.
            with context.signer(IdentityToken(raw)) as signer:
                self._signer = signer
            self._until = datetime.now(UTC) + 2 * _MARGIN
        return self._signer


def ambient_token() -> str | None:
    """The identity token that the CI around this process offers for Sigstore, or None outside of a CI.

    Raises `Unchecked` when the CI is known but gives no token.
    """
    from sigstore.oidc import IdentityError, detect_credential

    try:
        return detect_credential()
    except IdentityError as error:
        remedy = "In GitHub Actions give the job `permissions: id-token: write`; jobs of forks cannot have it."
        raise Unchecked(f"The CI gave no identity token: {_one_line(error)}.", remedy) from error


def subject_of(token: str) -> str | None:
    """The certificate subject that Fulcio will give for an identity token, as far as its claims tell; unverified.

    Of a CI workflow it is the workflow's address, of a person the e-mail address.
    """
    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = parse_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), "The identity token")
    except (ValueError, MunimentError):
        return None
    if not isinstance(claims, dict):
        return None
    flow = claims.get("job_workflow_ref")
    found = f"https://github.com/{flow}" if flow else claims.get("email", claims.get("sub"))
    return found if isinstance(found, str) else None


def public_good_config(offline: bool = False) -> str:
    """The ClientTrustConfig JSON of Sigstore's public good instance, by TUF; `offline` takes what is on this machine.

    Raises `Unreachable`.
    """
    from muniment.signing.stock import format_config

    with _plain_errors("tuf"):
        from sigstore.models import ClientTrustConfig

        return format_config(ClientTrustConfig.production(offline=offline))


def tuf_config(url: str, root: Path | None = None) -> str:
    """The ClientTrustConfig JSON of the instance whose TUF repository is at `url`.

    `root` is the TUF root file to start from; without it, the one that this machine trusts already.
    Raises `Missing` without either, `Unreachable`, `Untrusted` for metadata that the root does not vouch for.
    """
    from muniment.signing.stock import format_config

    if _is_loopback(url):
        bypass_proxy()
    with _plain_errors("tuf"):
        from sigstore.errors import TUFError
        from sigstore.models import ClientTrustConfig

        try:
            return format_config(ClientTrustConfig.from_tuf(url, bootstrap_root=root))
        except TUFError as error:
            _raise_false_or_unknown(url, error)
            raise


def _raise_false_or_unknown(url: str, error: Exception) -> None:
    """Tells apart what the client calls one: a repository that is false, one not known yet, and anything else."""
    from tuf.api.exceptions import RepositoryError

    if isinstance(error.__cause__, RepositoryError):
        fact = f"The TUF repository at {url} is not what its root vouches for: {_one_line(error.__cause__)}."
        raise Untrusted(fact, "Check the address and the root file; ask the instance's operator.") from error
    if isinstance(error.__cause__, FileNotFoundError):
        remedy = "Give its root with --tuf-root."
        raise Missing(f"This machine does not know the TUF repository at {url}.", remedy) from error


def bypass_proxy() -> None:
    """Makes HTTP clients of this process and its children reach loopback services past any configured proxy."""
    for name in ("NO_PROXY", "no_proxy"):
        listed = [part for part in os.environ.get(name, "").split(",") if part]
        os.environ[name] = ",".join(listed + [host for host in ("127.0.0.1", "localhost") if host not in listed])


def _reach_loopback(config: str) -> None:
    """Goes past proxies when a service of the configuration is on this machine."""
    signing = parse_json(config.encode(), "The trust configuration").get("signingConfig")
    if not isinstance(signing, dict):
        raise Malformed("The trust configuration has no signingConfig.", "Ask the instance's operator for a whole one.")
    services = [service for key in _SERVICES for service in signing.get(key, [])]
    if any(_is_loopback(service.get("url", "")) for service in services):
        bypass_proxy()


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_RETRY = "Try again; if it lasts, ask the operator of the Sigstore instance."
_ASK_AGAIN = "Get a new identity token: they live for minutes and are for one audience, `sigstore`."
_REMEDIES = {
    "sign": "Give an in-toto Statement v1 whose subjects have sha256 digests.",
    "certificate": _ASK_AGAIN,
    "log": _RETRY,
    "tuf": "Check the network, or give a trust configuration as a file.",
}


@contextmanager
def _plain_errors(step: str, warnings: list[str] | None = None) -> Iterator[None]:
    """Turns whatever the client raises into one error with the fact that its service stated and a remedy."""
    import requests
    from sigstore.errors import Error
    from sigstore.oidc import IdentityError

    try:
        yield
    except MunimentError:
        raise
    except requests.RequestException as error:
        where = urlsplit(str(getattr(error.request, "url", "") or "")).netloc
        raise Unreachable(f"The Sigstore service at {where} does not answer.", _RETRY) from error
    except IdentityError as error:
        raise Malformed(f"The identity token cannot be used: {_one_line(error)}.", _ASK_AGAIN) from error
    except Exception as error:
        response = _response(error)
        if response is not None:
            raise Unreachable(f"{_FACTS[step]}: {_told_by(response)}.", _REMEDIES[step]) from error
        if step == "sign":
            raise Malformed(f"The payload cannot be signed: {_one_line(error)}.", _REMEDIES[step]) from error
        if type(error).__name__ == "ExpiredIdentity":
            raise Unchecked("The identity token has expired.", _ASK_AGAIN) from error
        if isinstance(error, Error) or warnings:
            raise Unreachable(f"{_FACTS[step]}: {_one_line(error)}{_told(warnings or [])}.", _REMEDIES[step]) from error
        raise Unreachable(f"{_FACTS[step]}: {type(error).__name__} {_one_line(error)}.", _REMEDIES[step]) from error


_FACTS = {
    "certificate": "The certificate authority gave no certificate",
    "log": "The signature was not timestamped and logged",
    "tuf": "The trust configuration could not be fetched by TUF",
    "sign": "The payload cannot be signed",
}


def _response(error: BaseException | None) -> Any:
    """The HTTP response behind an error: the client drops its text, so it is sought among the causes."""
    while error is not None:
        if (response := getattr(error, "response", None)) is not None:
            return response
        error = error.__cause__ or error.__context__
    return None


def _told_by(response: Any) -> str:
    try:
        message = response.json().get("message")
    except (ValueError, AttributeError):
        message = None
    return f"{urlsplit(response.url).netloc} answered {response.status_code}: {_one_line(message or response.reason)}"


def _one_line(what: object) -> str:
    return " ".join(str(what).split())[:300].rstrip(".")


def _told(warnings: list[str]) -> str:
    return f" ({_one_line('; '.join(warnings))})" if warnings else ""


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What the client only logs: a failed timestamp request is a warning there."""
    told: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("sigstore.sign")
    logger.addHandler(handler)
    try:
        yield told
    finally:
        logger.removeHandler(handler)
