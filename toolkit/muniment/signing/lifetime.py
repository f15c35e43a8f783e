"""Until when keys and certificates may sign: those of a trusted root, and those of believed authorities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509

from muniment.core.canonical import parse_json
from muniment.core.errors import Malformed
from muniment.core.instant import format_instant
from muniment.signing.keyring import Window, read_keyring
from muniment.signing.source import Authorities, Instance, Source

# The lists of a trusted root (`sigstore_trustroot.proto`), in words.
_LISTS = {
    "tlogs": "transparency log",
    "ctlogs": "certificate log",
    "certificateAuthorities": "certificate authority",
    "timestampAuthorities": "timestamp authority",
}
# Without one of each no signature verifies; a transparency log can tell the time itself.
_NEEDED = ("tlogs", "ctlogs", "certificateAuthorities")


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a key or certificate of some kind may sign; `end` is None for one whose end nobody has set."""

    kind: str
    name: str
    start: datetime
    end: datetime | None

    def covers(self, moment: datetime) -> bool:
        """Whether it may sign at a moment; both ends belong to it."""
        return Window(self.start, self.end).covers(moment)


def root_lifetimes(root: bytes) -> tuple[Lifetime, ...]:
    """Those of every service of a canonical trusted root; an authority lasts as long as its whole chain."""
    keys, value = read_keyring(root), parse_json(root, "The trusted root")
    windows: tuple[Iterable[tuple[Window, ...]], ...] = (
        ((log.window,) for log in keys.logs),
        ((log.window,) for log in keys.ct_logs),
        (authority.windows for authority in keys.authorities),
        (authority.windows for authority in keys.timestampers),
    )
    return tuple(
        _lifetime(kind, service, found)
        for (field, kind), listed in zip(_LISTS.items(), windows, strict=True)
        for service, found in zip(value[field], listed, strict=True)
    )


def check_lasting(root: bytes, at: datetime) -> None:
    """Raises `Malformed` for a canonical trusted root that is damaged, or by which nobody can sign from a moment on."""
    lasting = {one.kind for one in root_lifetimes(root) if one.end is None or at <= one.end}
    lacking = [kind for field, kind in _LISTS.items() if field in _NEEDED and kind not in lasting]
    if lacking:
        raise Malformed(
            f"The trusted root has no {lacking[0]} that may sign after {format_instant(at)}.",
            "Get it again from the operator of its Sigstore instance: by this one nobody could sign.",
        )


def source_lifetimes(source: Source) -> Iterator[Lifetime]:
    """Those of whatever a third party's statements are verified by; a bare key has none."""
    match source:
        case Instance(trusted_root=root):
            yield from root_lifetimes(root)
        case Authorities(certificates=certificates):
            for certificate in map(x509.load_der_x509_certificate, certificates):
                name = certificate.subject.rfc4514_string()
                yield Lifetime("authority", name, certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def _lifetime(kind: str, service: dict[str, Any], windows: tuple[Window, ...]) -> Lifetime:
    name = service.get("baseUrl") or service.get("uri") or "without a name"
    ends = [w.end for w in windows if w.end is not None]
    return Lifetime(kind, str(name), max(w.start for w in windows), min(ends, default=None))
