"""Signed notes: text, and signatures over it by named keys. Source: C2SP signed-note v1, tlog-cosignature v1.

A note is `<text>\\n<signature lines>`; the text ends in a newline, a line is `— <name> <base64(id || signature)>\\n`.
The id of a key is the first 4 bytes of SHA-256(name || 0x0A || type || public key).
Types: 0x01 Ed25519 over the text; 0x04 cosignature: u64 POSIX seconds || Ed25519 over
`cosignature/v1\\ntime <seconds>\\n<text>`; 0x06 cosignature: u64 POSIX seconds || ML-DSA-44 over `subtree/v1\\n\\0`,
name, seconds, origin, 0, size and root of the checkpoint in the text (verified here, never made). Others are ignored.
Key texts: `<name>+<8 hex digits of the id>+<base64(type || public key)>`, and for a private key
`PRIVATE+KEY+<name>+<id>+<base64(type || seed)>`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from muniment.core.errors import Malformed, Untrusted, Usage
from muniment.log.text import MAX_NUMBER, format_base64, parse_base64, parse_decimal

ED25519 = 0x01
COSIGNATURE = 0x04
COSIGNATURE_ML_DSA = 0x06
COSIGNATURES = (COSIGNATURE, COSIGNATURE_ML_DSA)
MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
_PUBLIC_SIZES = {ED25519: 32, COSIGNATURE: 32, COSIGNATURE_ML_DSA: 1312}
_COSIGNATURE_SIZES = (8 + 64, 8 + 2420)
_ALTERED = "Fetch the note again; it may have been altered."
# Unicode White_Space, written out: what a name may hold must not change with the Unicode tables of an interpreter.
_NAME = re.compile("[^+\x00-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]+")
_NOT_TEXT = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")
_HEX = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the key's name, its 4-byte id, and the bytes that follow the id."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a newline, and its signatures in the order of their lines; nothing is verified yet."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A public key (32 bytes, or 1,312 of ML-DSA-44), its name, and the type of signature it makes."""

    name: str
    public: bytes
    type: int = ED25519

    def __post_init__(self) -> None:
        _require_key(self.name, self.public, self.type)

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that, with the name, mark this key's signatures."""
        return _key_id(self.name, self.type, self.public)

    def made(self, signature: Signature) -> bool:
        """Whether name and id say that this key made the signature."""
        return (signature.name, signature.key_id) == (self.name, self.key_id)

    def verify(self, text: str, signature: Signature) -> None:
        """Holds if the signature is this key's over the text; else `Untrusted`."""
        try:
            if not self.made(signature):
                raise InvalidSignature
            self._verify(text, signature)
        except InvalidSignature as error:
            raise Untrusted(f"The signature of {self.name} on the note is false.", "Do not use the note.") from error

    def _verify(self, text: str, signature: Signature) -> None:
        raw = signature.signature
        if self.type == COSIGNATURE_ML_DSA:
            message = _cosigned_tree(self.name, text, cosigned_at(signature))
            MLDSA44PublicKey.from_public_bytes(self.public).verify(raw[8:], message)
            return
        message = text.encode()
        if self.type == COSIGNATURE:
            message, raw = _cosigned(text, cosigned_at(signature)), raw[8:]
        Ed25519PublicKey.from_public_bytes(self.public).verify(raw, message)


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A log's private key: a name and the 32-byte Ed25519 seed."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _require_key(self.name, self.seed, ED25519)

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        return NoteVerifier(self.name, _public(self.seed), ED25519)

    @property
    def vkey(self) -> str:
        """The public half as text."""
        return format_vkey(self.verifier)

    def sign(self, text: str) -> Signature:
        """This key's signature over the text."""
        _require_text(text)
        return Signature(self.name, self.verifier.key_id, _sign(self.seed, text.encode()))


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness's private key: a name and the 32-byte Ed25519 seed. Use one seed for one name and one type only."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _require_key(self.name, self.seed, COSIGNATURE)

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        return NoteVerifier(self.name, _public(self.seed), COSIGNATURE)

    @property
    def vkey(self) -> str:
        """The public half as text."""
        return format_vkey(self.verifier)

    def cosign(self, text: str, time: int) -> Signature:
        """This key's word that at `time` (POSIX seconds) the checkpoint `text` was the newest it saw of that log."""
        _require_text(text)
        if not 0 <= time <= MAX_NUMBER:
            raise Usage(f"{time} is not a POSIX time.", "Give whole seconds since 1970.")
        raw = time.to_bytes(8, "big") + _sign(self.seed, _cosigned(text, time))
        return Signature(self.name, self.verifier.key_id, raw)


def cosigned_at(signature: Signature) -> int:
    """The time, in POSIX seconds, that a cosignature states. Raises `Untrusted` for a length that no type has."""
    time = int.from_bytes(signature.signature[:8], "big")
    if len(signature.signature) not in _COSIGNATURE_SIZES or time > MAX_NUMBER:
        raise Untrusted(f"The line of {signature.name} is not a cosignature.", "Do not use the note.")
    return time


def format_vkey(verifier: NoteVerifier) -> str:
    """`<name>+<id>+<base64(type || public key)>`."""
    return f"{verifier.name}+{verifier.key_id.hex()}+{format_base64(bytes([verifier.type]) + verifier.public)}"


def parse_vkey(text: str) -> NoteVerifier:
    """The public key that a vkey writes. Raises `Malformed`, also when the id is not the key's."""
    name, key_id, (kind, public) = _split_key(text, "The verifier key")
    verifier = NoteVerifier(name, public, kind)
    if verifier.key_id != key_id:
        raise Malformed(f"The verifier key of {name} has the id of another key.", "Copy it from its source again.")
    return verifier


def format_skey(signer: NoteSigner | Cosigner) -> str:
    """`PRIVATE+KEY+<name>+<id>+<base64(type || seed)>`: a secret."""
    verifier = signer.verifier
    return f"PRIVATE+KEY+{signer.name}+{verifier.key_id.hex()}+{format_base64(bytes([verifier.type]) + signer.seed)}"


def parse_skey(text: str) -> NoteSigner:
    """The log's private key (type 0x01) that a key text writes. Raises `Malformed`; no error holds the secret."""
    return NoteSigner(*_parse_private(text, ED25519))


def parse_cosigner(text: str) -> Cosigner:
    """The witness's private key (type 0x04) that a key text writes. Raises `Malformed`; no error holds the secret."""
    return Cosigner(*_parse_private(text, COSIGNATURE))


def format_signature(signature: Signature) -> str:
    """A signature's line in a note."""
    return f"— {signature.name} {format_base64(signature.key_id + signature.signature)}\n"


def format_note(note: Note) -> bytes:
    """The bytes of a note. Raises `Malformed` for a text or signature that a note cannot hold."""
    whole = note.text + "\n" + "".join(format_signature(signature) for signature in note.signatures)
    _require_text(whole)
    data = whole.encode()
    if parse_note(data) != note:
        raise Malformed("The note cannot be written.", "Give it names without spaces or + and keys with a 4-byte id.")
    return data


def parse_note(data: bytes) -> Note:
    """The note that bytes hold, of at most 1 MB and 100 signatures; nothing is verified. Raises `Malformed`."""
    if len(data) > MAX_NOTE:
        raise Malformed(f"The note has {len(data)} bytes; at most {MAX_NOTE} are read.", _ALTERED)
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("The note is not UTF-8.", _ALTERED) from error
    head, blank, tail = whole.rpartition("\n\n")
    lines = tail.split("\n")
    if not blank or lines.pop() != "" or not lines:
        raise Malformed("The note has no signature lines after an empty line.", _ALTERED)
    if len(lines) > MAX_SIGNATURES:
        raise Malformed(f"The note has {len(lines)} signatures; at most {MAX_SIGNATURES} are read.", _ALTERED)
    _require_text(head + "\n")
    return Note(head + "\n", tuple(_parse_line(line) for line in lines))


def sign_note(text: str, *signers: NoteSigner) -> bytes:
    """The note of a text with each signer's line."""
    return format_note(Note(text, tuple(signer.sign(text) for signer in signers)))


def verify_note(note: Note, verifiers: Iterable[NoteVerifier]) -> tuple[tuple[NoteVerifier, Signature], ...]:
    """The signatures by known keys, each verified, with their keys; none if no known key signed.

    Signatures by unknown keys are ignored; one false signature by a known key refuses the note (`Untrusted`).
    """
    known = _by_mark(verifiers)
    verified = []
    for signature in note.signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is not None:
            verifier.verify(note.text, signature)
            verified.append((verifier, signature))
    return tuple(verified)


def open_note(data: bytes, verifiers: Iterable[NoteVerifier]) -> tuple[Note, tuple[str, ...]]:
    """The note and the names of the known keys that signed it, each once, in the order of their lines.

    Raises `Malformed` for its form, `Untrusted` when no known key signed or a known key's signature is false.
    """
    note = parse_note(data)
    names = tuple(dict.fromkeys(verifier.name for verifier, _ in verify_note(note, verifiers)))
    if not names:
        raise Untrusted("No known key signed the note.", "Check that you have the right keys and the right note.")
    return note, names


def _by_mark(verifiers: Iterable[NoteVerifier]) -> dict[tuple[str, bytes], NoteVerifier]:
    known: dict[tuple[str, bytes], NoteVerifier] = {}
    for verifier in verifiers:
        mark = (verifier.name, verifier.key_id)
        if known.setdefault(mark, verifier) != verifier:
            raise Usage(f"Two known keys share the name {verifier.name} and an id.", "Rename one of them.")
    return known


def _parse_line(line: str) -> Signature:
    parts: Sequence[str] = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not _NAME.fullmatch(parts[1]):
        raise Malformed(f"{line[:80]!r} is not a signature line.", _ALTERED)
    raw = parse_base64(parts[2], f"The signature of {parts[1]}")
    if len(raw) < 5:
        raise Malformed(f"The signature of {parts[1]} is empty.", _ALTERED)
    return Signature(parts[1], raw[:4], raw[4:])


def _split_key(text: str, what: str) -> tuple[str, bytes, tuple[int, bytes]]:
    """Name, id, and (type, key) of either key text."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not _NAME.fullmatch(parts[0]) or not _HEX.fullmatch(parts[1]) or not parts[2]:
        raise Malformed(f"{what} does not have the form name+id+key.", "Copy it from its source again.")
    raw = parse_base64(parts[2], f"{what} of {parts[0]}")
    return parts[0], bytes.fromhex(parts[1]), (raw[0], raw[1:])


def _parse_private(text: str, kind: int) -> tuple[str, bytes]:
    if not text.startswith("PRIVATE+KEY+"):
        raise Malformed("The text is not a private key.", "It must begin with PRIVATE+KEY+.")
    name, key_id, (given, seed) = _split_key(text.removeprefix("PRIVATE+KEY+"), "The private key")
    if given != kind or len(seed) != 32:
        raise Malformed(f"The private key of {name} is of type {given}, not {kind}.", "Give the key made for this use.")
    if _key_id(name, kind, _public(seed)) != key_id:
        raise Malformed(f"The private key of {name} has the id of another key.", "Copy it from its source again.")
    return name, seed


def _require_key(name: str, key: bytes, kind: int) -> None:
    if not _NAME.fullmatch(name):
        raise Malformed(f"{name[:80]!r} cannot name a key.", "Use one or more characters, no space and no +.")
    if len(key) != _PUBLIC_SIZES.get(kind):
        raise Malformed(
            f"The key of {name} is of an unknown type.", "Use Ed25519 (32 bytes, type 1 or 4) or ML-DSA-44 (type 6)."
        )


def _require_text(text: str) -> None:
    if not text.endswith("\n") or _NOT_TEXT.search(text):
        raise Malformed(
            "The text of the note does not end in a newline, or holds a control character.", "Write plain lines."
        )


def _key_id(name: str, kind: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def _public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _sign(seed: bytes, message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _cosigned_tree(name: str, text: str, time: int) -> bytes:
    """What ML-DSA-44 signs: C2SP's `cosigned_message` over the checkpoint in a note's text, from leaf 0 to its size.

    Raises `InvalidSignature` for a text that is no checkpoint: nobody can have signed it so.
    """
    try:
        origin, size, root, _ = text.split("\n", 3)
        end, root_hash = parse_decimal(size, "The size"), parse_base64(root, "The root", 32)
    except (ValueError, Malformed) as error:
        raise InvalidSignature from error
    names = [named.encode() for named in (name, origin)]
    if not all(1 <= len(named) <= 255 for named in names):
        raise InvalidSignature
    cosigner, log = (bytes([len(named)]) + named for named in names)
    numbers = [number.to_bytes(8, "big") for number in (time, 0, end)]
    return b"subtree/v1\n\0" + cosigner + numbers[0] + log + numbers[1] + numbers[2] + root_hash
