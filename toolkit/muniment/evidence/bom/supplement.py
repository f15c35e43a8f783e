"""What an ML-BOM has beside its components: the model card, what datasets hold, how and on what it was trained.

Source: CycloneDX 1.6, modelCard, componentData, formula; property names of the CycloneDX AI/ML property taxonomy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from muniment.core.canonical import format_json
from muniment.evidence.bom.card import Card, Input
from muniment.evidence.bom.parts import MOST_FILES, card_ref, dataset_ref
from muniment.evidence.environment import Hardware
from muniment.evidence.evaluation import Metric

_HYPERPARAMETER = "cdx:ai-ml:model:hyperparameter:"


def additions(card: Card) -> dict[str, dict[str, Any]]:
    """Fields to lay over components, by bom-ref."""
    main: dict[str, Any] = {"modelCard": model_card(card)}
    if card.base_models:
        main["pedigree"] = {"ancestors": [_ancestor(b) for b in card.base_models]}
    return {card_ref(card): main} | {dataset_ref(d): {"data": [_data(d)]} for d in card.datasets}


def top_level(card: Card) -> dict[str, Any]:
    """Fields of the BOM itself."""
    value: dict[str, Any] = {"formulation": [_formula(card)]}
    if card.model.directory and len(card.model.files) <= MOST_FILES:
        value["compositions"] = [{"aggregate": "complete", "assemblies": [card_ref(card)]}]
    return value


def model_card(card: Card) -> dict[str, Any]:
    """The model card."""
    document = card.document
    parameters = {
        "approach": {"type": document["approach"]},
        "task": document.get("task"),
        "architectureFamily": document["architecture"].get("family"),
        "modelArchitecture": document["architecture"]["model"],
        "datasets": [{"ref": dataset_ref(d)} for d in card.datasets],
        "inputs": [{"format": text} for text in document["inputs"]],
        "outputs": [{"format": text} for text in document["outputs"]],
    }
    return _present(
        {
            "bom-ref": f"card:{document['name']}@{document['version']}",
            "modelParameters": _present(parameters),
            "quantitativeAnalysis": _present({"performanceMetrics": [_metric(m) for m in card.metrics]}),
            "considerations": document.get("considerations"),
            "properties": _properties((_HYPERPARAMETER + name, value) for name, value in card.hyperparameters),
        }
    )


def _metric(metric: Metric) -> dict[str, Any]:
    name = metric.metric if metric.unit is None else f"{metric.metric} ({metric.unit})"
    return _present({"type": name, "value": _text(metric.value), "slice": metric.slice})


def _data(item: Input) -> dict[str, Any]:
    about = item.about or {}
    contents = {"url": item.uri, "properties": _properties(_said(about))}
    return _present(
        {
            "type": "dataset",
            "name": item.name,
            "contents": _present(contents),
            "classification": about.get("access", {}).get("classification"),
            "sensitiveData": _sensitive(about),
            "description": item.description,
            "governance": _governance(about.get("governance", {})),
        }
    )


def _said(about: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """What a dataset record says that CycloneDX has no field for, as (name, value)."""
    if not about:
        return
    yield "muniment:origin:producer", about["origin"]["producer"]
    for key in ("collectedFrom", "collectedTo"):
        yield f"muniment:origin:{key}", about["origin"].get(key)
    yield "muniment:collection", about["collection"]
    yield "muniment:labelling:method", about["labelling"]["method"]
    yield "muniment:labelling", about["labelling"].get("description")
    yield from (("muniment:cleaning", step) for step in about["cleaning"])
    yield "muniment:personalData", about["personalData"]["present"]
    yield "muniment:access:terms", about["access"].get("terms")
    for part in about.get("slices", ()):
        yield f"muniment:slice:{part['name']}", {k: v for k, v in part.items() if k != "name"}


def _sensitive(about: Mapping[str, Any]) -> list[str]:
    personal = about.get("personalData", {})
    stated = [personal["description"]] if personal.get("present") is True else []
    return [*stated, *about.get("sensitiveData", ())]


def _governance(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: [_party(p) for p in value[key]] for key in ("custodians", "stewards", "owners") if value.get(key)}


def _party(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"organization": {"name": value}}
    if "email" in value and "url" not in value:
        return {"contact": {"name": value["name"], "email": value["email"]}}
    contact = [{"email": value["email"]}] if "email" in value else None
    urls = [value["url"]] if "url" in value else None
    return {"organization": _present({"name": value["name"], "url": urls, "contact": contact})}


def _ancestor(item: Input) -> dict[str, Any]:
    return _present(
        {
            "type": "machine-learning-model",
            "bom-ref": f"ancestor:{item.name}",
            "name": item.name,
            "version": item.version,
            "hashes": [{"alg": "SHA-256", "content": item.digest.hex}],
        }
    )


def _formula(card: Card) -> dict[str, Any]:
    """How the model was formed: the machine, as devices."""
    return {
        "bom-ref": "formulation:training",
        "components": [_device(card.environment.hardware), *_accelerators(card.environment.hardware)],
        "properties": _properties((f"muniment:variable:{k}", v) for k, v in card.environment.variables),
    }


def _device(hardware: Hardware) -> dict[str, Any]:
    facts = (("architecture", hardware.architecture), ("cores", hardware.cores), ("memoryGiB", hardware.memory))
    return {
        "type": "device",
        "bom-ref": "device:processor",
        "name": hardware.processor or hardware.architecture,
        "properties": _properties((f"muniment:{name}", value) for name, value in facts),
    }


def _accelerators(hardware: Hardware) -> list[dict[str, Any]]:
    return [
        {"type": "device", "bom-ref": f"device:accelerator:{i}", "name": name}
        for i, name in enumerate(hardware.accelerators)
    ]


def _properties(pairs: Iterable[tuple[str, Any]]) -> list[dict[str, str]]:
    return [{"name": name, "value": _text(value)} for name, value in pairs if value is not None]


def _text(value: Any) -> str:
    """A value as text; what is not text as canonical JSON, so that 0.1 is `0.1` everywhere."""
    return value if isinstance(value, str) else format_json(value).decode()


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say something."""
    return {k: v for k, v in fields.items() if v is not None and v != [] and v != {}}
