"""The components of an ML-BOM as objects of cyclonedx-python-lib, every bom-ref set.

References: `model:<name>@<version>`, `dataset:<name>`, `base-model:<name>`, `file:<path>`, `platform:<name>`, and for
packages their package URL.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalContact, OrganizationalEntity
from cyclonedx.model.license import DisjunctiveLicense, LicenseAcknowledgement, LicenseExpression
from packageurl import PackageURL

from muniment import __version__
from muniment.core.digest import Digest
from muniment.evidence.bom.card import Card, Input
from muniment.evidence.environment import Distribution, Environment

# More files than this are left to the model signature, which lists them all.
MOST_FILES = 256


def card_ref(card: Card) -> str:
    """The bom-ref of the model itself."""
    return f"model:{card.document['name']}@{card.document['version']}"


def dataset_ref(item: Input) -> str:
    """The bom-ref of a dataset."""
    return f"dataset:{item.name}"


def model_ref(item: Input) -> str:
    """The bom-ref of a base model."""
    return f"base-model:{item.name}"


def library_ref(item: Distribution) -> str:
    """The bom-ref of a package: its package URL."""
    return _purl(item).to_string()


def model(card: Card) -> Component:
    """The main component."""
    document = card.document
    purl = PackageURL("generic", document.get("group"), document["name"], document["version"])
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=card_ref(card),
        group=document.get("group"),
        name=document["name"],
        version=document["version"],
        description=document["description"],
        purl=purl,
        supplier=_party(document["supplier"]),
        authors=[OrganizationalContact(name=name) for name in document.get("authors", ())],
        hashes=[_hash(card.model.digest)],
        licenses=_licences(card.licence),
        tags=document.get("tags", ()),
        external_references=[_reference(r) for r in document.get("references", ())],
        properties=[_digest_method(card.model.directory)],
        components=_files(card),
    )


def dataset(item: Input) -> Component:
    """A dataset; what it holds is laid over as `data`."""
    return Component(
        type=ComponentType.DATA,
        bom_ref=dataset_ref(item),
        name=item.name,
        version=item.version,
        description=item.description,
        hashes=[_hash(item.digest)],
        licenses=_licences(item.licence),
        properties=[Property(name="muniment:role", value=item.role)],
    )


def base_model(item: Input) -> Component:
    """A model that this one was made from."""
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=model_ref(item),
        name=item.name,
        version=item.version,
        description=item.description,
        hashes=[_hash(item.digest)],
        licenses=_licences(item.licence),
        external_references=_distribution(item.uri),
        properties=[Property(name="muniment:relation", value=item.role)],
    )


def library(item: Distribution) -> Component:
    """An installed Python distribution."""
    return Component(
        type=ComponentType.LIBRARY,
        bom_ref=library_ref(item),
        name=item.name,
        version=item.version,
        description=item.summary,
        purl=_purl(item),
        licenses=_licences(item.licence, item.licence_name, item.concluded),
    )


def platform(environment: Environment) -> list[Component]:
    """The interpreter and the operating system."""
    python = environment.implementation
    return [
        Component(
            type=ComponentType.PLATFORM,
            bom_ref=f"platform:{python.lower()}@{environment.python}",
            name=python,
            version=environment.python,
        ),
        Component(type=ComponentType.OPERATING_SYSTEM, bom_ref="platform:os", name=environment.system),
    ]


def tool() -> Component:
    """This program."""
    return Component(
        type=ComponentType.APPLICATION, bom_ref=f"tool:muniment@{__version__}", name="muniment", version=__version__
    )


def _files(card: Card) -> list[Component]:
    if len(card.model.files) > MOST_FILES or not card.model.directory:
        return []
    return [
        Component(type=ComponentType.FILE, bom_ref=f"file:{f.path}", name=f.path, hashes=[_hash(f.digest)])
        for f in card.model.files
    ]


def _licences(
    text: str | None, name: str | None = None, concluded: bool = False
) -> Iterable[LicenseExpression | DisjunctiveLicense]:
    stated = LicenseAcknowledgement.CONCLUDED if concluded else LicenseAcknowledgement.DECLARED
    if text is None:
        return [DisjunctiveLicense(name=name, acknowledgement=stated)] if name else []
    if " " in text or "LicenseRef-" in text:
        return [LicenseExpression(text, acknowledgement=stated)]
    return [DisjunctiveLicense(id=text, acknowledgement=stated)]


def _purl(item: Distribution) -> PackageURL:
    return PackageURL("pypi", None, item.name, item.version)


def _hash(digest: Digest) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest.hex)


def _digest_method(directory: bool) -> Property:
    return Property(name="muniment:digest", value="oms-manifest" if directory else "file")


def _party(value: Any) -> OrganizationalEntity:
    if isinstance(value, str):
        return OrganizationalEntity(name=value)
    return OrganizationalEntity(name=value["name"], urls=[XsUri(value["url"])] if "url" in value else [])


def _reference(value: dict[str, str]) -> ExternalReference:
    kind = ExternalReferenceType(value["type"])
    return ExternalReference(type=kind, url=XsUri(value["url"]), comment=value.get("comment"))


def _distribution(uri: str | None) -> list[ExternalReference]:
    return [ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(uri))] if uri else []
