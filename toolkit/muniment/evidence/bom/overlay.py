"""Laying JSON over a BOM by bom-ref, for what the CycloneDX library has no class for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muniment.core.errors import Malformed


def overlay(bom: Mapping[str, Any], additions: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The BOM with each component that `additions` names extended by the fields given for it.

    Raises `Malformed` for a reference that no component has, and for a field that is there already.
    """
    pending = dict(additions)
    value = dict(bom)
    metadata = dict(bom.get("metadata", {}))
    if "component" in metadata:
        metadata["component"] = _extended(metadata["component"], pending)
    value["metadata"] = metadata
    if "components" in bom:
        value["components"] = [_extended(c, pending) for c in bom["components"]]
    if pending:
        raise Malformed(f"The BOM has no component {sorted(pending)[0]!r}.", "Lay over components that it has.")
    return value


def _extended(component: Mapping[str, Any], pending: dict[str, Mapping[str, Any]]) -> dict[str, Any]:
    fields = pending.pop(component.get("bom-ref", ""), {})
    if taken := sorted(set(fields) & set(component)):
        raise Malformed(f"The component {component['name']!r} has {taken[0]} already.", "Lay over fields it lacks.")
    value = {**component, **fields}
    if "components" in component:
        value["components"] = [_extended(c, pending) for c in component["components"]]
    return value
