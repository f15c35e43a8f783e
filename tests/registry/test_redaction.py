"""Redaction: the bundle goes, the entry stays, and readers without it derive the same roots and are told so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Malformed, MunimentError, Refused, Untrusted
from muniment.core.name import parse_version_id
from muniment.evidence.kinds import THIRD_PARTY
from muniment.evidence.statement import Statement, Subject
from muniment.policy.engine import apart_from_evidence, parse_policy
from muniment.registry import facts, propose, reach, redaction
from muniment.registry.check import check, check_absent
from muniment.registry.deletion import Redact, RequestDeletion
from muniment.registry.documents import documents
from muniment.registry.event import LogRef
from muniment.registry.fold import end_batch
from muniment.registry.leaf import StateLeaf, derive_leaf, parse_leaf, parse_line
from muniment.registry.predicate import format_event, parse_event
from muniment.registry.state import Entry, State
from muniment.signing.identity import Signed
from tests.registry.paper import Paper, identity, model, signature, target
from tests.registry.test_check import changed, refused
from tests.registry.test_known import TRAIN, built, record, scored
from tests.registry.test_sources import brought, pem
from tests.registry.test_submit_gate import DATA, SECRETS
from tests.world import POLICY

MAY = {
    "administrator": {"may": ["configure", "rotate-key", "approve"]},
    "trainer": {"may": ["signature", "provenance", "dataset", "evaluation", "release", "approve", "request-deletion"]},
    "reviewer": {"may": ["approve", "request-deletion", "signature"]},
    "operator": {"may": ["promote", "rollback", "retire", "redact", "request-deletion"]},
}


class Kept(Paper):
    """A registry on paper that keeps every record, so that it can be read again with some of them missing."""

    def __init__(self, policy: dict[str, Any] = POLICY, **document: Any) -> None:
        self.records: dict[int, Signed] = {}
        super().__init__(policy, **({"roles": MAY} | document))

    def admit(self, *records: Signed) -> None:
        start = self.state.size
        super().admit(*records)
        self.records |= dict(enumerate(records, start))

    def again(self, missing: Collection[int] = (), state: State | None = None, until: int | None = None) -> State:
        """The same log read by somebody who lacks the bundles of some entries; every state root is compared.

        It is read from where a state that is known already ends, up to a size.
        """
        state = state or State()
        for index, entry in sorted(self.state.entries.items())[state.size : until]:
            leaf = parse_leaf(entry.leaf)
            if isinstance(leaf, StateLeaf):
                state = end_batch(state, leaf, entry.leaf)
            elif index in missing:
                state = check_absent(state, entry.leaf, entry.admitted_at, self.state.absent[index])
            else:
                state = check(state, self.records[index], entry.admitted_at, entry.leaf)
        return state

    def request(self, *statements: Digest, who: str = "reviewer") -> Statement:
        """A request, put in the log."""
        asked = propose.request_deletion(self.state, statements, "erasure-request", "a person asked", "DSR-7", self.at)
        self.put(who, asked)
        return asked

    def redaction(self, *statements: Digest) -> Statement:
        """What redacts statements once it is signed; they are asked for already."""
        asked = target(self.request(*statements))
        return propose.redact(self.state, asked, (), "granted", self.at)

    def redact(self, *statements: Digest) -> None:
        """Statements asked for and redacted."""
        self.put("operator", self.redaction(*statements))

    def bundle(self, index: int) -> Digest:
        """The bundle of an entry."""
        return parse_line(self.state.entries[index].leaf).bundle


def plain(state: State) -> State:
    """A state without what has no equality of its own: compiled expressions."""
    return replace(state, config=None)


SIGNATURE = target(signature())


@pytest.fixture
def paper() -> Kept:
    """One release in production: entry 2 its signature, 4 the release, 6 the approval, 8 the promotion."""
    paper = Kept()
    paper.promote(paper.release("aiops/cpu@1.0.0"))
    return paper


def test_the_life_of_a_deletion(paper: Kept) -> None:
    before = documents(paper.state)
    paper.redact(SIGNATURE)
    entry, promoted = paper.state.entries[2], paper.state.entries[8]
    assert (entry.kind, entry.record, entry.unproven) == ("signature", None, 12)
    assert (promoted.findings, promoted.unproven) == ((), 12)
    assert redaction.unproven(paper.state) == (redaction.Unproven(12, (2,), (4, 8)),)
    assert redaction.gone_bundles(paper.state) == (paper.bundle(2),)
    new = {subject for subject, text in documents(paper.state).items() if before.get(subject) != text}
    about = f"artifact/{model().digest.hex}"
    assert new == {about, f"{about}/redacted"}
    assert documents(paper.state)[f"{about}/redacted"] == b'{"records":[{"by":12,"entry":2}]}'


def test_who_lacks_the_bundle_derives_the_same(paper: Kept) -> None:
    paper.redact(SIGNATURE)
    assert paper.again() == paper.again({2}) == paper.state


def test_later_gates_take_it_for_absent(paper: Kept) -> None:
    version = next(iter(paper.state.versions))
    paper.redact(SIGNATURE)
    assert facts.bound_evidence(paper.state, paper.state.versions[version]) == ()
    assert reach.evidence_about(paper.state, (model(),)) == ()
    assert "evidence-required" in refused(paper, "trainer", paper.proposal("aiops/cpu@2.0.0", model()))
    named = propose.release(paper.state, replace(version, version="2.0.0"), (model(),), (SIGNATURE,), paper.at)
    assert refused(paper, "trainer", named) == "aiops/cpu@2.0.0 names evidence (entry 2) that entry 12 redacted."


@pytest.mark.parametrize("bad_first", [True, False])
def test_no_deletion_turns_a_no_into_a_yes(bad_first: bool) -> None:
    """The worst of several evaluations goes: those beside it cease to count, until it is measured anew."""
    rule = {"rule": "metric-threshold", "gate": "promote", "with": {"metric": "f1", "min": 0.8}}
    paper = Kept({"rules": [*POLICY["rules"], rule]})
    bad, good = scored(0.5), scored(0.9)
    for statement in (bad, good) if bad_first else (good, bad):
        paper.put("trainer", statement)
    version = paper.release("aiops/cpu@1.0.0")
    other = paper.release("aiops/cpu@1.1.0", b"other")
    paper.put("trainer", scored(0.9, b"other"))
    assert "metric-threshold" in refused(paper, "operator", paper.promotion(version, "staging"))
    paper.redact(target(bad))
    assert "metric-threshold" in refused(paper, "operator", paper.promotion(version, "staging"))
    paper.put("trainer", paper.proposal("aiops/cpu@1.0.1", model()))
    anew = replace(version, version="1.0.1")
    assert "metric-threshold" in refused(paper, "operator", paper.promotion(anew, "staging"))
    paper.put("operator", paper.promotion(other, "staging"))
    paper.put("trainer", scored(0.91))
    paper.put("operator", paper.promotion(version, "staging"))
    assert plain(paper.again(set(paper.state.absent))) == plain(paper.state)


def test_a_rule_that_only_forbids_finds_nothing_in_what_is_gone_and_so_the_kind_is_asked_for_too() -> None:
    """The limit of it: what an expression denies is denied no more, unless a rule asks for such evidence."""
    forbids = {"id": "bad", "title": "t", "message": "m", "gate": "promote"}
    forbids["require"] = "!evidence.exists(e, e.kind == 'evaluation' && e.predicate.metrics[0].value < 0.8)"
    asks = {"rule": "evidence-required", "id": "asked", "gate": "promote", "with": {"evidence": ["evaluation"]}}
    for rules, passes in (([forbids], True), ([forbids, asks], False)):
        paper = Kept({"rules": rules})
        paper.put("trainer", scored(0.5))
        promotion = paper.promotion(paper.release("aiops/cpu@1.0.0"), "staging")
        assert "bad" in refused(paper, "operator", promotion)
        paper.redact(target(scored(0.5)))
        if passes:
            paper.put("operator", paper.promotion(next(iter(paper.state.versions)), "staging"))
        else:
            assert "gate promote: asked." in refused(paper, "operator", promotion)


def test_a_dataset_record_that_goes_takes_the_others_with_it() -> None:
    paper = Kept({"rules": [*POLICY["rules"], DATA | {"gate": "release"}]})
    for licence in ("MIT", "ISC"):
        paper.put("trainer", record(licence))
    paper.put("trainer", built())
    paper.put("trainer", signature())
    paper.redact(target(record("ISC")))
    assert "data-allowed" in refused(paper, "trainer", paper.proposal("aiops/cpu@1.0.0", model()))
    paper.put("trainer", record("0BSD"))
    paper.put("trainer", paper.proposal("aiops/cpu@1.0.0", model()))


@pytest.mark.parametrize(("kind", "count"), [("evaluation", 1), (THIRD_PARTY, 0)])
def test_of_a_third_partys_record_that_is_gone_nobody_knows_the_kind(paper: Kept, kind: str, count: int) -> None:
    paper.redact(SIGNATURE)
    gone = replace(paper.state.entries[2], kind=kind)
    held = Entry(3, b"", "signature", replace(paper.records[2], statement_digest=digest_of(b"other")), None, paper.at)
    state = replace(paper.state, entries=paper.state.entries.set(2, gone).set(3, held))
    state = replace(state, about=state.about.set(model().digest, (2, 3)))
    found = facts.gather(state, "promote", None, next(iter(state.versions)), (), (model(),), paper.at, "staging")
    assert len(found.evidence) == count


def test_a_statement_does_not_come_back(paper: Kept) -> None:
    paper.redact(SIGNATURE)
    for who in ("trainer", "reviewer"):
        assert refused(paper, who, signature()) == "The statement was redacted: entry 2, by entry 12."
    paper.put("trainer", signature(b"weights", "another name"))


def test_decisions_are_those_that_may_have_looked() -> None:
    """By data that the provenance names, by evidence that came later, and by what stood there when another came."""
    paper = Kept()
    paper.put("trainer", record())
    paper.put("trainer", built())
    first = paper.release("aiops/cpu@1.0.0")
    paper.promote(first)
    apart = paper.release("aiops/cpu@2.0.0", b"other")
    paper.promote(apart)
    paper.release("aiops/gpu@1.0.0", b"third")
    event = parse_event(paper.redaction(target(record())))
    assert isinstance(event, Redact)
    named = {paper.state.entries[i].event.kind + str(i) for i in event.decisions}  # type: ignore[union-attr]
    assert named == {"release8", "promote12", "release16", "promote20"}
    late = paper.state.versions[first]
    assert redaction.looked_at(paper.state, late, 8) == {2, 4, 6}


@pytest.mark.parametrize("gate", ["release", "submit"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
@pytest.mark.parametrize("missing", [(), (2,), (4,), (6,), (2, 4), (2, 6), (4, 6), (2, 4, 6)])
def test_all_readers_agree_whatever_they_lack_and_in_whatever_order_it_went(
    order: tuple[int, ...], missing: tuple[int, ...], gate: str
) -> None:
    """A gate asks of the data: release looks at all records, and at submit the provenance looks at the dataset's."""
    asked = DATA | ({"gate": "release", "when": "version.version == '1.0.0'"} if gate == "release" else {})
    paper = Kept({"rules": [*POLICY["rules"], asked]})
    paper.put("trainer", record())
    paper.put("trainer", built())
    paper.promote(paper.release("aiops/cpu@1.0.0"))
    names = [target(record()), target(built()), SIGNATURE]
    for number, which in enumerate(order):
        paper.redact(names[which])
        paper.release(f"aiops/cpu@2.0.{number}", b"%d" % number)
    assert plain(paper.again(missing)) == plain(paper.state)
    decided = [d for one in redaction.unproven(paper.state) for d in one.decisions]
    assert len(decided) == len(set(decided))


@pytest.mark.parametrize("missing", [(), (2,), (4,), (2, 4)])
def test_a_reader_who_cannot_know_why_a_decision_is_named_takes_it(missing: tuple[int, ...]) -> None:
    """The release looked at the dataset's record only because its provenance, which is gone too, names the data."""
    paper = Kept()
    paper.put("trainer", record())
    paper.put("trainer", built())
    paper.put("trainer", signature())
    version = parse_version_id("aiops/cpu@1.0.0")
    named = (target(built()), SIGNATURE)
    paper.put("trainer", propose.release(paper.state, version, (model(),), named, paper.at))
    for gone in (record(), built()):
        paper.redact(target(gone))
    assert [one.decisions for one in redaction.unproven(paper.state)] == [(8,), ()]
    assert plain(paper.again(missing)) == plain(paper.state)


def test_evidence_that_looked_at_other_evidence_at_the_gate_submit() -> None:
    """The provenance was admitted because of the dataset's record: whoever redacts that answers for it."""
    for rules, looked in (([DATA], {"release", "provenance"}), ([], {"release"})):
        paper = Kept({"rules": rules})
        paper.put("trainer", record())
        paper.put("trainer", built())
        paper.release("aiops/cpu@1.0.0")
        paper.redact(target(record()))
        (one,) = redaction.unproven(paper.state)
        assert {paper.state.entries[i].kind for i in one.decisions} == looked
        assert paper.state.entries[4].record is not None
        assert plain(paper.again({2})) == plain(paper.state)
        assert "data-allowed" in refused(paper, "trainer", built(TRAIN, "evaluation")) if rules else True


def test_deploy_is_a_decision_and_stopping_is_none() -> None:
    may = {**MAY, "operator": {"may": [*MAY["operator"]["may"], "deploy"]}}
    paper = Kept(roles=may)
    version = paper.release("aiops/cpu@1.0.0")
    paper.promote(version)
    for status in ("running", "stopped"):
        paper.put("operator", propose.deploy(paper.state, version, "production", status, paper.at))
    paper.redact(SIGNATURE)
    (one,) = redaction.unproven(paper.state)
    assert [paper.state.entries[i].kind for i in one.decisions] == ["release", "promote", "deploy"]
    assert plain(paper.again({2})) == plain(paper.state)


def test_the_rules_that_are_asked_without_evidence() -> None:
    own = {"title": "t", "message": "m", "require": "true"}
    rules = [
        *POLICY["rules"],
        {
            "rule": "freeze-window",
            "gate": "release",
            "with": {"weekly": [{"days": ["sun"], "from": "00:00", "until": "01:00", "reason": "r"}]},
        },
        {**own, "id": "incidents", "gate": "promote", "require": "size(incidents) == 0"},
        {**own, "id": "evidence", "gate": "promote", "require": "size(evidence) > 0"},
        {**own, "id": "when", "gate": "promote", "when": "current != null"},
        {**own, "id": "itself", "gate": "submit", "require": "size(evidence) > 0"},
        {**own, "id": "others", "gate": "submit", "require": "size(data) > 0"},
        SECRETS,
    ]
    kept = [use.id for use in apart_from_evidence(parse_policy({"rules": rules})).rules]
    assert kept == ["approvals-required", "freeze-window", "incidents", "itself"]


def test_one_request_may_be_granted_in_part_and_bundles_go_once(paper: Kept) -> None:
    paper.put("trainer", built())
    asked = target(paper.request(SIGNATURE, target(built())))
    bundles = tuple(redaction.bundles_of(paper.state, [SIGNATURE]))
    paper.put("operator", propose.redact(paper.state, asked, bundles, "granted", paper.at))
    again = propose.redact(paper.state, asked, bundles, "granted", paper.at)
    assert refused(paper, "operator", again) == "Entry 2 was redacted by entry 14."
    paper.put("operator", propose.redact(paper.state, asked, (), "granted", paper.at))
    assert len(redaction.gone_bundles(paper.state)) == 2
    assert paper.again({2, 10}) == paper.state


def test_requests_that_are_refused(paper: Kept) -> None:
    def ask(*statements: Digest) -> Statement:
        known = [s for s in statements if s in paper.state.statements] or [SIGNATURE]
        event = parse_event(propose.request_deletion(paper.state, tuple(known), "other", "x", None, paper.at))
        records = redaction.bundles_of(paper.state, statements).values()
        return format_event(
            replace(event, statements=statements),  # type: ignore[call-arg]
            redaction.subjects_about(paper.state, records) or (Subject("a", SIGNATURE),),
        )

    release = parse_line(paper.state.entries[4].leaf).statement
    assert "No entry says" in refused(paper, "reviewer", ask(digest_of(b"nothing")))
    assert "Entry 4 is an event (release): events are never deleted." in refused(paper, "reviewer", ask(release))
    assert "may not sign request-deletion" in refused(paper, "administrator", ask(SIGNATURE))
    other = replace(ask(SIGNATURE), subjects=(Subject("model", digest_of(b"x")),))
    assert "subjects are not those" in refused(paper, "reviewer", other)
    paper.redact(SIGNATURE)
    assert "was redacted by entry 12" in refused(paper, "reviewer", ask(SIGNATURE))


def test_a_record_whose_leaf_does_not_name_its_subjects_stays(paper: Kept) -> None:
    many = tuple(Subject(f"file {n}", digest_of(b"%d" % n)) for n in range(65))
    step = replace(built(), subjects=many)
    paper.put("trainer", step)
    line = parse_line(paper.state.entries[10].leaf)
    assert isinstance(line.subjects, Digest)
    assert redaction.redactable(paper.state, many[0].digest) == ()
    asked = RequestDeletion(
        log=LogRef(paper.state.config.origin, paper.state.genesis),  # type: ignore[union-attr]
        after=None,
        at=paper.at,
        statements=(line.statement,),
        basis="other",
        reason="x",
    )
    fact = refused(paper, "reviewer", format_event(asked, many[:1]))
    assert fact.startswith("Entry 10 names so many subjects that only its bundle says which")
    with pytest.raises(Untrusted, match="no such record can be redacted"):
        check_absent(paper.state, paper.state.entries[10].leaf, paper.at, paper.state.size + 1)


def test_a_statement_signed_elsewhere_goes_as_the_record_that_carries_it() -> None:
    sources = {"vendor": {"kinds": ["signature"], "key": pem()}}
    roles = {**MAY, "trainer": {"may": [*MAY["trainer"]["may"], "third-party"]}}
    paper = Kept(sources=sources, roles=roles)
    paper.put("trainer", brought(signature()))
    paper.put("trainer", paper.proposal("aiops/cpu@1.0.0", model()))
    paper.redact(parse_line(paper.state.entries[2].leaf).statement)
    assert (paper.state.entries[2].kind, paper.state.entries[2].record) == ("third-party", None)
    assert [e.decisions for e in redaction.unproven(paper.state)] == [(4,)]
    assert plain(paper.again({2})) == plain(paper.again()) == plain(paper.state)


@pytest.mark.parametrize("by", [2, 3, 10])
def test_only_a_later_entry_can_have_redacted_what_is_missing(paper: Kept, by: int) -> None:
    state = paper.state
    with pytest.raises(Untrusted, match="Fetch it again"):
        check_absent(state, derive_leaf(paper.sign("trainer", built())), paper.at, by)
    assert check_absent(state, derive_leaf(paper.sign("trainer", built())), paper.at, 11).absent[10] == 11


def test_what_a_leaf_alone_says_is_held_to_the_same_form_and_time(paper: Kept) -> None:
    by = paper.state.size + 1
    late = paper.sign("trainer", built(), paper.at + timedelta(minutes=1))
    hidden = paper.sign("trainer", replace(built(), subjects=(Subject("a\x1b[2Jb", model().digest),)))
    with pytest.raises(Refused, match="signed after its batch"):
        check_absent(paper.state, derive_leaf(late), paper.at, by)
    with pytest.raises(Refused, match="before the one it follows"):
        check_absent(paper.state, derive_leaf(paper.sign("trainer", built())), paper.at - timedelta(days=1), by)
    with pytest.raises(Malformed, match="control character"):
        check_absent(paper.state, derive_leaf(hidden), paper.at, by)
    paper.redact(SIGNATURE)
    with pytest.raises(Refused, match="was redacted"):
        check_absent(paper.state, derive_leaf(paper.sign("reviewer", signature())), paper.at, paper.state.size + 1)


def test_a_redaction_is_about_what_its_records_are_about(paper: Kept) -> None:
    other = replace(paper.redaction(SIGNATURE), subjects=(Subject("model", digest_of(b"x")),))
    assert "subjects are not those" in refused(paper, "operator", other)


def test_an_event_is_never_taken_for_redacted(paper: Kept) -> None:
    leaf = derive_leaf(paper.sign("operator", paper.promotion(next(iter(paper.state.versions)), "staging")))
    with pytest.raises(Untrusted, match="no such record can be redacted"):
        check_absent(paper.state, leaf, paper.at, paper.state.size + 1)


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"request": SIGNATURE}, "No request-deletion in the log is"),
        ({"bundles": (digest_of(b"x"),)}, "No entry has the bundle"),
        ({"bundles": (4,)}, "Entry 4 is an event (release): events are never deleted."),
        ({"bundles": (10,)}, "Nobody asked that entry 10 goes."),
        ({"decisions": (4,)}, "other decisions than those that looked at the records: 4, 8."),
        ({"decisions": (4, 8, 6)}, "other decisions than those"),
        ({"decisions": (4, 8, 999)}, "other decisions than those"),
        ({"after": 3}, "follows entry 3"),
    ],
)
def test_redactions_that_are_refused(paper: Kept, change: dict[str, Any], fact: str) -> None:
    paper.put("trainer", built())
    event = paper.redaction(SIGNATURE)
    named = {
        k: tuple(paper.bundle(i) if isinstance(i, int) else i for i in v) for k, v in change.items() if k == "bundles"
    }
    assert fact in refused(paper, "operator", changed(event, lambda e: replace(e, **(change | named))))


def test_redacting_takes_a_role_held_everywhere(paper: Kept) -> None:
    event = paper.redaction(SIGNATURE)
    assert "may not sign redact records" in refused(paper, "reviewer", event)
    bindings = [b | {"namespaces": ["aiops"]} if b["role"] == "operator" else b for b in paper.registry()["bindings"]]
    paper.put("administrator", paper.configuration(registry=paper.registry(bindings=bindings)))
    assert "may not sign redact records" in refused(paper, "operator", event)


def test_the_same_words_by_another_signer_go_too(paper: Kept) -> None:
    paper.put("reviewer", signature())
    asked = target(paper.request(SIGNATURE))
    half = propose.redact(paper.state, asked, (paper.bundle(2),), "granted", paper.at)
    assert refused(paper, "operator", half) == "Entry 10 says the same as entry 2, and would stay."
    paper.put("operator", propose.redact(paper.state, asked, (), "granted", paper.at))
    assert paper.again({2, 10}) == paper.again({10}) == paper.state


def test_nobody_grants_an_own_request_where_administrators_act_by_several() -> None:
    binding = {"role": "administrator", "namespaces": "all", "identity": _pattern("operator")}
    document = Paper().registry()
    paper = Kept(
        administrators={"threshold": 2}, bindings=[*document["bindings"], binding], persons=document["persons"]
    )
    paper.release("aiops/cpu@1.0.0")
    asked = target(paper.request(SIGNATURE, who="operator"))
    own = propose.redact(paper.state, asked, (), "granted", paper.at)
    assert "two persons are needed" in refused(paper, "operator", own)
    by_job = target(paper.request(SIGNATURE, who="trainer"))
    assert "two persons are needed" in refused(
        paper, "operator", propose.redact(paper.state, by_job, (), "granted", paper.at)
    )


def _pattern(who: str) -> dict[str, str]:
    return {"issuer": identity(who).issuer, "subject": identity(who).subject}


class TestSmuggler:
    """An operator and somebody who may redact, who want a release believed that was never admissible."""

    def test_without_the_bundle_nobody_can_tell_and_so_everybody_is_told(self, paper: Kept) -> None:
        """The reader without the bundle accepts it, on the word of who redacted, and names the decision."""
        paper.redact(SIGNATURE)
        assert redaction.unproven(paper.again({2})) == (redaction.Unproven(12, (2,), (4, 8)),)

    def test_a_decision_that_nobody_answers_for(self, paper: Kept) -> None:
        event = parse_event(paper.redaction(SIGNATURE))
        assert isinstance(event, Redact)
        for less in ((), (4,), (8,)):
            silent = format_event(replace(event, decisions=less), (Subject("model", model().digest),))
            signed = paper.sign("operator", silent)
            for missing in ((), (2,)):
                with pytest.raises(Refused, match="other decisions"):
                    self.read(paper, missing, signed)

    def test_a_gate_that_looked_at_nothing_redacted_is_asked_again(self, paper: Kept) -> None:
        """The release of other bytes without evidence is refused, whatever else is redacted."""
        paper.redact(SIGNATURE)
        state = paper.again({2})
        bare = propose.release(state, replace(next(iter(state.versions)), version="9"), (model(b"x"),), (), paper.at)
        with pytest.raises(Refused, match="evidence-required"):
            check(state, signed := paper.sign("trainer", bare), paper.at, derive_leaf(signed))

    def test_roles_order_subjects_and_approvals_are_checked_all_the_same(self) -> None:
        """A decision that cannot be asked again still needs its signer's role, its place and its version."""
        paper = Kept()
        version = paper.release("aiops/cpu@1.0.0")
        state = replace(paper.state, absent=paper.state.absent.set(2, 99))
        promotion = paper.promotion(version, "staging")
        for who, statement in (
            ("trainer", promotion),
            ("operator", changed(promotion, lambda e: replace(e, after=1))),
            ("operator", replace(promotion, subjects=(Subject("model", digest_of(b"x")),))),
        ):
            with pytest.raises(MunimentError):
                check(state, signed := paper.sign(who, statement), paper.at, derive_leaf(signed))
        check(state, signed := paper.sign("operator", promotion), paper.at, derive_leaf(signed))

    def test_rules_that_look_at_no_evidence_are_asked_all_the_same(self) -> None:
        """Approvals cannot be redacted: a promotion that nobody approved stays refused, whatever else is gone."""
        paper = Kept()
        version = paper.release("aiops/cpu@1.0.0")
        state = replace(paper.state, absent=paper.state.absent.set(2, 99))
        promotion = paper.promotion(version)
        with pytest.raises(Refused, match="approvals-required"):
            check(state, signed := paper.sign("operator", promotion), paper.at, derive_leaf(signed))
        paper.approve("reviewer", promotion)
        state = replace(paper.state, absent=paper.state.absent.set(2, 99))
        check(state, signed := paper.sign("operator", promotion), paper.at, derive_leaf(signed))

    def test_a_release_names_what_is_in_the_log_even_where_it_cannot_be_asked_again(self) -> None:
        paper = Kept()
        paper.put("trainer", signature())
        state = replace(paper.state, absent=paper.state.absent.set(2, 99))
        version = Paper().release("aiops/cpu@1.0.0")
        made = propose.release(state, version, (model(),), (SIGNATURE, digest_of(b"never")), paper.at)
        with pytest.raises(Refused, match="is not in the log"):
            check(state, signed := paper.sign("trainer", made), paper.at, derive_leaf(signed))

    def read(self, paper: Kept, missing: tuple[int, ...], last: Signed) -> None:
        state = State()
        for index, entry in sorted(paper.state.entries.items()):
            leaf = parse_leaf(entry.leaf)
            if isinstance(leaf, StateLeaf):
                state = end_batch(state, leaf, entry.leaf)
            elif index in missing:
                state = check_absent(state, entry.leaf, entry.admitted_at, paper.state.size)
            else:
                state = check(state, paper.records[index], entry.admitted_at, entry.leaf)
        check(state, last, paper.at, derive_leaf(last))


@pytest.mark.parametrize(
    "change",
    [{"bundle": "sha256:0"}, {"extra": 1}, {"subjects": []}, {"subjects": [{"name": "a"}]}, {"signedAt": "noon"}],
)
def test_a_leaf_that_stands_alone_is_parsed_strictly(paper: Kept, change: dict[str, Any]) -> None:
    import json

    from muniment.core.canonical import format_json

    leaf = format_json(json.loads(derive_leaf(paper.sign("trainer", built()))) | change)
    with pytest.raises((Malformed, Refused)):
        check_absent(paper.state, leaf, paper.at, paper.state.size + 1)


@pytest.mark.parametrize("missing", [(), (2,)])
def test_who_lacks_what_shuts_an_approver_out_finds_no_fewer_approvals(missing: tuple[int, ...]) -> None:
    """One who signed the evidence approves in another role, and the one who counts is mapped to no person."""
    rule = {"rule": "approvals-required", "gate": "promote"}
    rule["with"] = {"count": 1, "role": "duty", "apartFrom": ["signature"]}  # type: ignore[assignment]
    duty = {"role": "duty", "namespaces": ["aiops"], "identity": _pattern("stranger")}
    roles = MAY | {"duty": {"may": ["approve"]}}
    paper = Kept({"rules": [rule]}, roles=roles, bindings=[*Paper().registry()["bindings"], duty])
    paper.put("reviewer", signature())
    promotion = paper.promotion(paper.release("aiops/cpu@1.0.0"), "staging")
    paper.approve("reviewer", promotion)
    paper.approve("stranger", promotion, "duty")
    paper.put("operator", promotion)
    paper.redact(SIGNATURE)
    assert plain(paper.again(missing)) == plain(paper.state)
