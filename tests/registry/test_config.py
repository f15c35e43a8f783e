"""registry.yaml: least privilege, wildcards only where spelled out, bindings that begin and end, places of errors."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml

from muniment.core.document import Source
from muniment.core.errors import Malformed, Refused
from muniment.core.instant import format_instant
from muniment.registry import propose
from muniment.registry.change import compare
from muniment.registry.check import check
from muniment.registry.config import parse_config
from muniment.registry.dryrun import facts_at, out_of_order
from muniment.registry.event import LogRef, RotateKey
from muniment.registry.genesis import read_configuration
from muniment.registry.judges.common import config_of
from muniment.registry.leaf import derive_leaf
from muniment.registry.pattern import Pattern, parse_pattern
from muniment.registry.predicate import format_event
from muniment.signing.identity import Identity
from tests.registry.paper import KEY, START, Paper, identity, model, other, root, signature, target
from tests.registry.test_check import refused
from tests.world import CLAIMS, POLICY, registry_document

GITHUB = "https://token.actions.githubusercontent.com"
FLOW = "https://github.com/acme/models/.github/workflows/release.yml"
TAGS = {"pattern": f"{FLOW}@refs/tags/v*", "reason": "every release is signed at its own tag"}


def parsed(paper: Paper, **changes: Any) -> Any:
    """The configuration with parts of registry.yaml changed."""
    return parse_config({**config_of(paper.state).source, "registry": paper.registry(**changes)})


def bound(paper: Paper, who: dict[str, Any], role: str = "signer") -> Any:
    """The configuration with one more binding; a signer may sign models and nothing else."""
    binding = {"role": role, "namespaces": ["aiops"], "identity": who}
    roles = {**paper.registry()["roles"], "signer": {"may": ["signature"]}}
    return parsed(paper, roles=roles, bindings=[*paper.registry()["bindings"], binding])


@pytest.fixture
def paper() -> Paper:
    return Paper()


# Wildcards


def test_a_tag_may_be_any_where_that_is_spelled_out(paper: Paper) -> None:
    claims = {**CLAIMS, "sourceRepositoryRef": {"pattern": "refs/tags/v*", "reason": "releases"}}
    config = bound(paper, {"issuer": GITHUB, "subject": TAGS, "claims": claims})
    pattern = config.bindings[-1].identity
    assert pattern.wild
    assert dict(pattern.reasons) == {"subject": TAGS["reason"], "sourceRepositoryRef": "releases"}
    known = identity("trainer")

    def at(tag: str) -> Identity:
        held = tuple(sorted({**dict(known.claims), "sourceRepositoryRef": tag}.items()))
        return other(known, issuer=GITHUB, subject=f"{FLOW}@{tag}", claims=held)

    assert pattern.matches(at("refs/tags/v1.2.3"))
    for tag in ("refs/tags/v", "refs/tags/w1", "refs/heads/v1", "refs/tags/v1/x", "refs/tags/v1 ", "refs/tags/v1\n"):
        assert not pattern.matches(at(tag)), tag
    assert not pattern.matches(other(at("refs/tags/v1"), claims=()))


@pytest.mark.parametrize(
    "wide",
    [
        {"subject": {"pattern": "https://github.com/acme/*@refs/tags/v1", "reason": "r"}},
        {"subject": {"pattern": f"{FLOW}@*", "reason": "r"}},
        {"subject": {"pattern": f"{FLOW}@refs/*", "reason": "r"}},
        {"subject": {"pattern": f"{FLOW}@refs/pull/*", "reason": "r"}},
        {"subject": {"pattern": f"{FLOW}@refs/tags/*.*", "reason": "r"}},
        {"subject": {"pattern": f"{FLOW}@refs/tags/v1", "reason": "no wildcard in it"}},
        {"subject": {"pattern": "*@example.org", "reason": "r"}},
        {"claims": {**CLAIMS, "sourceRepositoryOwnerIdentifier": {"pattern": "1*", "reason": "r"}}},
        {"claims": {**CLAIMS, "sourceRepositoryRef": {"pattern": "*", "reason": "r"}}},
        {"claims": {**CLAIMS, "sourceRepositoryRef": {"pattern": "refs/pull/*", "reason": "r"}}},
    ],
)
def test_patterns_that_are_too_wide(paper: Paper, wide: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="too wide"):
        bound(paper, {"issuer": GITHUB, "subject": FLOW, "claims": CLAIMS, **wide})


@pytest.mark.parametrize(
    ("who", "fact"),
    [
        ({"issuer": GITHUB, "subject": f"{FLOW}@refs/tags/v*", "claims": CLAIMS}, "holds a wildcard"),
        ({"issuer": GITHUB, "subject": FLOW, "claims": {**CLAIMS, "sourceRepositoryRef": "*"}}, "holds a wildcard"),
        ({"issuer": {"pattern": "*", "reason": "r"}, "subject": "a"}, "not of type 'string'"),
        (
            {"issuer": GITHUB, "subject": {"pattern": f"{FLOW}@refs/tags/v*"}, "claims": CLAIMS},
            "'reason' is a required",
        ),
    ],
)
def test_wildcards_that_are_not_spelled_out(paper: Paper, who: dict[str, Any], fact: str) -> None:
    with pytest.raises(Malformed, match=fact):
        bound(paper, who)


@pytest.mark.parametrize(("role", "kind"), [("reviewer", "approve"), ("administrator", "approve")])
def test_a_pattern_holds_no_role_that_decides(paper: Paper, role: str, kind: str) -> None:
    """The author's workflow at another tag is another identity: it could approve what it released."""
    with pytest.raises(Malformed, match=f"may sign {kind} records, and is bound to a pattern"):
        bound(paper, {"issuer": GITHUB, "subject": TAGS, "claims": CLAIMS}, role)


def test_what_a_pattern_includes() -> None:
    tags = parse_pattern({"issuer": GITHUB, "subject": TAGS})
    one = Pattern(GITHUB, f"{FLOW}@refs/tags/v1")
    assert tags.includes(one)
    assert tags.includes(tags)
    assert not one.includes(tags)
    assert not tags.includes(Pattern(GITHUB, f"{FLOW}@refs/heads/v1"))
    assert not tags.includes(parse_pattern({"issuer": GITHUB, "subject": {**TAGS, "pattern": f"{FLOW}@refs/tags/v1*"}}))
    pinned = Pattern(GITHUB, one.subject, (("buildTrigger", "push"),))
    assert one.includes(pinned)
    assert not pinned.includes(one)


# Least privilege


def test_a_binding_says_where(paper: Paper) -> None:
    with pytest.raises(Malformed, match="'namespaces' is a required property"):
        parsed(
            paper, bindings=[{k: v for k, v in b.items() if k != "namespaces"} for b in paper.registry()["bindings"]]
        )
    with pytest.raises(Malformed, match="bindings/0/namespaces"):
        parsed(paper, bindings=[{**b, "namespaces": "*"} for b in paper.registry()["bindings"]])


def test_keys_are_rotated_by_whoever_may_in_all_namespaces(paper: Paper) -> None:
    """The administrator of one namespace would change whose signatures count in all of them."""
    stranger = {"issuer": identity("stranger").issuer, "subject": identity("stranger").subject}
    registry = paper.registry(
        roles={**registry_document()["roles"], "keeper": {"may": ["rotate-key"]}},
        bindings=[
            *paper.registry()["bindings"],
            {"role": "keeper", "namespaces": ["aiops"], "identity": stranger},
        ],
    )
    paper.put("administrator", paper.configuration(registry=registry))
    log = LogRef(registry["origin"], paper.state.genesis)
    event = RotateKey(log=log, after=paper.state.last["config"], at=paper.at, reason="mine", log_keys=(KEY.vkey,))
    assert "may not sign rotate-key records" in refused(paper, "stranger", format_event(event))


def test_a_slip_that_would_lock_everybody_out(paper: Paper) -> None:
    """Whoever may configure must have signed or approved a configuration: a misspelt name could never be mended."""

    def bound(*names: str) -> list[dict[str, Any]]:
        (administrator, *others) = paper.registry()["bindings"]
        identities = [{**administrator["identity"], "subject": name} for name in names]
        return [*({**administrator, "identity": one} for one in identities), *others]

    stranger = identity("stranger").subject
    for names in (["administrator@sandbox.muniment.de"], [stranger]):
        changed = paper.configuration(registry=paper.registry(bindings=bound(*names)))
        assert "0 have signed or approved a configuration" in refused(paper, "administrator", changed)
    both = bound(identity("administrator").subject, stranger)
    paper.put("administrator", paper.configuration(registry=paper.registry(bindings=both)))
    over = paper.configuration(registry=paper.registry(bindings=bound(stranger)))
    paper.approve("stranger", over, "administrator")
    paper.put("administrator", over)
    paper.put("stranger", paper.configuration())


def test_a_threshold_that_nobody_proved_to_reach(paper: Paper) -> None:
    (administrator, *others) = paper.registry()["bindings"]
    second = {"issuer": administrator["identity"]["issuer"], "subject": identity("stranger").subject}
    changed = {
        "bindings": [administrator, {**administrator, "identity": second}, *others],
        "persons": {**paper.registry()["persons"], "second": [second]},
        "administrators": {"threshold": 2},
    }
    statement = paper.configuration(registry=paper.registry(**changed))
    assert "1 have signed or approved a configuration" in refused(paper, "administrator", statement)


def _ended(root: dict[str, Any]) -> None:
    for authority in root["certificateAuthorities"]:
        authority["validFor"] = {"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda root: root["tlogs"][0]["publicKey"].update(rawBytes="AAAA"), "damaged key"),
        (lambda root: root.update(ctlogs=[]), "no certificate log that may sign"),
        (_ended, "no certificate authority that may sign"),
    ],
)
def test_a_rotation_that_would_lock_everybody_out(paper: Paper, spoil: Any, says: str) -> None:
    """By such a root nobody could sign again, not even the rotation to another one."""
    spoiled = json.loads(root())
    spoil(spoiled)
    with pytest.raises(Malformed, match=says):
        paper.put("administrator", propose.rotate(paper.state, None, spoiled, "ours is old", paper.at))


def test_an_environment_does_not_take_the_place_of_the_newest_version(paper: Paper) -> None:
    """Deploy jobs read `latest.json`: two files of a site had this name."""
    with pytest.raises(Malformed, match="called latest"):
        parsed(paper, environments=["staging", "latest"])


@pytest.mark.parametrize("name", ["", "line\n", "\x1b[2J", "n" * 201])
@pytest.mark.parametrize("what", ["roles", "persons"])
def test_insider_who_is_a_person_without_a_name(paper: Paper, what: str, name: str) -> None:
    """Whoever has no name was no author, and so their own approval counted."""
    with pytest.raises(Malformed, match=what):
        parsed(paper, **{what: {**paper.registry()[what], name: next(iter(paper.registry()[what].values()))}})


def test_issuers_that_are_listed_are_all_there_are(paper: Paper) -> None:
    known = identity("reviewer").issuer
    accounts = {"issuer": known, "mfa": "enforced", "note": "by our directory, since 2025"}
    with pytest.raises(Malformed, match=f"{GITHUB} is not among issuers"):
        parsed(paper, issuers=[accounts])
    config = parsed(paper, issuers=[accounts, {"issuer": GITHUB, "mfa": "unknown"}])
    assert [(i.issuer, i.mfa) for i in config.issuers] == [(known, "enforced"), (GITHUB, "unknown")]
    with pytest.raises(Malformed, match="'yes' is not one of"):
        parsed(paper, issuers=[{"issuer": known, "mfa": "yes"}])
    with pytest.raises(Malformed, match=r"https://other\.example is not among issuers"):
        parsed(
            paper,
            issuers=[accounts, {"issuer": GITHUB, "mfa": "unknown"}],
            persons={**paper.registry()["persons"], "eve": [{"issuer": "https://other.example", "subject": "eve"}]},
        )
    with pytest.raises(Malformed, match=r"https://other\.example is not among issuers"):
        parsed(
            paper,
            issuers=[accounts, {"issuer": GITHUB, "mfa": "unknown"}],
            sequencer={"issuer": "https://other.example", "subject": "job"},
        )


def test_a_sequencer_is_one_job(paper: Paper) -> None:
    with pytest.raises(Malformed, match="The sequencer is a pattern"):
        parsed(paper, sequencer={"issuer": GITHUB, "subject": TAGS, "claims": CLAIMS})


def test_an_owner_is_a_person(paper: Paper) -> None:
    parsed(paper, namespaces={"aiops": {"owners": ["reviewer"], "escalation": "#ml-help"}, "other": {}})
    with pytest.raises(Malformed, match="owned by 'nobody'"):
        parsed(paper, namespaces={"aiops": {"owners": ["nobody"]}, "other": {}})


def test_a_registry_cannot_lock_itself(paper: Paper) -> None:
    """Once the only administrator's binding has ended, nobody could ever give another."""
    for end in ({"expires": "2027-01-01T00:00:00Z"}, {"notBefore": "2027-01-01T00:00:00Z"}):
        bindings = [b | (end if b["role"] == "administrator" else {}) for b in paper.registry()["bindings"]]
        with pytest.raises(Malformed, match="for good"):
            parsed(paper, bindings=bindings)


# Bindings in time


def lasting(role: str, **times: datetime) -> dict[str, Any]:
    """registry.yaml in which the bindings of a role begin or end."""
    ends = {key: format_instant(value) for key, value in times.items()}
    return {"bindings": [b | (ends if b["role"] == role else {}) for b in registry_document()["bindings"]]}


def test_a_leaver_signs_no_more_and_what_they_signed_stays() -> None:
    paper = Paper(**lasting("trainer", expires=START + timedelta(minutes=3)))
    paper.put("trainer", signature(b"one"))
    assert paper.state.size == 4
    early = paper.sign("trainer", signature(b"two"))
    paper.at = START + timedelta(minutes=3)
    with pytest.raises(Refused, match="may not sign signature"):
        check(paper.state, early, paper.at, derive_leaf(early))
    assert "may not sign release" in refused(paper, "trainer", paper.proposal("aiops/cpu@1.0.0", model(b"one")))
    successor = {"issuer": identity("stranger").issuer, "subject": identity("stranger").subject}
    bindings = [*paper.registry()["bindings"], {"role": "trainer", "namespaces": ["aiops"], "identity": successor}]
    paper.put("administrator", paper.configuration(registry=paper.registry(bindings=bindings)))
    paper.put("stranger", paper.proposal("aiops/cpu@1.0.0", model(b"one")))
    assert len(paper.state.versions) == 1


def test_an_approval_by_somebody_who_left_since_counts() -> None:
    paper = Paper(**lasting("reviewer", expires=START + timedelta(minutes=10)))
    version = paper.release("aiops/cpu@1.0.0")
    statement = paper.promotion(version)
    paper.approve("reviewer", statement)
    signed = paper.sign("operator", statement)
    paper.at = START + timedelta(minutes=20)
    paper.admit(signed)
    assert paper.state.current(version.name, "production") == version


def test_a_leaver_approves_no_more() -> None:
    paper = Paper(**lasting("reviewer", expires=START + timedelta(minutes=10)))
    version = paper.release("aiops/cpu@1.0.0")
    paper.at = START + timedelta(minutes=10)
    late = propose.approve(paper.state, target(paper.promotion(version)), "reviewer", "fine", paper.at)
    told = refused(paper, "reviewer", late)
    assert "may not sign approve records" in told


def test_a_binding_that_has_not_begun() -> None:
    paper = Paper(**lasting("trainer", notBefore=START + timedelta(minutes=2)))
    early = paper.sign("trainer", signature())
    assert "may not sign signature" in refused(paper, "trainer", signature())
    paper.at = START + timedelta(minutes=5)
    with pytest.raises(Refused, match="may not sign signature"):
        check(paper.state, early, paper.at, derive_leaf(early))
    paper.put("trainer", signature())


def test_a_binding_that_ends_before_it_begins() -> None:
    with pytest.raises(Malformed, match="ends before it begins"):
        Paper(**lasting("trainer", notBefore=START, expires=START))


# Environments


def test_an_environment_requires_another_one() -> None:
    document = {"environments": ["staging", {"name": "production", "title": "Live", "requires": ["staging"]}]}
    paper = Paper({"rules": []}, **document)
    assert config_of(paper.state).environments == ("staging", "production")
    assert config_of(paper.state).stages["production"].title == "Live"
    first, second = paper.release("aiops/cpu@1.0.0", b"one"), paper.release("aiops/cpu@2.0.0", b"two")
    paper.put("operator", paper.promotion(first, "staging"))
    told = refused(paper, "operator", paper.promotion(second))
    assert "aiops/cpu@2.0.0 never stood in staging, and production requires it" in told
    (found,) = out_of_order(paper.state, facts_at(paper.state, second, "promote", "production", paper.at))
    assert found.reason in told
    paper.put("operator", paper.promotion(second, "staging"))
    paper.put("operator", paper.promotion(first))
    assert paper.state.current(first.name, "production") == first


@pytest.mark.parametrize(
    ("environments", "fact"),
    [
        (["a", "a"], "there twice"),
        ([{"name": "a", "requires": ["b"]}, "b"], "requires 'b', which does not come before it"),
        ([{"name": "a", "requires": ["a"]}], "requires 'a', which does not come before it"),
        ([{"title": "x"}], "'name' is a required property"),
        ([{"name": "a", "require": []}], "'require' was unexpected"),
        ([1], "not of type 'string', 'object'"),
    ],
)
def test_environments_that_are_wrong(paper: Paper, environments: list[Any], fact: str) -> None:
    with pytest.raises(Malformed, match=fact):
        parse_config(
            {
                **config_of(paper.state).source,
                "policy": {"rules": []},
                "registry": paper.registry(environments=environments),
            }
        )


# Places


def read(registry: dict[str, Any]) -> str:
    """Why a text is no configuration."""
    text = yaml.safe_dump(registry, sort_keys=False).encode()
    with pytest.raises(Malformed) as caught:
        read_configuration(Source("rules.yaml", text), Source("policy.yaml", yaml.safe_dump(POLICY).encode()), root())
    fact = caught.value.fact
    where, _, told = fact.partition(": ")
    assert where.startswith("rules.yaml, ")
    line, column = (int("".join(c for c in part if c.isdecimal())) for part in where.split(",")[1:])
    return f"{text.decode().splitlines()[line - 1][column - 1 :]} | {told}"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"origin": 1}, "1 | origin: 1 is not of type 'string'"),
        ({"environments": ["staging", "Prod"]}, "Prod | 'Prod' is not a name"),
        ({"environments": [{"name": "staging"}, {"name": "production", "requires": ["x"]}]}, "- x | "),
        ({"namespaces": {"aiops": {"owners": ["x"]}, "other": {}}}, "x | The namespace aiops is owned by 'x'"),
        ({"roles": {"a": {"may": ["approve", "fly"]}}}, "fly | The role a may sign 'fly'"),
        ({"persons": {"a": [{"issuer": "i", "subject": "*"}]}}, "issuer: i | The identity '*' holds a wildcard"),
        ({"sequencer": {"issuer": GITHUB, "subject": "a"}}, f"issuer: {GITHUB} | The binding of 'a' to sequencer"),
        ({"administrators": {"threshold": 3}}, "3 | The administrators' threshold is 3"),
        ({"sandbox": False}, "false | The configuration declares the registry real"),
    ],
)
def test_errors_name_line_and_column(change: dict[str, Any], told: str) -> None:
    assert read(registry_document() | {"logKeys": [KEY.vkey]} | change).startswith(told)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"role": "king"}, "king | A binding names the role 'king'"),
        ({"namespaces": ["moon"]}, "- moon | A binding names the namespace 'moon'"),
        ({"namespaces": "some"}, "some | bindings/0/namespaces"),
        ({"expires": "soon"}, "soon | bindings/0/expires"),
        ({"expires": "2026-02-31T00:00:00Z"}, "'2026-02-31T00:00:00Z' | expires '2026-02-31T00:00:00Z' is not a time"),
        ({"identity": {"issuer": GITHUB, "subject": "a"}}, f"issuer: {GITHUB} | The binding of 'a'"),
    ],
)
def test_errors_in_a_binding_name_line_and_column(change: dict[str, Any], told: str) -> None:
    document = registry_document() | {"logKeys": [KEY.vkey]}
    document["bindings"][0] |= change
    assert read(document).startswith(told)


# What a change would change


def test_who_gains_and_loses(paper: Paper) -> None:
    registry = paper.registry()
    stranger = {"issuer": identity("stranger").issuer, "subject": identity("stranger").subject}
    kept = [b for b in registry["bindings"] if b["role"] != "operator"]
    ending = [b | ({"expires": "2027-01-01T00:00:00Z"} if b["role"] == "reviewer" else {}) for b in kept]
    bindings = [
        *ending,
        {"role": "operator", "namespaces": ["other"], "identity": stranger, "notBefore": "2026-06-01T00:00:00Z"},
        {"role": "administrator", "namespaces": ["aiops"], "identity": stranger},
        {"role": "trainer", "namespaces": ["aiops"], "identity": stranger, "expires": format_instant(START)},
    ]
    change = compare(paper.state, parsed(paper, bindings=bindings), paper.at)
    assert {(r.kind, r.namespace, r.identity.subject) for r in change.gained} == {
        *((kind, "other", stranger["subject"]) for kind in ("promote", "rollback", "retire", "incident")),
        ("approve", "aiops", stranger["subject"]),
    }
    operator = identity("operator").subject
    assert {(r.kind, r.namespace, r.identity.subject) for r in change.lost} == {
        (kind, namespace, operator)
        for kind in ("promote", "rollback", "retire", "incident")
        for namespace in ("aiops", "other")
    }
    assert [(r.kind, r.namespace) for r in change.moved] == [("approve", "aiops")]
    assert change.failing == ()


def test_which_versions_would_newly_fail(paper: Paper) -> None:
    first, second = paper.release("aiops/cpu@1.0.0", b"one"), paper.release("aiops/cpu@2.0.0", b"two")
    gone = paper.release("aiops/gpu@1.0.0", b"three")
    paper.put("operator", propose.retire(paper.state, gone, "unused", "r", None, paper.at))
    paper.promote(first)
    rules = [
        *POLICY["rules"],
        {"id": "bom", "rule": "evidence-required", "gate": "release", "with": {"evidence": ["bom"]}},
        {"id": "two", "rule": "approvals-required", "gate": "promote", "with": {"count": 2, "role": "reviewer"}},
    ]
    source = config_of(paper.state).source
    change = compare(paper.state, parse_config({**source, "policy": {"rules": rules}}), paper.at)
    assert [(f.version, f.gate, f.environment, [x.rule for x in f.findings]) for f in change.failing] == [
        (first, "release", None, ["bom"]),
        (first, "promote", "production", ["two"]),
        (second, "release", None, ["bom"]),
    ]
    assert compare(paper.state, parse_config(source), paper.at).failing == ()


def test_who_is_known_by_other_records_is_not_known_enough(paper: Paper) -> None:
    """A pack does not carry them, and whoever reads it judges configurations again."""
    version = paper.release("aiops/cpu@1.0.0")
    paper.put("operator", paper.promotion(version, "staging"))
    (administrator, *others) = paper.registry()["bindings"]
    operator = {**administrator["identity"], "subject": identity("operator").subject}
    over = paper.registry(bindings=[{**administrator, "identity": operator}, *others])
    assert "0 have signed" in refused(paper, "administrator", paper.configuration(registry=over))
