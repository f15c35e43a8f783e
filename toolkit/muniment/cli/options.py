"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muniment.cli import output
from muniment.core.errors import Malformed, Missing, Unreachable, Usage

if TYPE_CHECKING:
    from muniment.core.document import Source
    from muniment.log.note import Cosigner, NoteSigner
    from muniment.registry.cache import Cache
    from muniment.registry.fold import History
    from muniment.registry.store import Reader, Store
    from muniment.registry.store.local import LocalStore
    from muniment.signing.keyless import Signer
    from muniment.verify.memory import Memory
    from muniment.verify.trust import Trust

WHERE = "The registry: a folder, git+URL#BRANCH or s3://BUCKET/PREFIX."
Registry = Annotated[
    str, typer.Option("--registry", "-r", envvar="MUNIMENT_REGISTRY", help=WHERE, show_default="this folder")
]
Place = Annotated[str, typer.Argument(envvar="MUNIMENT_REGISTRY", help=WHERE, show_default="this folder")]
Retries = Annotated[
    int, typer.Option("--retries", min=0, max=1000, help="How often to try again when others write first.")
]
Sandbox = Annotated[Path | None, typer.Option("--sandbox", help="Sign in the sandbox kept in this folder.")]
As = Annotated[str | None, typer.Option("--as", help="Which of the sandbox's identities signs.")]
TrustConfig = Annotated[
    str | None,
    typer.Option("--trust-config", help="A private Sigstore instance: ClientTrustConfig JSON, or its TUF URL."),
]
TufRoot = Annotated[
    Path | None,
    typer.Option("--tuf-root", help="The TUF root to start from, where this machine does not know the URL yet."),
]
Token = Annotated[
    str | None, typer.Option("--identity-token", envvar="SIGSTORE_IDENTITY_TOKEN", help="An OIDC token to sign with.")
]
LogKey = Annotated[
    Path | None,
    typer.Option("--log-key", help="The log's private key; else MUNIMENT_LOG_KEY holds the key itself."),
]
Publish = Annotated[bool, typer.Option("--publish", help="Publish at once instead of leaving it in the inbox.")]
TrustFile = Annotated[Path, typer.Option("--trust", help="trust.json: the pins that verification starts from.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write the bundle here instead of the inbox.")]

HERE = "."
RETRIES = 20


@dataclass(frozen=True, slots=True)
class Signing:
    """How a command signs, as its options say."""

    sandbox: Sandbox = None
    name: As = None
    trust_config: TrustConfig = None
    token: Token = None
    tuf_root: TufRoot = None

    @contextlib.contextmanager
    def open(self) -> Iterator[tuple[Signer, bytes]]:
        """A signer and the trusted root its signatures verify under, while it is open."""
        if self.sandbox is not None:
            with _sandbox_signer(self.sandbox, self.name) as opened:
                yield opened
            return
        if self.name is not None:
            raise Usage("--as names a sandbox identity, and there is no --sandbox.", "Give the sandbox's folder.")
        yield self._keyless()

    @contextlib.contextmanager
    def later(self) -> Iterator[Callable[[], Signer]]:
        """A way to open the signer only once it is needed; it stays open to the end."""
        with contextlib.ExitStack() as stack:
            yield lambda: stack.enter_context(self.open())[0]

    def identity(self) -> tuple[str, str]:
        """Issuer and subject of whoever signs, as far as they are known before signing."""
        if self.sandbox is not None:
            from muniment.signing.sandbox import read_identities

            known, name = read_identities(self.sandbox), _named(self.name)
            if name not in known:
                others = f", or choose among {', '.join(known)}" if known else ""
                raise Usage(
                    f"The sandbox has no identity {name!r}.",
                    f"Add it with muniment sandbox identity {self.sandbox} {name}{others}.",
                )
            return known[name].issuer, known[name].subject
        raise Usage(
            "The starter registry.yaml is for a sandbox's identity.",
            "Write registry.yaml yourself and give it with --config: issuer, subject and claims of each signer.",
        )

    def subject(self) -> str | None:
        """The certificate subject of whoever signs, where it is known before signing."""
        if self.sandbox is not None:
            return self.identity()[1]
        from muniment.signing import keyless

        token = self.token or keyless.ambient_token()
        return keyless.subject_of(token) if token else None

    def _keyless(self) -> tuple[Signer, bytes]:
        from muniment.signing import keyless
        from muniment.signing.trustroot import root_of_config

        token = self.token or keyless.ambient_token()
        if token is None:
            raise Usage(
                "There is nothing to sign with: no OIDC token from CI, no --identity-token, no --sandbox.",
                "In GitHub Actions give the job `id-token: write`; to try things out use --sandbox DIR --as NAME.",
            )
        config = self._configuration()
        return keyless.Keyless(config, token), root_of_config(config)

    def _configuration(self) -> str:
        """Where to sign, as ClientTrustConfig JSON."""
        from muniment.signing import keyless

        if self.trust_config is not None and self.trust_config.startswith(("http://", "https://")):
            if self.tuf_root is not None:
                read(self.tuf_root)
            return keyless.tuf_config(self.trust_config, self.tuf_root)
        if self.tuf_root is not None:
            raise Usage("--tuf-root goes with a TUF URL.", "Give the URL with --trust-config.")
        if self.trust_config is None:
            return keyless.public_good_config()
        return read(Path(self.trust_config)).decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a signed record, and how that is told."""

    publish: Publish = False
    log_key: LogKey = None
    json: output.Json = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """All that a command which signs a record is told besides what it says."""

    registry: Registry = HERE
    signing: Signing = Signing()
    outcome: Outcome = Outcome()


@contextlib.contextmanager
def _sandbox_signer(folder: Path, name: str | None) -> Iterator[tuple[Signer, bytes]]:
    from muniment.signing.sandbox import Sandbox as Instance

    wanted = _named(name)
    with Instance(folder) as instance:
        yield instance.signer(wanted), instance.trusted_root()


def _named(name: str | None) -> str:
    if name is None:
        raise Usage("--sandbox needs --as NAME.", "Name one of its identities; muniment sandbox identity adds one.")
    return name


def moment(text: str, option: str) -> datetime:
    """The moment that a date, a time in RFC 3339, or a number of days or hours from now (30d, 12h) means."""
    from muniment.core.instant import parse_instant

    if match := re.fullmatch(r"([0-9]{1,5})([dh])", text):
        return now() + timedelta(**{{"d": "days", "h": "hours"}[match[2]]: int(match[1])})
    try:
        return parse_instant(f"{text}T00:00:00Z" if len(text) == 10 else text)
    except Malformed as error:
        raise Usage(f"{option}: {error.fact}", "Write 2026-01-31, 2026-01-31T08:05:00Z, 30d or 12h.") from error


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC).replace(microsecond=0)


def read(path: Path) -> bytes:
    """A file's bytes. Raises `Missing` or `Unreachable`."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Missing(f"{path} does not exist.", "Check the path.") from error
    except OSError as error:
        raise Unreachable(
            f"{path} cannot be read: {error.strerror}.", "Check what it is and its permissions."
        ) from error


def source(path: Path) -> Source:
    """A document in a file, which errors name as it was given."""
    from muniment.core.document import Source

    return Source(str(path), read(path))


def store(registry: str, retries: int = RETRIES) -> Store:
    """The registry at a place, the same for the whole of a command. Raises `Missing` where there is none."""
    from muniment.registry.store import read_if

    found = opened(registry, retries)
    if read_if(found, "checkpoint") is None:
        raise Missing(
            f"{found.place} holds no registry: it has no checkpoint.",
            "Give --registry PLACE, set MUNIMENT_REGISTRY, or make one with muniment init.",
        )
    return found


def inbox(registry: str, retries: int = RETRIES) -> Store:
    """The registry at a place, to submit to. A repository's inbox is all that is fetched of it, and needs rights to."""
    from muniment.registry.store.git import GitStore

    found = opened(registry, retries)
    return found if isinstance(found, GitStore) else store(registry, retries)


@functools.cache
def opened(registry: str, retries: int) -> Store:
    """The store at a place, opened once for all that the running command does, so that it is fetched once."""
    from muniment.registry.store.places import open_store

    return open_store(registry, retries)


def reader(place: str) -> Reader:
    """What is at a place or an address, there or not."""
    from muniment.registry.store.places import open_reader

    return open_reader(place)


def readable(registry: str) -> Reader:
    """The registry at a place, to be read; it may be a site's address. Raises `Missing` where there is none."""
    from muniment.registry.store.places import is_site

    return reader(registry) if is_site(registry) else store(registry)


def own_history(registry: str, size: int | None = None) -> History:
    """A registry as it describes itself: for its own makers, not for readers who must be convinced."""
    from muniment.verify.selfread import read_history

    return read_history(readable(registry), size, cache())


def cache(signer: NoteSigner | Cosigner | None = None) -> Cache | None:
    """The folder that MUNIMENT_CACHE names, for states that need not be derived again; sealed by whoever signs."""
    from muniment.registry.cache import Cache, secret_of
    from muniment.registry.store.local import LocalStore

    folder = os.environ.get("MUNIMENT_CACHE")
    if not folder:
        return None
    return Cache(LocalStore(Path(folder)), secret_of(signer) if signer is not None else None)


def log_signer(path: Path | None) -> NoteSigner:
    """The log's key, from a file or from MUNIMENT_LOG_KEY."""
    from muniment.log.note import parse_skey

    return parse_skey(secret(path, "log key", "--log-key", "MUNIMENT_LOG_KEY", "which init wrote beside the registry"))


def secret(path: Path | None, what: str, option: str, variable: str, whence: str) -> str:
    """The text of a private key, from the file that an option names or from a variable. Raises `Usage`."""
    where = variable if path is None else str(path)
    text = os.environ.get(variable) if path is None else read(path).decode("utf-8", "replace")
    if not text:
        raise Usage(f"The {what} is not given.", f"Give {option} FILE, {whence}, or put the key itself in {variable}.")
    if not text.startswith("PRIVATE+KEY+"):
        raise Usage(
            f"{where} does not hold a {what}.",
            f"It begins with PRIVATE+KEY+. A file is given with {option}; the variable holds the key itself.",
        )
    return text.strip()


def trust(path: Path) -> Trust:
    """The pins in a file."""
    from muniment.verify.trust import parse_trust

    return parse_trust(read(path), str(path))


def folder(path: Path) -> LocalStore:
    """A folder that a command keeps between runs, made if missing. Raises `Unreachable`."""
    from muniment.registry.store.local import LocalStore

    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unreachable(f"{path} cannot be made a folder: {error.strerror}.", "Check the path.") from error
    return LocalStore(path)


def memory(path: Path) -> Memory:
    """The memory in a file, which need not exist yet."""
    from muniment.registry.store.local import LocalStore
    from muniment.verify.memory import Memory

    return Memory(LocalStore(path.parent), path.name)


def span(text: str, option: str) -> timedelta:
    """A length of time: 7d, 12h or 30m. Raises `Usage`."""
    units = {"d": "days", "h": "hours", "m": "minutes"}
    if not re.fullmatch(r"[1-9][0-9]{0,4}[dhm]", text):
        raise Usage(f"{option} {text!r} is no length of time.", "Write days, hours or minutes, as in 7d, 12h or 30m.")
    return timedelta(**{units[text[-1]]: int(text[:-1])})


def processes() -> int:
    """How many processes share long work."""
    return min(os.cpu_count() or 1, 8)


def write(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all. Raises `Unreachable`, and `Usage` for what is there and no file."""
    from muniment.registry.store.local import LocalStore

    if os.path.lexists(path) and not path.is_file():
        raise Usage(f"{path} is there and is no file.", "Name a file.")
    LocalStore(path.parent).write(path.name, data)
