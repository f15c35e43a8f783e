"""Signed notes: the vectors of Go and C2SP, every malformed form, and who may count as a signer."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.errors import Malformed, Untrusted, Usage
from muniment.log.note import (
    COSIGNATURE,
    COSIGNATURE_ML_DSA,
    Cosigner,
    Note,
    NoteSigner,
    NoteVerifier,
    Signature,
    cosigned_at,
    format_note,
    format_skey,
    format_vkey,
    open_note,
    parse_cosigner,
    parse_note,
    parse_skey,
    parse_vkey,
    sign_note,
    verify_note,
)

from .vectors import cases, flipped, vectors

ALL = vectors("notes")
NEUMANN = ALL["good_vkeys"][0]
LOG = NoteSigner("example.org/log", bytes(range(32)))
OTHER = NoteSigner("example.org/log", bytes(32))
WITNESS = Cosigner("witness.example/w", bytes(range(1, 33)))
TEXT = "example.org/log\n600\n6KgEr1lnie1PU5QuKUz+RNW+1McUDH8PX6UsDBIiMtY=\n"

# Made by golang.org/x/mod v0.42.0 (first line) and github.com/transparency-dev/formats v0.1.1 (second line).
FROM_GO = (
    TEXT
    + "\n— example.org/log mK8CO6x4B70fXpbvl4QsBH0GIgwGfkt6/qK9+BvDAnQOz68p9MtevTQwq8lrVPVPdC6Yjn8FJGDVRn5J4DQG7KCzgAA="
    + "\n— witness.example/w 1GfiIgAAAABrBPqpM3NpoiKktSDT0oFQNK7/Qeqqs1fiRxSTkP6CazjWW+wJKpBYV+kkBnQ8"
    + "ercNIhhyuXrdbJ4/0tukHZxqQx1MBA==\n"
).encode()


@pytest.mark.parametrize("case", cases("notes"), ids=lambda case: case["desc"])
def test_note_vectors(case):
    data, known = base64.b64decode(case["note_b64"]), [parse_vkey(text) for text in case["vkeys"]]
    if case["want"] == "ok":
        note, names = open_note(data, known)
        assert list(names) == case["verified"]
        assert format_note(note) == data
        return
    expected = {
        "malformed": (Malformed, None),
        "unverified": (Untrusted, "No known key"),
        "invalid": (Untrusted, "false"),
    }
    kind, words = expected[case["want"]]
    with pytest.raises(kind, match=words):
        open_note(data, known)


def test_signing_vector():
    case = ALL["sign"]
    signer = parse_skey(case["skey"])
    assert format_skey(signer) == case["skey"]
    assert signer.vkey == NEUMANN
    assert sign_note(case["text"], signer).decode() == case["want"]


@pytest.mark.parametrize("text", ALL["good_vkeys"])
def test_good_vkeys_come_back(text):
    assert format_vkey(parse_vkey(text)) == text


@pytest.mark.parametrize("text", ALL["bad_vkeys"])
def test_bad_vkeys_are_malformed(text):
    with pytest.raises(Malformed):
        parse_vkey(text)


@pytest.mark.parametrize(("parse", "text"), [(parse_vkey, NEUMANN), (parse_skey, ALL["sign"]["skey"])])
def test_no_part_of_a_key_and_no_changed_key_is_a_key(parse, text):
    parts = {text[i:j] for i in range(len(text)) for j in range(i + 1, len(text) + 1)} - {text}
    if parse is parse_skey:
        parts = {text[:end] for end in range(len(text))} | {text[start:] for start in range(1, len(text))}
    changed = {text[:at] + chr(ord(text[at]) + 1) + text[at + 1 :] for at in range(len(text))}
    for bad in parts | changed:
        with pytest.raises(Malformed) as error:
            parse(bad)
        assert text.rpartition("+")[2] not in str(error.value)


def test_a_note_of_gos_libraries_verifies_and_is_made_byte_for_byte():
    note, names = open_note(FROM_GO, [LOG.verifier, WITNESS.verifier])
    assert names == ("example.org/log", "witness.example/w")
    time = cosigned_at(note.signatures[1])
    assert time == 1795488425
    assert format_note(Note(TEXT, (LOG.sign(TEXT), WITNESS.cosign(TEXT, time)))) == FROM_GO
    assert WITNESS.vkey == "witness.example/w+d467e222+BHm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk"


ML_DSA = vectors("cosignature_mldsa44")


@pytest.mark.parametrize("whole", ML_DSA["notes"])
def test_a_cosignature_by_ml_dsa_44_verifies_and_any_change_does_not(whole):
    """Everything is signed but extension lines: name, time, origin, size, root."""
    key, note = parse_vkey(ML_DSA["vkey"]), parse_note(whole.encode())
    (signature,) = note.signatures
    assert format_vkey(key) == ML_DSA["vkey"]
    assert open_note(whole.encode(), [key]) == (note, ("witness.example/pq",))
    key.verify("\n".join(note.text.split("\n")[:3]) + "\nanother extension\n", signature)
    renamed = NoteVerifier("witness.example/other", key.public, COSIGNATURE_ML_DSA)
    with pytest.raises(Untrusted):
        renamed.verify(note.text, replace(signature, name=renamed.name, key_id=renamed.key_id))
    later = (cosigned_at(signature) + 1).to_bytes(8, "big") + signature.signature[8:]
    for text, raw in (
        (note.text, later),
        (note.text, flipped(signature.signature, 100)),
        (note.text, signature.signature[:-1]),
        (note.text, signature.signature[:72]),
        (note.text.replace("org/log", "org/lag"), signature.signature),
        (note.text.replace("\n3\n", "\n4\n"), signature.signature),
        (note.text.replace("FaeA", "FaeB"), signature.signature),
        (note.text.replace("\n3\n", "\n03\n"), signature.signature),
        ("no checkpoint\n", signature.signature),
        ("a" * 256 + note.text, signature.signature),
        (note.text.replace("example.org/log", ""), signature.signature),
    ):
        with pytest.raises(Untrusted, match=r"false|not a cosignature"):
            key.verify(text, replace(signature, signature=raw))


def test_a_signature_of_a_type_nobody_knows_is_ignored():
    strange = Signature("example.org/log", b"\x02\x02\x02\x02", bytes(500))
    assert open_note(format_note(Note(TEXT, (strange, LOG.sign(TEXT)))), [LOG.verifier])[1] == (LOG.name,)


def test_private_keys_come_back_and_stay_out_of_repr():
    assert parse_skey(format_skey(LOG)) == LOG
    assert parse_cosigner(format_skey(WITNESS)) == WITNESS
    for parse, text in ((parse_cosigner, format_skey(LOG)), (parse_skey, format_skey(WITNESS))):
        with pytest.raises(Malformed):
            parse(text)
    assert "seed" not in repr(LOG)
    assert "seed" not in repr(WITNESS)
    for text in (LOG.vkey, format_skey(LOG).replace("example", "\ud800"), format_skey(LOG).replace("/log", "/ log")):
        with pytest.raises(Malformed):
            parse_skey(text)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.integers(0, 2**63 - 1))
def test_any_text_can_be_signed_cosigned_and_opened(line, time):
    text = f"{line}\n\n{line}\n"
    note = Note(text, (LOG.sign(text), WITNESS.cosign(text, time)))
    opened, names = open_note(format_note(note), [LOG.verifier, WITNESS.verifier])
    assert opened == note
    assert names == (LOG.name, WITNESS.name)
    assert cosigned_at(opened.signatures[1]) == time


@given(st.data())
def test_each_changed_bit_of_a_signature_is_noticed(data):
    note = parse_note(FROM_GO)
    for at, key in enumerate((LOG.verifier, WITNESS.verifier)):
        signature = note.signatures[at]
        bit = data.draw(st.integers(0, len(signature.signature) * 8 - 1))
        bad = replace(signature, signature=flipped(signature.signature, bit))
        with pytest.raises(Untrusted):
            open_note(format_note(Note(note.text, (bad,))), [key])


@given(st.binary(max_size=200))
def test_what_is_read_as_a_note_is_written_the_same(tail):
    data = FROM_GO[:-30] + tail
    try:
        note = parse_note(data)
    except Malformed:
        return
    assert format_note(note) == data


def test_one_false_signature_of_a_known_key_refuses_the_note():
    good, bad = LOG.sign(TEXT), LOG.sign("other\n")
    for lines in ((good, bad), (bad, good), (bad,), (good, good, bad)):
        with pytest.raises(Untrusted, match="false"):
            open_note(format_note(Note(TEXT, lines)), [LOG.verifier])


def test_unknown_keys_neither_help_nor_harm():
    stranger = NoteSigner("stranger", bytes(range(2, 34)))
    lie = stranger.sign("other\n")
    assert open_note(format_note(Note(TEXT, (lie, LOG.sign(TEXT)))), [LOG.verifier])[1] == (LOG.name,)
    for known in ([], [stranger.verifier], [OTHER.verifier]):
        with pytest.raises(Untrusted, match="No known key"):
            open_note(sign_note(TEXT, LOG), known)


def test_a_key_of_one_type_does_not_make_signatures_of_the_other():
    """One seed, both types: the ids differ, and neither signature passes for the other under its own id."""
    note_key, cosigner = NoteSigner("x", bytes(range(32))), Cosigner("x", bytes(range(32)))
    assert note_key.verifier.key_id != cosigner.verifier.key_id
    plain, timed = note_key.sign(TEXT), cosigner.cosign(TEXT, 7)
    for signature, verifier in ((plain, cosigner.verifier), (timed, note_key.verifier)):
        moved = replace(signature, key_id=verifier.key_id)
        with pytest.raises(Untrusted):
            verifier.verify(TEXT, moved)
        with pytest.raises(Untrusted):
            verifier.verify(TEXT, signature)


def test_the_time_of_a_cosignature_is_signed():
    signature = WITNESS.cosign(TEXT, 1000)
    later = replace(signature, signature=(2000).to_bytes(8, "big") + signature.signature[8:])
    WITNESS.verifier.verify(TEXT, signature)
    with pytest.raises(Untrusted):
        WITNESS.verifier.verify(TEXT, later)
    for raw in (b"", signature.signature[:-1], signature.signature + b"\0", b"\x80" + signature.signature[1:]):
        with pytest.raises(Untrusted):
            WITNESS.verifier.verify(TEXT, replace(signature, signature=raw))
    for time in (-1, 2**63):
        with pytest.raises(Usage):
            WITNESS.cosign(TEXT, time)


def test_a_cosignature_is_72_bytes_and_its_time_fits_63_bits():
    good = WITNESS.cosign(TEXT, 2**63 - 1)
    assert cosigned_at(good) == 2**63 - 1
    for raw in (good.signature[:-1], good.signature + b"\0", b""):
        with pytest.raises(Untrusted):
            cosigned_at(replace(good, signature=raw))
    message = f"cosignature/v1\ntime {2**63}\n{TEXT}".encode()
    raw = (2**63).to_bytes(8, "big") + Ed25519PrivateKey.from_private_bytes(WITNESS.seed).sign(message)
    with pytest.raises(Untrusted):
        WITNESS.verifier.verify(TEXT, replace(good, signature=raw))


def test_a_true_signature_under_another_name_or_id_is_not_the_keys():
    signature = LOG.sign(TEXT)
    LOG.verifier.verify(TEXT, signature)
    for other in (replace(signature, name="example.org/other"), replace(signature, key_id=b"0000")):
        with pytest.raises(Untrusted):
            LOG.verifier.verify(TEXT, other)


def test_the_bounds_of_a_note():
    line = sign_note(TEXT, LOG).removeprefix(TEXT.encode() + b"\n")
    text = "x" * (1_000_000 - len(sign_note("\n", LOG))) + "\n"
    assert parse_note(sign_note(text, LOG)).text == text
    with pytest.raises(Malformed, match="1000001 bytes"):
        sign_note("x" + text, LOG)
    with pytest.raises(Malformed):
        parse_note(line)
    assert parse_note(b"\n\n" + line).text == "\n"
    assert parse_note(TEXT.encode() + "\n— a AAAAAAA=\n".encode()).signatures[0].signature == b"\0"


def test_two_keys_that_share_a_mark_are_refused():
    class Twin(NoteVerifier):
        key_id = LOG.verifier.key_id

    twin = Twin(LOG.name, bytes(32))
    with pytest.raises(Usage):
        verify_note(parse_note(FROM_GO), [LOG.verifier, twin])
    assert verify_note(parse_note(FROM_GO), [LOG.verifier, LOG.verifier])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\n\n",
        TEXT.encode(),
        FROM_GO[:-1],
        FROM_GO + b"\n",
        FROM_GO.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf".join([b"", FROM_GO[:4]]),
        FROM_GO.replace("—".encode(), b"-"),
        FROM_GO.replace("— ".encode(), "—".encode()),
        FROM_GO.replace("— ".encode(), "—  ".encode()),
        FROM_GO.replace(b"witness.example", "witness\u00a0example".encode()),
        FROM_GO.replace(b"witness.example", "witness\u2003example".encode()),
        FROM_GO.replace(b"witness.example", b"witness+example"),
        FROM_GO.replace(b"witness.example", b"witness\texample"),
        FROM_GO.replace(b"MBA==", b"MBA="),
        FROM_GO.replace(b"MBA==", b"MBB=="),
        FROM_GO.replace(b"MBA==", b"MBA==\n\n"),
        FROM_GO.replace(b"MBA==", b"MBA== x"),
        FROM_GO.replace(b"600", b"6\x0000"),
        TEXT.encode() + "\n— a AAAA\n".encode(),
        TEXT.encode() + "\n— a AAAAAA==\n".encode(),
        TEXT.encode() + "\n— a \n".encode(),
        b"x" * 1_000_001,
    ],
)
def test_other_forms_are_malformed(data):
    with pytest.raises(Malformed):
        parse_note(data)


@pytest.mark.parametrize("lines", [1, 16, 100])
def test_at_least_sixteen_signatures_are_read(lines):
    assert len(parse_note(sign_note(TEXT, *[LOG] * lines)).signatures) == lines


@pytest.mark.parametrize(
    "note",
    [
        Note(TEXT, ()),
        Note("no end", (LOG.sign(TEXT),)),
        Note("control\x07\n", (LOG.sign(TEXT),)),
        Note("surrogate\ud800\n", (LOG.sign(TEXT),)),
        Note(TEXT, (Signature("a b", b"1234", b"x"),)),
        Note(TEXT, (Signature("a\n\n", b"1234", b"x"),)),
        Note(TEXT, (Signature("a", b"12345", b""),)),
        Note(TEXT, (Signature("a", b"123", b"4x"),)),
        Note(TEXT, (LOG.sign(TEXT),) * 101),
    ],
)
def test_what_a_note_cannot_hold_is_not_written(note):
    with pytest.raises(Malformed):
        format_note(note)


@pytest.mark.parametrize("text", ["", "no end", "tab\t\n", "\ud800\n"])
def test_what_cannot_be_read_is_not_signed(text):
    with pytest.raises(Malformed):
        LOG.sign(text)
    with pytest.raises(Malformed):
        WITNESS.cosign(text, 0)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u3000b", "a\u0085", "a\n", "\ud800"])
def test_names_that_a_line_cannot_hold(name):
    for call in (
        lambda: NoteSigner(name, bytes(32)),
        lambda: Cosigner(name, bytes(32)),
        lambda: NoteVerifier(name, bytes(32)),
    ):
        with pytest.raises(Malformed):
            call()


def test_keys_of_other_lengths_and_types():
    for call in (
        lambda: NoteSigner("a", bytes(31)),
        lambda: Cosigner("a", bytes(33)),
        lambda: NoteVerifier("a", bytes(32), 2),
        lambda: NoteVerifier("a", bytes(31), COSIGNATURE),
        lambda: NoteVerifier("a", bytes(32), COSIGNATURE_ML_DSA),
        lambda: NoteVerifier("a", bytes(1312), COSIGNATURE),
    ):
        with pytest.raises(Malformed):
            call()
