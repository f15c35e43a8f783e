"""Words on others' work: approvals that end, rejections that block, and both taken back; by adversaries' names."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from muniment.core.digest import Digest
from muniment.core.errors import Refused
from muniment.evidence.statement import Statement
from muniment.registry import propose
from muniment.registry.check import check
from muniment.registry.documents import documents
from muniment.registry.leaf import derive_leaf
from tests.registry.paper import Paper, identity, other, target
from tests.registry.staff import pattern, staff
from tests.registry.test_check import refused


@pytest.fixture
def paper() -> Paper:
    return Paper(**staff())


def waiting(paper: Paper) -> Statement:
    """A promotion that waits for its approval."""
    return paper.promotion(paper.release("aiops/cpu@1.0.0"))


def word(
    paper: Paper, statement: Statement, decision: str = "approved", who: str = "reviewer", **more: object
) -> Digest:
    """A word on a statement, admitted; its own statement's digest."""
    said = propose.approve(paper.state, target(statement), who, "r", paper.at, decision=decision, **more)  # type: ignore[arg-type]
    paper.put(who, said)
    return target(said)


def back(paper: Paper, said: Digest) -> Statement:
    return propose.revoke(paper.state, said, "I was wrong", paper.at)


def used(paper: Paper, statement: Statement) -> list[tuple[str, bool, bool]]:
    """The words on a statement: what was said, whether it was taken back, and whether an entry used it up."""
    told = json.loads(documents(paper.state)[f"approval/{target(statement).hex}"])
    return [(w["decision"], "revokedBy" in w, "consumedBy" in w) for w in told]


# Expiry


def test_an_approval_that_has_expired_is_none(paper: Paper) -> None:
    statement = waiting(paper)
    word(paper, statement, expires=paper.at + timedelta(minutes=2))
    signed = paper.sign("operator", statement)
    paper.at += timedelta(minutes=1)
    with pytest.raises(Refused, match="approvals-required") as caught:
        check(paper.state, signed, paper.at, derive_leaf(signed))
    assert caught.value.waits
    again = propose.approve(
        paper.state, target(statement), "reviewer", "still fine", paper.at, subject=identity("reviewer").subject
    )
    paper.put("reviewer", again)
    paper.admit(signed)


def test_an_approval_counts_until_it_expires(paper: Paper) -> None:
    statement = waiting(paper)
    word(paper, statement, expires=paper.at + timedelta(minutes=2))
    paper.put("operator", statement)


def test_an_approval_that_was_never_in_time(paper: Paper) -> None:
    said = propose.approve(paper.state, target(waiting(paper)), "reviewer", "r", paper.at, expires=paper.at)
    assert "has expired already" in refused(paper, "reviewer", said)


# Rejection


def test_a_rejection_blocks_until_it_is_taken_back(paper: Paper) -> None:
    statement = waiting(paper)
    no = word(paper, statement, "rejected")
    word(paper, statement, who="administrator")
    assert "reviewer rejected it as reviewer (entry 6): r" in refused(paper, "operator", statement)
    paper.put("reviewer", back(paper, no))
    assert "approvals-required" in refused(paper, "operator", statement)
    yes = propose.approve(
        paper.state, target(statement), "reviewer", "it is mended", paper.at, subject=identity("reviewer").subject
    )
    paper.put("reviewer", yes)
    paper.put("operator", statement)
    assert used(paper, statement) == [
        ("rejected", True, False),
        ("approved", False, True),
        ("approved", False, True),
    ]


def test_a_rejection_waits_in_the_inbox(paper: Paper) -> None:
    statement = waiting(paper)
    word(paper, statement, "rejected")
    signed = paper.sign("operator", statement)
    with pytest.raises(Refused) as caught:
        check(paper.state, signed, paper.at, derive_leaf(signed))
    assert caught.value.waits
    assert "muniment revoke" in caught.value.remedy


def test_a_rejection_may_end_by_itself(paper: Paper) -> None:
    statement = waiting(paper)
    word(paper, statement, "rejected", expires=paper.at + timedelta(minutes=2))
    assert "rejected it" in refused(paper, "operator", statement)
    paper.at += timedelta(minutes=1)
    word(paper, statement, subject=identity("reviewer").subject)
    paper.put("operator", statement)
    assert used(paper, statement) == [("rejected", False, False), ("approved", False, True)]


def test_what_was_taken_back_is_not_used_up(paper: Paper) -> None:
    statement = waiting(paper)
    paper.put("reviewer", back(paper, word(paper, statement)))
    word(paper, statement, subject=identity("reviewer").subject)
    paper.put("operator", statement)
    assert used(paper, statement) == [("approved", True, False), ("approved", False, True)]


def test_a_rejection_by_who_may_not_approve_there_blocks_nothing() -> None:
    """The stranger reviews in another namespace only."""
    document = staff()
    document["bindings"] = [
        *document["bindings"],
        {"role": "reviewer", "namespaces": ["other"], "identity": pattern("stranger")},
    ]
    paper = Paper(**document)
    statement = waiting(paper)
    paper.put(
        "stranger", propose.approve(paper.state, target(statement), "reviewer", "no", paper.at, decision="rejected")
    )
    word(paper, statement)
    paper.put("operator", statement)


def test_a_reviewer_cannot_block_the_administrators(paper: Paper) -> None:
    change = paper.configuration(policy={"rules": []})
    word(paper, change, "rejected")
    paper.put("administrator", change)


def test_an_administrator_can_block_a_configuration() -> None:
    document = staff()
    second = {"role": "administrator", "namespaces": "all", "identity": pattern("reviewer")}
    paper = Paper(**{**document, "bindings": [*document["bindings"], second]})
    change = paper.configuration(policy={"rules": []})
    paper.put(
        "reviewer", propose.approve(paper.state, target(change), "administrator", "no", paper.at, decision="rejected")
    )
    assert "reviewer rejected it as administrator" in refused(paper, "administrator", change)


def test_a_rejection_is_no_administrator_behind_a_configuration() -> None:
    document = staff()
    second = {"role": "administrator", "namespaces": "all", "identity": pattern("reviewer")}
    paper = Paper(**{**document, "bindings": [*document["bindings"], second], "administrators": {"threshold": 2}})
    change = paper.configuration(policy={"rules": []})
    said = propose.approve(
        paper.state,
        target(change),
        "administrator",
        "no",
        paper.at,
        decision="rejected",
        expires=paper.at + timedelta(minutes=1),
    )
    paper.put("reviewer", said)
    assert "1 of 2 administrators" in refused(paper, "administrator", change)


# One word a signer


def test_a_signer_has_one_word_at_a_time(paper: Paper) -> None:
    statement = waiting(paper)
    word(paper, statement, "rejected")
    for subject in (None, identity("reviewer").subject):
        twice = propose.approve(paper.state, target(statement), "reviewer", "r", paper.at, subject=subject)
        told = refused(paper, "reviewer", twice)
        assert "rejected it already" in told or "follows no entry" in told


def test_the_first_word_cannot_be_said_again_after_it_was_taken_back(paper: Paper) -> None:
    """The replayer keeps a second approval that was signed as a first one."""
    statement = waiting(paper)
    kept = propose.approve(paper.state, target(statement), "reviewer", "kept back", paper.at)
    said = word(paper, statement)
    paper.put("reviewer", back(paper, said))
    assert "follows no entry" in refused(paper, "reviewer", kept)


# Taking back


def test_an_approval_that_was_taken_back_is_none(paper: Paper) -> None:
    statement = waiting(paper)
    paper.put("reviewer", back(paper, word(paper, statement)))
    assert "approvals-required" in refused(paper, "operator", statement)


def test_an_approval_is_taken_back_by_its_author_or_an_administrator(paper: Paper) -> None:
    statement = waiting(paper)
    said = word(paper, statement)
    assert "did not give this word" in refused(paper, "stranger", back(paper, said))
    paper.put("administrator", back(paper, said))
    assert "took this back already" in refused(paper, "reviewer", back(paper, said))


def test_an_approval_is_taken_back_under_another_identity_of_the_same_person() -> None:
    second = other(identity("reviewer"), subject="second@sandbox.muniment.dev")
    known = {"issuer": second.issuer, "subject": second.subject}
    document = staff()
    document["persons"]["reviewer"] = [*document["persons"]["reviewer"], known]
    document["bindings"] = [*document["bindings"], {"role": "reviewer", "namespaces": ["aiops"], "identity": known}]
    paper = Paper(**document)
    said = word(paper, waiting(paper))
    paper.put(second, back(paper, said))


def test_two_strangers_are_not_the_same_nobody() -> None:
    """Neither identity is mapped to a person: that makes them no one and the same."""
    first, second = (other(identity("reviewer"), subject=f"{n}@sandbox.muniment.dev") for n in ("one", "two"))
    document = staff()
    document["bindings"] = [
        *document["bindings"],
        *(
            {"role": "reviewer", "namespaces": ["aiops"], "identity": {"issuer": i.issuer, "subject": i.subject}}
            for i in (first, second)
        ),
    ]
    paper = Paper(**document)
    said = propose.approve(paper.state, target(waiting(paper)), "reviewer", "r", paper.at)
    paper.put(first, said)
    assert "did not give this word" in refused(paper, second, back(paper, target(said)))
    paper.put(first, back(paper, target(said)))


def test_what_was_used_cannot_be_taken_back(paper: Paper) -> None:
    statement = waiting(paper)
    said = word(paper, statement)
    paper.put("operator", statement)
    told = refused(paper, "reviewer", back(paper, said))
    assert f"Entry {paper.state.size - 2} rests on this approval already" in told


@pytest.mark.parametrize("what", ["nothing", "a promotion", "evidence"])
def test_only_words_are_taken_back(paper: Paper, what: str) -> None:
    version = paper.release("aiops/cpu@1.0.0")
    statement = paper.promotion(version, "staging")
    paper.put("operator", statement)
    digest = {
        "nothing": Digest("0" * 64),
        "a promotion": target(statement),
        "evidence": paper.state.versions[version].evidence[0],
    }[what]
    assert "no approval, rejection or waiver" in refused(paper, "administrator", back(paper, digest))


def test_a_revocation_needs_a_role_that_may(paper: Paper) -> None:
    said = word(paper, waiting(paper))
    assert "may not sign revoke records" in refused(paper, "operator", back(paper, said))
