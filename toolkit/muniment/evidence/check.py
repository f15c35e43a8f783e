"""The one look at a predicate before it is admitted: its schema, and what a schema cannot say.

Nothing here depends on lists or schemas of installed packages, so what was admitted once is admissible for ever.
"""

from __future__ import annotations

from muniment.core.document import check_schema
from muniment.core.errors import Malformed
from muniment.evidence import oms
from muniment.evidence.bom.lint import check_bom
from muniment.evidence.dataset import check_dataset
from muniment.evidence.evaluation import check_evaluation
from muniment.evidence.kinds import kind_of
from muniment.evidence.link import check_link
from muniment.evidence.recipe import check_provenance
from muniment.evidence.reproduction import check_reproduction
from muniment.evidence.review import check_review
from muniment.evidence.scan import check_scan
from muniment.evidence.statement import Statement, check_depth


def check_evidence(statement: Statement) -> None:
    """Raises `Malformed` (or `Mismatch`, for a model signature whose root is wrong) naming the field that is wrong.

    Predicate types that muniment does not know pass, and so do events: the registry decides on those.
    """
    _check_subjects(statement)
    check_depth(dict(statement.predicate))
    predicate = statement.predicate
    match kind_of(statement.predicate_type):
        case "provenance":
            check_provenance(predicate)
        case "link":
            check_link(statement)
        case "bom":
            check_bom(predicate)
        case "signature":
            oms.check_signature(statement)
        case "test-result":
            check_schema(predicate, "standard/test-result-v0.1", "The test result")
        case "vulns":
            check_schema(predicate, "standard/vulns-v0.2", "The vulnerability scan")
        case "dataset":
            check_dataset(predicate)
        case "evaluation":
            check_evaluation(predicate)
        case "privacy-review" | "security-review" as kind:
            check_review(kind, predicate)
        case "scan":
            check_scan(predicate)
        case "reproduction":
            check_reproduction(statement)


def _check_subjects(statement: Statement) -> None:
    if not statement.subjects:
        raise Malformed("The statement has no subject.", "Name at least one artifact with its sha256.")
    if len(set(statement.subjects)) != len(statement.subjects):
        raise Malformed("The statement names a subject twice.", "Name every subject once.")
