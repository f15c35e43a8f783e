"""What a version stands on: evidence about its artifacts and what led to them, authors who never count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Refused
from muniment.core.name import parse_version_id
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.statement import Statement, Subject
from muniment.registry import facts, propose, reach
from muniment.registry.check import check
from muniment.registry.event import ReleasedArtifact
from muniment.registry.leaf import derive_leaf
from muniment.registry.state import Entry
from tests.registry.paper import START, Paper, identity, model, other, signature

FILE = digest_of(b"weights")


def digest(text: str) -> Digest:
    return digest_of(text.encode())


def entry(index: int, kind: str, predicate: dict[str, Any], *subjects: Digest) -> Entry:
    """An entry of the log as `reach` sees it."""
    named = tuple(Subject(f"s{i}", d) for i, d in enumerate(subjects))
    paper_signed = PAPER.sign("trainer", Statement(named, EVIDENCE[kind], predicate))
    return Entry(index, b"", kind, paper_signed, None, START)


PAPER = Paper()


def link(materials: list[Digest], *products: Digest) -> Entry:
    listed = [{"name": f"m{i}", "digest": {"sha256": m.hex}} for i, m in enumerate(materials)]
    return entry(0, "link", {"name": "step", "materials": listed}, *products)


def provenance(sources: list[Digest], *products: Digest) -> Entry:
    listed = [{"name": "data", "digest": {"sha256": s.hex}} for s in sources]
    return entry(0, "provenance", {"buildDefinition": {"resolvedDependencies": listed}}, *products)


def signed() -> Entry:
    return replace(entry(0, "signature", {}, digest("x")), record=PAPER.sign("trainer", signature()), kind="signature")


STATE_ENTRY = Entry(9, b"", "state", None, None, START)


def known(*entries: Entry) -> reach.Reach:
    return reach.reach(entries, (model(),))


def test_the_artifact_and_its_signed_files_are_its_own_way_back() -> None:
    assert known().own == known().back == {model().digest}
    assert known(signed(), STATE_ENTRY).back == {model().digest, FILE}
    other_model = replace(signed(), record=PAPER.sign("trainer", signature(b"other")))
    assert known(other_model).back == {model().digest}


def test_steps_lead_back_as_far_as_they_go() -> None:
    raw, clean, features = digest("raw"), digest("clean"), digest("features")
    steps = [link([raw], clean), provenance([clean], features), link([features], FILE), signed()]
    assert known(*steps).back == {model().digest, FILE, features, clean, raw}
    assert known(*steps).own == {model().digest}
    assert known(*steps[1:]).back == {model().digest, FILE, features, clean}


def test_steps_of_other_things_lead_nowhere() -> None:
    assert known(link([digest("raw")], digest("other")), signed()).back == {model().digest, FILE}
    evaluation = entry(0, "evaluation", {"materials": [], "metrics": []}, model().digest)
    assert known(evaluation).back == {model().digest}


@pytest.mark.parametrize(
    ("kind", "about", "fine"),
    [
        ("link", "back", True),
        ("link", "own", True),
        ("link", "else", False),
        ("dataset", "back", True),
        ("dataset", "else", False),
        ("evaluation", "own", True),
        ("evaluation", "back", False),
        ("bom", "own", True),
        ("bom", "back", False),
        ("provenance", "back", False),
    ],
)
def test_what_concerns_a_release(kind: str, about: str, fine: bool) -> None:
    reached = reach.Reach(frozenset({digest("own")}), frozenset({digest("own"), digest("back")}))
    assert reach.concerns(entry(0, kind, {}, digest(about)), reached) is fine


def test_a_step_that_used_what_is_released_concerns_it() -> None:
    reached = reach.Reach(frozenset({digest("own")}), frozenset({digest("own")}))
    assert reach.concerns(link([digest("own")], digest("report")), reached)
    assert not reach.concerns(provenance([digest("own")], digest("report")), reached)


def test_a_signature_concerns_a_lone_file_by_its_file() -> None:
    reached = reach.Reach(frozenset({FILE}), frozenset({FILE}))
    assert reach.concerns(signed(), reached)


def test_evidence_about_comes_in_the_logs_order_without_events() -> None:
    paper = Paper()
    second = other(identity("trainer"), subject=identity("trainer").subject)
    paper.release("aiops/cpu@1.0.0")
    paper.put(second, signature(name="again"))
    first, again = reach.evidence_about(paper.state, (model(),))
    assert [paper.state.statements[d][0] for d in (first, again)] == [2, 6]
    assert reach.evidence_about(paper.state, (model(b"other"),)) == ()


def test_steps_of_another_artifact_are_left_to_it() -> None:
    """Two models of the same features, with a file in common: each has its own steps, and both those they share."""
    features, shared = digest("features"), digest("licence")
    one, two = model(), model(b"other")
    steps = {
        "prepare": link([digest("raw")], features),
        "check": link([features], digest("findings")),
        "train one": link([features], one.digest, shared),
        "test one": link([one.digest, shared], digest("scores")),
        "train two": link([features], two.digest, shared),
        "compare": link([one.digest, two.digest], digest("difference")),
    }
    roles = PAPER.registry()["roles"]
    paper = Paper(roles={**roles, "trainer": {"may": ["link", "signature"]}})
    for step in steps.values():
        assert step.record is not None
        paper.put("trainer", step.record.statement)
    for content in (b"weights", b"other"):
        paper.put("trainer", signature(content))
    names = {e.record.statement_digest: name for name, e in steps.items() if e.record is not None}

    def steps_of(artifact: ReleasedArtifact) -> list[str]:
        return [names[d] for d in reach.evidence_about(paper.state, (artifact,)) if d in names]

    assert steps_of(one) == ["prepare", "check", "train one", "test one", "compare"]
    assert steps_of(two) == ["prepare", "check", "train two", "compare"]


def test_evidence_about_another_artifact() -> None:
    paper = Paper()
    paper.put("trainer", signature(b"other"))
    named = reach.evidence_about(paper.state, (model(b"other"),))
    statement = propose.release(paper.state, parse_version_id("aiops/cpu@1.0.0"), (model(),), named, paper.at)
    record = paper.sign("trainer", statement)
    with pytest.raises(Refused, match="about other artifacts"):
        check(paper.state, record, paper.at, derive_leaf(record))


def test_whoever_released_a_version_cannot_approve_it() -> None:
    """The trainer is a reviewer too, and somebody else promotes."""
    document = Paper().registry()
    trainer = next(b for b in document["bindings"] if b["role"] == "trainer")
    bindings = [*document["bindings"], {**trainer, "role": "reviewer"}]
    paper = Paper(bindings=bindings)
    version = paper.release("aiops/cpu@1.0.0")
    statement = paper.promotion(version)
    paper.approve("trainer", statement)
    record = paper.sign("operator", statement)
    with pytest.raises(Refused) as caught:
        check(paper.state, record, paper.at, derive_leaf(record))
    (finding,) = (f for f in caught.value.findings if f.status == "fail")
    assert "author's own approval" in finding.reason


def test_two_of_nobody_are_not_one_author() -> None:
    """Signers mapped to nobody: the approver is somebody else by key, although both have no person."""
    paper = Paper(persons={})
    version = paper.release("aiops/cpu@1.0.0")
    paper.promote(version)
    assert paper.state.current(version.name, "production") == version


def test_a_release_is_judged_at_the_batchs_time() -> None:
    paper = Paper()
    version = paper.release("aiops/cpu@1.0.0")
    found = facts.gather(
        paper.state, "promote", paper.sign("operator", paper.promotion(version)), version, (), (), START
    )
    assert found.at == START
