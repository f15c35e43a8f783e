"""A registry with a vendor's provenance, brought in by somebody whose name is markup."""

from __future__ import annotations

import copy
from dataclasses import replace

from muniment.core.digest import digest_of
from muniment.core.name import parse_version_id
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.statement import Statement, Subject
from muniment.registry import propose
from muniment.registry.check import check
from muniment.registry.event import ReleasedArtifact
from muniment.registry.genesis import configure_statement
from muniment.registry.leaf import derive_leaf
from muniment.registry.predicate import format_event
from muniment.registry.sources import third_party
from muniment.signing.identity import Identity
from tests.registry.test_sources import by_key, pem
from tests.site.sample import PEOPLE, Sample, genesis, provenance_predicate

VERSION = parse_version_id("aiops/bought@1.0.0")
WHO = 'Bob <b title="&">the porter</b>'


def brought() -> Sample:
    """A version that stands on what the vendor signed."""
    s = Sample()
    s.add("administrator", format_event(genesis(s)))
    s.publish()
    _believe(s)
    s.publish()
    rows = ReleasedArtifact("rows", "dataset", digest_of(b"rows"))
    used = {"name": "raw", "digest": {"sha256": digest_of(b"raw").hex}, "annotations": {"role": "training"}}
    made = provenance_predicate([used], 1)
    statement = Statement((Subject(rows.name, rows.digest),), EVIDENCE["provenance"], made)
    signed = s.signed("operator", third_party("vendor", by_key(statement), statement))
    signed = replace(signed, identity=Identity(s.root, PEOPLE, WHO))
    leaf = derive_leaf(signed)
    s.state = check(s.state, signed, s.now, leaf)
    s.leaves.append(leaf)
    s.add("trainer", propose.release(s.state, VERSION, (rows,), (signed.statement_digest,), s.now))
    s.publish()
    return s


def _believe(s: Sample) -> None:
    """The vendor is believed, and the porter may bring in what it signed."""
    assert s.state.config is not None
    source = copy.deepcopy(s.state.config.source)
    registry = source["registry"]
    registry["sources"] = {"vendor": {"kinds": ["provenance"], "key": pem()}}
    registry["roles"]["porter"] = {"may": ["third-party"]}
    bound = {"role": "porter", "namespaces": "all", "identity": {"issuer": PEOPLE, "subject": WHO}}
    registry["bindings"].append(bound)
    s.add("administrator", configure_statement(s.state, source, s.now))
