"""Who can do what: since when a binding stands, and what was signed under it."""

from __future__ import annotations

from typing import Any

from muniment.insight.access import Held, holdings
from muniment.registry import propose
from tests.registry.paper import Paper, identity, model, signature
from tests.registry.staff import pattern, staff
from tests.world import POLICY


def held(paper: Paper, role: str) -> Held:
    """The only binding of a role."""
    (found,) = [h for h in holdings(paper.state) if h.binding.role == role]
    return found


def configure(paper: Paper, **changed: Any) -> int:
    """Another registry.yaml; the entry that brought it."""
    paper.put("administrator", paper.configuration(registry=paper.registry(**changed)))
    return paper.state.configured_at


def test_a_binding_stands_since_the_entry_that_brought_it_as_it_is() -> None:
    paper = Paper(POLICY, **staff())
    assert held(paper, "reviewer").since == 0
    bindings = paper.registry()["bindings"]
    without = [b for b in bindings if b["role"] != "reviewer"]
    configure(paper, title="another")
    assert held(paper, "reviewer").since == 0
    configure(paper, bindings=without)
    back = configure(paper, bindings=bindings)
    configure(paper, title="a third")
    assert held(paper, "reviewer").since == back
    assert held(paper, "operator").since == 0
    assert held(paper, "reviewer").since_at == paper.state.entries[back].admitted_at


def test_what_was_signed_under_a_binding_and_where() -> None:
    paper = Paper(POLICY, **staff())
    version = paper.release("aiops/cpu@1.0.0")
    paper.promote(version)
    kinds = {role: [paper.state.entries[i].kind for i in held(paper, role).used] for role in ("trainer", "reviewer")}
    assert kinds == {"trainer": ["signature", "release"], "reviewer": ["approve"]}
    for role in ("trainer", "reviewer", "operator"):
        assert held(paper, role).places == {"aiops"}, role
    assert held(paper, "risk").used == ()
    assert held(paper, "administrator").places == frozenset()


def test_the_same_identity_in_two_roles_used_the_one_that_it_named() -> None:
    document = staff()
    document["bindings"] = [
        *document["bindings"],
        {"role": "risk", "namespaces": ["aiops"], "identity": pattern("reviewer")},
    ]
    document["roles"]["risk"]["may"] = ["waive", "approve"]
    paper = Paper(POLICY, **document)
    paper.approve("reviewer", paper.promotion(paper.release("aiops/cpu@1.0.0")))
    subject = identity("reviewer").subject
    used = {h.binding.role: len(h.used) for h in holdings(paper.state) if h.binding.identity.subject == subject}
    assert used == {"reviewer": 1, "risk": 0}


def test_a_record_of_another_namespace_or_time_was_not_signed_under_a_binding() -> None:
    document = staff()
    elsewhere = {"role": "operator", "namespaces": ["other"], "identity": pattern("operator")}
    later = {
        "role": "operator",
        "namespaces": ["aiops"],
        "identity": pattern("operator"),
        "notBefore": "2027-01-01T00:00:00Z",
    }
    document["bindings"] = [*document["bindings"], elsewhere, later]
    paper = Paper(POLICY, **document)
    paper.promote(paper.release("aiops/cpu@1.0.0"))
    found = [h for h in holdings(paper.state) if h.binding.role == "operator"]
    assert [len(h.used) for h in found] == [1, 0, 0]


def test_what_a_right_was_used_for_before_it_was_given_anew_does_not_count() -> None:
    paper = Paper(POLICY, **staff())
    bindings = paper.registry()["bindings"]
    paper.promote(paper.release("aiops/cpu@1.0.0"))
    configure(paper, bindings=[b for b in bindings if b["role"] != "operator"])
    configure(paper, bindings=bindings)
    assert held(paper, "operator").used == ()


def test_the_person_behind_a_binding() -> None:
    paper = Paper(POLICY, **staff())
    assert held(paper, "risk").who == "stranger"
    trainer = held(paper, "trainer")
    assert (trainer.person, trainer.who) == (None, identity("trainer").subject)
    assert (trainer.where, held(paper, "operator").where) == ("aiops", "all namespaces")


def test_retirements_by_somebody_without_a_person_are_theirs() -> None:
    paper = Paper(POLICY, **staff())
    version = paper.release("aiops/cpu@1.0.0")
    paper.put("operator", propose.retire(paper.state, version, "unused", "old", None, paper.at))
    assert [paper.state.entries[i].kind for i in held(paper, "operator").used] == ["retire"]


def test_evidence_is_of_the_namespaces_in_which_its_bytes_are_released() -> None:
    document = staff()
    document["roles"]["operator"]["may"] = ["promote", "signature"]
    paper = Paper(POLICY, **document)
    paper.put("operator", signature())
    assert held(paper, "operator").places == frozenset()
    paper.put("trainer", paper.proposal("aiops/cpu@1.0.0", model()))
    assert held(paper, "operator").places == {"aiops"}
