"""Trust policies: the C2SP example, every rule of its text, and who counts toward a quorum."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.core.errors import Malformed, Untrusted
from muniment.log.checkpoint import Checkpoint, format_checkpoint
from muniment.log.note import Cosigner, Note, NoteSigner, cosigned_at, format_note, parse_note
from muniment.log.policy import (
    Group,
    Policy,
    Witness,
    check_quorum,
    format_policy,
    open_cosigned,
    parse_policy,
)

from .vectors import tree_of, vectors

ORIGIN = "example.org/log"
LOG = NoteSigner(ORIGIN, bytes(range(32)))
NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
WITNESSES = {name: Cosigner(f"witness.example/{name}", bytes([at] * 32)) for at, name in enumerate(NAMES, 1)}
POINT = Checkpoint(ORIGIN, 9, tree_of(9).root())
TEXT = format_checkpoint(POINT)


def key(name: str) -> str:
    return WITNESSES[name].vkey


EXAMPLE = f"""# The example of tlog-policy, with keys
log {LOG.vkey} https://example.org/log

witness X1 {key("X1")}
\twitness  X2\t{key("X2")} \t
witness X3 {key("X3")} https://witness.example/X3
group X-witnesses 2 X1 X2 X3

  # two organisations
witness Y1 {key("Y1")}
witness Y2 {key("Y2")}
witness Y3 {key("Y3")}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
""".encode()
POLICY = parse_policy(EXAMPLE)


def cosigned(*names: str, time: int = 1000, text: str = TEXT, signer: NoteSigner = LOG) -> bytes:
    lines = [WITNESSES[name].cosign(text, time) for name in names]
    return format_note(Note(text, (signer.sign(text), *lines)))


def test_the_example_of_c2sp():
    assert [log.key.name for log in POLICY.logs] == [ORIGIN]
    assert POLICY.logs[0].url == "https://example.org/log"
    assert [witness.name for witness in POLICY.witnesses] == list(NAMES)
    assert POLICY.witnesses[2].url == "https://witness.example/X3"
    assert POLICY.groups == (
        Group("X-witnesses", 2, ("X1", "X2", "X3")),
        Group("Y-witnesses", 1, ("Y1", "Y2", "Y3")),
        Group("X-and-Y", 2, ("X-witnesses", "Y-witnesses")),
    )
    assert POLICY.quorum == "X-and-Y"
    assert parse_policy(format_policy(POLICY)) == POLICY


def test_the_quorum_of_the_example_for_every_set_of_witnesses():
    for count in range(len(NAMES) + 1):
        for names in combinations(NAMES, count):
            enough = sum(name[0] == "X" for name in names) >= 2 and any(name[0] == "Y" for name in names)
            if enough:
                check_quorum(POLICY, names)
                assert set(open_cosigned(cosigned(*names), POLICY).witnesses) == set(names)
            else:
                with pytest.raises(Untrusted, match=f"^{count} of 6"):
                    check_quorum(POLICY, names)
                with pytest.raises(Untrusted):
                    open_cosigned(cosigned(*names), POLICY)


def test_only_witnesses_count():
    for names in (["X-and-Y"], ["X-witnesses", "Y-witnesses"], ["none"], ["witness.example/X1"], [""]):
        with pytest.raises(Untrusted, match=r"^0 of 6"):
            check_quorum(POLICY, names)
    check_quorum(POLICY, ["X1", "X2", "Y1", "stranger"])


def test_quorums_of_one_and_of_none():
    one = parse_policy(f"log {LOG.vkey}\nwitness X1 {key('X1')}\nquorum X1\n".encode())
    check_quorum(one, ["X1"])
    with pytest.raises(Untrusted):
        check_quorum(one, [])
    none = parse_policy(f"log {LOG.vkey}\nquorum none\n".encode())
    check_quorum(none, [])
    assert open_cosigned(cosigned(), none).checkpoint == POINT
    assert parse_policy(b"quorum none\n") == Policy((), (), (), "none")


def test_a_quorum_that_nothing_defines_is_never_met():
    for quorum in ("", "gone"):
        with pytest.raises(Untrusted):
            check_quorum(Policy((), POLICY.witnesses, POLICY.groups, quorum), NAMES)


def test_the_newest_time_of_each_witness_is_returned():
    text = TEXT
    lines = [WITNESSES[n].cosign(text, t) for n, t in (("X1", 5), ("X1", 9), ("X1", 7), ("X2", 3), ("Y1", 4))]
    opened = open_cosigned(format_note(Note(text, (LOG.sign(text), *lines))), POLICY)
    assert opened.checkpoint == POINT
    assert opened.witnesses == {"X1": 9, "X2": 3, "Y1": 4}


def test_a_repeated_cosignature_counts_once():
    text = TEXT
    lines = [WITNESSES[n].cosign(text, t) for n, t in (("X1", 5), ("X1", 6), ("Y1", 4))]
    with pytest.raises(Untrusted, match=r"^2 of 6"):
        open_cosigned(format_note(Note(text, (LOG.sign(text), *lines))), POLICY)


def test_a_witness_may_sign_with_ml_dsa_44():
    made = vectors("cosignature_mldsa44")
    text = parse_note(made["notes"][0].encode()).text
    policy = parse_policy(f"log {LOG.vkey}\nwitness pq {made['vkey']}\nquorum pq\n".encode())
    (line,) = parse_note(made["notes"][0].encode()).signatures
    opened = open_cosigned(format_note(Note(text, (LOG.sign(text), line))), policy)
    assert opened.witnesses == {"pq": cosigned_at(line)}
    assert parse_policy(format_policy(policy)) == policy
    with pytest.raises(Malformed, match="type 6"):
        parse_policy(f"log {made['vkey']}\nquorum none\n".encode())


def test_an_unknown_log_is_refused_however_many_cosign():
    stranger = NoteSigner(ORIGIN, bytes(32))
    other = format_checkpoint(Checkpoint("example.org/other", 9, POINT.root))
    for note in (cosigned(*NAMES, signer=stranger), cosigned(*NAMES, text=other)):
        with pytest.raises(Untrusted, match="No known key of the log"):
            open_cosigned(note, POLICY)


def test_a_cosignature_moved_from_another_checkpoint_is_refused():
    earlier = format_checkpoint(Checkpoint(ORIGIN, 8, tree_of(8).root()))
    lines = [WITNESSES[name].cosign(earlier, 1) for name in ("X1", "X2", "Y1")]
    with pytest.raises(Untrusted, match="false"):
        open_cosigned(format_note(Note(TEXT, (LOG.sign(TEXT), *lines))), POLICY)


def test_a_witness_may_not_stand_in_for_the_log():
    """A witness that bears the log's name signs as a cosigner, and the log has not signed."""
    twin = Cosigner(ORIGIN, bytes([9] * 32))
    policy = parse_policy(f"log {LOG.vkey}\nwitness X1 {twin.vkey}\nquorum X1\n".encode())
    with pytest.raises(Untrusted, match="No known key of the log"):
        open_cosigned(format_note(Note(TEXT, (twin.cosign(TEXT, 1),))), policy)
    both = format_note(Note(TEXT, (LOG.sign(TEXT), twin.cosign(TEXT, 1))))
    assert open_cosigned(both, policy).witnesses == {"X1": 1}


HEAD = f"log {LOG.vkey}\nwitness X1 {key('X1')}\nwitness X2 {key('X2')}\n"
RENAMED = Cosigner("other.example", bytes([1] * 32)).vkey
RELOGGED = NoteSigner("other.example", bytes(range(32))).vkey


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("", "no quorum"),
        ("quorum X1\nquorum X1\n", "line 5, sets a second"),
        ("quorum none\nquorum none\n", "line 5, sets a second"),
        ("quorum X3\n", "line 4, names 'X3'"),
        ("quorum g\ngroup g any X1\n", "line 4, names 'g'"),
        ("quorum X1", "no end"),
        ("quorum X1 X2\n", "line 4"),
        ("quorum\n", "line 4"),
        ("quorum X1\r\n", "control"),
        ("quorum X1\x0b\n", "control"),
        ("quorum X1\x7f\n", "control"),
        ("Quorum X1\n", "line 4, is not"),
        ("group g X1\nquorum g\n", "line 4, is not"),
        ("group g any\nquorum g\n", "line 4, is not"),
        ("group g 0 X1\nquorum g\n", "asks for '0' of 1"),
        ("group g 2 X1\nquorum g\n", "asks for '2' of 1"),
        ("group g 01 X1\nquorum g\n", "asks for '01'"),
        ("group g +1 X1\nquorum g\n", "asks for"),
        ("group g ANY X1\nquorum g\n", "asks for"),
        ("group g 1 X1 X1\nquorum g\n", "member already"),
        ("group g 1 X1\ngroup h 1 X1 X2\nquorum h\n", "line 5, names 'X1', which is a member"),
        ("group g 1 X1 none\nquorum g\n", "'none', which is not defined"),
        ("group g 1 g\nquorum g\n", "'g', which is not defined"),
        ("group none 1 X1\nquorum none\n", "taken"),
        ("group X1 1 X2\nquorum X1\n", "taken"),
        (f"witness none {key('X3')}\nquorum none\n", "taken"),
        (f"witness X1 {key('X3')}\nquorum none\n", "taken"),
        (f"witness X3 {RENAMED}\nquorum none\n", "repeats a public key"),
        (f"log {RELOGGED}\nquorum none\n", "repeats a public key"),
        (f"witness X3 {LOG.vkey}\nquorum none\n", "key of type 1"),
        (f"log {key('X3')}\nquorum none\n", "key of type 4"),
        (f"witness X3 {key('X3')} url more\nquorum none\n", "line 4"),
        ("witness X3\nquorum none\n", "line 4"),
        ("log nonsense\nquorum none\n", "line 4: The verifier key"),
    ],
)
def test_what_a_policy_may_not_say(lines, words):
    with pytest.raises(Malformed) as error:
        parse_policy((HEAD + lines).encode())
    assert words in str(error.value)


def test_names_are_octets():
    kelvin, raw = "\u212a".encode(), b"\xff\xfe"
    data = (
        b"witness " + kelvin + b" " + key("X1").encode() + b"\nwitness K " + key("X2").encode()
        + b"\nwitness " + raw + b" " + key("X3").encode() + b"\n# \xff\nquorum " + raw + b"\n"
    )  # fmt: skip
    policy = parse_policy(data)
    assert [witness.name for witness in policy.witnesses] == ["\u212a", "K", "\udcff\udcfe"]
    check_quorum(policy, ["\udcff\udcfe"])
    with pytest.raises(Untrusted):
        check_quorum(policy, ["\u212a", "K"])
    assert parse_policy(format_policy(policy)) == policy


def test_no_space_but_space_and_tab_parts_words():
    name = "a\u00a0b\u3000c\u0085d"
    policy = parse_policy(f"witness {name} {key('X1')}\nquorum {name}\n".encode())
    assert policy.quorum == name
    assert parse_policy(format_policy(policy)) == policy


def test_many_of_each_are_read():
    cosigners = [Cosigner(f"w{at}", bytes([at, 1] * 16)) for at in range(64)]
    logs = [NoteSigner(f"log{at}", bytes([at, 2] * 16)) for at in range(64)]
    lines = [f"log {signer.vkey}\n" for signer in logs]
    lines += [f"witness w{at} {one.vkey}\ngroup g{at} 1 w{at}\n" for at, one in enumerate(cosigners)]
    lines += ["group top 33 " + " ".join(f"g{at}" for at in range(64)) + "\nquorum top\n"]
    policy = parse_policy("".join(lines).encode())
    check_quorum(policy, [f"w{at}" for at in range(33)])
    with pytest.raises(Untrusted):
        check_quorum(policy, [f"w{at}" for at in range(32)])


@given(st.data())
def test_more_cosigners_never_turn_a_yes_into_a_no(data):
    names = data.draw(st.sets(st.sampled_from(NAMES)))
    more = data.draw(st.sets(st.sampled_from(NAMES)))
    try:
        check_quorum(POLICY, names)
    except Untrusted:
        return
    check_quorum(POLICY, names | more)


def test_what_a_policy_cannot_hold_is_not_written():
    witness = WITNESSES["X1"].verifier
    for bad in (
        Policy((), (), (), ""),
        Policy((), (), (), "gone"),
        Policy((), (Witness("a b", witness),), (), "none"),
        Policy((), (Witness("a\nquorum none\n#", witness),), (), "none"),
        Policy((), (Witness("a", witness),), (Group("g", 2, ("a",)),), "g"),
    ):
        with pytest.raises(Malformed):
            format_policy(bad)
