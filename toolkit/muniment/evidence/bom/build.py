"""The ML-BOM of a model: CycloneDX 1.6 as a JSON value, equal for equal input.

Components, licences, hashes and dependencies are made by cyclonedx-python-lib; what it has no class for (modelCard,
data, formulation, compositions) is laid over its output by bom-ref.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from muniment.core.canonical import format_json
from muniment.core.digest import digest_of
from muniment.evidence.bom.card import Card, check_names
from muniment.evidence.bom.lint import check_bom
from muniment.evidence.bom.overlay import overlay
from muniment.evidence.bom.parts import (
    base_model,
    dataset,
    dataset_ref,
    library,
    library_ref,
    model,
    model_ref,
    platform,
    tool,
)
from muniment.evidence.bom.supplement import additions, top_level
from muniment.evidence.environment import normal_name
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.statement import Statement, Subject

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component


def bom_statement(card: Card) -> Statement:
    """The ML-BOM as a statement about its model."""
    return Statement((Subject(card.model.name, card.model.digest),), EVIDENCE["bom"], build_bom(card))


def format_bom(bom: dict[str, Any]) -> bytes:
    """A BOM's file: canonical JSON."""
    return format_json(bom)


def build_bom(card: Card) -> dict[str, Any]:
    """The BOM, checked by `lint`. Raises `Malformed`."""
    check_names(card.datasets, "datasets")
    check_names(card.base_models, "base models")
    document = overlay(_from_library(card), additions(card)) | top_level(card)
    # The serial number names the content, so that equal input gives equal bytes and other input another number.
    content = digest_of(format_json(document)).hex
    document["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, f"https://muniment.dev/bom/{content}").urn
    check_bom(document)
    return document


def _from_library(card: Card) -> dict[str, Any]:
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion

    text = make_outputter(_bom(card), OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    value: dict[str, Any] = json.loads(text)
    return value


def _bom(card: Card) -> Bom:
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.contact import OrganizationalContact
    from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
    from cyclonedx.model.tool import ToolRepository

    main = model(card)
    bom = Bom(
        serial_number=uuid.UUID(int=0),
        components=_components(card),
        metadata=BomMetaData(
            timestamp=card.timestamp,
            component=main,
            tools=ToolRepository(components=[tool()]),
            lifecycles=[PredefinedLifecycle(LifecyclePhase.BUILD)],
            supplier=main.supplier,
            authors=[OrganizationalContact(name=name) for name in card.document.get("authors", ())],
        ),
    )
    _link(bom, card, main)
    return bom


def _components(card: Card) -> list[Component]:
    return [
        *(dataset(d) for d in card.datasets),
        *(base_model(b) for b in card.base_models),
        *(library(d) for d in card.distributions),
        *platform(card.environment),
    ]


def _link(bom: Bom, card: Card, main: Component) -> None:
    """Registers who depends on whom: the model on its inputs and its direct software, packages on packages."""
    by_ref = {component.bom_ref.value: component for component in bom.components}
    known = {d.name: by_ref[library_ref(d)] for d in card.distributions}
    required = {name for d in card.distributions for name in d.requires}
    named = [normal_name(name) for name in card.document.get("software", ())]
    roots = named or [name for name in known if name not in required]
    inputs = [by_ref[dataset_ref(d)] for d in card.datasets] + [by_ref[model_ref(b)] for b in card.base_models]
    runtime = [c for ref, c in by_ref.items() if ref and ref.startswith("platform:")]
    bom.register_dependency(main, [*inputs, *(known[name] for name in roots), *runtime])
    for item in card.distributions:
        bom.register_dependency(known[item.name], [known[name] for name in item.requires if name in known])
