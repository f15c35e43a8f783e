"""What a Fulcio certificate proves of its holder.

Source: Fulcio `docs/certificate-specification.md` and `docs/oid-info.md`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC

from cryptography import x509

from muniment.core.digest import Digest
from muniment.core.errors import Malformed, Untrusted
from muniment.signing import der
from muniment.signing.identity import ARC, EXTENSIONS, Identity
from muniment.signing.keyring import OTHER_ROOT, Log

_CLAIMS = {f"{ARC}.{number}": name for number, name in EXTENSIONS.items()}
_SUBJECT = x509.SubjectAlternativeName.oid.dotted_string
_USER_NAME = f"{ARC}.7"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ODD = "Sign again with a certificate of a Fulcio of today."


def read_identity(certificate: x509.Certificate, root: Digest) -> Identity:
    """The identity in a certificate that `root` vouches for.

    Raises `Malformed` for a certificate without exactly one subject name or without issuer, or whose extensions .8
    to .24 are not DER UTF8Strings; `Untrusted` when its two issuer extensions differ.
    """
    try:
        values = {e.oid.dotted_string: e.value for e in certificate.extensions}
    except (x509.DuplicateExtension, ValueError) as error:
        raise Malformed(f"The signing certificate has unreadable extensions: {error}.", _ODD) from error
    raw = {oid: value.value for oid, value in values.items() if isinstance(value, x509.UnrecognizedExtension)}
    claims = {name: _utf8_string(raw[oid], name) for oid, name in _CLAIMS.items() if oid in raw}
    issuer = claims.pop("issuer", "")
    if not issuer:
        raise Malformed("The signing certificate names no issuer (extension .8).", _ODD)
    if (legacy := raw.get(f"{ARC}.1")) is not None and legacy != issuer.encode():
        raise Untrusted("The signing certificate names two different issuers.", "Do not use the bundle.")
    return Identity(root, issuer, _subject(values.get(_SUBJECT)), tuple(sorted(claims.items())))


def check_sct(certificate: x509.Certificate, ct_logs: Sequence[Log]) -> None:
    """Holds when the certificate's SCT, whose signature is verified elsewhere, is of one of these logs and of its time.

    Else `Untrusted`: the stock verifier tries every key for an unknown log id, and looks at no time.
    """
    values = [extension.value for extension in certificate.extensions]
    stamps = [sct for v in values if isinstance(v, x509.PrecertificateSignedCertificateTimestamps) for sct in v]
    for sct in stamps:
        at = sct.timestamp.replace(tzinfo=UTC)
        if not any(log.log_id == sct.log_id and log.window.covers(at) for log in ct_logs):
            raise Untrusted("The certificate was logged by no CT log of the trusted root in its time.", OTHER_ROOT)


def _subject(extension: x509.ExtensionType | None) -> str:
    names = list(extension) if isinstance(extension, x509.SubjectAlternativeName) else []
    if len(names) != 1:
        raise Malformed(f"The signing certificate names {len(names)} subjects.", "It must name exactly one.")
    name = names[0]
    if isinstance(name, x509.RFC822Name | x509.UniformResourceIdentifier):
        return plain(name.value, "subject")
    if isinstance(name, x509.OtherName) and name.type_id.dotted_string == _USER_NAME:
        return _utf8_string(name.value, "subject")
    raise Malformed("The signing certificate's subject is neither e-mail, URI nor user name.", _ODD)


def _utf8_string(data: bytes, name: str) -> str:
    """The text of a DER UTF8String with nothing after it."""
    try:
        tag, content, rest = der.decode(data)
        text = content.decode()
    except Malformed as error:
        raise Malformed(f"The certificate's {name} is not a DER UTF8String.", _ODD) from error
    except UnicodeDecodeError as error:
        raise Malformed(f"The certificate's {name} is not UTF-8.", _ODD) from error
    if tag != der.UTF8_STRING or rest:
        raise Malformed(f"The certificate's {name} is not a DER UTF8String.", _ODD)
    return plain(text, name)


def plain(text: str, name: str) -> str:
    """The text, which a certificate has as `name`. Raises `Malformed` where it is empty or holds control characters."""
    if not text or _CONTROL.search(text):
        raise Malformed(f"The certificate's {name} is empty or holds control characters.", _ODD)
    return text
